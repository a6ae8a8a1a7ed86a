"""Simulated recordings from Python: one call, and a dataset that is ready for training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finback.core.bars import bars
from finback.core.progress import Progress
from finback.core.settings import build
from finback.data.dataset import Dataset, read_labels
from finback.datasets.simulate.simulate import ClipSettings, simulate_clips


def simulate(
    out: str | Path,
    species: Sequence[str] = (),
    *,
    clips_per_species: int = 20,
    tapes_per_species: int = 4,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Write labelled clips of simulated calls below `out`, and read them as a dataset.

    Without `species`, all that can be simulated. The same settings in the same folder are not simulated
    again. Raises `SettingsError` for a species without a simulated call.
    """
    show = progress or bars()
    settings = {
        "species": tuple(species) or None,
        "clips_per_species": clips_per_species,
        "tapes_per_species": tapes_per_species,
        "seed": seed,
    }
    labels = simulate_clips(Path(out), build(ClipSettings, settings), show)
    return read_labels(labels, labels.parent / "audio", progress=show)
