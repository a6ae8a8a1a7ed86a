"""Which part of a recording was annotated in full, from what people write into a column `exhaustive`.

Only there a found event without a true event is a false alarm. Understood are:

    yes                        all of the file (also: true, 1, all, complete)
    no, no: some are missing   none of it (also: false, 0, none, partial, an empty cell)
    0-60, only 0-60 s; 80-90 s these spans, in seconds from the beginning of the file
    up to 60 s                 from the beginning to 60 s
    yes except 2.0-2.9 s       all but these spans; words may stand between
    22:35:15-22:35:36 UTC      these times of day, where the start time of the file is known

Anything else is not understood, and the file then counts as not annotated in full.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

Spans = tuple[tuple[float, float], ...]  # (start, stop) in seconds, in order, apart

_YES = re.compile(r"yes|y|true|1|1\.0|all|whole|full|fully|complete|exhaustive")
_NO = re.compile(r"(no|n|false|none|partial|partly|not)\b.*|0|0\.0")
_NUMBER = r"\d+(?:\.\d+)?"
_SPAN = rf"({_NUMBER})\s*(?:s|sec)?\s*(?:-|\N{{EN DASH}}|to|\.\.)\s*({_NUMBER})\s*(?:s|sec|seconds)?"
_AND = r"\s*(?:[,;]|and|&)\s*"
_SPANS = re.compile(rf"{_SPAN}(?:{_AND}{_SPAN})*")
_ONLY = re.compile(r"(?:yes,?\s*)?(?:only\s*)?(?:inside|in|within|from|between|at)?\s*")
_EXCEPT = re.compile(r"yes,?\s*(?:except|but not|without)\b[^\d]*")
_UP_TO = re.compile(rf"(?:yes,?\s*)?(?:only\s*)?(?:up to|until)\s*({_NUMBER})\s*(?:s|sec|seconds)?")
_TIME = r"(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)"
_CLOCK = re.compile(rf"{_TIME}\s*(?:-|\N{{EN DASH}}|to)\s*{_TIME}")
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Annotated:
    """The spans of a file that were annotated in full: for one class, or for all that are not named."""

    spans: Spans
    by_label: tuple[tuple[str, Spans], ...] = ()  # of labels for which they differ

    def of(self, label: str) -> Spans:
        return dict(self.by_label).get(label, self.spans)


WHOLE: Spans = ((0.0, float("inf")),)
NONE: Spans = ()


def read_spans(text: str, start_time: datetime | None = None) -> Spans:
    """The spans that a cell means (see the module's text). Raises `ValueError` with the reason."""
    said = " ".join(text.split()).casefold().rstrip(".")
    if not said or _NO.fullmatch(said):
        return NONE
    if _YES.fullmatch(said):
        return WHOLE
    if up_to := _UP_TO.fullmatch(said):
        return ((0.0, float(up_to[1])),)
    if (but := _EXCEPT.match(said)) and _SPANS.fullmatch(said, but.end()):
        return _outside(_seconds(said[but.end() :]))
    only = _ONLY.match(said)
    rest = said[only.end() if only else 0 :]
    if _SPANS.fullmatch(rest):
        return _seconds(rest)
    if (clock := rest.removesuffix("utc").strip()) and _is_clock(clock):
        if start_time is None:
            raise ValueError("it states times of day, and the start time of the file is unknown")
        return _since(start_time, clock)
    raise ValueError("it is not understood")


def covered_s(spans: Spans, duration_s: float) -> float:
    """Seconds of the spans within a file of `duration_s`."""
    return sum(max(0.0, min(stop, duration_s) - start) for start, stop in spans)


def _seconds(text: str) -> Spans:
    return joined(tuple((float(a), float(b)) for a, b in re.findall(_SPAN, text)))


def joined(spans: Spans) -> Spans:
    """The spans in order, those that touch as one. Raises `ValueError` for one that ends before it starts."""
    whole: list[tuple[float, float]] = []
    for start, stop in sorted(spans):
        if stop < start:
            raise ValueError(f"the span {start:g}-{stop:g} ends before it starts")
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], stop))
        else:
            whole.append((start, stop))
    return tuple(whole)


def _outside(spans: Spans) -> Spans:
    edges = [0.0, *(edge for span in spans for edge in span), float("inf")]
    return tuple((a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b)


def _is_clock(text: str) -> bool:
    return not re.sub(_AND, "", _CLOCK.sub("", text)).strip()


def _since(start_time: datetime, text: str) -> Spans:
    """Times of day as seconds from the start of a file: each where it comes first, or lasts at the start."""
    begin = start_time.hour * 3600 + start_time.minute * 60 + start_time.second + start_time.microsecond / 1e6
    spans = []
    for h1, m1, s1, h2, m2, s2 in _CLOCK.findall(text):
        first = int(h1) * 3600 + int(m1) * 60 + float(s1) - begin
        last = int(h2) * 3600 + int(m2) * 60 + float(s2) - begin
        last += _DAY_S * (last < first)
        day = next(day for day in (-_DAY_S, 0.0, _DAY_S) if last + day > 0)
        spans.append((max(0.0, first + day), last + day))
    return joined(tuple(spans))
