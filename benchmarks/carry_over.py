"""Which recipe carries over: recipes on several data sets, the table of README and docs.

    python benchmarks/carry_over.py               # also: make evidence
    python benchmarks/carry_over.py --data-sets tapes --recipes birdnet birdnet-mix --seeds 1 --dry

The data sets are those of `data_sets.py`; what is measured, and what "better" means, are on the page of
`finback compare`. `birdnet` (logistic regression on BirdNET, what is usually done) is the reference. The
command continues where it stopped. Recipes whose packages are not installed are left out, and the output says
so. Times are printed for each data set and recipe. It writes runs/carry-over, results/carry-over.json, the
figure of docs/recipes.md, and the figures of all pages.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import data_sets
import recordings
import tables
from stored import Stored, Table, pictures, store, with_interval

from finback.core.bars import bars
from finback.core.errors import SettingsError
from finback.core.storage.files import write_atomic
from finback.evaluation.comparison.plan import check_usable
from finback.evaluation.data_sets.definition import load_all
from finback.evaluation.data_sets.plan import Recipe, plan
from finback.evaluation.data_sets.run import prepare, run
from finback.evaluation.study import StudyOptions
from finback.training.settings import resolve

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "pictures" / "carry-over.png"
REFERENCE = "birdnet"
RECIPES = (
    "birdnet",
    "birdnet-plda",
    "birdnet-mix",
    "aisfx-plda",
    "aisfx-mix",
    "birdnet-plda+aisfx-plda",
    "birdnet-mix+yamnet-mix",
    "yamnet",
    "yamnet-plda",
    "yamnet-mix",
    "mfcc-plda",
    "mfcc-mix",
)
# Heads are fitted in closed form and calibrated by cross-fitting: they need no validation set, and no refit.
# Species are compared with each other only, which a gate does not change.
ALL_TRAINED_ON = ("split.fractions=[1.0, 0.0, 0.0]", "unknown.method=none")
F1 = "macro_f1_multi_group"
COMMAND = "python benchmarks/carry_over.py"


def usable(names: Sequence[str]) -> list[str]:
    """The recipes whose families exist and whose packages are installed; says which are left out."""
    found = []
    for name in names:
        try:
            for family in Recipe.of(name).families:
                check_usable(family, resolve(family=family))
        except SettingsError as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
        else:
            found.append(name)
    return found


def stored(result: Mapping[str, Any], command: str) -> Stored:
    """The tables and figures that pages show."""
    sets, recipes = result["data_sets"], result["recipes"]
    values: dict[str, Any] = {}
    for name, one in sets.items():
        values |= {f"{name}.clips": one["n_clips"], f"{name}.groups": one["n_groups"]}
        values |= {f"{name}.species": one["n_species"], f"{name}.detectable": one["detectable"]}
        values[f"{name}.metadata"] = one["no_audio"]["metadata_accuracy"]
        if one["choice"]:
            values |= {
                f"{name}.{key}": one["choice"][key] for key in ("lead_chosen", "lead_judged", "shrinkage")
            }
            values[f"{name}.lead_judged.ci"] = one["choice"]["lead_judged_ci"]
        for recipe, row in one["recipes"].items():
            values |= {f"{name}.{recipe}": row[F1], f"{name}.{recipe}.ci": row[f"{F1}_ci"]}
            values |= {f"{name}.{recipe}.accuracy": row["accuracy"], f"{name}.{recipe}.ece": row["ece"]}
            values |= {f"{name}.{recipe}.accuracy.ci": row["accuracy_ci"]}
    shown = {
        "recipes": _recipes(result),
        "differences": _differences(result),
        "data-sets": _data_sets(sets),
        "tapes": _one(sets["tapes"]) if "tapes" in sets else Table(("recipe",), []),
    }
    n, seeds = len(sets), len(result["seeds"])
    about = (
        f"{len(recipes)} recipes on {n} data sets, {seeds} seeds; macro-F1 over species with several groups."
    )
    return Stored(command, about, {key: value for key, value in values.items() if value is not None}, shown)


def _recipes(result: Mapping[str, Any]) -> Table:
    """Recipes by data sets: macro-F1; without intervals, which the table of one data set has."""
    sets = result["data_sets"]
    rows = []
    for name, over in result["recipes"].items():
        rank = None if over["mean_rank"] is None else f"{over['mean_rank']:.1f}"
        above = f"{over['n_above']} of {over['n_compared']}" if over["n_compared"] else None
        rows.append(
            [f"`{name}`", rank, above, over["verdict"], *(one["recipes"][name][F1] for one in sets.values())]
        )
    metadata = [one["no_audio"]["metadata_accuracy"] for one in sets.values()]
    rows.append(["no audio: file metadata (accuracy)", None, None, None, *metadata])
    return Table(["recipe", "mean rank", f"above `{result['reference']}`", "verdict", *sets], rows)


def _differences(result: Mapping[str, Any]) -> Table:
    sets = result["data_sets"]
    rows = []
    for name in result["recipes"]:
        gaps = [(one["recipes"][name]["versus_reference"] or {}).get(F1) for one in sets.values()]
        if name != result["reference"]:
            rows.append([f"`{name}`", *(gap and with_interval(gap["difference"], gap["ci"]) for gap in gaps)])
    return Table(["recipe", *sets], rows)


def _data_sets(sets: Mapping[str, Any]) -> Table:
    columns = [
        "data set",
        "what it is",
        "clips",
        "groups",
        "species",
        "detectable",
        "lead chosen",
        "lead judged",
    ]
    rows = []
    for name, one in sets.items():
        choice = one["choice"] or {}
        judged = choice.get("lead_judged")
        cells = (
            one["n_clips"],
            one["n_groups"],
            one["n_species"],
            one["detectable"],
            choice.get("lead_chosen"),
        )
        rows.append([name, one["about"], *cells, with_interval(judged, choice.get("lead_judged_ci"))])
    return Table(columns, rows)


def _one(one: Mapping[str, Any]) -> Table:
    """The recipes of one data set with intervals."""
    rows = [
        [f"`{name}`", *(with_interval(row[key], row[f"{key}_ci"]) for key in (F1, "accuracy", "ece"))]
        for name, row in one["recipes"].items()
    ]
    return Table(["recipe", "macro-F1", "accuracy", "calibration error"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    parser.add_argument("--data-sets", nargs="+", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--inner-folds", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "carry-over")
    parser.add_argument("--dry", action="store_true", help="store nothing and write no page")
    asked = parser.parse_args()
    data = recordings.data_folder()
    if not (data / "watkins_all").is_dir():
        sys.exit(f"no recordings at {data}; set FINBACK_DATA to their folder")
    recipes = usable(asked.recipes)
    reference = REFERENCE if REFERENCE in recipes else ""
    files = data_sets.write(asked.out / "definitions", data, asked.data_sets)
    options = StudyOptions(5, tuple(range(asked.seeds)), command=COMMAND)
    definitions = load_all(files)
    comparison = plan(recipes, definitions, "watkins", ALL_TRAINED_ON, reference, options, asked.inner_folds)

    def log(text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    result = run(prepare(comparison, asked.out, bars(), log), bars(), log=log)
    found = stored(result, COMMAND)
    for table in found.tables.values():
        print(tables.markdown(table) + "\n")
    if not asked.dry:
        write_atomic(PICTURE, (asked.out / "figures" / "differences.png").read_bytes())
        store("carry-over", replace(found, tables={**found.tables, "pictures": pictures([PICTURE.name])}))
        tables.main()


if __name__ == "__main__":
    main()
