"""Trained models that come with finback, by name: `watkins` is a classifier, a generator and a vocoder.

Each is a run folder like any other, with weights in half precision and a model card. Learnt from the Watkins
Marine Mammal Sound Database, whose recordings are for research and teaching: so are the weights.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from finback.core.errors import RunError
from finback.core.run_files import RunFiles

KINDS = ("classifier", "generator", "vocoder")


def names(kind: str) -> list[str]:
    """Names of the shipped models of a kind."""
    root = _root()
    return (
        sorted(p.name for p in root.iterdir() if RunFiles(p / kind).run_json.is_file())
        if root.is_dir()
        else []
    )


def resolve(name: str | Path, kind: str) -> Path:
    """The run folder that is meant: an existing folder, else a shipped model's name.

    Raises `RunError` if it is neither.
    """
    if Path(name).exists():  # what it holds is for its reader to say
        return Path(name)
    if str(name) in names(kind):
        return _root() / str(name) / kind
    known = ", ".join(names(kind)) or "none"
    raise RunError(f"{name}: no such run folder", f"give a run folder, or a {kind} that comes along: {known}")


def _root() -> Path:
    return Path(str(resources.files("finback") / "weights"))
