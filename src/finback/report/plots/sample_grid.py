"""Samples of a generator in one figure, a row for each species."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from finback.report.plots.spectrogram import nice_ticks
from finback.report.plots.style import message, new_figure, short, styled

LEAST_WIDTH = 3.2  # inches: a single spectrogram with its caption
LETTERS_PER_INCH = 15  # of a caption of 8 points


@styled
def sample_grid(
    rows: Mapping[str, np.ndarray], band_hz: np.ndarray, frame_s: float, span_db: float = 60.0
) -> Figure:
    """`rows` {name: (n, M, F) dB}, band centres (M,) in Hz, `frame_s` seconds per frame; loud is bright.

    Each spectrogram is shown from its own loudest point down by `span_db`. Rows may differ in length.
    """
    shown = {name: x for name, x in rows.items() if len(x)}
    if not shown:
        return message("Nothing was generated.")
    n_columns = max(len(x) for x in shown.values())
    width = max(LEAST_WIDTH, 1.15 + 1.25 * n_columns)
    figure = new_figure(width, 0.35 + 1.15 * len(shown))
    axes = figure.subplots(len(shown), n_columns, squeeze=False)
    in_khz = band_hz[-1] >= 2000
    ticks = nice_ticks(float(band_hz[0]), float(band_hz[-1]), band_hz, gap=0.3)
    for row, (name, x) in zip(axes, shown.items(), strict=True):
        for k, place in enumerate(row):
            place.set_xticks([])
            place.set_yticks([])
            if k >= len(x):
                place.set_axis_off()
                continue
            top = float(x[k].max())
            place.imshow(
                x[k],
                origin="lower",
                aspect="auto",
                cmap="magma",
                vmin=top - span_db,
                vmax=top,
                interpolation="nearest",
            )
        row[0].set_title(short(name, max(28, 14 * len(x))), fontsize=8, pad=3)
        row[0].yaxis.set_major_locator(FixedLocator(np.interp(ticks, band_hz, np.arange(len(band_hz)))))
        row[0].yaxis.set_major_formatter(FixedFormatter([f"{t / 1000 if in_khz else t:g}" for t in ticks]))
        row[0].tick_params(labelsize=7)
    seconds = frame_s * next(iter(shown.values())).shape[2]
    unit = "kHz" if in_khz else "Hz"
    each, of = (" each", "each") if sum(map(len, shown.values())) > 1 else ("", "the")
    caption = f"{seconds:.3g} s{each}; {unit} on the mel scale; the upper {span_db:g} dB of {of} spectrogram"
    figure.supxlabel(textwrap.fill(caption, int(LETTERS_PER_INCH * width)), fontsize=8)
    return figure
