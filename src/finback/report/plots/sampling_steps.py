"""A diffusion model at work: a noisy spectrogram that becomes a call, as a strip and as a moving picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image

from finback.report.plots.style import new_figure, styled

SPAN_DB = 60.0
PIXELS = 3  # of the moving picture for each value of a spectrogram
LAST_MS = 1500  # how long the last picture stays


@styled
def sampling_strip(noisy: np.ndarray, expected: np.ndarray, sigmas: Sequence[float]) -> Figure:
    """`noisy` and `expected` (n, M, F) dB of n steps with the noise levels `sigmas` (n,): two rows.

    Each spectrogram is shown from its own loudest point down by 60 dB; loud is bright.
    """
    n = len(sigmas)
    figure = new_figure(0.6 + 1.5 * n, 3.5)
    axes = figure.subplots(2, n, squeeze=False)
    for row, spectrograms in zip(axes, (noisy, expected), strict=True):
        for place, x in zip(row, spectrograms, strict=True):
            top = float(x.max())
            place.imshow(x, origin="lower", aspect="auto", cmap="magma", vmin=top - SPAN_DB, vmax=top)
            place.set_xticks([])
            place.set_yticks([])
    for place, sigma in zip(axes[0], sigmas, strict=True):
        place.set_title("the sample" if sigma == 0 else f"noise {sigma:.2g}", fontsize=8, pad=3)
    axes[0, 0].set_ylabel("with noise", fontsize=8)
    axes[1, 0].set_ylabel("expected call", fontsize=8)
    return figure


def sampling_film(noisy: np.ndarray, expected: np.ndarray, step_ms: int = 250) -> bytes:
    """A GIF of all steps: `noisy` (n, M, F) dB on the left, `expected` (n, M, F) dB on the right."""
    images = [
        Image.fromarray(
            np.concatenate([_image(a), np.full((len(_image(a)), 6, 3), 255, np.uint8), _image(b)], 1)
        )
        for a, b in zip(noisy, expected, strict=True)
    ]
    out = io.BytesIO()
    durations = [step_ms] * (len(images) - 1) + [LAST_MS]
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return out.getvalue()


def _image(x: np.ndarray) -> np.ndarray:
    """(M, F) dB -> (rows, columns, 3) uint8, low frequencies at the bottom."""
    share = np.clip((x - x.max()) / SPAN_DB + 1, 0, 1)[::-1]
    colours = (255 * colormaps["magma"](share)[..., :3]).astype(np.uint8)
    return colours.repeat(PIXELS, axis=0).repeat(PIXELS, axis=1)
