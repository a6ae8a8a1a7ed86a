"""The grid of augmented spectrograms shows its input, on one scale. Its look was checked by eye."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import sound
from typer.testing import CliRunner

from finback.cli.app import app
from finback.core.errors import InputError, SettingsError
from finback.features.spec import FeatureSpec
from finback.report.plots.augment import grid, layout, save_grid
from finback.training.augment import examples
from finback.training.augment.examples import Amounts
from finback.training.augment.noise_files import NoiseBank
from finback.training.augment.spectrum_settings import SpectrumSettings
from finback.training.augment.wave import WaveSettings

SPEC = FeatureSpec(sample_rate=2000, clip_samples=4000, n_fft=256, hop=64, n_mels=32, n_frames=60, pad="tile")
AMOUNTS = Amounts(WaveSettings(), SpectrumSettings())


def picture(value: float) -> np.ndarray:
    return np.linspace(value - 80, value, 32 * 60).reshape(32, 60)


def test_one_example_each_follow_in_rows_of_four() -> None:
    rows = layout([(f"k{i}", f"t{i}", picture(0)) for i in range(6)])
    assert [[title for title, _ in row] for row in rows] == [["t0", "t1", "t2", "t3"], ["t4", "t5"]]


def test_several_examples_have_a_row_each() -> None:
    rows = layout([("original", "o", picture(0)), *[("noise", f"n{i}", picture(0)) for i in range(3)]])
    assert [[title for title, _ in row] for row in rows] == [["o"], ["n0", "n1", "n2"]]


def test_grid_shows_each_picture_on_the_originals_scale() -> None:
    rows = [[("original", picture(-10.0)), ("louder", picture(20.0))], [("softer", picture(-40.0))]]
    figure = grid(rows, np.linspace(20, 1000, 32), 0.032)
    cells = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="left") for axes in cells] == ["original", "louder", "softer"]
    for axes, value in zip(cells, (-10.0, 20.0, -40.0), strict=True):
        assert axes.images[0].get_clim() == (-70.0, -10.0)
        assert np.asarray(axes.images[0].get_array()).max() == value
        assert axes.images[0].get_extent()[1] == pytest.approx(60 * 0.032)
    assert cells[0].get_ylabel() == "Hz"
    assert cells[2].get_xlabel() == "s"
    assert sum(not axes.get_visible() for axes in figure.axes) == 1


def test_picture_is_written_by_its_suffix(tmp_path: Path) -> None:
    made = [("original", "original", picture(0))]
    save_grid(made, SPEC, tmp_path / "a.png")
    save_grid(made, SPEC, tmp_path / "a.svg")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
    with pytest.raises(SettingsError, match="png"):
        save_grid(made, SPEC, tmp_path / "a.jpeg")


def test_examples_of_everything(tmp_path: Path) -> None:
    source = examples.load(sound(tmp_path / "a.wav", 2.0), SPEC)
    other = examples.load(sound(tmp_path / "b.wav", 2.0), SPEC)
    sound(tmp_path / "noise" / "n.wav", 3.0)
    bank = NoiseBank.load(tmp_path / "noise", SPEC.sample_rate)
    made = list(examples.make(source, SPEC, AMOUNTS, 0, 2, bank, other))
    kinds = [*examples.WAVE, *examples.SPECTRUM, "mixup", "cutmix", "as in training"]
    assert [e.name for e in made] == ["original", *[k for k in kinds for _ in range(2)]]
    for e in made:
        assert e.mel.shape == (32, 60)
        assert np.isfinite(e.mel).all()
    for kind in kinds:
        assert any(not np.allclose(e.mel, made[0].mel) for e in made if e.name == kind), kind
    assert [e.name for e in made if e.wave is not None] == [
        "original",
        *[k for k in examples.WAVE for _ in range(2)],
    ]
    without = list(examples.make(source, SPEC, AMOUNTS, 0, 2))
    assert {e.name for e in made} - {e.name for e in without} == {
        "noise file",
        "background",
        "mixup",
        "cutmix",
    }
    left = [e.title for e in made if e.name in {e.name for e in without}]
    assert left == [e.title for e in without]  # what is left out does not change the others


def test_titles_say_what_was_drawn(tmp_path: Path) -> None:
    source = examples.load(sound(tmp_path / "a.wav", 2.0), SPEC)
    made = {e.name: e for e in examples.make(source, SPEC, AMOUNTS)}
    assert made["original"].wave is not None
    for name in ("noise", "hiss"):
        wave = made[name].wave
        assert wave is not None
        added = wave - made["original"].wave
        snr = 10 * np.log10(np.mean(made["original"].wave ** 2) / np.mean(added**2))
        assert int(made[name].title.split(":")[1].split("dB")[0]) == pytest.approx(snr, abs=1.0)


def test_a_presets_own_amounts_are_shown(tmp_path: Path) -> None:
    source = examples.load(sound(tmp_path / "a.wav", 2.0), SPEC)
    amounts = Amounts(WaveSettings(noise=0.1, noise_snr_db=(40, 40)), SpectrumSettings())
    made = list(examples.make(source, SPEC, amounts))
    assert next(e for e in made if e.name == "noise").title.startswith("noise: 40 dB SNR")
    assert made[-1].wave is not None


def test_command_writes_picture_and_waves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sound(tmp_path / "clip.wav", 1.0, channels=2)
    command = ["augment", "clip.wav", "--preset", "right-whale"]
    done = CliRunner().invoke(app, [*command, "--json", "--wav", "made"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert (tmp_path / printed["figure"]).read_bytes()[:4] == b"\x89PNG"
    assert printed["examples"][0] == {"name": "original", "title": "original"}
    assert len(printed["waves"]) >= 10
    x, rate = soundfile.read(tmp_path / printed["waves"][0])
    assert rate == 2000
    assert len(x) == 4000
    failed = CliRunner().invoke(app, [*command, "--noise", "nowhere"])
    assert isinstance(failed.exception, InputError)
    assert "nowhere" in str(failed.exception)
