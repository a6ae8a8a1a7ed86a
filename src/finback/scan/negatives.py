"""Hard negatives as files: recordings without calls are scanned, and what was mined is written as labels.

    negatives = find_negatives("runs/mine", "quiet/", "negatives")
    negatives.mining.clusters, negatives.labels       # negatives/labels.csv

`scan/` holds the scan, which goes on where it was interrupted; `clusters.csv` lists the clusters. A table
that is there with another content is never overwritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finback.core.errors import RunError
from finback.core.storage.csv_files import csv_text
from finback.core.storage.files import write_atomic
from finback.scan.mining import Mining, mine
from finback.scan.outcome import Outcome
from finback.scan.scan import scan

LABELS = ("file", "species", "group", "start_s", "end_s", "channel", "taken_for", "score", "cluster")
CLUSTERS = ("cluster", "windows", "taken", "highest_score", "taken_for")


@dataclass(frozen=True, slots=True)
class Negatives:
    """What was mined, how much was analysed, and the table of labels."""

    mining: Mining
    outcome: Outcome
    labels: Path

    def cluster_rows(self) -> list[tuple[object, ...]]:
        """The rows of `clusters.csv`."""
        clusters = self.mining.clusters
        return [(c.number, c.n_windows, c.n_taken, round(c.score, 4), c.taken_for) for c in clusters]

    def label_rows(self, label: str) -> list[tuple[object, ...]]:
        """The rows of `labels.csv`; the recording is the group."""
        return [
            (w.path, label, w.path, w.start_s, w.stop_s, w.channel, w.taken_for, round(w.score, 4), w.cluster)
            for w in self.mining.windows
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "labels": str(self.labels),
            "heard_h": self.outcome.heard_h,
            "n_windows": self.mining.n_windows,
            "n_clustered": self.mining.n_clustered,
            "n_taken": len(self.mining.windows),
            "clusters": [dict(zip(CLUSTERS, row, strict=True)) for row in self.cluster_rows()],
        }


def find_negatives(
    model: str | Path,
    paths: str | Path | Sequence[str | Path],
    out: str | Path,
    label: str = "background",
    n_clusters: int = 50,
    per_cluster: int = 10,
    **options: Any,
) -> Negatives:
    """Scan recordings that hold no calls, and write what a model takes for calls into `out`.

    `options` are those of `scan.scan`. Raises as `scan.scan` does, `RunError` where nothing was analysed or
    `out` holds other tables.
    """
    folder = Path(out)
    scanned = scan(model, paths, folder / "scan", keep_embeddings=True, **options)
    mining = mine(scanned.journal, n_clusters, per_cluster)
    negatives = Negatives(mining, scanned.outcome, folder / "labels.csv")
    write_same(negatives.labels, csv_text(LABELS, negatives.label_rows(label)))
    write_same(folder / "clusters.csv", csv_text(CLUSTERS, negatives.cluster_rows()))
    return negatives


def write_same(path: Path, text: str) -> None:
    """Write a file, unless it is there with this text. Raises `RunError` when it holds something else."""
    if path.exists():
        if path.read_bytes() != text.encode():
            raise RunError(f"{path}: is there, and holds something else", "give another --out")
        return
    write_atomic(path, text)
