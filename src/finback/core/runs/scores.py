"""Scores of labelled clips as a table: the logits of each clip, and the fold that scored it.

There is one row for each clip, with its place in the recording. So figures can be drawn again, runs compared
clip by clip, and ensembles weighted, without reading any audio.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finback.core.errors import RunError
from finback.core.runs.split_table import NAMES
from finback.core.storage.files import RESTORE
from finback.core.storage.parquet import read_table, write_table
from finback.core.types import Clip, Labels, Scores, Subset

COLUMNS = {
    **{"recording_id": "text", "file": "text", "start": "integer", "stop": "integer", "channel": "integer"},
    **{"group": "text", "species": "text", "fold": "integer", "logits": "numbers"},
}
ODDS = "known_log_odds"  # of any of the species, from a gate that was not trained on the group of the clip


def save_scores(
    path: Path, scores: Scores, folds: np.ndarray, subset: Subset = "test", odds: np.ndarray | None = None
) -> None:
    """One row for each clip: the clip, its set, the fold (N,) that scored it, and its calibrated logits.

    `odds` (N,) are the log odds of the gate, for a classifier that has one.
    """
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
    )
    if odds is not None:
        table = table.append_column(ODDS, pa.array(odds.astype(np.float32)))
    write_table(path, table, {"labels": "\n".join(scores.labels.names)})


def load_scores(path: Path, clips: Sequence[Clip]) -> tuple[Scores, np.ndarray]:
    """The reverse: scores over those of the run's manifest clips that are in the table, and folds (N,).

    Clips take their group from the table, which has the groups at the time of scoring. Raises `RunError` when
    the file is missing or damaged, or has clips that are not among `clips`.
    """
    known = {c.key: c for c in clips}
    table, metadata = read_table(path, COLUMNS)
    names = tuple(metadata.get("labels", "").split("\n"))
    keys = zip(*(table[k].to_pylist() for k in ("recording_id", "start", "stop", "channel")), strict=True)
    try:
        scored = [known[key].in_group(g) for key, g in zip(keys, table["group"].to_pylist(), strict=True)]
    except KeyError as error:
        raise RunError(f"{path}: does not fit this run (no clip {error})", RESTORE) from None
    logits = logits_of(table, len(names), path)
    if len(set(names)) != len(names) or "" in names:
        raise RunError(f"{path}: damaged (its labels are {', '.join(names)})", RESTORE)
    return Scores(tuple(scored), Labels(names), logits), table["fold"].to_numpy()


def load_odds(path: Path) -> np.ndarray | None:
    """The log odds (N,) of the gate in the order of `load_scores`; None where there are none."""
    return odds_of(read_table(path, COLUMNS)[0], path)


def odds_of(table: pa.Table, path: Path) -> np.ndarray | None:
    """The log odds (N,) of N rows, or None. Raises `RunError` unless all are finite numbers."""
    if ODDS not in table.column_names:
        return None
    column = table[ODDS]
    if not pa.types.is_floating(column.type) or column.null_count:
        raise RunError(f"{path}: damaged ({ODDS} does not hold numbers)", RESTORE)
    odds = np.asarray(column.to_numpy(), dtype=np.float64)
    if not np.isfinite(odds).all():
        raise RunError(f"{path}: damaged ({ODDS} is not a finite number)", RESTORE)
    return odds


def logits_of(table: pa.Table, n_labels: int, path: Path) -> np.ndarray:
    """The logits (N, K) float32 of N rows. Raises `RunError` unless all rows hold K finite numbers."""
    column = table["logits"].combine_chunks()
    if column.flatten().null_count or set(pc.list_value_length(column).unique().to_pylist()) - {n_labels}:
        raise RunError(
            f"{path}: damaged (a row does not hold {n_labels} logits, one for each label)", RESTORE
        )
    logits = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, n_labels)
    if not np.isfinite(logits).all():
        raise RunError(f"{path}: damaged (a logit is not a finite number)", RESTORE)
    return logits
