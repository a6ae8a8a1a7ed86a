"""The recordings for benchmarks: real ones if there are any, otherwise simulated ones."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from finback.core.types import Clip
from finback.data.index import IndexRequest, index
from finback.datasets.simulate.simulate import ClipSettings, simulate_clips


def request(clips_per_species: int = 20) -> tuple[IndexRequest, str]:
    """Labelled clips and their name; of real recordings, the species with at least ten clips.

    Real recordings are the Watkins folder in $FINBACK_DATA or ../shared/data.
    """
    root = Path(os.environ.get("FINBACK_DATA", Path(__file__).parents[2] / "shared" / "data")) / "watkins"
    if root.is_dir():
        groups = f"{root / 'metadata.csv'}:group"
        found = IndexRequest(audio=root / "audio", labels=root / "labels.csv", groups=groups, min_clips=10)
        return found, "watkins"
    labels = simulate_clips(
        Path(tempfile.mkdtemp()) / "sim", ClipSettings(clips_per_species=clips_per_species)
    )
    return IndexRequest(audio=labels.parent / "audio", labels=labels), "simulated recordings"


def clips() -> tuple[list[Clip], str]:
    """Those of `request`, and what to call them."""
    found, place = request()
    return list(index(found).clips), place


def folder(given: Path | None = None) -> Path:
    """A folder of sound files: the one given, else of `request`."""
    return given or request()[0].audio
