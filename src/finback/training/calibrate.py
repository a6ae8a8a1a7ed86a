"""The temperature of a classifier, from recording groups (tapes, deployments) that it was not fitted to.

A head that is fitted in closed form is cross-fitted: every tape of the training and validation sets is left
out once, by copies of the head that were fitted to the other tapes (`models.networks.cross_fit`). So fifty
tapes decide the temperature and not the ten of the validation set (docs/decisions/0046). A network is trained
once; its temperature comes from the validation set.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.core.runs.left_out import How, save_left_out
from finback.core.types import Clip, Labels, softmax
from finback.features.cache import FeatureStore
from finback.metrics.calibration import cannot_fit, fit_temperature
from finback.models.networks.classifier import Classifier
from finback.models.scoring import clip_logits
from finback.training.fitted_heads import Windows, left_out_logits


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Clips and their logits (N, K) by models that were not fitted to their groups."""

    how: How
    clips: tuple[Clip, ...]
    logits: NDArray[np.float32]

    def save(self, path: Path, labels: Labels, temperature: float) -> None:
        """Write `left_out.json`: the calibrated probability of the true species of each clip, by group."""
        probabilities = softmax(self.logits / np.float32(temperature))
        true = probabilities[np.arange(len(self.clips)), labels.targets(self.clips)]
        save_left_out(path, self.how, [c.group_key for c in self.clips], true.tolist())


def cross_fitted(
    model: Classifier,
    store: FeatureStore,
    labels: Labels,
    clips: Sequence[Clip],
    rare: Collection[str] = (),
    copies: int = 0,
) -> LeftOut:
    """Every clip whose species another group has too, scored by heads that were not fitted to its group.

    Synthetic clips are left out of the fits: their generator may know the group. So are the species `rare`,
    which are imprinted after a fit. The heads are fitted to `copies` augmented copies of each clip, too.
    """
    used = [c for c in clips if not c.synthetic and c.label not in rare]
    if not used:
        return LeftOut("cross-fitted", (), np.zeros((0, len(labels)), np.float32))
    logits = left_out_logits(model, Windows.of(used, store, labels, copies=copies))
    if not logits.size:  # no group could be left out
        return LeftOut("cross-fitted", (), np.zeros((0, len(labels)), np.float32))
    known = np.atleast_1d(np.isfinite(logits).all(axis=1))
    return LeftOut("cross-fitted", tuple(c for c, k in zip(used, known, strict=True) if k), logits[known])


def validated(model: Classifier, store: FeatureStore, labels: Labels, val: Sequence[Clip]) -> LeftOut:
    """The validation clips, scored by the model before it is trained on them too."""
    logits = clip_logits([model], store, val)[0] if val else np.zeros((0, len(labels)), np.float32)
    return LeftOut("validation", tuple(val), logits)


def temperature_of(left_out: LeftOut, labels: Labels) -> dict[str, Any]:
    """What run.json says of the calibration: `temperature`, 1 with the reason where none can be fitted."""
    truth = labels.targets(left_out.clips)
    temperature = fit_temperature(left_out.logits, truth, [c.group_key for c in left_out.clips])
    reason = cannot_fit(left_out.logits, truth)
    if reason and not left_out.clips and left_out.how == "cross-fitted":
        reason = "no species has two recording groups"
    return {"temperature": temperature, **({"not_calibrated": reason} if reason else {})}
