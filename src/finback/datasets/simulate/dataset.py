"""Simulated recordings from Python: one call, and a dataset that is ready for training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finback.core.bars import bars
from finback.core.progress import Progress
from finback.core.settings import build
from finback.data.dataset import Dataset, read_labels
from finback.datasets.simulate.simulate import ClipSettings, simulate_clips
from finback.datasets.simulate.soundscape import Soundscape, SoundscapeSettings, simulate_soundscape
from finback.datasets.simulate.soundscape.sources import ClipsWanted, chosen_clips


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


def soundscape(
    out: str | Path,
    run: str | Path | None = None,
    subset: str = "",
    *,
    seed: int = 0,
    progress: Progress | None = None,
    **settings: Any,
) -> Soundscape:
    """Place calls in simulated sea noise at known times, in recordings below `out`.

    The calls are the clips of a run folder, with `subset` only those of its "train", "val" or "test" set;
    without `run` they are simulated. `settings` are fields of `SoundscapeSettings`, such as `minutes=20`,
    `snr_db=(0, 6)`. The result names the recordings (`audio`), the times of all calls (`truth`) and windows
    to train on (`labels`). Raises `SettingsError` for a wrong setting, `InputError` when `out` holds
    something else.
    """
    show = progress or bars()
    chosen = build(SoundscapeSettings, {**settings, "seed": seed})
    clips = chosen_clips(ClipsWanted(run=None if run is None else Path(run), subset=subset), show)
    return simulate_soundscape(Path(out), chosen, clips, None, show)
