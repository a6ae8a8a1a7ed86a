"""How well a classifier answers "none of these": to noise, to other animals, to species it does not have.

    python benchmarks/none_of_these.py [--family mfcc-plda birdnet-mix] [--rounds 4]

In each round a quarter of the species with two tapes or more is left out, and a quarter of the tapes. A gate
is fitted to the rest of `watkins_all` alone, as `finback train` does. Then calls of known species on the
tapes that were left out are compared with noises and fish of other places (`sites`, `noise`), and with calls
of the species that were left out. Calls of known species at other places (`sites`) are compared with the
noises, too. No recording of another place is trained on. AUROC is the probability that a call has a higher
score than the other sound; 0.5 is chance. Intervals are from a bootstrap over tapes and sites.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold
from stored import Stored, Table, store, with_interval

from finback.audio.io import open_recording
from finback.core.types import Clip, softmax
from finback.data.audit.duplicates import find
from finback.data.dataset import prepare
from finback.data.index import IndexRequest, index
from finback.features import playback
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.metrics import bootstrap
from finback.metrics.gate import Examples, fit_gate
from finback.metrics.novelty import NearestMean, auroc
from finback.models.networks.classifier import Classifier
from finback.training.gate import embeddings, examples_of
from finback.training.settings import resolve
from finback.training.stages import new_model
from finback.training.unknown_settings import UnknownSettings

ROOT = Path(os.environ.get("FINBACK_DATA", Path(__file__).parents[2] / "shared" / "data"))
ROUNDS, DRAWS = 4, 500
FAMILIES = ["mfcc-plda", "yamnet-plda", "birdnet-mix"]
FISH = ("fish", "cod", "grouper", "haddock", "midshipman", "grunt", "chirp", "croac", "pulso", "knocks")
METHODS = (
    "both scores",
    "discriminant analysis alone",
    "logistic regression alone",
    "both, noises of tapes alone",
    "both, simulated seas alone",
    "largest probability",
    "nearest tape mean",
)
Split = tuple[np.ndarray, np.ndarray, np.ndarray]
# The scores of N sounds by method, what each is, its group, its largest probability after the gate.
Round = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray]
OTHERS = ("noise", "fish", "unknown species", "unknown species at sites")


@dataclass(frozen=True, eq=False)
class Sounds:
    """N sounds with their windows (n, D), what each is, its species and its group."""

    windows: Sequence[np.ndarray]
    what: np.ndarray
    species: np.ndarray
    groups: np.ndarray

    def mean(self, scores: np.ndarray) -> np.ndarray:
        """(N, ...) mean over the windows of each sound, of scores of all windows together."""
        starts = np.cumsum([0, *(len(own) for own in self.windows[:-1])])
        count = np.array([len(own) for own in self.windows])
        return np.add.reduceat(scores, starts, axis=0) / count.reshape(-1, *[1] * (scores.ndim - 1))


def what_is(row: dict[str, str]) -> str:
    """The kind of a row of the manifest of `sites`."""
    if row["kind"] != "other":
        return row["kind"]
    text = (row["label"] + row["set"]).casefold()
    return "fish" if any(name in text for name in FISH) else "noise"


def other_places() -> Iterator[tuple[Path, str, str, str]]:
    """(path, what, species, group) of the sounds of `sites` and `noise`."""
    with open(ROOT / "sites" / "manifest.csv", encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            if row["kind"] != "format trap":
                yield ROOT / "sites" / row["file"], what_is(row), row["species"], row["site"] or row["file"]
    for path in sorted((ROOT / "noise").iterdir()):
        yield path, "noise", "", path.name


def embedded(model: Classifier, store_: FeatureStore, clips: Sequence[Clip]) -> list[np.ndarray]:
    return embeddings(model, store_, (store_(clip) for clip in clips))


def splits(clips: Sequence[Clip], n: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(trained, left-out tapes of known species, unknown species) as numbers of clips, for each round."""
    labels, groups = np.array([c.label for c in clips]), np.array([c.group_key for c in clips])
    tapes: dict[str, set[str]] = defaultdict(set)
    for label, group in zip(labels.tolist(), groups.tolist(), strict=True):
        tapes[label].add(group)
    several = sorted(name for name, own in tapes.items() if len(own) > 1)
    order = np.random.default_rng(0).permutation(len(several))
    for k in range(n):
        known = np.flatnonzero(~np.isin(labels, [several[i] for i in order[k::n]]))
        folds = StratifiedGroupKFold(4, shuffle=True, random_state=k).split(
            known, labels[known], groups[known]
        )
        train, test = next((known[a], known[b]) for a, b in folds)
        unknown = np.setdiff1d(np.arange(len(clips)), known)
        on_known_tape = np.isin(groups[unknown], groups[train])
        yield train, test[np.isin(labels[test], labels[train])], unknown[~on_known_tape]


def kept(examples: Examples, which: str) -> Examples:
    """The examples with some of the noises."""
    of_tape = np.array([group.startswith("tape") for group in examples.groups.tolist()])
    noise = ~examples.is_call
    return examples.only(~noise | ({"tapes": of_tape, "seas": ~of_tape}.get(which, noise) & noise))


def scored(examples: Examples, z: np.ndarray) -> dict[str, np.ndarray]:
    """The score (n,) of each window by each method; of the gate, its log odds."""
    found = {}
    for which in ("all noises", "tapes", "seas"):
        fitted, _ = fit_gate(kept(examples, which))
        scores = fitted.scores(z)
        of = {"all noises": "both scores", "tapes": "both, noises of tapes alone"}
        found[of.get(which, "both, simulated seas alone")] = fitted.odds(z)
        if which == "all noises":
            found["discriminant analysis alone"], found["logistic regression alone"] = scores.T
    calls = examples.only(examples.is_call)
    nearest = NearestMean.fit(calls.z, (calls.groups + calls.names).tolist(), calls.names.tolist())
    return found | {"nearest tape mean": nearest.score(z)}


def one_round(
    model: Classifier, store_: FeatureStore, clips: Sequence[Clip], own: Sounds, others: Sounds, split: Split
) -> Round:
    """The scores of all sounds by each method, and what each sound is in this round."""
    train, test, unknown = split
    settings = UnknownSettings()
    examples, _ = examples_of(model, store_, [clips[i] for i in train], settings)
    known = set(own.species[train].tolist())
    what = np.full(len(own.what), "", dtype=object)
    what[test], what[unknown] = "call", "unknown species"
    is_animal = others.what == "marine mammal"
    there = others.what.astype(object)
    there[is_animal & np.isin(others.species, list(known))] = "call at sites"
    there[is_animal & ~np.isin(others.species, list(known))] = "unknown species at sites"
    z = np.concatenate([*own.windows, *others.windows]).astype(np.float64)
    both = Sounds(
        [*own.windows, *others.windows],
        np.concatenate([what, there]),
        np.concatenate([own.species, others.species]),
        np.concatenate([own.groups, others.groups]),
    )
    scores = {name: both.mean(value) for name, value in scored(examples, z).items()}
    p = closed_set(model, examples, both, z)
    scores["largest probability"] = p
    return scores, both.what, both.groups, p / (1 + np.exp(-scores["both scores"]))


def closed_set(model: Classifier, examples: Examples, sounds: Sounds, z: np.ndarray) -> np.ndarray:
    """(N,) the largest probability of a species by the head of the model, without a temperature."""
    calls = examples.only(examples.is_call)
    names, y = np.unique(calls.names, return_inverse=True)
    _, groups = np.unique(calls.groups, return_inverse=True)
    head = type(model)(model.spec, len(names))
    head.fit(calls.z.astype(np.float32), y, calls.weights, groups)
    with torch.inference_mode():
        logits = np.concatenate(
            [head.eval()(torch.from_numpy(row[None])).numpy() for row in z.astype(np.float32)]
        )
    return softmax(sounds.mean(logits.astype(np.float64))).max(axis=1)


def area(
    rounds: Sequence[Round], method: str, calls: str, other: str
) -> tuple[float, tuple[float, float] | None]:
    """AUROC, mean over the rounds, with its interval."""
    areas, drawn = [], []
    for scores, what, groups, _ in rounds:
        a, b = (scores[method][what == name] for name in (calls, other))
        areas.append(auroc(a, b))
        (one, n_one), (two, n_two) = (
            bootstrap.group_codes(groups[what == name].tolist()) for name in (calls, other)
        )
        draws = zip(
            bootstrap.draw_groups(n_one, DRAWS, 0), bootstrap.draw_groups(n_two, DRAWS, 1), strict=True
        )
        drawn.append([auroc(a, b, (x[one] * 1.0, y[two] * 1.0)) for x, y in draws])
    return float(np.mean(areas)), bootstrap.percentiles(np.nanmean(drawn, axis=0))


def false_alarms(rounds: Sequence[Round], method: str, other: str) -> float:
    """The share of other sounds above the score that 95 % of the calls on left-out tapes exceed."""
    return float(
        np.mean(
            [
                (scores[method][what == other] >= np.quantile(scores[method][what == "call"], 0.05)).mean()
                for scores, what, *_ in rounds
            ]
        )
    )


def tables(family: str, rounds: Sequence[Round]) -> tuple[dict[str, Table], dict[str, float]]:
    """The tables of a family, and figures for sentences."""
    pairs = [("call", other) for other in OTHERS] + [("call at sites", "noise"), ("call at sites", "fish")]
    rows = [[method, *(with_interval(*area(rounds, method, *pair)) for pair in pairs)] for method in METHODS]
    alarms = [[method, *(false_alarms(rounds, method, other) for other in OTHERS)] for method in METHODS]
    values: dict[str, float] = {}
    for name in ("call", "call at sites", *OTHERS):
        key = f"{family}-{name.replace(' ', '-')}"
        own = [(scores["both scores"][what == name], p[what == name]) for scores, what, _, p in rounds]
        values[f"{key}-n"] = float(np.mean([len(odds) for odds, _ in own]))
        values[f"{key}-known"] = float(np.mean([(odds > 0).mean() for odds, _ in own]))
        values[f"{key}-named"] = float(np.mean([(p > 0.5).sum() for _, p in own]))
    columns = ["score", *(other for _, other in pairs[:4]), "sites: noise", "sites: fish"]
    found = {
        f"{family}-auroc": Table(columns, rows),
        f"{family}-false-alarms": Table(["score", *OTHERS], alarms),
    }
    return found, values


def measured(family: str, n_rounds: int) -> tuple[dict[str, Table], dict[str, float]]:
    settings = resolve("watkins", [], family)
    table = ROOT / "watkins_all" / "labels.csv"
    groups = f"{ROOT / 'watkins_all' / 'metadata.csv'}:group"
    manifest = index(IndexRequest(audio=ROOT, labels=table, groups=groups, min_clips=10))
    clips = prepare(manifest, find(manifest.clips)).clips
    features = playback.resolved(settings.features, clips)
    model: Classifier = new_model(family, features, 2, settings.model, 0)
    store_ = FeatureStore(Extractor.for_model(model), default_folder())
    own = Sounds(
        embedded(model, store_, clips),
        np.array(["call"] * len(clips)),
        np.array([clip.label for clip in clips]),
        np.array([clip.group_key for clip in clips]),
    )
    paths, what, species, sites = zip(*other_places(), strict=True)
    recordings = [open_recording(path) for path in paths]
    windows = embedded(model, store_, [Clip(one, 0, one.n_samples) for one in recordings])
    others = Sounds(windows, np.array(what), np.array(species), np.array(sites))
    rounds = []
    for split in splits(clips, n_rounds):
        rounds.append(one_round(model, store_, clips, own, others, split))
        print(f"{family}: round {len(rounds)} of {n_rounds}", flush=True)
    return tables(family, rounds)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--family", nargs="+", default=FAMILIES)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    asked = options.parse_args()
    found: dict[str, Table] = {}
    values: dict[str, float] = {}
    for family in asked.family:
        own, figures = measured(family, asked.rounds)
        found |= own
        values |= figures
        for name, table in own.items():
            print(name, *table.columns, sep="\t")
            for row in table.rows:
                print(*row, sep="\t")
        for key, value in figures.items():
            print(f"{key}\t{value:.3f}", flush=True)
    about = (
        "Calls of known species on left-out tapes of watkins_all against noises and fish of other places "
        "(sites, noise) and calls of species left out; gates fitted to the training clips alone."
    )
    if asked.rounds == ROUNDS:
        store("none-of-these", Stored("python benchmarks/none_of_these.py", about, values, found))


if __name__ == "__main__":
    main()
