"""Augmented spectrograms of one clip, all on the colour scale of the original."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from finback.features.mel import band_centres_hz
from finback.features.spec import FeatureSpec
from finback.report.plots import figure_files
from finback.report.plots.spectrogram import nice_ticks
from finback.report.plots.style import BLACK, new_figure, save_as, styled

Picture = tuple[str, np.ndarray]  # title, (M, F)
CELL = (2.35, 1.5)  # inches
COLUMNS = 4


def layout(pictures: Sequence[tuple[str, str, np.ndarray]]) -> list[list[Picture]]:
    """(kind, title, (M, F)) in order, the original first -> rows of a grid.

    With one example of each kind, rows have four; with several, each kind has a row.
    """
    kinds: dict[str, list[Picture]] = {}
    for kind, title, mel in pictures:
        kinds.setdefault(kind, []).append((title, mel))
    rows = list(kinds.values())
    if max(len(row) for row in rows) > 1:
        return rows
    flat = [row[0] for row in rows]
    return [flat[i : i + COLUMNS] for i in range(0, len(flat), COLUMNS)]


def save_grid(pictures: Sequence[tuple[str, str, np.ndarray]], spec: FeatureSpec, path: Path) -> list[Path]:
    """Write the grid of `layout` as `save_as` does. Raises `SettingsError` for a suffix of no figure."""
    figure_files.current().of_path(path)
    centres = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
    unit, span = ("PCEN", None) if spec.scale == "pcen" else ("dB", 60.0)  # power is shown in dB
    figure = grid(layout(pictures), centres, spec.hop / spec.sample_rate, unit, span)
    return save_as(figure, path)


@styled
def grid(
    rows: Sequence[Sequence[Picture]],
    band_hz: np.ndarray,
    frame_s: float,
    unit: str = "dB",
    span: float | None = 60.0,
) -> Figure:
    """`rows` of pictures, the first is the original; band centres (M,) in Hz, `frame_s` seconds per frame.

    Loud is bright, on one scale: the upper `span` of the original's range (None: all of it), so that a change
    of level shows too. Rows may be of different lengths.
    """
    columns = max(len(row) for row in rows)
    original = rows[0][0][1]
    top = float(original.max())
    low = float(original.min()) if span is None else max(float(original.min()), top - span)
    figure = new_figure(CELL[0] * columns + 0.9, CELL[1] * len(rows) + 0.35)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for i, row in enumerate(rows):
        for j in range(columns):
            cell = axes[i, j]
            if j >= len(row):
                cell.set_visible(False)
                continue
            _draw(cell, row[j], band_hz, frame_s, (low, top))
            if j:
                cell.yaxis.set_major_formatter(FixedFormatter([]))
            else:
                cell.set_ylabel("kHz" if band_hz[-1] >= 2000 else "Hz")
            if i + 1 < len(rows) and j < len(rows[i + 1]):
                cell.tick_params(labelbottom=False)
            if i + 1 == len(rows):
                cell.set_xlabel(_time(frame_s * original.shape[1])[1])
    shown = [cell for cell in axes.flat if cell.get_visible()]
    bar = figure.colorbar(
        shown[0].images[0], ax=list(axes.flat), pad=0.01, aspect=12 * len(rows), shrink=0.98
    )
    bar.set_label(unit)
    bar.outline.set_visible(False)
    return figure


def _draw(
    axes: Axes, picture: Picture, band_hz: np.ndarray, frame_s: float, scale: tuple[float, float]
) -> None:
    title, mel = picture
    n_mels, n_frames = mel.shape
    long = frame_s * n_frames * _time(frame_s * n_frames)[0]
    axes.imshow(
        mel,
        origin="lower",
        aspect="auto",
        extent=(0, long, -0.5, n_mels - 0.5),
        cmap="magma",
        vmin=scale[0],
        vmax=scale[1],
        interpolation="nearest",
    )
    in_khz = band_hz[-1] >= 2000
    ticks = nice_ticks(float(band_hz[0]), float(band_hz[-1]), band_hz, gap=0.13)
    axes.yaxis.set_major_locator(FixedLocator(np.interp(ticks, band_hz, np.arange(n_mels))))
    axes.yaxis.set_major_formatter(FixedFormatter([f"{t / 1000 if in_khz else t:g}" for t in ticks]))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_title(title, fontsize=8.5, fontweight="normal", color=BLACK, pad=4)


def _time(seconds: float) -> tuple[float, str]:
    return (1.0, "s") if seconds >= 0.1 else (1000.0, "ms")
