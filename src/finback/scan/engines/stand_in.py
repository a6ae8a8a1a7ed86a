"""A simple analyser, window by window; only until scan/windows.py is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from finback.audio import io
from finback.core.errors import AudioError
from finback.models.predictor import Predictor
from finback.scan.look import require_unchanged
from finback.scan.settings import ScanSettings
from finback.scan.spans import Span, SpanError, SpanScores


class _File:
    def __init__(self, span: Span) -> None:
        self.span, self.sample_rate, self.n_samples = span, span.file.sample_rate, span.file.n_samples
        self.key, self.name = object(), span.file.path

    def reaches(self, stop: int) -> bool:
        return stop <= self.n_samples

    def read(self, start: int, stop: int) -> np.ndarray:
        return io.read(self.span.file.path, start, stop, self.span.channel)

    def forget(self, before: int) -> None:
        pass


class Analyser:
    def __init__(self, predictor: Predictor, settings: ScanSettings) -> None:
        self.predictor = predictor

    def __call__(self, spans: Sequence[Span]) -> Iterator[SpanScores | SpanError]:
        for span in spans:
            try:
                require_unchanged(span.file)
                yield self._one(span)
            except AudioError as error:
                yield SpanError(span, str(error))

    def _one(self, span: Span) -> SpanScores:
        hop_s = span.hop / span.file.sample_rate
        parts = list(self.predictor._windows(_File(span), hop_s, span.start, span.stop))
        own = slice(span.first, span.last)
        start = np.concatenate([p.start for p in parts])[own]
        stop = np.concatenate([p.stop for p in parts])[own]
        logits = np.concatenate([p.logits for p in parts])[own]
        return SpanScores(span, start, stop, logits, np.zeros(len(start), np.uint8))
