"""Whether samples of trained generators, added to their training clips, improve a classifier:
docs/synthetic.md.

    python benchmarks/added.py runs/diffusion --against runs/vae --against runs/gaussian [--seeds 5]

All generators were trained on the same training set. A small CNN
(`evaluation/generator_audit/substitution.py`) is trained on these clips alone, or on these clips and samples,
for as many steps. It is tested on clips of unseen recording groups: the validation and the test set
together, because nothing is chosen on either. Rows: samples for every species or only for species with fewer
than 25 clips, as many as there are clips or a multiple of that. Figures are means over seeds; differences in
mean recall have paired intervals over groups. The samples are those of `finback audit`; if there are none,
they are generated.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.generator_audit import substitution
from finback.evaluation.generator_audit.set_metrics import predictions, resampled_means
from finback.evaluation.generator_audit.windows import (
    Windows,
    per_clip,
    real_windows,
    sampled_windows,
    samples_per_species,
)
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.metrics.bootstrap import percentiles

BELOW = 25
AMOUNTS = ((False, 1), (True, 1), (True, 3))  # only rare species?, samples per clip


def added(samples: Windows, train: Windows, species: np.ndarray, times: int) -> np.ndarray:
    """Indices of the first samples of these species, `times` as many as each has windows."""
    rows = [np.flatnonzero(samples.y == k)[: times * int((train.y == k).sum())] for k in species]
    return np.concatenate(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--against", type=Path, action="append", default=[])
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    generators = {
        str(m.run.info.family): m for m in map(SpectrogramGenerator.load, (asked.run, *asked.against))
    }
    first = next(iter(generators.values()))
    labels, spec, clips = first.labels, first.spec, run_subsets(first.run)
    store = FeatureStore(Extractor(spec), default_folder())
    train = real_windows(store, clips["train"], labels)
    unseen = real_windows(store, (*clips["validation"], *clips["test"]), labels)
    counts = samples_per_species(train.y, len(labels))
    samples = {name: sampled_windows(generator, counts, Sampling()) for name, generator in generators.items()}
    n_clips = np.bincount(labels.targets(clips["train"]), minlength=len(labels))
    every, few = np.flatnonzero(n_clips), np.flatnonzero((n_clips > 0) & (n_clips < BELOW))
    sets_of = {"nothing": (train.x, train.y)}
    for name, s in samples.items():
        for rare, times in AMOUNTS:
            i = added(s, train, few if rare else every, times)
            row = f"{name}, {f'below {BELOW} clips' if rare else 'every species'}, x {times}"
            sets_of[row] = np.concatenate([train.x, s.x[i]]), np.concatenate([train.y, s.y[i]])
    _, truth, groups = per_clip(np.zeros((len(unseen), 1)), unseen)
    is_few = np.isin(truth, few)
    print(f"{len(truth)} clips of {len(set(groups))} unseen groups, {is_few.sum()} of species below {BELOW}")
    print(f"{'':<36}{'accuracy':>9}{'recall':>8}{'gain':>26}{f'recall < {BELOW}':>13}{'gain':>26}")
    right: dict[str, np.ndarray] = {}
    for row, (x, y) in sets_of.items():
        students = [substitution.train_cnn2d(x, y, spec, len(labels), seed) for seed in range(asked.seeds)]
        right[row] = np.mean([predictions(s(unseen.x), unseen) == truth for s in students], axis=0)
        line = f"{row:<36}{right[row].mean():>9.3f}"
        for part in (np.ones_like(is_few), is_few):
            both = np.stack([right[row], right["nothing"]], axis=1)[part]
            recall = np.mean([both[truth[part] == k].mean(axis=0) for k in np.unique(truth[part])], axis=0)
            drawn = resampled_means(both, truth[part], [t for t, p in zip(groups, part, strict=True) if p])
            ends = None if drawn is None else percentiles(drawn[1][:, 0] - drawn[1][:, 1])
            within = f" ({ends[0]:+.3f} to {ends[1]:+.3f})" if ends else ""
            gain = "" if row == "nothing" else f"{recall[0] - recall[1]:+.3f}{within}"
            line += f"{recall[0]:>{8 if part.all() else 13}.3f}{gain:>26}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
