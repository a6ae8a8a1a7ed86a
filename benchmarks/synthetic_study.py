"""Do synthetic clips help? `finback compare --synthetic` on all tapes of `watkins_all`: docs/synthetic.md.

    python benchmarks/synthetic_study.py [--families cnn2d,yamnet,birdnet] [--seeds 5] [--stored] [--store]
        [--json] [--hours 2] [--runs DIR]

Folds over tapes; in each fold the generators are trained on its training set alone, and every species gets as
many samples as it has training clips. `cnn2d` (width 8, 12 epochs: about 300 steps) is trained without
augmentation, with it, with samples added, and on samples of `calls` first and real clips after. `yamnet` and
`birdnet`, logistic regressions on these backbones, are fitted to the clips, to the clips and three augmented
copies of each, and to the clips and samples. All studies share the generators in `DIR/generators`. The
command continues when it is given again. `--stored` trains nothing: it takes the seeds that are finished.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import recordings
from stored import Stored, Table, store, with_interval

from finback.core.errors import FinbackError
from finback.core.progress import no_progress
from finback.data.dataset import prepare_request
from finback.evaluation import synthetic_study
from finback.evaluation.study import StudyOptions
from finback.evaluation.synthetic_study.plan import SyntheticStudy, folds_of, planned_runs
from finback.evaluation.synthetic_study.results import results

ROOT = Path(__file__).parents[1]
COMMAND = "python benchmarks/synthetic_study.py"
GENERATORS = ("stationary-gaussian", "calls")
HEAD = ("training.copies=3",)  # of the arm classic
# Family: its arms besides none and classic, its settings, and the augmentation under the samples.
FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "cnn2d": ((*GENERATORS, "pretrain-calls"), ("training.epochs=12", "model.width=8"), "classic"),
    "yamnet": (GENERATORS, HEAD, "none"),
    "birdnet": (GENERATORS, HEAD, "none"),
}
ALL = 100_000  # every species gets samples
GAINS = {"accuracy": "accuracy", "macro_f1": "low_data_f1", "recall": "low_data_recall"}
COLUMNS = (
    "training",
    "seeds",
    "accuracy",
    "macro-F1",
    "gain in accuracy",
    "gain in macro-F1",
    "gain in recall",
)
COLUMNS += ("gain in accuracy over none",)
Result = dict[str, Any]


def study_of(family: str, seeds: int, hours: float, runs: Path) -> SyntheticStudy:
    """The study of one classifier."""
    arms, overrides, augmentation = FAMILIES[family]
    settings = synthetic_study.SyntheticSettings(
        low_data_below=ALL, augmentation=augmentation, generators=runs / "generators"
    )
    options = StudyOptions(5, tuple(range(seeds)), hours, "cpu", COMMAND)
    names = ["none", "classic", *arms]
    return synthetic_study.plan(names, family, overrides=overrides, settings=settings, options=options)


def train(study: SyntheticStudy, out: Path) -> None:
    """Train what is left."""
    prepared = synthetic_study.prepare(study, recordings.request()[0], out)
    synthetic_study.run(prepared, log=lambda line: print(line, file=sys.stderr))


def finished(study: SyntheticStudy, out: Path) -> Result | None:
    """The figures of every arm, over its seeds of which it has finished all folds; None without such a seed.

    `over_none` of an arm holds its differences from real clips without augmentation.
    """
    dataset = prepare_request(recordings.request()[0], study.classifier.rare, no_progress)
    folds = folds_of(study, dataset)
    runs = planned_runs(study, folds, out)
    none = next(arm for arm in study.arms if arm.name == "none")
    found: Result = {"baseline": study.baseline.name, "n_species": 0, "arms": {}}
    for arm in study.arms:
        own = (arm, none, study.baseline)
        left = {run.fold.seed for run in runs if run.arm in own and not run.is_done}
        seeds = tuple(seed for seed in study.options.seeds if all(seed < other for other in left))
        if not seeds:
            continue
        few = tuple(fold for fold in folds if fold.seed in seeds)
        options = replace(study.options, seeds=seeds)
        part = replace(study, options=options, arms=tuple(a for a in study.arms if a in own))
        plain = replace(part, settings=part.settings.model_copy(update={"augmentation": "none"}))
        result = results(part, few, dataset, out)
        row = result["arms"][arm.name]
        over_none = row if plain == part else results(plain, few, dataset, out)["arms"][arm.name]
        found["arms"][arm.name] = {**row, "n_seeds": len(seeds), "over_none": over_none["versus"]}
        found["n_species"] = max(found["n_species"], len(result["low_data_species"]))
    return found if found["arms"] else None


def table(result: Result) -> Table:
    """A row for each arm; gains over the baseline, paired, with intervals over tapes."""
    rows = []
    for name, row in result["arms"].items():
        gains = [_gain(row["versus"], key) for key in GAINS.values()]
        over_none = _gain(row["over_none"], "accuracy")
        rows.append([name, row["n_seeds"], row["accuracy"], row["low_data_f1"], *gains, over_none])
    columns = COLUMNS if result["baseline"] != "none" else COLUMNS[:-1]
    return Table(columns, [row[: len(columns)] for row in rows])


def _gain(versus: dict[str, Any] | None, figure: str) -> Any:
    """The cell of a difference."""
    found = (versus or {}).get(figure) or {"difference": None, "ci": None}
    return with_interval(found["difference"], found["ci"])


def _text(cell: Any) -> str:
    if isinstance(cell, dict):
        return f"{cell['value']:+.3f} ({cell['low']:+.3f} to {cell['high']:+.3f})"
    return "-" if cell is None else f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def values(found: dict[str, Result]) -> dict[str, Any]:
    """Figures for sentences: `cnn2d.calls.accuracy`, `cnn2d.calls.accuracy.ci`, `n_tapes`."""
    own: dict[str, Any] = {}
    for family, result in found.items():
        for name, row in result["arms"].items():
            plain = "-".join(word for word in name.replace("+", "").split() if word not in ("x", "1"))
            for key, figure in GAINS.items():
                cell = (row["versus"] or {}).get(figure)
                if cell and cell["difference"] is not None:
                    own[f"{family}.{plain}.{key}"] = cell["difference"]
                    own[f"{family}.{plain}.{key}.ci"] = cell["ci"]
            if over := row["over_none"]:
                own[f"{family}.{plain}.over_none"] = over["accuracy"]["difference"]
                own[f"{family}.{plain}.over_none.ci"] = over["accuracy"]["ci"]
            if row["versus"]:
                own |= {"n_clips": row["versus"]["n_clips"], "n_tapes": row["versus"]["n_groups"]}
        own["n_species"] = result["n_species"]
    return own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--families", default=",".join(FAMILIES), help="classifiers, separated by commas")
    parser.add_argument("--seeds", type=int, default=5, help="each seed draws other folds")
    parser.add_argument("--hours", type=float, default=0.0, help="of each family, at most; 0: no limit")
    parser.add_argument("--stored", action="store_true", help="train nothing; take the finished seeds")
    parser.add_argument("--store", action="store_true", help="store the figures for docs")
    parser.add_argument("--json", action="store_true", help="print {family: results} and nothing else")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "synthetic-study")
    asked = parser.parse_args()
    names = [name for name in asked.families.split(",") if name]
    if unknown := set(names) - set(FAMILIES):
        sys.exit(f"--families {min(unknown)}: the families are {', '.join(FAMILIES)}")
    found: dict[str, Result] = {}
    try:
        for name in names:
            study, out = study_of(name, asked.seeds, asked.hours, asked.runs), asked.runs / name
            if not asked.stored:
                train(study, out)
            result = finished(study, out)
            if result is None:
                print(f"{name}: left out, no seed is finished", file=sys.stderr)
            else:
                found[name] = result
    except FinbackError as error:
        sys.exit(str(error))
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        for name, result in found.items():
            print(f"\n{name}: gains over {result['baseline']}")
            for row in table(result).rows:
                print("  ".join(_text(cell) for cell in row))
    if asked.store and found:
        about = (
            "Classifiers of clips of watkins_all with and without synthetic training clips; five folds over "
            "tapes for each seed, generators trained inside each fold. Intervals over tapes, paired."
        )
        tables = {name: table(result) for name, result in found.items()}
        store("synthetic-study", Stored(COMMAND, about, values(found), tables))


if __name__ == "__main__":
    main()
