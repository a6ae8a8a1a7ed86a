"""Which predictions carry a warning: names of noises and of other animals, right names, wrong names.

    python benchmarks/prediction_warnings.py [--run RUN]     # a run with folds, trained where it is missing

Right and wrong names are of calls on tapes that a model was not trained on: each fold of `yamnet-plda` names
the clips of its test set. The bundled `watkins` names noises (`noise`), other sounds of other places (`sites`
with kind = other), all files of `recordings`, and calls of its own species at other places (`sites`). Of the
last, names count as right where the species are spelled as in `watkins`.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recordings import data_folder
from stored import Stored, Table, store

import finback
from finback.audio.io import is_sound
from finback.core.runs.folder import RunFolder
from finback.core.runs.split_table import load_split
from finback.core.types import NONE
from finback.data.manifest import Manifest
from finback.models.prediction_warnings import KINDS
from finback.models.predictions import Prediction

ROOT = Path(__file__).parents[1]
RUN = ROOT / "runs" / "prediction-warnings"
FAMILY = "yamnet-plda"


@dataclass(frozen=True)
class Answer:
    """The name that a sound got, the kinds of the warnings, and whether the name is right."""

    species: str
    kinds: tuple[str, ...]
    right: bool

    @classmethod
    def of(cls, prediction: Prediction, truth: str) -> Answer:
        species = prediction.top()[0][0]
        return cls(species, tuple(w.kind for w in prediction.warnings), species == truth)


def left_out(path: Path) -> list[Answer]:
    """Of the test clips of all folds of a run."""
    run = RunFolder.open(path)
    clips = Manifest.load(run.manifest).clips
    tested = finback.load(path, "cpu").cautions.tested
    found = []
    for fold in run.folds:
        model = finback.load(fold.path, "cpu")
        model._cautions = replace(model.cautions, tested=tested)  # of all folds, as a user's run has them
        test = load_split(fold.split_table, clips, fold.info.split_by).test
        for clip in test:
            found.append(Answer.of(model.predict(clip), str(clip.label)))
    return found


def named(files: Iterable[tuple[Path, str]]) -> list[Answer]:
    """Of files and their true species, by the bundled model; files that cannot be read are left out."""
    listed = list(files)
    truth = {str(path): species for path, species in listed}
    predictions = finback.load("watkins", "cpu").predict([path for path, _ in listed])
    for error in predictions.errors:
        print(error, file=sys.stderr)
    return [Answer.of(p, truth[p.file]) for p in predictions]


def places() -> dict[str, list[Answer]]:
    """The sounds of other places, by what they are."""
    data = data_folder()
    rows = list(csv.DictReader((data / "sites" / "manifest.csv").open(encoding="utf-8")))
    species = finback.load("watkins", "cpu").species
    other = [(data / "sites" / r["file"], "") for r in rows if r["kind"] == "other"]
    calls = [(data / "sites" / r["file"], r["species"]) for r in rows if r["species"] in species]
    folders = {name: sorted((data / name).iterdir()) for name in ("noise", "recordings")}
    files = {name: [(path, "") for path in own if is_sound(path.name)] for name, own in folders.items()}
    return {
        "noises": named(files["noise"]),
        "noises and other animals at other places": named(other),
        "odd and long recordings": named(files["recordings"]),
        "calls at other places": named(calls),
    }


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def row(what: str, answers: Sequence[Answer]) -> list[object]:
    """Counts of names, and of those without a warning."""
    names = [a for a in answers if a.species != NONE]
    right, wrong = [a for a in names if a.right], [a for a in names if not a.right]
    return [
        what,
        len(answers),
        len(answers) - len(names),
        len(right),
        share(sum(bool(a.kinds) for a in right), len(right)),
        len(wrong),
        share(sum(bool(a.kinds) for a in wrong), len(wrong)),
    ]


def kinds(right: Sequence[Answer], wrong: Sequence[Answer], noises: Sequence[Answer]) -> list[list[object]]:
    """The share of names that carry each kind of warning."""
    rows = []
    for kind in KINDS:
        shares = [
            share(sum(kind in a.kinds for a in own if a.species != NONE), sum(a.species != NONE for a in own))
            for own in (right, wrong, noises)
        ]
        if any(shares):
            rows.append([kind, *shares])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Count warnings of predictions.")
    parser.add_argument("--run", type=Path, default=RUN, help="a run with folds")
    run = parser.parse_args().run
    if not RunFolder(run).metrics.is_file():
        lists = data_folder() / "watkins_all"
        data = ("--audio", data_folder(), "--source", "watkins", "--labels", lists / "labels.csv")
        asked = (*data, "--groups", f"{lists / 'metadata.csv'}:group", "--min-clips", "10")
        for words in (("train", FAMILY, *asked, "--folds", "5", "--out", run), ("evaluate", run)):
            subprocess.run([sys.executable, "-m", "finback", *map(str, words)], cwd=ROOT, check=True)
    found = {"calls on tapes that were left out": left_out(run), **places()}
    calls, noises = (
        found["calls on tapes that were left out"],
        found["noises and other animals at other places"],
    )
    right, wrong = [a for a in calls if a.right], [a for a in calls if not a.right]
    rows = [row(what, answers) for what, answers in found.items()]
    unwarned = Counter(a.species for a in noises if a.species != NONE and not a.kinds)
    print("unwarned:", dict(unwarned))
    shown = ("sounds", "files", "none of these", "right names", "warned", "wrong names", "warned (wrong)")
    by_kind = Table(("kind", "right names", "wrong names", "noises"), kinds(right, wrong, noises))
    sure = [a for a in calls if a.species != NONE and not a.kinds]
    values = {
        "right-names-warned": rows[0][4],
        "wrong-names-warned": rows[0][6],
        "names-without-warning": len(sure),
        "names-without-warning-right": share(sum(a.right for a in sure), len(sure)),
        "noises-named-without-warning": sum(unwarned.values()),
    }
    about = (
        "Warnings of predictions: calls on left-out tapes by the folds of yamnet-plda, other sounds by the "
        "bundled watkins."
    )
    command = "python benchmarks/prediction_warnings.py"
    store(
        "prediction-warnings",
        Stored(command, about, values, {"sounds": Table(shown, rows), "kinds": by_kind}),
    )
    for each in (*rows, *by_kind.rows):
        print(each)


if __name__ == "__main__":
    main()
