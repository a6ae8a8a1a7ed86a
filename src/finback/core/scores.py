"""Scores of labelled clips as a table: the logits of each clip, and the fold that scored it.

There is one row for each clip, with its place in the recording. So figures can be drawn again, runs compared
clip by clip, and ensembles weighted, without reading any audio.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from finback.core.errors import RunError
from finback.core.files import atomic_path
from finback.core.split_table import NAMES
from finback.core.types import Clip, Labels, Scores, Subset


def save_scores(path: Path, scores: Scores, folds: np.ndarray, subset: Subset = "test") -> None:
    """One row for each clip: the clip, its set, the fold (N,) that scored it, and its calibrated logits."""
    rows = scores.clips
    table = pa.table(
        {
            "recording_id": [c.recording.id for c in rows],
            "file": [c.recording.path.name for c in rows],
            "start": [c.start for c in rows],
            "stop": [c.stop for c in rows],
            "channel": [c.key[3] for c in rows],
            "group": [c.group for c in rows],
            "species": [c.label for c in rows],
            "subset": [NAMES[subset]] * len(rows),
            "fold": folds.astype(np.int32),
            "logits": pa.array(list(scores.logits), type=pa.list_(pa.float32())),
        }
    ).replace_schema_metadata({"labels": "\n".join(scores.labels.names)})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)


def load_scores(path: Path, clips: Sequence[Clip]) -> tuple[Scores, np.ndarray]:
    """The reverse: scores over those of the run's manifest clips that are in the table, and folds (N,).

    Clips take their group from the table, which has the groups at the time of scoring. Raises `RunError` when
    the file is missing or damaged, or has clips that are not among `clips`.
    """
    known = {c.key: c for c in clips}
    try:
        table = pq.read_table(path)
        names = (table.schema.metadata or {})[b"labels"].decode().split("\n")
        keys = zip(*(table[k].to_pylist() for k in ("recording_id", "start", "stop", "channel")), strict=True)
        scored = [known[key].in_group(g) for key, g in zip(keys, table["group"].to_pylist(), strict=True)]
    except FileNotFoundError:
        raise RunError(f"{path}: no such file", "is this a finished finback run folder?") from None
    except (pa.ArrowInvalid, KeyError) as error:
        raise RunError(f"{path}: does not fit this run ({error})", "train or evaluate it again") from None
    logits = np.array(table["logits"].to_pylist(), dtype=np.float32).reshape(len(scored), len(names))
    return Scores(tuple(scored), Labels(tuple(names)), logits), table["fold"].to_numpy()
