"""A classifier of finback and one of OpenSoundscape: same clips, same split by tape, same number of examples.

    make peers                                   # .venv-peers: OpenSoundscape and its dependencies
    python benchmarks/opensoundscape_peer.py     [--python .venv-peers/bin/python] [--epochs 6]

The clips are the Watkins cuts in ../shared/data or $FINBACK_DATA (otherwise simulated recordings), of species
with at least ten clips, in the default split of finback by tape. Each clip is written as a WAV file of 3 s at
22,050 Hz, and both packages start from these files. finback trains `cnn2d` for `--epochs`, and then again on
the training and validation sets together, as it always does. OpenSoundscape trains the ResNet-18 of its
tutorials, without pretrained weights, on both sets together, for the same number of examples. Each package
uses its own network (80 thousand and 11 million weights), spectrograms, augmentation and schedule, so the
comparison is of the time a user waits. The F1 after six epochs is mostly chance: with another order of the
clips, the same training gave 0.11 to 0.27 (OpenSoundscape 0.14 to 0.20). It only shows that both packages can
do the task. The order changes from run to run, because libsndfile writes the time into a WAV file of floats,
and finback orders clips by their content.

OpenSoundscape has its own environment, with the same version of torch.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import recordings
from results import record
from sklearn.metrics import f1_score

from finback.audio import io
from finback.data.audit.duplicates import Duplicates
from finback.data.dataset import prepare, prepare_request
from finback.data.index import IndexRequest, index
from finback.data.splits.settings import SplitSettings
from finback.evaluation.evaluate import evaluate_run
from finback.features.extract import Extractor
from finback.models.predictor import Predictor
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve

ROOT = Path(__file__).parents[1]
WORKER = Path(__file__).parent / "peers" / "opensoundscape_worker.py"
BATCH = 32


def write_clips(folder: Path) -> IndexRequest:
    """One wav for each clip, and the table with the set of each clip."""
    split = prepare_request(recordings.request()[0]).make_splits(SplitSettings())[0].split
    extractor = Extractor(resolve().features, "wave")
    (folder / "audio").mkdir()
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "species", "group", "split"])
        for subset_name in ("train", "val", "test"):
            for i, clip in enumerate(split.subset(subset_name)):
                name = f"{subset_name}-{i:04d}.wav"
                io.write(folder / "audio" / name, extractor(clip)[0], extractor.spec.sample_rate, "FLOAT")
                table.writerow([name, clip.label, clip.group, subset_name])
    return IndexRequest(audio=folder / "audio", labels=folder / "labels.csv")


def by_finback(request: IndexRequest, out: Path, epochs: int) -> dict[str, float]:
    os.environ["FINBACK_CACHE"] = str(out.parent / "cache")  # features are computed in the time measured
    settings = resolve(
        overrides=[f"training.epochs={epochs}", f"training.batch_size={BATCH}"], family="cnn2d"
    )
    started = time.perf_counter()
    # The groups and the split are given, to both alike: finback does not search for duplicates here.
    data = prepare(index(request), Duplicates())
    run = train(Plan("cnn2d", settings, 0, "cpu"), data, out)
    training = time.perf_counter() - started
    metrics = evaluate_run(out, "cpu")
    test = [
        c
        for c, subset_name in zip(index(request).clips, index(request).subset_of or (), strict=True)
        if subset_name == "test"
    ]
    predictor = Predictor.load(out, "cpu")
    started = time.perf_counter()
    predictor.scores(test)
    info = run.info
    return {
        "training_s": training,
        "predicting_s": time.perf_counter() - started,
        "parameters": info.n_parameters,
        "examples": (info.step or 0) * BATCH
        + (info.refit_epochs or 0) * -(-len(index(request).clips) // BATCH) * BATCH,
        "macro_f1": metrics["macro_f1"],
        "accuracy": metrics["accuracy"],
        "n_test": len(test),
    }


def by_opensoundscape(python: Path, folder: Path, examples: int) -> dict[str, float]:
    subsets: dict[str, list[list[str]]] = {"train": [], "val": [], "test": []}
    with open(folder / "labels.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for subset_name in ("test",) if row["split"] == "test" else {"train", row["split"]}:
                subsets[subset_name].append([str(folder / "audio" / row["file"]), row["species"]])
    for subset_name, rows in subsets.items():
        with open(folder / f"{subset_name}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["file", "species"], *rows])
    steps = max(1, examples // BATCH)
    subprocess.run([python, WORKER, folder, str(steps), str(BATCH)], check=True, stdout=sys.stderr)
    with open(folder / "answer.csv", newline="", encoding="utf-8") as file:
        answers = {row["file"]: row for row in csv.DictReader(file)}
    names = sorted({species for _, species in subsets["train"]})
    predicted = [max(names, key=lambda name: float(answers[path][name])) for path, _ in subsets["test"]]
    right = [species for _, species in subsets["test"]]
    return {
        **json.loads((folder / "answer.json").read_text()),
        "examples": steps * BATCH,
        "macro_f1": float(f1_score(right, predicted, average="macro", zero_division=0)),
        "accuracy": float(np.mean(np.equal(right, predicted))),
        "n_test": len(right),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-peers" / "bin" / "python")
    parser.add_argument("--epochs", type=int, default=6)
    asked = parser.parse_args()
    if not asked.python.exists():
        record("training a classifier, s", "-", "OpenSoundscape", None, "not installed: make peers")
        sys.exit(f"{asked.python}: not there, so OpenSoundscape is not compared; make peers makes it")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        request = write_clips(folder)
        ours = by_finback(request, folder / "run", asked.epochs)
        theirs = by_opensoundscape(asked.python, folder, int(ours["examples"]))
    print(f"{int(ours['examples'])} examples seen, {int(ours['n_test'])} test clips of other tapes")
    print(f"{'':<26}{'weights':>12}{'training s':>12}{'clips/s named':>15}{'macro-F1':>10}{'accuracy':>10}")
    for title, row in (("finback cnn2d", ours), (f"OpenSoundscape {theirs['version']}", theirs)):
        speed = row["n_test"] / row["predicting_s"]
        print(
            f"{title:<26}{int(row['parameters']):>12,}{row['training_s']:>12.1f}{speed:>15.1f}"
            f"{row['macro_f1']:>10.3f}{row['accuracy']:>10.3f}"
        )
    train_ratio, name_ratio = (theirs[k] / ours[k] for k in ("training_s", "predicting_s"))
    peer, note = f"OpenSoundscape {theirs['version']}, ResNet-18", "as many examples seen; other networks"
    record("training a classifier, s", f"{ours['training_s']:.0f}", peer, train_ratio, note)
    speed = ours["n_test"] / ours["predicting_s"]
    record("naming species, clips/s", f"{speed:.0f}", peer, name_ratio, "from wav files; other networks")
    f1 = f"{ours['macro_f1']:.3f}"
    record("macro-F1, other tapes", f1, peer, ours["macro_f1"] / theirs["macro_f1"], "one seed, one split")
    print(f"finback trains {train_ratio:.1f} times and names {name_ratio:.1f} times as fast")


if __name__ == "__main__":
    main()
