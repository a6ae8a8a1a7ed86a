"""Files of the user that a model needs, such as the ONNX network of a backbone.

The attribute `files` of a family names the settings that are such files, and the names of their copies in a
run folder. `run.json` holds the name of the copy instead of a path, so a run folder works wherever it is
copied or moved to, and the same file under another path is the same run. The content of the file, and of the
files that it names, is part of `backbone_version`.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finback import models
from finback.core.errors import RunError, SettingsError
from finback.core.runs import files as run_files
from finback.core.runs.files import FOLDS
from finback.core.storage.files import RESTORE, atomic_path
from finback.core.storage.paths import inside
from finback.features.backbones import added
from finback.features.backbones.onnx_files import network_files

WEIGHTS = "weights"  # the setting of families on added weights

# Names that files and folders of a run have, in lower case.
TAKEN = frozenset(value for key, value in vars(run_files).items() if key.isupper()) | {"figures"}


def stored_settings(family: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Model settings as `run.json` holds them: each file by the name of its copy in the run folder."""
    names = {key: name for key, name in _files(family).items() if settings.get(key)}
    return {**settings, **names}


def located_settings(family: str, settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Model settings with the paths of the copies in a run folder, for `models.create`.

    A fold finds the copy of the whole run. Raises `RunError` where there is no copy: a run folder can come
    from anybody, and no file outside of it is opened.
    """
    copies = {key: str(path) for key, path in _copies(family, folder).items()}
    for key, name in _files(family).items():
        if settings.get(key) and key not in copies:
            raise RunError(f"{Path(folder) / name}: no such file", RESTORE)
    return {**settings, **copies}


def resumed_settings(family: str, settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Model settings for training in `folder`: its copies replace files that no longer exist.

    A family on added weights gets the copy of `folder`, else the added file, unless a file is named.
    """
    copies = {key: str(path) for key, path in _copies(family, folder).items()}
    gone = [key for key in copies if settings.get(key) and not Path(settings[key]).is_file()]
    found = {**settings, **{key: copies[key] for key in gone}}
    if _is_added(family) and not found.get(WEIGHTS):
        own = models.family(family)
        found[WEIGHTS] = copies.get(WEIGHTS) or str(added.required(own.input))
    return found


def _is_added(family: str) -> bool:
    return family in models.CLASSIFIERS and models.family(family).input in added.ADDABLE


def keep_files(family: str, settings: Mapping[str, Any], folder: Path) -> None:
    """Copy the files into a run folder, each whole or not at all; existing copies stay.

    The file that names others comes last, so that a copy is never without them. Raises `SettingsError` for a
    file that has the name of a file of the run.
    """
    for key, name in _files(family).items():
        if settings.get(key):
            first, *others = network_files(Path(settings[key])).items()
            for inner, source in others:
                if inner.split("/")[0].casefold() in (*TAKEN, name):
                    raise SettingsError(
                        f"{source}: '{inner}' is the name of a file of a run folder",
                        "export the network with another name for the file of its tensors",
                    )
                _keep(source, inside(folder, inner))
            _keep(first[1], Path(folder) / name)


def _keep(source: Path, target: Path) -> None:
    if not target.exists():
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)


def keep_copies(family: str, source: Path, folder: Path) -> None:
    """Copy the files of the run folder `source` into another one."""
    found = {key: str(path) for key, path in _copies(family, source).items()}
    keep_files(family, found, folder)


def _files(family: str) -> Mapping[str, str]:
    return models.family(family).files if family in models.CLASSIFIERS else {}


def _copies(family: str, folder: Path) -> dict[str, Path]:
    """The copies that a run folder has, by setting; a fold has those of the whole run."""
    folder = Path(folder)
    places = [folder, folder.parent.parent] if folder.parent.name == FOLDS else [folder]
    paths = [(key, place / name) for place in reversed(places) for key, name in _files(family).items()]
    return {key: path for key, path in paths if path.is_file()}
