"""From a trained network to the `Denoise` that samplers use: conditions of each sample, and guidance.

A network of today (`ResidualDenoiser`) is told species, tape, and the places where one clip ends and the next
begins. Tape and places are drawn from the stream of each sample, as they are among the training clips. The
network of version 0.1.0 is told the species only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy.special import ndtr
from torch import Tensor

from finback.generation.diffusion.contract import Denoise, Noise
from finback.generation.diffusion.guidance import Spread, classifier_free, stronger
from finback.generation.diffusion.seeds import Streams
from finback.models.networks.conditions import Conditions, marks
from finback.models.networks.generator import Generator
from finback.models.networks.preconditioning import precondition
from finback.models.networks.residual_denoiser import ResidualDenoiser

MOST_CLIPS = 15  # in a window; a clip is at least this part of it long


def draw_conditions(
    model: ResidualDenoiser, labels: Tensor, streams: Streams, tape: int | None = None
) -> Conditions:
    """Tapes and joints for class ids (B,), 16 draws of each stream. `tape`: the number of the wanted tape."""
    uniform = ndtr(streams.normal((1 + MOST_CLIPS,)).cpu().numpy())  # (B, 16)
    recordings, n_frames = model.recordings, model.spec.n_frames
    tapes, found = [], []
    for k, own in zip(labels.tolist(), uniform.tolist(), strict=True):
        tapes.append(recordings.draw_tape(k, own[0]) if tape is None else tape)
        lengths = [max(recordings.draw_length(k, u), n_frames // MOST_CLIPS) for u in own[1:]]
        # As in training, half of the windows begin within a clip.
        begin = int(lengths[0] * max(0.0, 2 * own[-1] - 1)) if lengths[0] < n_frames else 0
        joints, end = list[int](), lengths[0] - begin
        for length in lengths[1:]:
            if end >= n_frames:
                break
            joints.append(end)
            end += length
        found.append(marks([j for j in joints if j > 0], n_frames, n_frames))
    return _on(labels.device, labels, tapes, found)


def conditions_of_clips(
    model: ResidualDenoiser, labels: Tensor, frames: Sequence[int], tape: int | None = None
) -> Conditions:
    """Conditions for windows with real clips of `frames` frames, which fill their windows repeatedly."""
    n_frames = model.spec.n_frames
    found = [marks(range(n, n_frames, n), n_frames, n_frames) for n in frames]
    none = -1 if tape is None else tape
    return _on(labels.device, labels, [none] * len(labels), found)


def _on(device: torch.device, labels: Tensor, tapes: Sequence[int], found: Sequence[Tensor]) -> Conditions:
    return Conditions(labels, torch.tensor(tapes, device=device), torch.stack(list(found)).to(device))


def guided_denoiser(
    model: ResidualDenoiser, given: Conditions, weight: float, interval: tuple[float, float], weaker: str
) -> Denoise:
    """The network with its conditions, guided away from a weaker denoiser.

    `weaker`: "no-species", the network without species and tape, or "linear", the Wiener filter of the
    species, which knows its colour but no calls.
    """

    def strong(x: Tensor, sigma: Tensor) -> Tensor:
        answer: Tensor = model(x, sigma, given.labels, given.tapes, given.marks)
        return answer

    without = given.without_species(model.n_classes)

    def no_species(x: Tensor, sigma: Tensor) -> Tensor:
        answer: Tensor = model(x, sigma, without.labels, without.tapes, without.marks)
        return answer

    def linear(x: Tensor, sigma: Tensor) -> Tensor:
        return model.linear(x, sigma, given)

    return stronger(strong, linear if weaker == "linear" else no_species, weight, interval)


def denoiser_of_labels(
    model: Generator, labels: Tensor, sigma_data: float, weight: float, interval: tuple[float, float]
) -> Denoise:
    """The same for the network of version 0.1.0."""
    return classifier_free(precondition(model, sigma_data), labels, model.n_classes, weight, interval)


def spread_of(model: ResidualDenoiser, given: Conditions) -> Spread:
    """The covariance of the clean spectrogram, given a noisy one, as the Wiener filter knows it."""

    def spread(gradient: Tensor, sigma: Tensor) -> Tensor:
        return sigma[:, None, None, None] ** 2 * model.filter.filtered(gradient, sigma, given)

    return spread


def noised(units: Tensor, sigma: float, streams: Noise) -> Tensor:
    """Clean (B, ...) with noise of level `sigma`, as the `noise` of a sampler that starts at this level."""
    return units / sigma + streams.normal(tuple(units.shape[1:]))
