"""Noise beds of real files: no clicks, no dips, no early repeats; what is left out is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.audio import io
from finback.core.errors import InputError
from finback.datasets.simulate.soundscape import find_noise
from finback.datasets.simulate.soundscape.noise import FADE_S, RealBed
from finback.datasets.simulate.soundscape.noise_files import measure_noise

RATE = 4000


def write_noise(path: Path, seconds: float, seed: int, rate: int = RATE, gain: float = 0.02) -> Path:
    x = gain * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    io.write(path, x.clip(-0.9, 0.9), rate)
    return path


def bed_of(folder: Path, seconds: float) -> RealBed:
    noise = measure_noise(find_noise([folder]), RATE)
    return noise.bed(np.random.SeedSequence(5), round(seconds * RATE))


def test_pieces_are_joined_without_a_click_or_a_dip(tmp_path: Path) -> None:
    for i in range(6):
        write_noise(tmp_path / f"{i}.wav", 4 + i, i, gain=0.01 * 2**i)
    x = bed_of(tmp_path, 60).read(0, 60 * RATE)
    assert np.std(x) == pytest.approx(1, abs=0.05)
    tenths = x.reshape(-1, RATE // 10).std(axis=1)
    assert tenths.min() > 0.8
    assert tenths.max() < 1.2
    assert np.abs(np.diff(x)).max() < 8, "steps of white noise of variance 1"


def test_every_piece_is_used_before_one_comes_again(tmp_path: Path) -> None:
    for i in range(5):
        write_noise(tmp_path / f"{i}.wav", 5, i)
    pieces = [p.file.path.name for _, p in bed_of(tmp_path, 40).pieces]
    assert len(set(pieces[:5])) == 5
    assert len(pieces) == 9  # of 5 s, less the fades


def test_a_bed_is_the_same_however_it_is_read(tmp_path: Path) -> None:
    write_noise(tmp_path / "long.wav", 70, 1)
    write_noise(tmp_path / "short.wav", 2, 2, rate=3 * RATE)
    whole = bed_of(tmp_path, 100).read(0, 100 * RATE)
    bed = bed_of(tmp_path, 100)
    for start, stop in ((390_000, 400_000), (0, 5), (100_000, 250_000)):
        np.testing.assert_array_equal(bed.read(start, stop), whole[start:stop])
    assert not np.any(whole == 0)


def test_a_fade_takes_half_a_second_at_most(tmp_path: Path) -> None:
    write_noise(tmp_path / "a.wav", 10, 1)
    write_noise(tmp_path / "b.wav", 1.2, 2)
    bed = bed_of(tmp_path, 60)
    fades = [bed._overlap(i) for i in range(len(bed.pieces) - 1)]
    assert max(fades) == round(FADE_S * RATE)
    assert min(fades) == round(0.3 * RATE)


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    write_noise(tmp_path / "good.wav", 3, 1)
    write_noise(tmp_path / "short.wav", 0.4, 2)
    write_noise(tmp_path / "low.wav", 3, 3, rate=1000)
    io.write(tmp_path / "silent.wav", np.zeros(3 * RATE), RATE)
    (tmp_path / "broken.wav").write_bytes(b"RIFF and so on")
    noise = measure_noise(find_noise([tmp_path]), RATE)
    assert [f.path.name for f in noise.files] == ["good.wav"]
    notes = " ".join(noise.notes)
    for name, why in (("short", "shorter than"), ("low", "below"), ("silent", "silent"), ("broken", "")):
        assert f"{name}.wav" in notes
        assert why in notes


def test_hidden_files_are_no_noise(tmp_path: Path) -> None:
    for name in ("good.wav", "._good.wav", ".trash/old.wav"):
        write_noise(tmp_path / name, 3, 1)
    found = find_noise([tmp_path])
    assert [info.path.name for info in found.files] == ["good.wav"]
    assert "is hidden and not read" in found.notes[0]


def test_errors_name_the_repair(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder or file"):
        find_noise([tmp_path / "nothing"])
    write_noise(tmp_path / "n" / "short.wav", 0.4, 2)
    with pytest.raises(InputError, match=r"no noise file that can be used .*shorter"):
        find_noise([tmp_path / "n"])
    write_noise(tmp_path / "m" / "low.wav", 3, 3)
    with pytest.raises(InputError, match="give --sample-rate 4000 or less"):
        measure_noise(find_noise([tmp_path / "m"]), 48_000)


def test_a_table_says_which_noise_is_for_which_set(tmp_path: Path) -> None:
    for i, name in enumerate(("a.wav", "b.wav")):
        write_noise(tmp_path / name, 3, i)
    (tmp_path / "noise.csv").write_text("file,split\na.wav,train\nb.wav,test\n")
    found = find_noise([tmp_path / "noise.csv"], "test")
    assert [info.path.name for info in found.files] == ["b.wav"]
    assert len(find_noise([tmp_path / "noise.csv"]).files) == 2
