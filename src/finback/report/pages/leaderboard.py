"""The page of a comparison: who leads, by how much, what is not established, what a random split would say.

Made from the leaderboard's object alone (`evaluation/comparison/leaderboard.py`), self-contained
like a run's report. Figures are also written to `figures/` as PNG and SVG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finback.core.files import write_atomic
from finback.core.progress import Progress, no_progress
from finback.core.run_files import RunFiles
from finback.report.pages.classifier import environment
from finback.report.pages.figures import Picture, embed
from finback.report.pages.summary import FEW_TAPES
from finback.report.plots.leaderboard import NoAudioBaseline, Row, Species, heat_map, leaderboard
from finback.report.plots.style import save

NO_AUDIO_BASELINES = (
    ("group lookup", "group_lookup_accuracy"),
    ("file metadata", "metadata_only_accuracy"),
)
MERIT, WORDS = "macro_f1_multi_group", "macro-F1 over species with several tapes"


def render(found: Mapping[str, Any], folder: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html` and `figures/` into `folder` from the leaderboard's object; the page's path."""
    pictures: dict[str, Picture] = {}
    drawn = {
        "leaderboard": (
            leaderboard(rows(found), no_audio_baselines(found)),
            "Families side by side, with intervals",
        ),
        "species_by_family": (heat_map(ranked(found), species(found)), "F1 of each species by each family"),
    }
    for name, (figure, alt) in progress(drawn.items(), "figures", len(drawn)):
        png, svg = save(figure, folder / "figures", name)
        pictures[name] = embed(figure, alt, png.read_bytes(), svg.read_bytes())
    pages = environment()
    pages.filters["ends"] = interval
    page = pages.get_template("leaderboard.html.j2").render(
        title=folder.resolve().name,
        found=found,
        families=found["families"],
        ranked=ranked(found),
        n_tapes=max((row["n_groups"] for row in found["families"].values()), default=0),
        n_clips=max((row["n_clips"] for row in found["families"].values()), default=0),
        verdict=verdict(found),
        warnings=warnings(found),
        pictures=pictures,
        baselines=no_audio_baselines(found),
        versus_words={name: words_of(row["versus_leader"], MERIT) for name, row in found["families"].items()},
        has_random=[name for name, row in found["families"].items() if row["random"]],
        seconds=seconds,
    )  # fmt: skip
    path = RunFiles(folder).report
    write_atomic(path, page)
    return path


def ranked(found: Mapping[str, Any]) -> list[str]:
    """Families with a finished run, the leader first."""
    return [name for name, row in found["families"].items() if row["rank"] is not None]


def rows(found: Mapping[str, Any]) -> list[Row]:
    """What the figure draws of each family."""
    drawn = []
    for name in ranked(found):
        row = found["families"][name]
        random = (row["random"] or {}).get("accuracy")
        drawn.append(Row(name, row[MERIT], row[f"{MERIT}_ci"], row["accuracy"], row["accuracy_ci"], random))
    return drawn


def no_audio_baselines(found: Mapping[str, Any]) -> list[NoAudioBaseline]:
    """The baselines that use no audio, where they were evaluated."""
    splits = [found["no_audio_baselines"].get(key) or {} for key in ("grouped", "random")]
    made = [NoAudioBaseline(name, *(split.get(key) for split in splits)) for name, key in NO_AUDIO_BASELINES]
    return [one for one in made if one.grouped is not None or one.random is not None]


def species(found: Mapping[str, Any]) -> list[Species]:
    """Rows of the heat map; clips and tapes are those of the leader's test sides, the same for all."""
    names = ranked(found)
    if not names:
        return []
    tables = [found["families"][name]["per_species"] for name in names]
    return [
        Species(s, facts["n_clips"], facts["n_groups"], facts["noisy"], [t[s]["f1"] for t in tables])
        for s, facts in tables[0].items()
    ]


def words_of(versus: Mapping[str, Any] | None, metric: str) -> str:
    """What a paired difference to the leader establishes: behind, ahead, not established, or unknown."""
    ends = ((versus or {}).get(metric) or {}).get("ci")
    if ends is None:
        return "unknown"
    if ends[1] < 0:
        return "behind"
    return "ahead" if ends[0] > 0 else "not established"


def verdict(found: Mapping[str, Any]) -> list[str]:
    """The result in a few sentences."""
    names = ranked(found)
    if not names:
        return ["No family has finished."]
    leader = found["families"][names[0]]
    merit = MERIT if leader[MERIT] is not None else "accuracy"
    by = WORDS if merit == MERIT else "accuracy"
    ends = leader[f"{merit}_ci"]
    sure = f" (95 % interval {100 * ends[0]:.1f} to {100 * ends[1]:.1f})" if ends else ""
    said = [f"{names[0]} leads with {100 * leader[merit]:.1f} % {by}{sure}."]
    sorted_by = {name: words_of(found["families"][name]["versus_leader"], merit) for name in names[1:]}
    behind = [name for name, word in sorted_by.items() if word == "behind"]
    close = [name for name, word in sorted_by.items() if word in ("not established", "ahead")]
    if behind:
        said.append(f"Clearly behind it: {', '.join(behind)}.")
    if close:
        said.append(
            f"Not established to be worse: {', '.join(close)}. On other tapes the order may be another."
        )
    heard = [d.grouped for d in no_audio_baselines(found) if d.grouped is not None]
    if heard:
        low = (leader["accuracy_ci"] or [leader["accuracy"]])[0]
        clear = "clearly more" if low > max(heard) else "not clearly more"
        said.append(
            f"Its accuracy of {100 * leader['accuracy']:.1f} % is {clear} than the {100 * max(heard):.1f} % "
            "that a baseline reaches on the same tapes without hearing a sound."
        )
    return said


def warnings(found: Mapping[str, Any]) -> list[str]:
    """What must be known before any figure is quoted."""
    names, table = ranked(found), found["families"]
    said = []
    if len(names) > 1:
        said.append(
            "The leader was chosen on these same clips, as the best of "
            f"{len(names)}: its own figure is flattered a little by that luck (the winner's curse). A "
            "difference whose interval holds 0 is not established. What the best family is worth is told by "
            "recordings that took no part in this comparison: finback evaluate RUN --audio ... --labels ..."
        )
    failed = [name for name, row in table.items() if row["error"]]
    if failed:
        said.append(f"Not all went well: {', '.join(failed)} failed; the reason stands in the table.")
    uneven = [n for n in names if table[n]["seeds"] != list(found.get("seeds") or table[n]["seeds"])]
    if uneven:
        said.append(f"Fewer seeds than asked for: {', '.join(uneven)}.")
    n_tapes = max((table[n]["n_groups"] for n in names), default=0)
    if 0 < n_tapes < FEW_TAPES:
        said.append(f"Only {n_tapes} tapes were tested: the intervals are rough.")
    if any(table[n]["n_groups"] == table[n]["n_clips"] > 1 for n in names):
        said.append(
            "Every test clip counts as a tape of its own, which usually means that the tapes are not known. "
            "If several clips were cut from one recording, these figures are too good: name the tapes "
            "(--groups)."
        )
    return said


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
