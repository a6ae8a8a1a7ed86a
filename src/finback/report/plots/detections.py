"""Figures of found events against true events: curves, recall by SNR, and the spectrogram of one event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from finback.report.plots.style import line_look, message, new_figure, percent_axis, short, styled

LEAST_RANGE_DB = 15.0  # of a spectrogram, so that noise alone looks like noise


@styled
def precision_recall(curves: Mapping[str, Sequence[Mapping[str, float | None]]]) -> Figure:
    """Precision against recall over all thresholds, a curve for each class with true and found events."""
    drawn: dict[str, np.ndarray] = {}
    for name, rows in curves.items():
        points = [
            (r["recall"], r["precision"])
            for r in rows
            if r["recall"] is not None and r["precision"] is not None
        ]
        if points:
            drawn[name] = np.array(points, dtype=np.float64)
    if not drawn:
        return message("There is no curve: that needs true events, and found events with scores.")
    figure = new_figure(6.4, 4.4)
    axes = figure.subplots()
    for i, (name, curve) in enumerate(drawn.items()):
        axes.plot(*curve.T, **line_look(i), markevery=0.15, lw=1.4, label=short(name, 30))
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02))
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    axes.grid(axis="both")
    axes.set_xlabel("recall (true events that are found)")
    axes.set_ylabel("precision (detections that are right)")
    axes.set_title("Precision against recall, at every threshold")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def recall_by_snr(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Recall in bins of SNR with its interval, for each class whose true events state an SNR."""
    rows = {name: bins for name, bins in rows.items() if bins}
    if not rows:
        return message("There is no recall by SNR: TRUTH states no SNR.")
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    for i, (name, bins) in enumerate(rows.items()):
        x = np.array([(b["low_db"] + b["high_db"]) / 2 for b in bins])
        y = np.array([b["recall"] for b in bins])
        known = [j for j, b in enumerate(bins) if b["recall_ci"]]
        look = line_look(i)
        axes.plot(x, y, **{**look, "marker": look["marker"] or "."}, lw=1.4, label=short(name, 30))
        if known:
            ends = np.array([bins[j]["recall_ci"] for j in known])
            axes.vlines(x[known], ends[:, 0], ends[:, 1], color=look["color"], lw=1.2, alpha=0.6)
    axes.set_ylim(0, 1.02)
    percent_axis(axes, "y")
    axes.grid(axis="both")
    axes.set_xlabel("SNR of the true event (dB)")
    axes.set_ylabel("recall")
    axes.set_title("Recall against SNR")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def event_spectrogram(
    power_db: np.ndarray,
    extent: tuple[float, float, float],
    box: tuple[float, float, float | None, float | None],
) -> Figure:
    """`power_db` (F, T) from 0 Hz up; `extent`: its start and stop in seconds of the file, its top in Hz.

    `box`: start, stop, low and high frequency of the event, None: the whole band.
    """
    start, stop, top_hz = extent
    figure = new_figure(3.9, 2.3)
    axes = figure.subplots()
    # Above the background of each frequency, its median: sea noise falls steeply with frequency.
    above = power_db - np.median(power_db, axis=1, keepdims=True)
    loudest = max(LEAST_RANGE_DB, float(np.quantile(above, 0.999)))
    unit, scale = ("kHz", 1000.0) if top_hz >= 2000 else ("Hz", 1.0)
    axes.imshow(
        above,
        origin="lower",
        aspect="auto",
        extent=(start, stop, 0, top_hz / scale),
        cmap="magma",
        vmin=0.0,
        vmax=loudest,
        interpolation="nearest",
    )
    low, high = box[2] or 0.0, top_hz if box[3] is None else min(box[3], top_hz)
    corner, width, height = (box[0], low / scale), box[1] - box[0], (high - low) / scale
    axes.add_patch(Rectangle(corner, width, height, fill=False, ec="white", lw=1.3, ls="--"))
    axes.set_xlim(start, stop)
    axes.set_xlabel("s in the file")
    axes.set_ylabel(unit)
    return figure
