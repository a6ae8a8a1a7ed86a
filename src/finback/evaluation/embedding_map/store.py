"""`map.parquet`: where each clip lies, kept in the run folder, since a layout takes longer than a drawing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from finback.core.files import atomic_path
from finback.core.types import Clip
from finback.evaluation.embedding_map.neighbours import Neighbours


def fingerprint(weights: Path, clips: Sequence[Clip], names: Sequence[str], seed: int) -> str:
    """Equal exactly when the layouts would be."""
    digest = hashlib.blake2b(weights.read_bytes(), digest_size=12)
    digest.update(repr(([c.key for c in clips], [c.group for c in clips], list(names), seed)).encode())
    return digest.hexdigest()


def save(
    path: Path,
    clips: Sequence[Clip],
    heard: np.ndarray,
    layouts: dict[str, np.ndarray],
    near: Neighbours,
    made_of: str,
) -> None:
    """One row a clip."""
    columns = {
        "recording_id": [c.recording.id for c in clips],
        "file": [c.recording.path.name for c in clips],
        "start": [c.start for c in clips],
        "stop": [c.stop for c in clips],
        "channel": [c.key[3] for c in clips],
        "group": [c.group for c in clips],
        "species": [c.label for c in clips],
        "heard": heard.tolist(),
    }
    for name, flat in layouts.items():
        columns |= {f"{name} x": flat[:, 0], f"{name} y": flat[:, 1]}
    facts = {"made_of": made_of, "neighbours": json.dumps(asdict(near)), "layouts": "\n".join(layouts)}
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(columns).replace_schema_metadata(facts), temporary)


def load(path: Path, made_of: str) -> tuple[dict[str, np.ndarray], Neighbours] | None:
    """What was saved, if it was made of the same; a damaged file is made anew."""
    try:
        table = pq.read_table(path)
        facts = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        if facts.get("made_of") != made_of:
            return None
        near = Neighbours(**json.loads(facts["neighbours"]))
        layouts = {
            name: np.column_stack([table[f"{name} {axis}"].to_numpy() for axis in "xy"])
            for name in facts["layouts"].split("\n")
        }
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None
    return layouts, near
