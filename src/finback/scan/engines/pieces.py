"""The pieces of units that an engine hands to its workers, and what is done when a worker dies on one.

A unit is one piece. When the worker that had it dies, its spans are tried one by one; a span whose worker
died twice is written as an error of that span. A unit is done when all its pieces are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from finback.scan.engines.contract import MOST_DEATHS, Done, given_up, single_spans
from finback.scan.plan import Unit


@dataclass(eq=False)
class _Whole:
    """A unit, and what became of its pieces."""

    unit: Unit
    n_open: int = 1
    parts: list[str] = field(default_factory=list)
    n_failed: int = 0


@dataclass(eq=False)
class Piece:
    """Spans of a unit that go to a worker together, and how many workers died on them."""

    unit: Unit
    whole: _Whole
    deaths: int = 0


class Pieces:
    """A queue; `folder` is the journal's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: deque[Piece] = deque()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def add(self, unit: Unit) -> None:
        self._waiting.append(Piece(unit, _Whole(unit)))

    def pop(self) -> Piece:
        return self._waiting.popleft()

    def put_back(self, piece: Piece) -> None:
        """It was not begun."""
        self._waiting.appendleft(piece)

    def finished(self, piece: Piece, done: Done) -> Iterator[Done]:
        """A piece is in the journal; yields the unit when all of it is."""
        whole = piece.whole
        whole.parts += done.parts
        whole.n_failed += done.n_failed
        whole.n_open -= 1
        if whole.n_open == 0:
            yield Done(whole.unit, tuple(whole.parts), whole.n_failed)

    def died(self, piece: Piece, how: str) -> Iterator[Done]:
        """A worker died on a piece."""
        smaller = single_spans(piece.unit)
        if len(smaller) > 1:
            piece.whole.n_open += len(smaller) - 1
            self._waiting += [Piece(unit, piece.whole) for unit in smaller]
        elif piece.deaths + 1 < MOST_DEATHS:
            piece.deaths += 1
            self._waiting.append(piece)
        else:
            yield from self.finished(piece, given_up(self.folder, piece.unit, how))
