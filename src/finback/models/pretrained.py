"""The bundled models, by name: `watkins` is a classifier, a generator and a vocoder.

Each is a run folder like any other, with weights in half precision and a model card. They were trained on
the Watkins Marine Mammal Sound Database. Its recordings and the weights are for research and teaching only.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from finback.core.errors import RunError
from finback.core.run_files import RunFiles

KINDS = ("classifier", "generator", "vocoder")


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
        return _root() / str(name) / kind
    known = ", ".join(names(kind)) or "none"
    raise RunError(
        f"{name}: no such run folder", f"give a run folder, or the name of a bundled {kind}: {known}"
    )


def _root() -> Path:
    return Path(str(resources.files("finback") / "weights"))
