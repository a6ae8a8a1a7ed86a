"""What a mutant's command answered, and what counts as right."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from dataclasses import dataclass
from typing import Any

REFUSED, REMARK, SAME, RIGHT = "refused", "remark", "same", "right"


class Nonsense(AssertionError):
    """An answer that is neither a refusal, nor a remark, nor the truth."""


class Unforeseen(AssertionError):
    """The command reached its last resort."""


@dataclass(frozen=True)
class Said:
    """One command: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def finback(*words: str) -> Said:
    """Run a command of finback in this process. An exception that it lets through is the caller's."""
    from finback.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    kept = sys.argv, sys.excepthook, sys.stdin, warnings.showwarning
    sys.argv, sys.stdin = ["finback", *words], io.StringIO()
    code: Any = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as stop:
                code = stop.code or 0
    finally:
        sys.argv, sys.excepthook, sys.stdin, warnings.showwarning = kept
    for stream in (out, err):
        stream.flush()
    texts = [stream.buffer.getvalue().decode("utf-8", "replace") for stream in (out, err)]  # type: ignore[attr-defined]
    return Said(int(code), *texts)


def refusal(said: Said) -> bool:
    """Whether the command refused. Raises for a refusal that is not one, such as a code without a message."""
    if said.code == 0:
        return False
    last = said.err.strip().splitlines()[-1] if said.err.strip() else ""
    if "Traceback (most recent call last)" in said.err:
        raise Unforeseen(said.err[-2000:])
    if "out of memory" in said.err or said.code not in (1, 2):
        raise Unforeseen(f"code {said.code}: {said.err[-500:]}")
    if "finback: " not in said.err or not last:
        raise Nonsense(f"code {said.code} without a message: {said.err[-500:]}")
    return True


def probabilities(answer: Any) -> list[dict[str, float]]:
    """The probabilities of each file of `predict --json`. Raises `Nonsense` unless they are probabilities."""
    found = [one["species"] for one in answer["predictions"]]
    for one in found:
        values = list(one.values())
        if not values or any(not 0 <= p <= 1 for p in values) or abs(sum(values) - 1) > 1e-3:
            raise Nonsense(f"probabilities {values}")
    return found


def close(one: Any, two: Any, within: float = 1e-6) -> bool:
    """Whether two JSON values are equal, numbers within a little."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(close(one[k], two[k], within) for k in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(close(a, b, within) for a, b in zip(one, two, strict=True))
    if isinstance(one, float) and isinstance(two, float | int):
        return abs(one - two) <= within
    return bool(one == two)
