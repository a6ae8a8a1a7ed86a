"""The page of a comparison over data sets: recipes x data sets, what is established, what could be shown.

It is made from the JSON object of `finback.evaluation.data_sets.results` alone. `table` and `sentences` are
also what `finback compare --datasets` prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finback.report.pages.common import Drawn, Picture, Table, render_page
from finback.report.plots.data_sets import Difference, differences

RANKED_BY = "macro_f1_multi_group"
DASH = "–"


@dataclass(frozen=True)
class DataSetsPage:
    """Everything that the page shows. `result` is the JSON object."""

    title: str
    result: Mapping[str, Any]
    pictures: Mapping[str, Picture] = field(default_factory=dict)


def render(page: DataSetsPage) -> str:
    """The page as HTML."""
    result = page.result
    columns, rows = table(result)
    main = Table("Macro-F1 on groups that took no part in training", TABLE_NOTE, columns, rows)
    gaps = Table(f"Difference from {result['reference']}", GAP_NOTE, *gap_table(result))
    first, *others = sentences(result)
    return render_page(
        "data_sets.html.j2",
        page.title,
        "comparison over data sets",
        first,
        result=result,
        tables=[main, gaps, about(result)],
        sentences=others,
        errors=errors(result),
        pictures=page.pictures,
    )


TABLE_NOTE = (
    "Mean over seeds with the 95 % interval over recording groups; the mean rank is over the data sets. "
    "No audio: accuracy of a random forest on sample rate, duration, level, noise floor and bandwidth. "
    "Transductive: a score that also uses the clips to be named, without their labels."
)
GAP_NOTE = (
    "Macro-F1 on the same clips, with the 95 % interval of the paired difference over recording groups."
)


def table(result: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Titles and rows of text: recipes (best mean rank first) by data sets, then the no-audio baseline."""
    data_sets = result["data_sets"]
    above = f"above {result['reference']}"
    columns = ["recipe", "mean rank", above, "verdict", *data_sets]
    transductive = any(row["transductive"] for one in data_sets.values() for row in one["recipes"].values())
    columns += ["transductive"] if transductive else []
    rows = []
    for name, over in result["recipes"].items():
        cells = [with_interval(one["recipes"][name], RANKED_BY) for one in data_sets.values()]
        count = f"{over['n_above']} of {over['n_compared']}" if over["n_compared"] else DASH
        rank = DASH if over["mean_rank"] is None else f"{over['mean_rank']:.1f}"
        row = [name, rank, count, over["verdict"], *cells]
        if transductive:
            found = [one["recipes"][name]["transductive"] for one in data_sets.values()]
            row.append(" / ".join(number(f and f.get(RANKED_BY)) for f in found))
        rows.append(row)
    known = [one["no_audio"]["metadata_accuracy"] for one in data_sets.values()]
    blank = ["no audio (accuracy)", DASH, DASH, DASH, *map(number, known)]
    rows.append(blank + [DASH] * transductive)
    return columns, rows


def gap_table(result: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Titles and rows of text: the paired differences from the reference."""
    rows = []
    for name, over in result["recipes"].items():
        if over["verdict"] == "reference":
            continue
        gaps = [one["recipes"][name]["versus_reference"] for one in result["data_sets"].values()]
        rows.append([name, *(difference(gap and gap[RANKED_BY]) for gap in gaps)])
    return ["recipe", *result["data_sets"]], rows


def about(result: Mapping[str, Any]) -> Table:
    """What each data set is, and which difference it could show."""
    columns = ["data set", "tested", "folds", "smallest detectable difference", "what it is"]
    rows = []
    for name, one in result["data_sets"].items():
        tested = f"{one['n_clips']} clips, {one['n_groups']} groups, {one['n_species']} species"
        folds = f"{one['folds']} by {one['test_by']}" if one["test_by"] else str(one["folds"])
        rows.append([name, tested, folds, number(one["detectable"]), one["about"]])
    note = (
        "The smallest true difference of macro-F1 from the reference that a test at 5 % finds with a "
        "power of 80 %: (1.96 + 0.84) standard errors (Bloom 1995), from the median width of the paired "
        "intervals."
    )
    return Table("The data sets", note, columns, rows)


def sentences(result: Mapping[str, Any]) -> list[str]:
    """The result in a few sentences: what is better, what the choice costs, what could be shown."""
    recipes, data_sets = result["recipes"], result["data_sets"]
    reference, n = result["reference"], len(data_sets)
    found = []
    for verdict in ("better", "worse"):
        names = [name for name, over in recipes.items() if over["verdict"] == verdict]
        if names:
            most = f"more than half of the {n} data sets" if n > 1 else "the only data set"
            found.append(
                f"{verdict.capitalize()} than {reference} on {most}, outside of the intervals: "
                f"{', '.join(names)}."
            )
    if not any(over["verdict"] == "better" for over in recipes.values()):
        found.append(f"No recipe is established as better than {reference} on most data sets.")
    for name, one in data_sets.items():
        found += _of_data_set(name, one, reference)
    return found


def _of_data_set(name: str, one: Mapping[str, Any], reference: str) -> list[str]:
    found, choice, inner = [], one["choice"], one["inner_choice"]
    if one["detectable"] is not None:
        found.append(
            f"{name}: {one['n_groups']} groups and {one['n_species']} species can show a difference of "
            f"{one['detectable']:.2f} in macro-F1 or more; a smaller one may be there and not be found."
        )
    if choice and choice["lead_judged"] is not None:
        found.append(
            f"{name}: the best recipe leads {reference} by {choice['lead_chosen']:+.3f} on the groups that "
            f"choose it, and by {choice['lead_judged']:+.3f} {ends(choice['lead_judged_ci'])} on other "
            f"groups: a shrinkage of {choice['shrinkage']:.3f}."
        )
    if inner:
        gap = inner["versus_reference"][RANKED_BY]
        names = ", ".join(f"{recipe} ({n})" for recipe, n in inner["chosen"].items())
        found.append(
            f"{name}: the recipe that inner folds choose ({names}) has, on the groups of the outer fold, "
            f"{difference(gap)} against {reference}."
        )
    return found


def errors(result: Mapping[str, Any]) -> list[str]:
    """`recipe on data set: error` of all that failed."""
    return [
        f"{recipe} on {name}: {row['error']}"
        for name, one in result["data_sets"].items()
        for recipe, row in one["recipes"].items()
        if row["error"]
    ]


def number(value: float | None) -> str:
    return DASH if value is None else f"{value:.3f}"


def ends(interval: Sequence[float] | None, form: str = "+.3f") -> str:
    return f"({interval[0]:{form}} to {interval[1]:{form}})" if interval else "(no interval)"


def with_interval(row: Mapping[str, Any], key: str) -> str:
    """`0.543 (0.410 to 0.630)`, or a dash for a recipe that failed."""
    if row[key] is None:
        return "failed" if row["error"] else DASH
    return f"{row[key]:.3f} {ends(row[f'{key}_ci'], '.3f')}" if row[f"{key}_ci"] else number(row[key])


def difference(gap: Mapping[str, Any] | None) -> str:
    """`+0.041 (-0.020 to +0.098)`, or a dash."""
    if not gap or gap["difference"] is None:
        return DASH
    return f"{gap['difference']:+.3f} {ends(gap['ci'])}"


def figures(result: Mapping[str, Any]) -> dict[str, Drawn]:
    """The figure of the page: the paired differences from the reference on every data set."""
    drawn = []
    for name, over in result["recipes"].items():
        if over["verdict"] == "reference":
            continue
        for data_set, one in result["data_sets"].items():
            gap = (one["recipes"][name]["versus_reference"] or {}).get(RANKED_BY)
            if gap and gap["difference"] is not None:
                drawn.append(Difference(name, data_set, gap["difference"], gap["ci"]))
    words = f"Difference of macro-F1 from {result['reference']} on every data set, with 95 % intervals"
    return {"differences": (differences(drawn, result["reference"]), words)}
