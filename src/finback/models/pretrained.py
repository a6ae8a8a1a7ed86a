"""The bundled models, by name: `watkins` is a classifier, a generator of calls and a vocoder.

`watkins-small` is a classifier too, a small network of log-mels. It scans several times as fast as `watkins`
and can be exported, and names fewer calls of new tapes right. `watkins-diffusion` is a generator that turns
noise into a spectrogram step by step.

Each is a run folder like any other, with weights in half precision and a model card. They were trained on
the Watkins Marine Mammal Sound Database. Its recordings and the weights are for research and teaching only:
`TERMS` says so, and so does a warning when a user opens one for the first time. A build of finback without
weights (`make core-wheel`) has none.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal

from finback.core.errors import FinbackError, RunError, Terms
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder
from finback.core.storage.caches import default_folder
from finback.core.storage.files import write_atomic

Kind = Literal["classifier", "generator", "vocoder"]
TRAINED_BY = {"classifier": "yamnet-mix", "generator": "calls", "vocoder": "vocoder"}
KINDS = ("classifier", "generator", "vocoder")
# The terms of the weights, by name: those of the recordings. Also in TERMS.md, NOTICE, cards and metadata.
TERMS = dict.fromkeys(
    ("watkins", "watkins-diffusion", "watkins-small"),
    "free for personal and academic use, not commercial; credit the database",
)
LICENCE_REFS = dict.fromkeys(TERMS, "LicenseRef-Watkins-Noncommercial")


def names(kind: str) -> list[str]:
    """Names of the bundled models of a kind."""
    root = _root()
    return (
        sorted(p.name for p in root.iterdir() if RunFiles(p / kind).run_json.is_file())
        if root.is_dir()
        else []
    )


def resolve(name: str | Path, kind: str) -> Path:
    """The run folder of that path, or of the bundled model of that name.

    Raises `RunError` if it is neither.
    """
    if Path(name).exists():  # checked when it is opened
        return Path(name)
    if str(name) in names(kind):
        if str(name) in TERMS:
            _say_terms(str(name), default_folder())
        return bundled(str(name), kind)
    if str(name) in TERMS and not names(kind):
        raise RunError(
            f"{name}: this build of finback has no bundled models, so that all of it may be used freely",
            "for research and teaching, install the wheel that has them: pip install --force-reinstall WHEEL",
        )
    known = ", ".join(names(kind)) or "none"
    raise RunError(
        f"{name}: no such run folder", f"give a run folder, or the name of a bundled {kind}: {known}"
    )


def bundled(name: str, kind: str) -> Path:
    """The folder of the bundled model of that name; its terms are not said, so it is only looked at."""
    return _root() / name / kind


def kinds_of(name: str | Path) -> list[str]:
    """The kinds of the bundled models of that name; none where it is a folder, or no such name."""
    return [] if Path(name).exists() else [kind for kind in KINDS if str(name) in names(kind)]


def resolve_any(name: str | Path, *preferred: Kind) -> Path:
    """The run folder of that path, or of the bundled model of that name, whatever its kind.

    Of a name with models of several kinds: the first of `preferred` that it has, else the first of `KINDS`.
    Raises `RunError` if it is neither.
    """
    found = kinds_of(name)
    for kind in (*preferred, *found):
        if kind in found:
            return resolve(name, kind)
    return resolve(name, preferred[0] if preferred else "classifier")


def own_run(name: str | Path, what: str, instead: str) -> Path:
    """The path of a run folder of the user, for work that needs the recordings of the run.

    A bundled model has none. Raises `RunError` that says so for its name: `what` is the work ("a map"),
    `instead` the repair. Other names are checked when they are opened.
    """
    if kinds_of(name) or Path(name).resolve().is_relative_to(_root().resolve()):
        raise RunError(
            f"{name}: bundled with finback without its recordings, which {what} needs",
            f"give a run folder of yours; {instead}",
        )
    return Path(name)


def open_run(where: str | Path, kind: Kind) -> RunFolder:
    """The run folder of that kind, or of the bundled model of that name; an ensemble is a classifier.

    Raises `RunError` if there is no such folder or model, or the folder is of another kind.
    """
    run = RunFolder.open(resolve(where, kind))
    found = run.info.kind
    if found != kind and not (kind == "classifier" and found == "ensemble"):
        raise RunError(
            f"{where}: a {found}, not a {kind}", f"give the folder of finback train {TRAINED_BY[kind]}"
        )
    return run


def terms(where: str | Path) -> str:
    """The terms of the bundled model of that name, as one sentence; "" for anything else."""
    if str(where) not in TERMS or Path(where).exists():
        return ""
    return f"the bundled {where} models ({LICENCE_REFS[str(where)]}): {TERMS[str(where)]}"


@lru_cache(maxsize=16)
def _say_terms(name: str, cache: Path) -> None:
    """Warn with the terms once for each user; a cache that cannot be written to is no obstacle."""
    said = cache / "terms" / f"{name}.txt"
    try:
        if said.is_file():
            return
        said.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(said, f"{terms(name)}\n")
    except (OSError, FinbackError):
        pass
    warnings.warn(f"licence: {terms(name)}", Terms, stacklevel=4)


def _root() -> Path:
    return Path(str(resources.files("finback") / "weights"))
