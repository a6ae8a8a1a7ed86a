"""From spans to scores: files are decoded once, forwards, and their windows scored a few dozen at a time.

    analyse = Analyser(Predictor.load("watkins"), ScanSettings())
    for result in analyse(spans):                # SpanScores or SpanError, in the order of the spans

A window has the logits that `Predictor.score_windows` gives it, bit for bit: both read it from the same
native samples through the same `Extractor` and the same networks. Windows of many short files go through the
networks together. Memory is bounded by a few windows and one block of samples, whatever the files are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from finback.audio.faults import faults_of
from finback.core.errors import FinbackError
from finback.models.predictor import Predictor
from finback.models.window_scores import Inputs
from finback.scan.grid import Grid
from finback.scan.look import require_unchanged
from finback.scan.reading import SpanSamples
from finback.scan.settings import ScanSettings
from finback.scan.spans import Span, SpanError, SpanScores

WINDOWS = 64  # that go through the networks together,
BYTES = 1 << 25  # and the features of more than a few


@dataclass(eq=False)
class _Pending:
    """A span on its way: what is known of its windows so far."""

    span: Span
    logits: list[NDArray[np.float32]] = field(default_factory=list)
    embeddings: list[NDArray[np.float32]] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    reason: str = ""  # why it cannot be analysed
    is_read: bool = False

    @property
    def is_done(self) -> bool:
        scored = sum(len(part) for part in self.logits)
        return self.is_read and (bool(self.reason) or scored == self.span.last - self.span.first)

    def result(self) -> SpanScores | SpanError:
        if self.reason:
            return SpanError(self.span, self.reason)
        span, grid = self.span, Grid.of(self.span)
        return SpanScores(
            span,
            grid.starts(span.first, span.last),
            grid.stops(span.first, span.last),
            np.concatenate(self.logits),
            np.array(self.faults, dtype=np.uint8),
            np.concatenate(self.embeddings) if self.embeddings else None,
        )


@dataclass(frozen=True, eq=False)
class _Piece:
    """A few neighbouring windows of a span, ready for the networks."""

    pending: _Pending
    n_windows: int
    inputs: Sequence[Inputs]  # of each feature group


class Analyser:
    """A model with the settings of a scan; see the module."""

    def __init__(self, predictor: Predictor, settings: ScanSettings) -> None:
        self.predictor, self.settings = predictor, settings
        self._groups = predictor.feature_groups

    def __call__(self, spans: Sequence[Span]) -> Iterator[SpanScores | SpanError]:
        """The results, in the order of the spans. Whatever is wrong with a file is the error of its spans."""
        waiting: deque[_Pending] = deque()  # in order, not yielded yet
        pieces: list[_Piece] = []
        for span in spans:
            pending = _Pending(span)
            waiting.append(pending)
            for piece in self._read(pending):
                pieces.append(piece)
                n_bytes = sum(inputs.n_bytes for piece in pieces for inputs in piece.inputs)
                if sum(piece.n_windows for piece in pieces) >= WINDOWS or n_bytes >= BYTES:
                    self._score(pieces)
                    pieces = []
            while waiting and waiting[0].is_done:
                yield waiting.popleft().result()
        if pieces:
            self._score(pieces)
        for pending in waiting:
            yield pending.result()

    def _read(self, pending: _Pending) -> Iterator[_Piece]:
        """The windows of a span, a few at a time; on an error the rest of the span is left out."""
        span = pending.span
        try:
            require_unchanged(span.file)
            yield from self._pieces(pending)
            require_unchanged(span.file)
        except FinbackError as error:
            pending.reason = str(error)
        pending.is_read = True

    def _pieces(self, pending: _Pending) -> Iterator[_Piece]:
        span, grid, first = pending.span, Grid.of(pending.span), self._groups[0][1].extractor
        windows = (span.first, span.last)
        starts, stops = grid.starts(*windows).tolist(), grid.stops(*windows).tolist()
        cell_stops = dict(zip(starts, grid.cell_stops(*windows).tolist(), strict=True))
        rate = span.file.sample_rate
        reach = max(g.extractor.spec.native(g.extractor.spec.clip_samples, rate) for _, g in self._groups)
        needed = (self._first_needed(starts[0], rate), min(span.stop, max(stops[-1], starts[-1] + reach)))
        with closing(SpanSamples(span.file, span.channel, *needed)) as sound:
            for places in first.in_groups(zip(starts, stops, strict=True), rate):
                inputs = [Inputs.of(group, sound, places, span.stop) for _, group in self._groups]
                pending.faults += [faults_of(sound.read(a, cell_stops[a]), rate) for a, _ in places]
                yield _Piece(pending, len(places), inputs)
                sound.forget(self._first_needed(places[-1][0], rate))

    def _first_needed(self, start: int, sample_rate: int) -> int:
        """The first sample that windows from `start` on need."""
        return min(group.extractor.first_needed(start, sample_rate) for _, group in self._groups)

    def _score(self, pieces: Sequence[_Piece]) -> None:
        """Run the networks, and give each span what is its own."""
        own = zip(*(piece.inputs for piece in pieces), strict=True)
        joined = [Inputs.joined(parts) for parts in own]
        logits, embeddings = self.predictor.score_inputs(joined, self.settings.keep_embeddings)
        at = 0
        for piece in pieces:
            rows = slice(at, at + piece.n_windows)
            at = rows.stop
            piece.pending.logits.append(logits[rows])
            if self.settings.keep_embeddings:
                piece.pending.embeddings.append(embeddings[rows])
            if not (np.isfinite(logits[rows]).all() and np.isfinite(embeddings[rows]).all()):
                path = piece.pending.span.file.path
                piece.pending.reason = (
                    f"{path}: the scores are not finite numbers; check the level of its samples"
                )
