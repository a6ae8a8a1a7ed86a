"""Reports on the progress of long work: a bar around a loop, and lines of text. Silent by default."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Item = TypeVar("Item")
# Wraps a loop to show its progress: (items, what is done, how many or None) -> the same items.
Progress = Callable[[Iterable[Any], str, int | None], Iterable[Any]]
Log = Callable[[str], None]  # takes a line for the user


def no_progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterable[Item]:
    """The silent `Progress`."""
    return items


def prefixed(progress: Progress, prefix: str) -> Progress:
    """The same `Progress`; the name of every loop begins with `prefix`."""

    def named(items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
        return progress(items, prefix + what, total)

    return named
