"""Blocks of spectrograms: real clips and samples, the steps of one sample, guidance against number of steps.

Every picture is shown from its own loudest point down by 60 dB, because the level of a recording does not
describe the call; one colour bar serves all. The layout is computed here in inches: the layout engines of
matplotlib take minutes for hundreds of pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from finback.features.mel import band_centres_hz
from finback.features.spec import FeatureSpec
from finback.report.plots.spectrogram import nice_ticks
from finback.report.plots.style import BLACK, GREY, message, new_figure, short, styled

SHOWN_DB = 60.0
DENOISING_NOTE = (
    "Above: one sample at several steps of the sampler, from noise to the result. Below: the clean\n"
    "spectrogram that the model predicts at each step. Noise: its standard deviation; that of a real clip\n"
    "is about 1."
)
GUIDANCE_NOTE = (
    "Samples from the same noise, by guidance weight (rows) and number of steps (columns). A weight of 1\n"
    "means no guidance. Higher weights make the species clearer and the samples more alike. More steps are\n"
    "more exact."
)
CELL = (1.45, 0.92)  # inches
GAP = 0.07
LEFT, HEAD, TOPS, FOOT = 0.82, 0.3, 0.2, 0.36  # inches around a block: names, title, columns, seconds
BAR = 0.95  # inches for the colour bar


@dataclass(frozen=True, eq=False)
class SpectrogramBlock:
    """Rows of spectrograms (M, F) in dB that belong together, under a title; `tops` name the columns."""

    title: str
    rows: Sequence[tuple[str, Sequence[np.ndarray]]]
    tops: Sequence[str] = ()

    @property
    def n_columns(self) -> int:
        return max((len(pictures) for _, pictures in self.rows), default=0)

    @property
    def height(self) -> float:
        tops = TOPS if self.tops else 0.0
        return HEAD + tops + len(self.rows) * (CELL[1] + GAP) - GAP + FOOT


@styled
def spectrogram_blocks(
    blocks: Sequence[SpectrogramBlock], spec: FeatureSpec, title: str = "", across: int = 1, note: str = ""
) -> Figure:
    """Blocks from the top left, `across` in a row; a heading above, a `note` (lines) below."""
    blocks = [b for b in blocks if b.n_columns]
    if not blocks:
        return message("There is nothing to show.")
    across = min(across, len(blocks))
    wide = LEFT + max(b.n_columns for b in blocks) * (CELL[0] + GAP)
    lines = [blocks[i : i + across] for i in range(0, len(blocks), across)]
    heights = [max(b.height for b in line) for line in lines]
    above, below = (0.42 if title else 0.06), (0.12 + 0.2 * len(note.splitlines()))
    size = (wide * across + BAR, above + sum(heights) + below)
    figure = new_figure(*size)
    figure.set_layout_engine("none")
    image: Any = None
    y = size[1] - above
    for line, height in zip(lines, heights, strict=True):
        for i, block in enumerate(line):
            image = _block(figure, block, spec, (i * wide, y))
        y -= height
    if title:
        figure.text(
            0.12 / size[0], 1 - 0.12 / size[1], title, ha="left", va="top", fontsize=12.5, fontweight="bold"
        )
    if note:
        figure.text(0.12 / size[0], 0.1 / size[1], note, ha="left", va="bottom", fontsize=9, color=BLACK)
    tall = min(1.9, size[1] - above - HEAD - FOOT - below)
    bar_at = _inches(figure, size[0] - BAR + 0.1, size[1] - above - HEAD - tall, 0.13, tall)
    bar = figure.colorbar(image, cax=figure.add_axes(bar_at))
    bar.set_label("dB, relative to\nthe loudest point", fontsize=8)
    bar.ax.tick_params(labelsize=7.5)
    bar.outline.set_visible(False)
    return figure


def _block(figure: Figure, block: SpectrogramBlock, spec: FeatureSpec, corner: tuple[float, float]) -> Any:
    """Draw with the upper left corner at (x, y) inches; returns the last image, for the colour bar."""
    x, y = corner
    size = figure.get_size_inches()
    centres = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
    figure.text((x + LEFT) / size[0], (y - 0.07) / size[1], short(block.title, 60), va="top", fontsize=9.5,
                fontweight="bold")  # fmt: skip
    y -= HEAD + (TOPS if block.tops else 0.0)
    image = None
    for i, (name, pictures) in enumerate(block.rows):
        bottom = y - (i + 1) * CELL[1] - i * GAP
        for j, picture in enumerate(pictures):
            place = _inches(figure, x + LEFT + j * (CELL[0] + GAP), bottom, *CELL)
            axes = figure.add_axes(place)
            image = _draw(axes, picture, spec, centres)
            _label(axes, centres, first=j == 0, last=i + 1 == len(block.rows))
            if i == 0 and block.tops:
                axes.set_title(
                    block.tops[j], fontsize=8.5, fontweight="normal", color=BLACK, pad=3, loc="center"
                )
        middle = (bottom + CELL[1] / 2) / size[1]
        figure.text((x + 0.2) / size[0], middle, name, rotation=90, ha="center", va="center", fontsize=8.5)
    return image


def _draw(axes: Axes, picture: np.ndarray, spec: FeatureSpec, centres: np.ndarray) -> Any:
    n_mels, n_frames = picture.shape
    long = n_frames * spec.hop / spec.sample_rate
    image = axes.imshow(
        picture - picture.max(),
        origin="lower",
        aspect="auto",
        extent=(0, long, -0.5, n_mels - 0.5),
        cmap="magma",
        vmin=-SHOWN_DB,
        vmax=0,
        interpolation="nearest",
    )
    ticks = nice_ticks(float(centres[0]), float(centres[-1]), centres, gap=0.2)
    axes.yaxis.set_major_locator(FixedLocator(np.interp(ticks, centres, np.arange(n_mels))))
    axes.yaxis.set_major_formatter(FixedFormatter([f"{t / 1000:g}" for t in ticks]))
    half = float(f"{long / 2:.1g}")
    axes.xaxis.set_major_locator(FixedLocator([0, half, 2 * half] if 2 * half <= long else [0, half]))
    axes.tick_params(labelsize=7, length=2, pad=1.5, color=GREY)
    axes.spines[:].set_visible(False)
    return image


def _label(axes: Axes, centres: np.ndarray, first: bool, last: bool) -> None:
    """Numbers and units on the left and at the bottom only."""
    if first:
        axes.set_ylabel("kHz", fontsize=7.5, labelpad=2)
    else:
        axes.tick_params(labelleft=False)
    if last:
        axes.set_xlabel("s", fontsize=7.5, labelpad=0)
    else:
        axes.tick_params(labelbottom=False)


def _inches(
    figure: Figure, x: float, y: float, width: float, height: float
) -> tuple[float, float, float, float]:
    w, h = figure.get_size_inches()
    return x / w, y / h, width / w, height / h


def real_and_generated(
    species: str, real: Sequence[np.ndarray], generated: Sequence[np.ndarray]
) -> SpectrogramBlock:
    """Real clips of a species above its samples, all (M, F) in dB."""
    return SpectrogramBlock(species, [("real", real), ("generated", generated)])


def denoising_steps(
    species: str, levels: Sequence[float], noisy: Sequence[np.ndarray], predicted: Sequence[np.ndarray]
) -> SpectrogramBlock:
    """One sample at falling noise levels, and the clean spectrogram predicted at each; all (M, F) in dB."""
    tops = [f"noise {level:.2g}" if level > 0 else "result" for level in levels]
    return SpectrogramBlock(species, [("sample", noisy), ("predicted", predicted)], tops)


def guidance_by_steps(
    species: str, weights: Sequence[float], steps: Sequence[int], pictures: Sequence[Sequence[np.ndarray]]
) -> SpectrogramBlock:
    """`pictures[i][j]` (M, F) in dB: from the same noise, with guidance `weights[i]` and `steps[j]` steps."""
    rows = [(f"guidance {w:g}", row) for w, row in zip(weights, pictures, strict=True)]
    return SpectrogramBlock(species, rows, [f"{n} steps" if n > 1 else "1 step" for n in steps])
