"""Which clips a soundscape takes: from labels and a folder, or from a run; all, one set, or some groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finback.core.errors import InputError
from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.runs.split_table import load_split
from finback.core.settings import build
from finback.core.types import Clip, Subset
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest
from finback.data.manifest import Manifest
from finback.data.sources.base import subset_word


@dataclass(frozen=True)
class ClipsWanted:
    """A folder of recordings and their labels, or a run; `subset` and `only_groups` restrict the clips."""

    audio: Path | None = None
    labels: Path | None = None
    source: str = "auto"
    groups: str | None = None  # FILE.csv:COLUMN
    run: Path | None = None
    subset: str = ""
    only_groups: tuple[str, ...] = ()


def chosen_clips(wanted: ClipsWanted, progress: Progress = no_progress) -> tuple[Clip, ...] | None:
    """The clips, each with its recording group; None when nothing names any: calls are simulated.

    Raises `InputError` when the wishes contradict each other, or no clip is left.
    """
    subset = _subset(wanted.subset)
    if wanted.run is not None and wanted.audio is not None:
        raise InputError("--run and --audio both name clips", "give one of them")
    if wanted.run is not None:
        clips = _of_run(wanted.run, subset)
    elif wanted.audio is not None:
        clips = _of_labels(wanted, subset, progress)
    elif wanted.labels or wanted.only_groups or wanted.groups:
        raise InputError("no recordings of the calls are named", "give --audio FOLDER or --run RUN")
    else:
        return None
    known = sorted({clip.group_key for clip in clips})
    for group in wanted.only_groups:
        if group not in known:
            shown = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
            raise InputError(f"no clips of the recording group '{group}'", f"there are: {shown}")
    kept = tuple(c for c in clips if not wanted.only_groups or c.group_key in wanted.only_groups)
    if not kept:
        raise InputError(f"no clips in the set '{wanted.subset}'", "choose another --subset")
    return kept


def noise_subset(places: Sequence[Path], subset: str) -> str:
    """The set of the noise: that of the clips where a table of noise says which file is in which set."""
    tables = [path for path in places if path.suffix.lower() == ".csv"]
    return _subset(subset) if tables else ""


def _subset(text: str) -> Subset | str:
    word = subset_word(text)
    if word is None:
        raise InputError(f"--subset {text}: no such set", "choose train, validation or test")
    return word


def _of_run(run: Path, subset: str) -> tuple[Clip, ...]:
    folder = RunFolder.open(run)
    manifest = Manifest.load(folder.manifest)
    if not subset:
        return tuple(c for c in manifest.clips if not c.synthetic)
    by = folder.info.settings.get("split", {}).get("by", "group")
    clips = load_split(folder.split_table, manifest.clips, str(by)).subset(subset)
    return tuple(c for c in clips if not c.synthetic)


def _of_labels(wanted: ClipsWanted, subset: str, progress: Progress) -> tuple[Clip, ...]:
    assert wanted.audio is not None
    given = {"audio": wanted.audio, "labels": wanted.labels, "source": wanted.source, "groups": wanted.groups}
    dataset = prepare_request(build(IndexRequest, given), None, progress)
    if subset and dataset.subset_of is None:
        raise InputError(
            f"{wanted.labels or wanted.audio}: names no sets", "add a column 'split', or leave out --subset"
        )
    sets = dataset.subset_of or ("",) * len(dataset.clips)
    return tuple(clip for clip, of in zip(dataset.clips, sets, strict=True) if of == subset or not subset)
