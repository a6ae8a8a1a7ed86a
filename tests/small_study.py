"""A small synthetic study, for the tests of its parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from finback.evaluation import synthetic_study
from finback.evaluation.study import StudyOptions

ARMS = ["none", "classic", "gaussian", "tape-transfer"]

FEW = ("training.epochs=2", "model.width=4", "model.depth=2")


def study(
    tiny: str, names: Iterable[str] = ARMS, hours: float = 0.0, **settings: Any
) -> synthetic_study.SyntheticStudy:
    chosen = synthetic_study.SyntheticSettings(**{"ratios": (0.5, 2.0), **settings})
    options = StudyOptions(n_folds=2, hours=hours, device="cpu")
    return synthetic_study.plan(list(names), "cnn2d", tiny, FEW, settings=chosen, options=options)
