"""Real clips above, samples of every generator below: docs/pictures/generated-SPECIES.png.

    python benchmarks/generator_pictures.py [--runs DIR] [--out DIR]

The generators are the twins of benchmarks/generators.py that are in `runs/generators`, each trained on the
same side of a split by tape. The real clips are of that side, from as many tapes as there are. Neither clips
nor samples are selected: clips are evenly spread over the training set, and samples have the seeds 0 to 4.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from generator_twins import FAMILIES, Twin, dataset, twin
from stored import PICTURES, Stored, pictures, source
from stored import store as keep

from finback.core.storage.files import write_atomic
from finback.core.storage.paths import file_name
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.features.mel import band_centres_hz
from finback.generation.generator import SpectrogramGenerator
from finback.report.plots.sample_grid import sample_grid
from finback.report.plots.style import render

ROOT = Path(__file__).parents[1]
SPECIES = (
    *("Killer Whale", "Sperm Whale", "Ross Seal"),
    *("Bottlenose Dolphin", "Humpback Whale", "Walrus"),
)
COLUMNS = 5


def real(found: Twin, store: FeatureStore, species: str) -> np.ndarray:
    """(n, M, F) dB of training clips, tape by tape in turn; a short clip is repeated."""
    clips = [clip for clip in found.sides.train if clip.label == species]
    turns: dict[str, int] = {}
    order = []
    for clip in clips:
        turns[clip.group_key] = turns.get(clip.group_key, 0) + 1
        order.append((turns[clip.group_key], clip.group_key, clip))
    chosen = [clip for _, _, clip in sorted(order, key=lambda one: one[:2])][:COLUMNS]
    return np.stack([store(clip)[0] for clip in chosen])


def main() -> None:
    parser = argparse.ArgumentParser(description="Pictures of real clips and samples.")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "generators")
    parser.add_argument("--out", type=Path, default=PICTURES)
    asked = parser.parse_args()
    data = dataset()
    twins = {name: twin(name, data, asked.runs, True) for name in FAMILIES}
    there = {name: found for name, found in twins.items() if found is not None}
    if not there:
        sys.exit(f"{asked.runs}: no trained generator; run: python benchmarks/generators.py")
    generators = {name: SpectrogramGenerator.load(found.folder, "cpu") for name, found in there.items()}
    for species in SPECIES:
        rows: dict[str, np.ndarray] = {}
        for name, generator in generators.items():
            spec, k = generator.spec, generator.labels.index(species)
            store = FeatureStore(Extractor(spec, "logmel"), default_folder())
            rows.setdefault(f"{species}, real", real(there[name], store, species))
            rows[name] = generator.sample(np.full(COLUMNS, k), np.arange(COLUMNS))
        bands = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
        picture = render(sample_grid(rows, bands, spec.hop / spec.sample_rate), "png")
        path = asked.out / f"generated-{file_name(species)}.png"
        write_atomic(path, picture)
        print(f"{path}: {', '.join(rows)}", flush=True)
    if asked.out == PICTURES:
        names = [f"generated-{file_name(species)}.png" for species in SPECIES]
        about = "Real clips, and samples of the twins of benchmarks/generators.py."
        command = "python benchmarks/generator_pictures.py"
        made = {"source": source(), "generators": ", ".join(generators)}
        keep("generator-pictures", Stored(command, about, made, {"pictures": pictures(names)}))


if __name__ == "__main__":
    main()
