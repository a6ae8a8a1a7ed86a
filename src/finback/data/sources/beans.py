"""One folder for each species and no table, as in the BEANS benchmark and in many private collections.

audio/Killer Whale/a.wav        the name of the folder is the species
audio/train/Killer Whale/a.wav  folders above it can name the training, validation and test set
"""

from __future__ import annotations

from pathlib import PurePosixPath

from finback.core.errors import InputError
from finback.data.file_matching import AudioFolder
from finback.data.manifest import SourceInfo
from finback.data.problems import Problem
from finback.data.sources.base import IndexRequest, Labelled, LabelRow, Source, species_name, subset_word


class Beans(Source):
    info = SourceInfo(
        name="beans",
        licence="each data set in the benchmark has its own licence; the code is CC BY-NC-SA 4.0",
        citation="Hagiwara et al. 2023, BEANS: The Benchmark of Animal Sounds, ICASSP, arXiv:2210.12300.",
        url_hint="github.com/earthspecies/beans",
    )

    def rows(self, request: IndexRequest, folder: AudioFolder) -> Labelled:
        if request.labels is not None:
            raise InputError(
                f"{request.labels}: the folders name the species, so a labels file has no use",
                "leave out --labels, or use --source folder",
            )
        return folder_rows(folder)


def folder_rows(folder: AudioFolder) -> Labelled:
    """A row for each recording in the folder of a species; the other recordings are unlabelled."""
    names = [folder.name(path) for path in folder.files]
    tops = {PurePosixPath(name).parts[0] for name in names if "/" in name}
    split = bool(tops) and all(subset_word(top) for top in tops)
    rows, problems = [], []
    for name in names:
        parts = PurePosixPath(name).parts
        subset = subset_word(parts[0]) or "" if split and len(parts) > 1 else ""
        inner = parts[1:] if subset else parts
        species = species_name(inner[0]) if len(inner) > 1 else ""
        if species:
            rows.append(LabelRow(file=name, species=species, subset=subset))
        else:
            message, repair = "is not in the folder of a species", "move it into the folder of its species"
            problems.append(Problem("unlabelled", name, None, message, repair))
    if not rows:
        repair = "give a CSV of file,species as --labels, or put each species in its own folder"
        raise InputError(f"{folder.root}: no label names a species", repair)
    return Labelled(tuple(rows), tuple(problems), split)


def is_folder_per_species(folder: AudioFolder) -> bool:
    """Whether at least half of the recordings lie in sub-folders."""
    nested = sum("/" in folder.name(path) for path in folder.files)
    return nested > 0 and 2 * nested >= len(folder.files)
