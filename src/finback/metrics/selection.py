"""What a choice among recipes is worth: chosen on some recording groups, scored on groups that took no part.

The best of several recipes on a set of groups (tapes, deployments) owes a part of its score to these groups.
`chosen_and_judged` measures that part. Each draw takes groups with replacement; the recipe with the highest
macro-F1 on the drawn groups is chosen, and scored on the groups that were not drawn, about 37 % (the
bootstrap bias corrected cross-validation, BBC-CV: Tsamardinos, Greasidou & Borboudakis 2018, "Bootstrapping
the out-of-sample predictions for efficient and accurate cross-validation", Machine Learning 107:1895-1922,
here with groups in place of clips). The predictions are those of cross-validation, so no model is trained
again; the models that predicted the drawn groups have seen groups that were not drawn, as in BBC-CV.

A macro-F1 on a third of the groups is another quantity than a macro-F1 on all, so the chosen recipe is
compared with a reference on the same groups each time: its lead where it was chosen, its lead where it was
judged, and the difference of the two, the shrinkage.

`detectable` is the smallest true difference that would be found: with a two-sided test at 5 % and a power of
80 % it is (1.96 + 0.84) standard errors (Bloom 1995, "Minimum detectable effects", Evaluation Review
19:547-556; the percentile interval of a paired bootstrap is 2 x 1.96 standard errors wide).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.metrics import bootstrap
from finback.metrics import classification as classify
from finback.metrics.paired import NOT_TESTED

Z_TEST, Z_POWER = 1.959964, 0.841621  # quantiles of the normal distribution for 5 %, two-sided, and 80 %
N_BOOT = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """True and predicted class ids (N,) of N clips for each recipe and seed, and the group of each clip."""

    truth: np.ndarray = field(repr=False)  # (N,)
    groups: tuple[str, ...] = field(repr=False)  # N names
    predicted: Sequence[Sequence[np.ndarray]] = field(repr=False)  # [recipe][seed] (N,), -1: not tested


def detectable(intervals: Sequence[Sequence[float] | None]) -> float | None:
    """The smallest difference that would be found: from the median width of paired 95 % intervals."""
    widths = [ends[1] - ends[0] for ends in intervals if ends is not None]
    if not widths:
        return None
    return float((Z_TEST + Z_POWER) * np.median(widths) / (2 * Z_TEST))


def chosen_and_judged(
    answers: Answers, names: Sequence[str], reference: str, multi: Collection[int], seed: int = 0
) -> dict[str, Any]:
    """The lead over the reference of the recipe that the drawn groups choose, there and on the other groups.

    `names` are the recipes, `multi` the class ids over which macro-F1 is the mean. Returns `chosen` {recipe:
    share of the draws}, `lead_chosen`, `lead_judged`, `shrinkage` (means over the draws), and
    `lead_judged_ci` (95 %, over groups and choices; None for fewer than four groups).
    """
    scores = GroupScores.of(answers, multi)
    draws = bootstrap.draw_groups(scores.n_groups, N_BOOT, seed)
    inside = scores(draws.astype(float))  # (R, B)
    outside = scores((draws == 0).astype(float))
    defined = np.isfinite(inside).all(axis=0) & np.isfinite(outside).all(axis=0)
    if scores.n_groups < 4 or 2 * defined.sum() < N_BOOT:
        return {
            "chosen": {},
            "lead_chosen": None,
            "lead_judged": None,
            "shrinkage": None,
            "lead_judged_ci": None,
        }
    inside, outside = inside[:, defined], outside[:, defined]
    best, of_reference = inside.argmax(axis=0), list(names).index(reference)
    at = np.arange(inside.shape[1])
    lead_chosen = inside[best, at] - inside[of_reference]
    lead_judged = outside[best, at] - outside[of_reference]
    shares = np.bincount(best, minlength=len(names)) / len(best)
    return {
        "chosen": {name: float(share) for name, share in zip(names, shares, strict=True) if share},
        "lead_chosen": float(lead_chosen.mean()),
        "lead_judged": float(lead_judged.mean()),
        "shrinkage": float((lead_chosen - lead_judged).mean()),
        "lead_judged_ci": bootstrap.percentiles(lead_judged),
    }


@dataclass(frozen=True, eq=False)
class GroupScores:
    """Macro-F1 (R, B) of R recipes, mean over seeds, for B weightings of the groups."""

    counts: Sequence[Sequence[NDArray[np.float64]]]  # [recipe][seed] (G, K * K), true times predicted
    multi: np.ndarray
    n_groups: int
    n_classes: int

    @classmethod
    def of(cls, answers: Answers, multi: Collection[int]) -> GroupScores:
        codes, n_groups = bootstrap.group_codes(answers.groups)
        highest = max(int(p.max()) for seeds in answers.predicted for p in seeds)
        k = 1 + max(int(answers.truth.max()), highest, *multi)

        def counted(predicted: np.ndarray) -> NDArray[np.float64]:
            tested = predicted != NOT_TESTED
            cell = (codes * k + answers.truth) * k + predicted
            return np.bincount(cell[tested], minlength=n_groups * k * k).reshape(n_groups, -1).astype(float)

        counts = [[counted(np.asarray(p)) for p in seeds] for seeds in answers.predicted]
        return cls(counts, np.array(sorted(multi), dtype=int), n_groups, k)

    def __call__(self, weights: np.ndarray) -> NDArray[np.float64]:
        """`weights` (B, G); NaN where no species of `multi` is in the weighted groups."""
        return np.stack([np.mean([self._one(c, weights) for c in seeds], axis=0) for seeds in self.counts])

    def _one(self, counts: np.ndarray, weights: np.ndarray) -> NDArray[np.float64]:
        matrices = (weights @ counts).reshape(len(weights), self.n_classes, self.n_classes)
        present = matrices.sum(axis=2)[:, self.multi] > 0
        f1 = np.where(present, classify.f1_per_species(matrices)[:, self.multi], 0)
        n = present.sum(axis=1)
        return f1.sum(axis=1) / np.where(n > 0, n, np.nan)
