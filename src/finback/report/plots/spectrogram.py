"""The input of a model: log-mel power in dB over time, with the mel axis in kHz (Hz if it is low)."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from finback.report.plots.style import new_figure, styled

NICE = np.array([1, 2, 5])


@styled
def spectrogram(
    mel_db: np.ndarray,
    band_hz: np.ndarray,
    frame_s: float,
    title: str = "",
    unit: str = "dB",
    span: float | None = 60.0,
) -> Figure:
    """`mel_db` (M, F), band centres `band_hz` (M,) ascending, `frame_s` seconds per frame; loud is bright.

    Only the upper `span` dB are shown (None: all): a model may use 80, but what is deeper looks like noise.
    """
    n_mels, n_frames = mel_db.shape
    figure = new_figure(3.9, 2.5)
    axes = figure.subplots()
    long = frame_s * n_frames
    scale, time_unit = (1.0, "s") if long >= 0.1 else (1000.0, "ms")
    top = float(mel_db.max())
    image = axes.imshow(
        mel_db,
        origin="lower",
        aspect="auto",
        extent=(0, long * scale, -0.5, n_mels - 0.5),
        cmap="magma",
        vmin=float(mel_db.min()) if span is None else max(float(mel_db.min()), top - span),
        vmax=top,
        interpolation="nearest",
    )
    ticks = nice_ticks(float(band_hz[0]), float(band_hz[-1]), band_hz)
    in_khz = band_hz[-1] >= 2000
    axes.yaxis.set_major_locator(FixedLocator(np.interp(ticks, band_hz, np.arange(n_mels))))
    axes.yaxis.set_major_formatter(FixedFormatter([f"{t / 1000 if in_khz else t:g}" for t in ticks]))
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_ylabel("kHz (mel scale)" if in_khz else "Hz (mel scale)")
    axes.set_xlabel(time_unit)
    axes.set_title(title, fontsize=9.5)
    bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=16)
    bar.set_label(unit)
    bar.outline.set_visible(False)
    return figure


def nice_ticks(low: float, high: float, band_hz: np.ndarray, gap: float = 0.09) -> np.ndarray:
    """Round frequencies (1, 2, 5 times a power of ten) in low..high, at least `gap` of the axis apart."""
    decades = 10.0 ** np.arange(np.floor(np.log10(max(low, 1e-3))), np.ceil(np.log10(high)) + 1)
    candidates = np.sort((NICE * decades[:, None]).ravel())
    candidates = candidates[(candidates >= low) & (candidates <= high)][::-1]  # the top matters most
    places = np.interp(candidates, band_hz, np.linspace(0, 1, len(band_hz)))
    kept: list[int] = []
    for i, place in enumerate(places):
        if not kept or places[kept[-1]] - place >= gap:
            kept.append(i)
    return candidates[kept][::-1]
