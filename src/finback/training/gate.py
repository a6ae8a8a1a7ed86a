"""The fit of the gate of a trained classifier, which answers "none of these" to noise and unknown species.

    fitted = fit_gate_of(model, store, clips, settings, progress)
    save_gate(run.weights, fitted.gate)

Calls are the windows of the training clips. Noises are made from these clips and simulated
(`training/negatives.py`). No other recordings are needed. Where the labels have a class that means "no call"
(`background`, `noise`), that class is the answer to noise, and there is no gate. The fit is in `metrics`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from finback.core.progress import Progress, no_progress
from finback.core.text import means_no_call
from finback.core.types import Clip
from finback.features.cache import FeatureStore
from finback.metrics.gate import Examples, GateFit, fit_gate
from finback.metrics.novelty import auroc
from finback.models.networks.classifier import Classifier
from finback.models.networks.gate import Gate
from finback.models.scoring import BATCH, device_of, in_rows, rows_of
from finback.training.negatives import negatives
from finback.training.unknown_settings import UnknownSettings

ClipKey = tuple[str, int, int, int]  # `Clip.key`
LEAST = 0.05  # of the left-out calls have a lower probability "known" than `FittedGate.least_known`
MOST_WINDOWS = 32  # of a clip, evenly spaced


@dataclass(frozen=True, eq=False)
class FittedGate:
    """A gate, and `facts` for run.json; where there is none, `facts` say why.

    `odds` are the log odds of clips, by key, from a gate that was not trained on their groups.
    """

    gate: Gate | None
    facts: dict[str, Any]
    odds: Mapping[ClipKey, float] = field(default_factory=dict)
    least_known: float | None = None  # the probability "known" that 95 % of the left-out calls have


def fit_gate_of(
    model: Classifier,
    store: FeatureStore,
    clips: Sequence[Clip],
    settings: UnknownSettings,
    progress: Progress = no_progress,
) -> FittedGate:
    """The gate of a model, from its training clips."""
    if settings.method == "none":
        return FittedGate(None, {"method": "none"})
    clips = [clip for clip in clips if not clip.synthetic]
    calls = [clip for clip in clips if not means_no_call(clip.label or "")]
    if len(calls) < len(clips):  # two answers to the same question would share the probability of noise
        return FittedGate(
            None, {"method": "none", "reason": "the labels have a class of sounds without a call"}
        )
    if not calls:
        return FittedGate(None, {"method": "none", "reason": "all clips are synthetic"})
    examples, n_noises = examples_of(model, store, clips, settings, progress)
    fitted, left_out = fit_gate(examples)
    facts: dict[str, Any] = {"method": "gate", "calls": len(calls), "noises": n_noises}
    odds: dict[ClipKey, float] = {}
    least: float | None = None
    if left_out is not None:
        of_calls, of_noises = (
            left_out.odds[left_out.known & own] for own in (left_out.is_call, ~left_out.is_call)
        )
        by_sound = zip(left_out.sounds.tolist(), left_out.odds.tolist(), strict=True)
        odds = {clips[i].key: x for i, x in by_sound if i < len(clips)}
        least = float(expit(np.quantile(of_calls, LEAST)))
        facts["left_out"] = {
            "auroc": auroc(of_calls, of_noises),
            "calls_known": float(np.mean(of_calls > 0)),
            "noises_known": float(np.mean(of_noises > 0)),
        }
    return FittedGate(as_network(fitted), facts, odds, least)


def examples_of(
    model: Classifier,
    store: FeatureStore,
    clips: Sequence[Clip],
    settings: UnknownSettings,
    progress: Progress = no_progress,
) -> tuple[Examples, int]:
    """Embeddings of labelled clips and of noises made from them, and the number of noises."""
    is_call = [not means_no_call(clip.label or "") for clip in clips]
    rate = store.extractor.spec.sample_rate
    window_s = store.extractor.window_samples(rate) / rate
    calls = [clip for clip, own in zip(clips, is_call, strict=True) if own]
    made = list(negatives(calls, window_s, settings.noises))
    names = [clip.label or "" for clip in clips] + [f"noise {sound.kind}" for sound in made]
    groups = [f"tape {clip.group_key}" for clip in clips]
    groups += [f"tape {sound.tape}" if sound.tape else f"noise {sound.kind}" for sound in made]
    is_call += [False] * len(made)
    of_clips = (store(clip) for clip in progress(clips, "embedding calls", len(clips)))
    shown = progress(made, "embedding noises", len(made))
    of_noises = (store.of_array(sound.samples, sound.sample_rate) for sound in shown)
    z = embeddings(model, store, chain(of_clips, of_noises))
    n = np.array([len(own) for own in z])
    examples = Examples(
        np.concatenate(z).astype(np.float64),
        np.repeat(np.array(names), n),
        np.repeat(np.array(is_call), n),
        np.repeat(np.array(groups), n),
        np.repeat(np.arange(len(n)), n),
    )
    return examples, len(is_call) - sum(is_call)


def _evenly(windows: np.ndarray) -> np.ndarray:
    """At most `MOST_WINDOWS` of the windows (W, ...) of a sound."""
    if len(windows) <= MOST_WINDOWS:
        return windows
    return windows[np.linspace(0, len(windows) - 1, MOST_WINDOWS).round().astype(int)]


def embeddings(model: Classifier, store: FeatureStore, sounds: Iterable[np.ndarray]) -> list[np.ndarray]:
    """(W, D) of each sound with windows (W, ...), at most `MOST_WINDOWS` of them; many sounds at a time."""
    found: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    for sound in sounds:
        waiting.append(_evenly(sound))
        if sum(len(own) for own in waiting) >= BATCH:
            found += _together(model, store, waiting)
            waiting = []
    return found + _together(model, store, waiting)


@torch.inference_mode()
def _together(model: Classifier, store: FeatureStore, sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The embeddings of a few sounds."""
    if not sounds:
        return []
    x = store.extractor.front_end.batch(np.concatenate(sounds)).to(device_of(model))
    z = in_rows(model.eval().embed, x, rows_of(model)).float().cpu().numpy()
    return np.split(z, np.cumsum([len(own) for own in sounds])[:-1])


def as_network(fitted: GateFit) -> Gate:
    """The same numbers as tensors."""
    arrays = (fitted.centre, fitted.weight, fitted.bias, fitted.linear, fitted.scale)
    centre, weight, bias, linear, scale = (torch.from_numpy(np.asarray(a, np.float32)) for a in arrays)
    is_species = torch.from_numpy(fitted.is_species.astype(np.uint8))
    return Gate(centre=centre, weight=weight, bias=bias, is_species=is_species, linear=linear, scale=scale)
