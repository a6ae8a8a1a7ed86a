"""A small study of what synthetic clips add, for the tests of its parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from finback.evaluation import synthetic_study as gain

ARMS = ["none", "classic", "gaussian", "moved"]

FEW = ("training.epochs=2", "model.width=4", "model.depth=2")


def job(tiny: str, names: Iterable[str] = ARMS, **other: Any) -> gain.Gain:
    told = {k: other.pop(k) for k in ("ratios", "fill", "thin", "judge", "over", "below") if k in other}
    settings = gain.GainSettings(**{"ratios": (0.5, 2.0), **told})
    return gain.plan(list(names), "cnn2d", tiny, FEW, (), 2, settings, device="cpu", **other)
