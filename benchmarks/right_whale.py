"""Right-whale up-calls: the recipe of the docs and its parts, on clips that no model was trained on.

    python benchmarks/right_whale.py [RUNS]

2,000 clips of 2 s at 2 kHz, as labelled by their source. Five folds of clips, drawn at random: the clips have
no recording groups, and neither the labels nor the levels of neighbouring numbers are alike. Each clip is
scored by the model of the fold that was not trained on it. No validation set is used: epochs and
regularisation are those of the preset. RUNS keeps the trained runs (default: a temporary folder); a finished
run is not trained again, and an interrupted one goes on. Intervals are over clips (bootstrap).

`right_whale_reexamined.csv` holds verdicts by eye on 120 clips: the 100 that earlier models contradicted
most, and 20 others, looked at in random order without their labels. The rule was written before: call: one
continuous rising contour, at least 0.3 s long, rising by at least 40 Hz, between 40 and 400 Hz, brighter than
its surroundings in most of its frames; unsure: faint, broken, or cut by the edge; none: no such contour. With
these verdicts as labels the AUC is too high, because nearly all clips that were looked at are clips that
models contradict: the true value lies between the two.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
import recordings
from sklearn.metrics import roc_auc_score
from stored import Stored, Table, store, with_interval

from finback.core.runs.folder import RunFolder
from finback.core.runs.scores import load_scores
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest
from finback.data.manifest import Manifest
from finback.evaluation.evaluate import evaluate_run
from finback.models.ensemble import combine
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve

WHALE = "Northern Right Whale"
VERDICTS = Path(__file__).parent / "right_whale_reexamined.csv"
SPEEDS = "features.playback=[12.0,8.0]"
ALONE = {
    "cnn2d": ("cnn2d", []),
    "birdnet": ("birdnet", [SPEEDS, "model.c=0.001"]),
    "yamnet": ("yamnet", [SPEEDS, "model.c=0.001"]),
}
TOGETHER = (("cnn2d", "birdnet"), ("cnn2d", "yamnet"), ("cnn2d", "birdnet", "yamnet"))
DRAWS = 1000


def runs(folder: Path) -> dict[str, RunFolder]:
    """The trained runs by name, and their ensembles."""
    data = recordings.data_folder() / "right_whale_upcalls"
    request = IndexRequest(audio=data / "audio", labels=data / "labels.csv")
    found = {}
    for name, (family, overrides) in ALONE.items():
        settings = resolve("right-whale", overrides, family)
        split = settings.split.model_copy(update={"folds": 5, "fractions": (1.0, 0.0, 0.0), "seed": 0})
        settings = settings.model_copy(update={"split": split})
        dataset = prepare_request(request, settings.rare)
        found[name] = train(Plan(family, settings, seed=0), dataset, folder / name)
    together = {
        " + ".join(names): combine([found[name].path for name in names], folder / "-".join(names))
        for names in TOGETHER
    }
    return found | together


def scores_of(run: RunFolder) -> tuple[list[str], np.ndarray, np.ndarray]:
    """File names, truth (N,) and the log odds (N,) of a call, of all test clips."""
    evaluate_run(run.path)
    scores, _ = load_scores(run.scores, Manifest.load(run.manifest).clips)
    whale = scores.labels.names.index(WHALE)
    odds = scores.logits[:, whale] - scores.logits[:, 1 - whale]
    names = [clip.recording.path.name for clip in scores.clips]
    return names, scores.labels.targets(scores.clips) == whale, odds


def auc(truth: np.ndarray, odds: np.ndarray) -> tuple[float, list[float]]:
    """The AUC and its 95 % interval over clips."""
    rng = np.random.default_rng(0)
    draws = (rng.integers(0, len(truth), len(truth)) for _ in range(DRAWS))
    ends = np.percentile([roc_auc_score(truth[i], odds[i]) for i in draws], [2.5, 97.5])
    return float(roc_auc_score(truth, odds)), [float(end) for end in ends]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, help="keeps the trained runs")
    given = parser.parse_args()
    folder = given.runs or Path(tempfile.mkdtemp())
    with open(VERDICTS, newline="", encoding="utf-8") as file:
        verdicts = {row["file"]: row["verdict"] for row in csv.DictReader(file)}
    values: dict[str, object] = {}
    rows = []
    for name, run in runs(folder).items():
        files, truth, odds = scores_of(run)
        seen = np.array([verdicts.get(file, "") for file in files])
        again = np.where(seen == "call", True, np.where(seen == "none", False, truth))
        sure = seen != "unsure"
        plain, looked = auc(truth, odds), auc(again[sure], odds[sure])
        rows.append((name, with_interval(*plain), with_interval(*looked)))
        key = name.replace(" + ", "-")
        values |= {f"{key}.auc": plain[0], f"{key}.auc.ci": plain[1]}
        values |= {f"{key}.reexamined": looked[0], f"{key}.reexamined.ci": looked[1]}
    about = "Right-whale up-calls, 2,000 clips, five random folds of clips, no validation set."
    table = Table(("model", "AUC as labelled", "AUC with the verdicts on 120 clips"), rows)
    store("right-whale", Stored("python benchmarks/right_whale.py", about, values, {"models": table}))
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
