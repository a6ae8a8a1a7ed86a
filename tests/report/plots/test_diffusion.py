"""Sheets of spectrograms: each picture in its place, on one scale of dB, with units."""

from __future__ import annotations

import numpy as np
import pytest

from finback.features.spec import FeatureSpec
from finback.report.plots.diffusion import (
    SpectrogramBlock,
    denoising_steps,
    guidance_by_steps,
    real_and_generated,
    spectrogram_blocks,
)
from finback.report.plots.losses import losses
from finback.report.plots.style import render

SPEC = FeatureSpec(sample_rate=8000, clip_samples=8000, n_fft=256, hop=128, n_mels=32, n_frames=60)


def mels(n: int, top: float = 0.0) -> list[np.ndarray]:
    return [top - 80 * np.random.default_rng(i).uniform(size=(32, 60)) for i in range(n)]


def cells(figure) -> list:
    return [axes for axes in figure.axes if axes.images]


def test_real_above_generated_each_from_its_loudest_down() -> None:
    figure = spectrogram_blocks(
        [
            real_and_generated("Narwhal", mels(3), mels(3, -40)),
            real_and_generated("Walrus", mels(2), mels(3)),
        ],
        SPEC,
        across=2,
    )
    drawn = cells(figure)
    assert len(drawn) == 11
    for axes in drawn:
        assert axes.images[0].get_clim() == (-60.0, 0.0)
        assert np.asarray(axes.images[0].get_array()).max() == 0.0
        assert axes.images[0].get_extent()[1] == pytest.approx(60 * 128 / 8000)
    words = [t.get_text() for t in figure.texts]
    assert words.count("real") == words.count("generated") == 2
    assert {"Narwhal", "Walrus"} <= set(words)
    real, made = drawn[0].get_position(), drawn[3].get_position()
    assert real.y0 > made.y1  # above
    assert drawn[0].get_ylabel() == "kHz"
    assert drawn[3].get_xlabel() == "s"
    assert not drawn[0].get_xlabel()
    assert "dB" in figure.axes[-1].get_ylabel()


def test_nothing_lies_on_anything_else() -> None:
    figure = spectrogram_blocks(
        [real_and_generated(n, mels(4), mels(4)) for n in "abc"], SPEC, "A heading", across=2, note="one\ntwo"
    )
    boxes = [axes.get_position() for axes in figure.axes]
    assert all(b.x0 >= 0 and b.x1 <= 1 and b.y0 >= 0 and b.y1 <= 1 for b in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_titles_name_what_changes() -> None:
    block = denoising_steps("Narwhal", [80.0, 0.5, 0.0], mels(3), mels(3))
    assert list(block.tops) == ["noise 80", "noise 0.5", "result"]
    block = guidance_by_steps("Narwhal", [1.0, 2.5], [1, 18], [mels(2), mels(2)])
    assert [name for name, _ in block.rows] == ["guidance 1", "guidance 2.5"]
    assert list(block.tops) == ["1 step", "18 steps"]
    titles = [axes.get_title() for axes in cells(spectrogram_blocks([block], SPEC))]
    assert titles == ["1 step", "18 steps", "", ""]


def test_an_empty_figure_has_a_message() -> None:
    assert "nothing to show" in spectrogram_blocks([SpectrogramBlock("x", [])], SPEC).texts[0].get_text()


def test_the_same_figure_is_the_same_file() -> None:
    block = real_and_generated("Narwhal", mels(2), mels(2))
    assert render(spectrogram_blocks([block], SPEC), "png") == render(
        spectrogram_blocks([block], SPEC), "png"
    )


def test_losses_of_training_and_of_other_groups() -> None:
    log = [
        {"step": s, "epoch": s, "loss": 3.0, "kl": 2.0 / s, "reconstruction": 1.0, "val_reconstruction": 1.5}
        for s in (1, 10, 100)
    ]
    figure = losses(log)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["kl", "reconstruction"]
    kl, reconstruction = figure.axes
    assert kl.get_yscale() == "log"  # from 2 to 0.02
    assert reconstruction.get_yscale() == "linear"
    assert [line.get_ydata()[0] for line in reconstruction.lines] == [1.0, 1.5]
    assert "no training log" in losses([]).texts[0].get_text()
