"""Probabilities on new tapes: calibration, sets of species, and centring by deployment.

    python benchmarks/new_tapes.py [FAMILY ...] [--seeds N] [--store]

The tapes are dealt into five folds; each fold plays the new tapes once, and a head is fitted to the others. A
fold is never used to choose anything for itself. On the new tapes:

- the calibration error (ECE) with temperatures from the validation tapes (a seventh of the others, as in
  version 0.1.0), and from cross-fits over all others (docs/decisions/0046);
- coverage and size of sets of species by tape (docs/decisions/0053), against sets that count clips;
- accuracy when the vectors of each new tape are centred to the mean of the known ones, x - w (m - m_known),
  w = n / (n + n0) for n clips of the tape: a transductive method, which sees all clips of the tape at once.

Intervals are over tapes (all seeds together). `--store` writes benchmarks/results/new-tapes.json. A family
whose head cross-fits its own parts, such as `birdnet-mix`, takes much longer.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import recordings
import torch
from sklearn.model_selection import StratifiedGroupKFold
from stored import Stored, Table, store, with_interval

from finback.core.types import softmax
from finback.data.dataset import prepare_request
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.metrics.bootstrap import draw_groups, percentiles
from finback.metrics.calibration import N_BINS, confidence_bins, ece_from_sums, fit_temperature
from finback.metrics.conformal import least_probability, species_sets
from finback.models.networks.heads import Head
from finback.training.fitted_heads import Windows
from finback.training.settings import resolve
from finback.training.stages import new_model

FAMILIES = ("mfcc-plda", "birdnet", "birdnet-plda")
FOLDS, VALIDATION, DRAWS, SMALL = 5, 7, 300, 34
LEVELS = (0.8, 0.9)
RULES = {
    "none": "no temperature",
    "validation": "validation tapes",
    "tapes": "**cross-fitted, tapes weighted equally**",
    "clips": "cross-fitted, clips weighted equally",
}
CENTRING = {"n0 = 80": 80.0, "n0 = 20": 20.0, "n0 = 5": 5.0, "whole mean": 0.0}
Rows = dict[str, list[Any]]


@dataclass(frozen=True, eq=False)
class Clips:
    """All windows of all clips of a family's features, and heads to fit to them."""

    family: str
    windows: Windows
    n_classes: int

    @classmethod
    def of(cls, family: str) -> Clips:
        settings = resolve(family=family)
        dataset = prepare_request(recordings.request()[0])
        model = new_model(family, settings.features, len(dataset.labels), settings.model, 0)
        features = FeatureStore(Extractor.for_model(model), default_folder())
        return cls(family, Windows.of(dataset.clips, features, dataset.labels), len(dataset.labels))

    @property
    def y(self) -> np.ndarray:
        return self.windows.y[self.first]

    @property
    def tape(self) -> np.ndarray:
        return self.windows.groups[self.first]

    @property
    def first(self) -> np.ndarray:
        """The first window (N,) of each clip."""
        return np.unique(self.windows.clip, return_index=True)[1]

    def head(self) -> Head:
        settings = resolve(family=self.family)
        model = new_model(self.family, settings.features, self.n_classes, settings.model, 0)
        return cast(Head, model.head)

    def part(self, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Vectors, class ids, weights and tapes of the windows of some clips."""
        here = np.isin(self.windows.clip, clips)
        w = self.windows
        return w.x[here], w.y[here], w.weights[here], w.groups[here]

    def by_clip(self, of_windows: np.ndarray, clips: np.ndarray) -> np.ndarray:
        """The mean (n, K) over the windows of each clip."""
        here = np.isin(self.windows.clip, clips)
        sums = np.zeros((len(self.first), of_windows.shape[1]))
        np.add.at(sums, self.windows.clip[here], of_windows * self.windows.weights[here, None])
        return sums[clips]

    def logits(self, head: Head, clips: np.ndarray, x: np.ndarray | None = None) -> np.ndarray:
        """(n, K) of some clips, as a prediction gives them; `x` in place of their vectors."""
        with torch.inference_mode():
            rows = torch.from_numpy((self.part(clips)[0] if x is None else x).astype(np.float32))
            return self.by_clip(head(rows).numpy(), clips)


def outer_folds(
    y: np.ndarray, tape: np.ndarray, n: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Known and new clips of each fold; of the new ones only those whose species is known."""
    with warnings.catch_warnings():  # of species with fewer clips than folds
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        dealt = list(StratifiedGroupKFold(n, shuffle=True, random_state=seed).split(y, y, tape))
    for known, new in dealt:
        yield known, new[np.isin(y[new], y[known])]


def centred(clips: Clips, known: np.ndarray, new: np.ndarray, n0: float) -> np.ndarray:
    """The vectors of the windows of new clips, each tape moved towards the mean of the known clips."""
    x, _, weights, tapes = clips.part(new)
    x = x.astype(np.float64)
    known_x, _, known_weights, _ = clips.part(known)
    target = np.average(known_x, axis=0, weights=known_weights)
    for tape in np.unique(tapes):
        here = tapes == tape
        n = weights[here].sum()  # clips
        x[here] -= n / (n + n0) * (np.average(x[here], axis=0, weights=weights[here]) - target)
    return x


def one_fold(clips: Clips, known: np.ndarray, new: np.ndarray, rows: Rows) -> None:
    """Fit to the known tapes, score the new ones, and add the results to `rows`."""
    y, tape = clips.y, clips.tape
    head = clips.head()
    head.fit(*clips.part(known))
    logits = clips.logits(head, new)
    left = clips.by_clip(head.left_out(*clips.part(known)), known)
    judged = np.isfinite(left).all(axis=1)
    left, truth, tapes = left[judged], y[known][judged], [str(t) for t in tape[known][judged]]
    train, val = (known[i] for i in next(outer_folds(y[known], tape[known], VALIDATION, 0)))
    early = clips.head()
    early.fit(*clips.part(train))
    temperature = {
        "none": 1.0,
        "validation": fit_temperature(clips.logits(early, val), y[val], [str(t) for t in tape[val]]),
        "tapes": fit_temperature(left, truth, tapes),
        "clips": fit_temperature(left, truth),
    }
    rows["new"].append(new)
    for rule, t in temperature.items():
        rows[f"p {rule}"].append(softmax(logits / t))
        rows[f"t {rule}"].append(t)
    true = softmax(left / temperature["tapes"])[np.arange(len(truth)), truth]
    p = rows["p tapes"][-1]
    for level in LEVELS:
        by_tape = [true[np.array(tapes) == t] for t in np.unique(tapes)]
        for how, parts in (("tapes", by_tape), ("clips", [true[[i]] for i in range(len(true))])):
            rows[f"set {level} {how}"].append(species_sets(p, least_probability(parts, level)))
    for name, n0 in CENTRING.items():
        rows[f"right {name}"].append(
            clips.logits(head, new, centred(clips, known, new, n0)).argmax(1) == y[new]
        )
    rows["right none"].append(logits.argmax(1) == y[new])


def measure(clips: Clips, seeds: int) -> Rows:
    """Rows of all folds and seeds, joined, with the truth and the tape of each."""
    names = ["new", *(f"{k} {rule}" for k in "pt" for rule in RULES)]
    names += [f"set {level} {how}" for level in LEVELS for how in ("tapes", "clips")]
    rows: Rows = {name: [] for name in [*names, *(f"right {name}" for name in ["none", *CENTRING])]}
    seed_of: list[np.ndarray] = []
    for seed in range(seeds):
        for known, new in outer_folds(clips.y, clips.tape, FOLDS, seed):
            one_fold(clips, known, new, rows)
            seed_of.append(np.full(len(new), seed))
    joined: Any = {k: v if k.startswith("t ") else np.concatenate(v) for k, v in rows.items()}
    return {**joined, "seed": np.concatenate(seed_of)}


class OverTapes:
    """Figures as means over seeds, with intervals from draws of tapes."""

    def __init__(self, clips: Clips, rows: Rows) -> None:
        new, self.seed = np.asarray(rows["new"]), np.asarray(rows["seed"])
        self.truth = clips.y[new]
        _, self.tape = np.unique(clips.tape[new], return_inverse=True)
        self.n_tapes = int(self.tape.max()) + 1
        self.draws = draw_groups(self.n_tapes, DRAWS).astype(float)
        chosen = [np.random.default_rng(i).permutation(self.n_tapes)[:SMALL] for i in range(DRAWS)]
        self.small = np.stack([np.bincount(c, minlength=self.n_tapes) for c in chosen]).astype(float)

    def ece(self, p: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """ECE (B,) of all clips in each draw of tapes (B, G), the mean over seeds."""
        confidence, bins = confidence_bins(p)
        right = (p.argmax(axis=1) == self.truth).astype(float)
        found = []
        for seed in np.unique(self.seed):
            here = self.seed == seed
            cell = (self.tape * N_BINS + bins)[here]
            values = (np.ones(len(p)), confidence, right)
            sums = [np.bincount(cell, v[here], self.n_tapes * N_BINS).reshape(-1, N_BINS) for v in values]
            found.append(ece_from_sums(*(draws @ s for s in sums)))
        return np.mean(found, axis=0)

    def mean(self, values: np.ndarray, by_tape: bool) -> Any:
        """The mean of a value of each clip, with its interval; every tape or every clip alike."""
        total = np.bincount(self.tape, values, self.n_tapes)
        n = np.bincount(self.tape, minlength=self.n_tapes).astype(float)
        total, n = (total / n, np.ones(self.n_tapes)) if by_tape else (total, n)
        drawn = self.draws @ total / (self.draws @ n)
        return with_interval(float(total.sum() / n.sum()), percentiles(drawn))


def calibration_rows(rows: Rows, over: OverTapes) -> list[list[Any]]:
    """For each rule: ECE with interval, mean ECE and share below 0.08 on 34 tapes, spread of T."""
    found = []
    for rule, name in RULES.items():
        p = np.asarray(rows[f"p {rule}"])
        value = float(over.ece(p, np.ones((1, over.n_tapes)))[0])
        small = over.ece(p, over.small)
        t = np.log(rows[f"t {rule}"])
        found.append(
            [
                name,
                with_interval(value, percentiles(over.ece(p, over.draws))),
                float(small.mean()),
                float((small <= 0.08).mean()),
                float(np.exp(np.median(t))),
                float(np.exp(t.std())),
            ]
        )
    return found


def set_rows(rows: Rows, over: OverTapes) -> list[list[Any]]:
    """For each level and rule: coverage by tape and by clip, mean size, share of sets of one species."""
    found = []
    for level in LEVELS:
        for how in ("tapes", "clips"):
            inside = np.asarray(rows[f"set {level} {how}"])
            held = inside[np.arange(len(inside)), over.truth].astype(float)
            size = inside.sum(axis=1).astype(float)
            columns = [over.mean(held, True), over.mean(held, False), over.mean(size, True)]
            found.append([level, how, *columns, over.mean((size == 1).astype(float), True)["value"]])
    return found


def centring_rows(rows: Rows, over: OverTapes) -> list[list[Any]]:
    """For each centring: accuracy, and its difference from none."""
    none = np.asarray(rows["right none"], dtype=float)
    found = [["none", over.mean(none, False)["value"], None]]
    for name in CENTRING:
        right = np.asarray(rows[f"right {name}"], dtype=float)
        found.append([name, over.mean(right, False)["value"], over.mean(right - none, False)])
    return found


CALIBRATION = ("temperature from", "ECE", "mean ECE of 34 tapes", "of these at most 0.08", "T", "T varies by")
SETS = ("level", "what counts alike", "coverage by tape", "coverage by clip", "species by set", "one species")

CENTRED = ("centred", "accuracy", "difference")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--store", action="store_true")
    asked = parser.parse_args()
    tables: dict[str, list[list[Any]]] = {"calibration": [], "sets": [], "centring": []}
    for family in asked.families:
        clips = Clips.of(family)
        rows = measure(clips, asked.seeds)
        over = OverTapes(clips, rows)
        parts = (calibration_rows(rows, over), set_rows(rows, over), centring_rows(rows, over))
        for name, part in zip(tables, parts, strict=True):
            tables[name] += [[family, *row] for row in part]
            for row in part:
                print(family, name, *row, sep="  ", flush=True)
    if asked.store:
        columns = {
            "calibration": CALIBRATION,
            "sets": SETS,
            "centring": ("centred", "accuracy", "difference"),
        }
        place = "watkins_all" if recordings.request()[1] == "watkins" else "simulated recordings"
        about = f"{FOLDS} folds of tapes as new tapes, {asked.seeds} seeds, on {place}."
        found = {name: Table(("family", *columns[name]), rows) for name, rows in tables.items()}
        store("new-tapes", Stored("python benchmarks/new_tapes.py --store", about, {}, found))


if __name__ == "__main__":
    main()
