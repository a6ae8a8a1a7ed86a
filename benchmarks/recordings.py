"""The recordings for benchmarks: real ones if there are any, otherwise simulated ones."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from finback.core.types import Clip
from finback.data.index import IndexRequest, index
from finback.datasets.simulate.simulate import ClipSettings, simulate_clips


def data_folder() -> Path:
    """The folder of real recordings: $FINBACK_DATA, or ../shared/data beside the project."""
    return Path(os.environ.get("FINBACK_DATA", Path(__file__).parents[2] / "shared" / "data"))


def request(clips_per_species: int = 20) -> tuple[IndexRequest, str]:
    """Labelled clips and their name; of real recordings, the species with at least ten clips.

    Real recordings are those of `watkins_all`. Recordings of other sites are never part of them.
    """
    root = data_folder()
    tables = root / "watkins_all"
    if tables.is_dir():
        groups = f"{tables / 'metadata.csv'}:group"
        return IndexRequest(audio=root, labels=tables / "labels.csv", groups=groups, min_clips=10), "watkins"
    labels = simulate_clips(
        Path(tempfile.mkdtemp()) / "sim", ClipSettings(clips_per_species=clips_per_species)
    )
    return IndexRequest(audio=labels.parent / "audio", labels=labels), "simulated recordings"


def clips() -> tuple[list[Clip], str]:
    """Those of `request`, and what to call them."""
    found, place = request()
    return list(index(found).clips), place


def files(folder: Path | None = None) -> tuple[list[Path], str]:
    """The sound files of a folder, else of `request`, in the order of their names, and what to call them."""
    if folder is not None:
        sounds = (path for path in folder.iterdir() if path.suffix in {".wav", ".flac"})
        return sorted(sounds), folder.name
    found, place = clips()
    return sorted({clip.recording.path for clip in found}, key=lambda path: path.name), place
