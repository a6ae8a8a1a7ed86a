"""`map.parquet` in the run folder: the position of each clip, since computing a layout takes long."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.storage.parquet import read_table, write_table
from finback.core.types import Clip
from finback.evaluation.embedding_map.neighbours import Neighbours


def fingerprint(run: RunFolder, clips: Sequence[Clip], names: Sequence[str], seed: int) -> str:
    """Hex digits that are equal exactly if the layouts are equal."""
    digest = hashlib.blake2b(run.fingerprint().encode(), digest_size=12)
    digest.update(repr(([c.key for c in clips], [c.group for c in clips], list(names), seed)).encode())
    return digest.hexdigest()


def save(
    path: Path,
    clips: Sequence[Clip],
    seen_in_training: NDArray[np.bool_],
    layouts: dict[str, NDArray[np.float32]],
    near: Neighbours,
    digest: str,
) -> None:
    """Write one row for each clip; layouts are (N, 2), `digest` is the `fingerprint`."""
    columns = {
        "recording_id": [c.recording.id for c in clips],
        "file": [c.recording.path.name for c in clips],
        "start": [c.start for c in clips],
        "stop": [c.stop for c in clips],
        "channel": [c.key[3] for c in clips],
        "group": [c.group for c in clips],
        "species": [c.label for c in clips],
        "seen_in_training": seen_in_training.tolist(),
    }
    for name, flat in layouts.items():
        columns |= {f"{name} x": flat[:, 0], f"{name} y": flat[:, 1]}
    metadata = {"fingerprint": digest, "neighbours": json.dumps(asdict(near)), "layouts": "\n".join(layouts)}
    write_table(path, pa.table(columns), metadata)


def load(path: Path, digest: str) -> tuple[dict[str, NDArray[np.float32]], Neighbours] | None:
    """The saved layouts, if the fingerprint is the same; None for another one or a damaged file."""
    try:
        table, metadata = read_table(path, {})
        if metadata.get("fingerprint") != digest:
            return None
        near = Neighbours(**json.loads(metadata["neighbours"]))
        layouts = {
            name: np.column_stack([table[f"{name} {axis}"].to_numpy() for axis in "xy"])
            for name in metadata["layouts"].split("\n")
        }
    except (RunError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None
    return layouts, near
