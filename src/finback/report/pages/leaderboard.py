"""The page of a comparison: the ranking, which differences are established, and what a random split shows.

It is made from the leaderboard's JSON object alone (`finback.evaluation.comparison.leaderboard`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finback.report.pages.common import Drawn, Picture, render_page
from finback.report.pages.summary import FEW_GROUPS, UNKNOWN_GROUPS
from finback.report.plots.leaderboard import NoAudioBaseline, Row, SpeciesF1, heat_map, leaderboard

NO_AUDIO_BASELINES = (
    ("group lookup", "group_lookup_accuracy"),
    ("file metadata", "metadata_accuracy"),
)
RANKED_BY = "macro_f1_multi_group"
RANKED_BY_TEXT = "macro-F1 over the species with at least two groups"


@dataclass(frozen=True)
class ComparisonPage:
    """Everything that the page shows. `comparison` is the leaderboard's object."""

    title: str
    comparison: Mapping[str, Any]
    pictures: Mapping[str, Picture] = field(default_factory=dict)


def render(page: ComparisonPage) -> str:
    """The page as HTML."""
    comparison = page.comparison
    return render_page(
        "leaderboard.html.j2",
        page.title,
        "comparison",
        " ".join(verdict(comparison)),
        comparison=comparison,
        families=comparison["families"],
        ranked=ranked(comparison),
        n_groups=max((row["n_groups"] for row in comparison["families"].values()), default=0),
        n_clips=max((row["n_clips"] for row in comparison["families"].values()), default=0),
        warnings=warnings(comparison),
        pictures=page.pictures,
        baselines=no_audio_baselines(comparison),
        established={
            name: established(row["versus_leader"], RANKED_BY) for name, row in comparison["families"].items()
        },
        has_random=[name for name, row in comparison["families"].items() if row["random_split"]],
        seconds=seconds,
        ends=interval,
    )


def figures(comparison: Mapping[str, Any]) -> dict[str, Drawn]:
    """The figures of the page, by name."""
    return {
        "leaderboard": (
            leaderboard(rows(comparison), no_audio_baselines(comparison)),
            "All families, with 95 % intervals",
        ),
        "species_by_family": (
            heat_map(ranked(comparison), species(comparison)),
            "F1 of each species by each family",
        ),
    }


def ranked(comparison: Mapping[str, Any]) -> list[str]:
    """Families with a finished run, the leader first."""
    return [name for name, row in comparison["families"].items() if row["rank"] is not None]


def rows(comparison: Mapping[str, Any]) -> list[Row]:
    """What the figure draws of each family."""
    drawn = []
    for name in ranked(comparison):
        row = comparison["families"][name]
        random = (row["random_split"] or {}).get("accuracy")
        ends = row[f"{RANKED_BY}_ci"]
        drawn.append(Row(name, row[RANKED_BY], ends, row["accuracy"], row["accuracy_ci"], random))
    return drawn


def no_audio_baselines(comparison: Mapping[str, Any]) -> list[NoAudioBaseline]:
    """The baselines that use no audio; only those that were measured."""
    splits = [comparison["no_audio_baselines"].get(split) or {} for split in ("grouped", "random")]
    measured = [
        NoAudioBaseline(name, *(split.get(key) for split in splits)) for name, key in NO_AUDIO_BASELINES
    ]
    return [one for one in measured if one.grouped is not None or one.random is not None]


def species(comparison: Mapping[str, Any]) -> list[SpeciesF1]:
    """Rows of the heat map; clips and groups are those of the leader's test sets, the same for all."""
    names = ranked(comparison)
    if not names:
        return []
    tables = [comparison["families"][name]["per_species"] for name in names]
    return [
        SpeciesF1(name, row["n_clips"], row["n_groups"], row["noisy"], [t[name]["f1"] for t in tables])
        for name, row in tables[0].items()
    ]


def established(versus: Mapping[str, Any] | None, metric: str) -> str:
    """What a paired difference to the leader establishes: behind, ahead, not established, or unknown."""
    ends = ((versus or {}).get(metric) or {}).get("ci")
    if ends is None:
        return "unknown"
    if ends[1] < 0:
        return "behind"
    return "ahead" if ends[0] > 0 else "not established"


def verdict(comparison: Mapping[str, Any]) -> list[str]:
    """The result in a few sentences."""
    names = ranked(comparison)
    if not names:
        return ["No family has finished."]
    leader = comparison["families"][names[0]]
    metric = RANKED_BY if leader[RANKED_BY] is not None else "accuracy"
    metric_text = RANKED_BY_TEXT if metric == RANKED_BY else "accuracy"
    ends = leader[f"{metric}_ci"]
    with_interval = f" (95 % interval {100 * ends[0]:.1f} to {100 * ends[1]:.1f})" if ends else ""
    sentences = [f"{names[0]} ranks first with {100 * leader[metric]:.1f} % {metric_text}{with_interval}."]
    results = {name: established(comparison["families"][name]["versus_leader"], metric) for name in names[1:]}
    behind = [name for name, result in results.items() if result == "behind"]
    close = [name for name, result in results.items() if result in ("not established", "ahead")]
    if behind:
        sentences.append(f"Clearly behind {names[0]}: {', '.join(behind)}.")
    if close:
        sentences.append(
            f"Not clearly worse than {names[0]}: {', '.join(close)}. With other groups the order may change."
        )
    measured = [one.grouped for one in no_audio_baselines(comparison) if one.grouped is not None]
    if measured:
        low = (leader["accuracy_ci"] or [leader["accuracy"]])[0]
        clear = "clearly more" if low > max(measured) else "not clearly more"
        sentences.append(
            f"The accuracy of {names[0]}, {100 * leader['accuracy']:.1f} %, is {clear} than the "
            f"{100 * max(measured):.1f} % that the best baseline without audio reaches on the same groups."
        )
    return sentences


def warnings(comparison: Mapping[str, Any]) -> list[str]:
    """What must be known before any figure is quoted."""
    names, table = ranked(comparison), comparison["families"]
    sentences = []
    if len(names) > 1:
        sentences.append(
            f"The first family was chosen on these same clips, as the best of {len(names)}. Its own figure "
            "is therefore a little too high (the winner's curse). A difference whose interval contains 0 is "
            "not established. To measure the first family, evaluate it on recordings that took no part in "
            "this comparison: finback evaluate RUN --audio ... --labels ..."
        )
    failed = [name for name, row in table.items() if row["error"]]
    if failed:
        sentences.append(f"Some runs failed: {', '.join(failed)}. The reasons are below the table.")
    uneven = [n for n in names if table[n]["seeds"] != list(comparison.get("seeds") or table[n]["seeds"])]
    if uneven:
        sentences.append(f"Some families have fewer seeds than requested: {', '.join(uneven)}.")
    n_groups = max((table[n]["n_groups"] for n in names), default=0)
    if 0 < n_groups < FEW_GROUPS:
        sentences.append(f"Only {n_groups} groups were tested, so the intervals are rough.")
    if any(table[n]["n_groups"] == table[n]["n_clips"] > 1 for n in names):
        sentences.append(UNKNOWN_GROUPS)
    return sentences


def seconds(value: float | None) -> str:
    """`42 s`, `3.1 min`, `2.4 h`; a dash when it is not known."""
    if value is None:
        return "–"
    if value < 100:
        return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"
    return f"{value / 60:.1f} min" if value < 5400 else f"{value / 3600:.1f} h"


def interval(ends: Sequence[float] | None) -> str:
    """`35.1 to 44.0`, in percent; empty when there is none."""
    return f"{100 * ends[0]:.1f} to {100 * ends[1]:.1f}" if ends else ""
