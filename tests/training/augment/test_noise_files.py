"""The noise bank: any rate, any length, bounded memory, drawn by the generator alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sounds import sound

from finback.audio.io import write
from finback.core.errors import AudioError
from finback.training.augment import noise_files
from finback.training.augment.noise_files import NoiseBank


def test_excerpts_have_the_banks_rate(tmp_path: Path) -> None:
    rate = 8000
    t = np.arange(3 * rate) / rate
    write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 500 * t), rate)
    x = NoiseBank.load(tmp_path, 2000).draw(np.random.default_rng(0), 3, 2000)
    assert x.shape == (3, 2000)
    assert x.dtype == np.float32
    assert (np.abs(np.fft.rfft(x)).argmax(axis=1) == 500).all()  # 1 s: bins of 1 Hz


def test_same_generator_same_excerpts_whatever_is_in_memory(tmp_path: Path) -> None:
    for i in range(3):
        sound(tmp_path / f"{i}.wav", seconds=50, rate=500)
    fresh, used = NoiseBank.load(tmp_path, 500), NoiseBank.load(tmp_path, 500, remembered=1)
    used.draw(np.random.default_rng(9), 8, 300)
    expected = fresh.draw(np.random.default_rng(1), 8, 300)
    assert np.array_equal(used.draw(np.random.default_rng(1), 8, 300), expected)
    assert not np.array_equal(used.draw(np.random.default_rng(2), 8, 300), expected)


def test_memory_is_bounded_and_long_files_are_read_in_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound(tmp_path / "long.wav", seconds=400, rate=500)
    asked: list[int] = []

    def spying(path: Path, start: int, stop: int) -> np.ndarray:
        asked.append(stop - start)
        return noise_files_read(path, start, stop)

    noise_files_read = noise_files.read
    monkeypatch.setattr(noise_files, "read", spying)
    bank = NoiseBank.load(tmp_path, 500, remembered=5)
    assert not asked
    rng = np.random.default_rng(0)
    for _ in range(10):
        before = len(asked)
        bank.draw(rng, 32, 300)
        assert len(asked) - before <= 4
        assert len(bank._windows) <= 5
    assert max(asked) == 20 * 500
    assert len(asked) > 5


def test_every_part_of_a_long_file_is_drawn(tmp_path: Path) -> None:
    rate, seconds = 100, 90
    ramp = np.repeat(np.arange(seconds), rate) / seconds  # each second tells its number, but for the offset
    write(tmp_path / "ramp.wav", ramp, rate)
    bank = NoiseBank.load(tmp_path, rate)
    rng = np.random.default_rng(0)
    starts = {bank._choose(rng)[1] // rate for _ in range(200)}
    assert min(starts) == 0
    assert max(starts) == 70
    assert len(starts) == 8


def test_short_files_are_repeated_and_offsets_removed(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 0.5 + 0.1 * np.sin(np.arange(100)), 1000)
    x = NoiseBank.load(tmp_path, 1000).draw(np.random.default_rng(0), 1, 450)[0]
    assert np.abs(x[:100].mean()) < 1e-3
    assert np.allclose(x[:100], x[100:200])


def test_bad_files_are_named_and_left_out(tmp_path: Path) -> None:
    sound(tmp_path / "good.wav")
    (tmp_path / "bad.wav").write_bytes(b"no sound at all")
    (tmp_path / "notes.txt").write_text("not even a sound file")
    bank = NoiseBank.load(tmp_path, 2000)
    assert [f.path.name for f in bank.files] == ["good.wav"]
    assert len(bank.problems) == 1
    assert "bad.wav" in bank.problems[0]


def test_hidden_files_are_no_noise(tmp_path: Path) -> None:
    sound(tmp_path / "good.wav")
    (tmp_path / ".trash").mkdir()
    for name in ("._good.wav", ".trash/old.wav"):
        sound(tmp_path / name)
    bank = NoiseBank.load(tmp_path, 2000)
    assert [f.path.name for f in bank.files] == ["good.wav"]
    assert "is hidden and not read" in bank.problems[0]


def test_no_folder_and_no_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="nowhere"):
        NoiseBank.load(tmp_path / "nowhere", 2000)
    with pytest.raises(AudioError, match="no noise file"):
        NoiseBank.load(tmp_path, 2000)
    (tmp_path / "bad.wav").write_bytes(b"no sound at all")
    with pytest.raises(AudioError, match=r"bad\.wav"):
        NoiseBank.load(tmp_path, 2000)


@pytest.mark.real
def test_real_noise_stereo_and_of_two_rates(real_data: Path) -> None:
    bank = NoiseBank.load(real_data / "noise", 22_050)
    assert len({f.sample_rate for f in bank.files}) > 1
    x = bank.draw(np.random.default_rng(0), 8, 66_150)
    assert np.isfinite(x).all()
    assert (x.std(axis=1) > 0).all()
    assert not bank.problems
