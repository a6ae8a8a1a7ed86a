"""Whether samples of trained generators, added to their training clips, improve a classifier:
docs/synthetic.md.

    python benchmarks/added.py [RUN ...] [--families cnn2d,yamnet,birdnet] [--seeds 5] [--json] [--store NAME]

Without runs, the generators are the twins of benchmarks/generators.py that are trained (`diffusion`, `calls`,
`stationary-gaussian` in `runs/generators`). All generators must have the same training clips. A classifier is
trained on these clips alone, or on these clips and samples: as many samples of a species as it has training
clips, of every species or only of species with fewer than 25 clips. It is tested on clips of unseen recording
groups: the validation and the test set together, because nothing is chosen on either.

`cnn2d` is the small CNN of `finback audit`, trained for as many steps in every row, with augmentation; its
figures are means over seeds. `yamnet` and `birdnet` are logistic regressions on these backbones; without
BirdNET its rows are left out. Gains are differences in mean recall over species from "nothing" added, with
paired intervals of 95 % over recording groups. The samples are those of `finback audit`; if there are none,
they are generated.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from added_rows import BELOW, CNN, NOTHING, Data, HeadOn, Right, cnn_right, figures
from stored import Stored, Table, store, with_interval

from finback.core.errors import FinbackError
from finback.core.runs.folder import RunFolder

ROOT = Path(__file__).parents[1]
FAMILIES = (CNN, "yamnet", "birdnet")
TWINS = ("diffusion", "calls", "stationary-gaussian")
EVERY, RARE = "every species", f"species below {BELOW} clips"
COLUMNS = ("added to the real clips", "accuracy", "recall", "gain", f"recall, {RARE}", "gain there")
Result = dict[str, dict[str, Any]]  # figures by what is added


def results_of(family: str, data: Data, seeds: int) -> Result:
    """The rows of one classifier; prints each as soon as it is there."""
    head = None if family == CNN else HeadOn(family, data)

    def right(generator: str, rare: bool | None) -> Right:
        rows = data.chosen(generator, bool(rare)) if rare is not None else data.chosen(generator, False)[:0]
        return cnn_right(data, generator, rows, seeds) if head is None else head.right(generator, rows)

    nothing = right(next(iter(data.samples)), None)
    result = {NOTHING: figures(nothing, nothing, data)}
    for generator in data.samples:
        for rare in (False, True):
            name = f"{generator}, {RARE if rare else EVERY}"
            result[name] = figures(right(generator, rare), nothing, data)
            print(f"{family}: {name}: {_text(result[name])}", file=sys.stderr)
    return result


def _text(row: dict[str, Any]) -> str:
    ends = row["gain_ci"]
    within = f" ({ends[0]:+.3f} to {ends[1]:+.3f})" if ends else ""
    return f"accuracy {row['accuracy']:.3f}, recall {row['recall']:.3f}, gain {row['gain']:+.3f}{within}"


def table(result: Result) -> Table:
    """The rows of one classifier."""
    return Table(COLUMNS, [_cells(name, row) for name, row in result.items()])


def _cells(name: str, row: dict[str, Any]) -> list[Any]:
    gains = [
        None if name == NOTHING else with_interval(row.get(key), row.get(f"{key}_ci"))
        for key in ("gain", "gain_rare")
    ]
    return [name, row["accuracy"], row["recall"], gains[0], row.get("recall_rare"), gains[1]]


def values(results: dict[str, Result], data: Data) -> dict[str, Any]:
    """Figures for sentences: `birdnet.diffusion.gain`, `n_clips`."""
    truth, groups = data.tested
    found: dict[str, Any] = {
        "n_training_clips": len(data.clips["train"]),
        "n_clips": len(truth),
        "n_groups": len(set(groups)),
        "n_species": len(set(truth.tolist())),
    }
    for family, result in results.items():
        for name, row in result.items():
            if name.endswith(EVERY):
                key = f"{family}.{name.partition(',')[0]}.gain"
                found |= {key: row["gain"], f"{key}.ci": row["gain_ci"]}
    return found


def show(results: dict[str, Result]) -> None:
    """The tables as plain text."""
    for family, result in results.items():
        print(f"\n{family}")
        for name, row in result.items():
            print(f"{name:<48}{_text(row)}")


def families_here(names: list[str]) -> list[str]:
    """The classifiers that can be trained here; a line on stderr for each that cannot."""
    from finback.evaluation.generator_audit.embeddings import reference_embedders
    from finback.training.settings import resolve

    known = {one.name for one in reference_embedders(resolve().features)} | {CNN}
    for name in names:
        if name not in known:
            print(f"{name}: left out, it is not installed here", file=sys.stderr)
    return [name for name in names if name in known]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*", help="run folders of generators")
    parser.add_argument("--families", default=",".join(FAMILIES), help="classifiers, separated by commas")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of the small CNN")
    parser.add_argument("--json", action="store_true", help="print {family: {added: figures}} alone")
    parser.add_argument("--store", metavar="NAME", help="store the figures for docs under this name")
    asked = parser.parse_args()
    twins = [ROOT / "runs" / "generators" / name for name in TWINS]
    runs = asked.runs or [run for run in twins if RunFolder(run).is_trained]
    if not runs:
        sys.exit("no generators: name their run folders, or train them by python benchmarks/generators.py")
    unknown = set(names := [name for name in asked.families.split(",") if name]) - set(FAMILIES)
    if unknown:
        sys.exit(f"--families {min(unknown)}: the classifiers are {', '.join(FAMILIES)}")
    try:
        data = Data(runs)
        results = {family: results_of(family, data, asked.seeds) for family in families_here(names)}
    except FinbackError as error:
        sys.exit(str(error))
    if asked.json:
        print(json.dumps(results, indent=1))
    else:
        show(results)
    if asked.store:
        about = (
            "Classifiers on clips of watkins_all, with and without samples of generators that were trained "
            "on the same clips; tested on clips of other tapes. One split, intervals over the tested tapes."
        )
        tables = {family: table(result) for family, result in results.items()}
        command = "python benchmarks/added.py" + (f" --families {asked.families}" if len(names) < 3 else "")
        store(asked.store, Stored(command, about, values(results, data), tables))


if __name__ == "__main__":
    main()
