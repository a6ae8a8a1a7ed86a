"""Figures of a VAE: real clips, their reconstructions and samples; and the interpolation of two clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from finback.report.plots.spectrogram import nice_ticks
from finback.report.plots.style import BLACK, new_figure, short, styled

CELL = (1.9, 1.15)  # inches
SPAN = 60.0  # dB below the loudest point that are shown: what is deeper looks like noise


@styled
def grid(
    rows: Sequence[tuple[str, Sequence[np.ndarray]]],
    columns: Sequence[str],
    band_hz: np.ndarray,
    frame_s: float,
) -> Figure:
    """One row for each species: its spectrograms (M, F) in dB under named columns; band centres (M,) in Hz.

    Loud is bright, on the scale of the first spectrogram of the row. All others are shifted to its mean
    level, because the level of a recording does not describe the call.
    """
    figure = new_figure(CELL[0] * len(columns) + 0.6, CELL[1] * len(rows) + 0.5)
    axes = figure.subplots(len(rows), len(columns), squeeze=False)
    for i, (name, pictures) in enumerate(rows):
        for j, picture in enumerate(pictures):
            cell = axes[i, j]
            level = float(pictures[0].mean() - picture.mean())
            _draw(cell, picture + level, band_hz, frame_s, float(pictures[0].max()))
            _axes_of(cell, first=j == 0, last=i + 1 == len(rows), seconds=frame_s * picture.shape[1])
            if i == 0:
                cell.set_title(columns[j], fontsize=9.5, color=BLACK, pad=16)
        axes[i, 0].text(
            0.0, 1.04, short(name), transform=axes[i, 0].transAxes, fontsize=8.5, va="bottom", color=BLACK
        )
    return figure


@styled
def interpolation(
    pictures: Sequence[np.ndarray], ends: tuple[str, str], band_hz: np.ndarray, frame_s: float
) -> Figure:
    """Spectrograms (M, F) in dB from one end to the other, left to right, on one scale."""
    figure = new_figure(CELL[0] * len(pictures) + 0.6, CELL[1] + 0.7)
    top = max(float(picture.max()) for picture in pictures)
    axes = figure.subplots(1, len(pictures), squeeze=False)[0]
    for j, picture in enumerate(pictures):
        _draw(axes[j], picture, band_hz, frame_s, top)
        _axes_of(axes[j], first=j == 0, last=True, seconds=frame_s * picture.shape[1])
        share = j / max(1, len(pictures) - 1)
        title = short(ends[0], 24) if j == 0 else short(ends[1], 24) if share == 1 else f"{100 * share:.0f} %"
        axes[j].set_title(title, fontsize=8.5, fontweight="normal", color=BLACK, pad=4)
    return figure


def _draw(axes: Axes, picture: np.ndarray, band_hz: np.ndarray, frame_s: float, top: float) -> None:
    n_mels, n_frames = picture.shape
    axes.imshow(
        picture,
        origin="lower",
        aspect="auto",
        extent=(0, frame_s * n_frames * _unit(frame_s * n_frames)[0], -0.5, n_mels - 0.5),
        cmap="magma",
        vmin=top - SPAN,
        vmax=top,
        interpolation="nearest",
    )
    ticks = nice_ticks(float(band_hz[0]), float(band_hz[-1]), band_hz, gap=0.16)
    axes.yaxis.set_major_locator(FixedLocator(np.interp(ticks, band_hz, np.arange(n_mels))))
    in_khz = band_hz[-1] >= 2000
    axes.yaxis.set_major_formatter(FixedFormatter([f"{t / 1000 if in_khz else t:g}" for t in ticks]))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_ylabel("kHz" if in_khz else "Hz")


def _axes_of(axes: Axes, first: bool, last: bool, seconds: float) -> None:
    """Numbers on the outer edges only."""
    if not first:
        axes.set_ylabel("")
        axes.yaxis.set_major_formatter(FixedFormatter([]))
    if last:
        axes.set_xlabel(_unit(seconds)[1])
    else:
        axes.tick_params(labelbottom=False)


def _unit(seconds: float) -> tuple[float, str]:
    return (1.0, "s") if seconds >= 0.1 else (1000.0, "ms")
