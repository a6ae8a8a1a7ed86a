"""How well a classifier notices species that it was not trained on, on tapes that it has not heard.

    python benchmarks/unknown.py [--family mfcc-plda cnn2d] [--rounds 4] [--epochs 15]

In each round a quarter of the species with two tapes or more is left out. A classifier is trained on the
others. The clips of its test set (other tapes, known species) and those of the left-out species are scored by
`finback.metrics.novelty`. AUROC is the probability that a clip of a known species has a higher score than a
clip of an unknown one: 0.5 is chance. Intervals are from a bootstrap over recording groups. "kept" is the
share of unknown clips that remain when the threshold of the validation clips lets 95 % of them pass, and
beside it the share of known test clips that pass. Nothing is fitted on test clips or unknown species.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finback.core.runs.split_table import load_split
from finback.core.types import Clip
from finback.data.audit.duplicates import Duplicates, find
from finback.data.dataset import prepare
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest
from finback.metrics import bootstrap
from finback.metrics.novelty import NearestMean, auroc, energy, largest_logit, largest_probability
from finback.models.predictor import Predictor
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve

METHODS = ("energy", "largest logit", "largest probability", "nearest species mean", "nearest tape mean")
ByMethod = dict[str, list[np.ndarray]]  # the scores of validation, test and unknown clips
Round = tuple[ByMethod, list[list[str]]]  # and the recording groups of the three


def scores(predictor: Predictor, trained: Sequence[Clip], sets: Sequence[Sequence[Clip]]) -> ByMethod:
    """For each method the scores of each set of clips; `trained` are the training clips."""
    fitted = predictor.embed(trained)
    species, tapes = [c.label or "" for c in trained], [c.group_key for c in trained]
    nearest = NearestMean.fit(fitted, species, species)
    nearest_tape = NearestMean.fit(fitted, tapes, species)
    found: ByMethod = {name: [] for name in METHODS}
    for clips in sets:
        logits, z = predictor.scores(clips).logits, predictor.embed(clips)
        of_logits = (energy(logits), largest_logit(logits), largest_probability(logits))
        of_distances = (nearest.score(z), nearest_tape.score(z))
        for name, value in zip(METHODS, (*of_logits, *of_distances), strict=True):
            found[name].append(value)
    return found


def one_round(
    family: str, manifest: Manifest, copies: Duplicates, left_out: Sequence[str], epochs: int
) -> Round:
    """Scores of validation, test and unknown clips by method, and the groups of each."""
    known = manifest.only([c for c in manifest.clips if c.label not in left_out])
    settings = resolve("watkins", [f"training.epochs={epochs}", "training.refit=false"], family)
    data = prepare(known, copies, settings.rare)
    with tempfile.TemporaryDirectory() as folder:
        run = train(Plan(family, settings, 0, "cpu"), data, Path(folder) / "run")
        split = load_split(run.split_table, Manifest.load(run.manifest).clips, "group")
        heard = {c.group_key for c in split.train}  # a tape with several species is no new tape
        everything = prepare(manifest, copies).clips
        unknown = tuple(c for c in everything if c.label in left_out and c.group_key not in heard)
        sets = [split.val, split.test, unknown]
        by_method = scores(Predictor.load(run.path, "cpu"), split.train, sets)
    return by_method, [[c.group_key for c in clips] for clips in sets]


def row(name: str, rounds: Sequence[Round]) -> str:
    """AUROC (mean of the rounds) with its interval, what a threshold lets pass, AUROC of each round."""
    areas, passed, kept, drawn = [], [], [], []
    for of_method, groups in rounds:
        val, test, unknown = of_method[name]
        areas.append(auroc(test, unknown))
        level = np.quantile(val, 0.05)
        passed.append(float(np.mean(test >= level)))
        kept.append(float(np.mean(unknown >= level)))
        (one, n_one), (other, n_other) = (bootstrap.group_codes(g) for g in groups[1:])
        draws = zip(bootstrap.draw_groups(n_one, 500, 0), bootstrap.draw_groups(n_other, 500, 1), strict=True)
        drawn.append([auroc(test, unknown, (a[one] * 1.0, b[other] * 1.0)) for a, b in draws])
    low, high = bootstrap.percentiles(np.mean(drawn, axis=0)) or (np.nan, np.nan)
    shares = f"{np.mean(passed):14.2f}{np.mean(kept):14.2f}"
    return f"{name:24}{np.mean(areas):8.3f} ({low:.3f}-{high:.3f}){shares}   " + " ".join(
        f"{area:.2f}" for area in areas
    )


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--family", nargs="+", default=["mfcc-plda", "cnn2d"])
    options.add_argument("--rounds", type=int, default=4)
    options.add_argument("--epochs", type=int, default=15)
    asked = options.parse_args()
    root = Path(os.environ.get("FINBACK_DATA", Path(__file__).parents[2] / "shared" / "data"))
    labels, groups = root / "watkins_all" / "labels.csv", root / "watkins_all" / "metadata.csv"
    manifest = index(IndexRequest(audio=root, labels=labels, groups=f"{groups}:group", min_clips=10))
    copies = find(manifest.clips)
    tapes: dict[str, set[str]] = defaultdict(set)
    for clip in prepare(manifest, copies).clips:
        tapes[clip.label or ""].add(clip.group_key)
    several = sorted(name for name, of_species in tapes.items() if len(of_species) > 1)
    order = np.random.default_rng(0).permutation(len(several))
    print(
        f"{len(manifest.clips)} clips, {len(several)} species with two tapes or more, {asked.rounds} rounds"
    )
    for family in asked.family:
        rounds = []
        for k in range(asked.rounds):
            left_out = [several[i] for i in order[k :: asked.rounds]]
            rounds.append(one_round(family, manifest, copies, left_out, asked.epochs))
        print(f"\n{family:24}   AUROC (95 %)          known passed  unknown kept   rounds")
        for name in METHODS:
            print(row(name, rounds))


if __name__ == "__main__":
    main()
