"""Journals without a model and without audio: made from logits that a test gives.

    journal = scanned(tmp_path, {"site/a.wav": logits})             # logits (W, K); a new Journal, read again
    journal = scanned(tmp_path, {...}, errors={"b.wav": "damaged"}, labels=("Fin whale", "Ship"))

By default a file has 1,000 Hz, windows of 2,000 samples every 1,000 samples, and as many samples as its
windows need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from finback.scan.grid import Grid
from finback.scan.header import JournalHeader
from finback.scan.journal import Journal
from finback.scan.known import segments_of
from finback.scan.settings import ScanSettings
from finback.scan.spans import FileState, ScannedFile, Span, SpanError, SpanScores

LABELS = ("Fin whale", "Humpback whale")
RATE, WINDOW_S, HOP_S = 1000, 2.0, 1.0


def header(labels: Sequence[str] = LABELS, hop_s: float | None = HOP_S, **changes: Any) -> JournalHeader:
    """A header of a model with windows of two seconds at 1,000 Hz; settings may be changed too."""
    own = {name: changes.pop(name) for name in list(changes) if name in ScanSettings.model_fields}
    given = {
        **{"fingerprint": "0123456789ab", "labels": tuple(labels), "features": "ba9876543210"},
        **{"sample_rate": RATE, "window_samples": round(WINDOW_S * RATE), "context_s": WINDOW_S},
        **{"top_hz": RATE / 2, "model": "tiny", "settings": ScanSettings(hop_s=hop_s, **own)},
    }
    return JournalHeader(**{**given, **changes})


def file_of(path: str, n_windows: int = 1, rate: int = RATE, **changes: Any) -> ScannedFile:
    """A file with as many samples as its windows need."""
    n_samples = round((WINDOW_S + HOP_S * (n_windows - 1)) * rate)
    file = ScannedFile(path, 2 * n_samples + 44, 1, "0123abcd", rate, n_samples, 1)
    return replace(file, **changes)


def spans_of(head: JournalHeader, file: ScannedFile, channel: int | None = None) -> list[Span]:
    """Each segment of the file as one span."""
    window, hop = head.window_in(file.sample_rate), head.hop_in(file.sample_rate)
    return [
        Span(file, channel, start, stop, window, hop, 0, Grid(start, stop, window, hop).n_windows)
        for start, stop in segments_of(file)
    ]


def scores(
    span: Span, logits: ArrayLike, faults: ArrayLike | None = None, embeddings: Any = None
) -> SpanScores:
    """These logits (W, K) as the result of a span."""
    x = np.asarray(logits, dtype=np.float32)
    grid = Grid.of(span)
    first, last = span.first, span.last
    kept = None if embeddings is None else np.asarray(embeddings, dtype=np.float32)
    marks = np.zeros(len(x), np.uint8) if faults is None else np.asarray(faults, dtype=np.uint8)
    return SpanScores(span, grid.starts(first, last), grid.stops(first, last), x, marks, kept)


def scanned(
    folder: Path,
    sounds: Mapping[str, ArrayLike],
    labels: Sequence[str] = LABELS,
    faults: Mapping[str, ArrayLike] | None = None,
    errors: Mapping[str, str] | None = None,
    start_times: Mapping[str, datetime] | None = None,
    files: Mapping[str, ScannedFile] | None = None,
    **changes: Any,
) -> Journal:
    """A journal in `folder` with the logits (W, K) of each file, by path.

    `errors` are files that could not be opened, with the reason. `files` replaces some files, for
    example for another rate, a schedule or a remark; logits then fill its segments in order. `changes` are
    those of `header`.
    """
    head = header(labels, **changes)
    journal = Journal.open(folder, head)
    times = start_times or {}
    for path, logits in sounds.items():
        x = np.asarray(logits, dtype=np.float32)
        file = (files or {}).get(path) or file_of(path, len(x), start_time=times.get(path))
        marks = np.asarray((faults or {}).get(path, np.zeros(len(x))), dtype=np.uint8)
        at, results = 0, []
        for span in spans_of(head, file):
            n = span.last
            results.append(scores(span, x[at : at + n], marks[at : at + n]))
            at += n
        journal.write_part(results)
        journal.record([FileState(file)])
    for path, reason in (errors or {}).items():
        journal.record([FileState(ScannedFile(path, 0, 0, "", 0, 0, 0), reason)])
    return Journal.read(folder)


def failed(span: Span, reason: str) -> SpanError:
    """A span that could not be analysed."""
    return SpanError(span, reason)
