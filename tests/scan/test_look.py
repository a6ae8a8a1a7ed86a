"""A file is known again by little of it, also when a recorder still writes it."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from scanned import header
from sounds import sound

from finback.audio.io import write
from finback.audio.time_options import NAMES, time_options
from finback.core.errors import AudioError
from finback.scan.known import identity
from finback.scan.look import look, require_unchanged

HEAD = header()


def wav(samples: np.ndarray, data_bytes: int | None = None) -> bytes:
    """A WAV at 1,000 Hz whose header gives another size of the data, as a recorder's that still writes."""
    n = 2 * len(samples) if data_bytes is None else data_bytes
    fmt = struct.pack("<HHIIHH", 1, 1, 1000, 2000, 2, 16)
    sizes = b"RIFF" + struct.pack("<I", 36 + n), b"data" + struct.pack("<I", n)
    return sizes[0] + b"WAVEfmt " + struct.pack("<I", 16) + fmt + sizes[1] + samples.astype("<i2").tobytes()


NOISE = np.random.default_rng(0).integers(-9000, 9000, 60_000)


@pytest.mark.parametrize("n_before", [100, 3000, 5000, 30_000])
@pytest.mark.parametrize("declared", [None, 0, 1000])
def test_a_file_that_grew(tmp_path: Path, n_before: int, declared: int | None) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(NOISE[:n_before], declared))
    before = look(str(path), NAMES, HEAD, None)
    path.write_bytes(wav(NOISE))
    after = look(str(path), NAMES, HEAD, before)
    assert after.file.n_samples == 60_000
    assert identity(after.file) != identity(before.file)
    assert after.file.grown_from == (identity(before.file),)
    again = look(str(path), NAMES, HEAD, after)
    assert again == after
    require_unchanged(before.file)


def test_a_file_that_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(NOISE[:30_000]))
    before = look(str(path), NAMES, HEAD, None)
    for changed in (NOISE[:20_000], NOISE[::-1], np.concatenate([NOISE[:29_990], NOISE])):
        path.write_bytes(wav(changed))
        assert look(str(path), NAMES, HEAD, before).file.grown_from == ()
        with pytest.raises(AudioError, match="changed since"):
            require_unchanged(before.file)
    path.unlink()
    with pytest.raises(AudioError, match="no such file"):
        require_unchanged(before.file)


def test_a_header_that_a_recorder_mends_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(NOISE, 0))
    before = look(str(path), NAMES, HEAD, None)
    path.write_bytes(wav(NOISE))
    assert look(str(path), NAMES, HEAD, before).file.digest == before.file.digest
    require_unchanged(replace(before.file, modified_ns=1))


def test_what_is_no_sound_has_a_reason(tmp_path: Path) -> None:
    for name, content in (("empty.wav", b""), ("text.wav", b"hello" * 100), ("cut.flac", b"fLaC\0")):
        (tmp_path / name).write_bytes(content)
        state = look(str(tmp_path / name), NAMES, HEAD, None)
        assert str(tmp_path / name) in state.reason
        assert state.file.n_samples == 0
        assert state.file.size == len(content)
    assert "no such file" in look(str(tmp_path / "gone.wav"), NAMES, HEAD, None).reason
    assert "folder" in look(str(tmp_path), NAMES, HEAD, None).reason


def test_start_times_follow_the_options(tmp_path: Path) -> None:
    path = str(sound(tmp_path / "20230504_120000.wav"))
    assert look(path, NAMES, HEAD, None).file.start_time == datetime(2023, 5, 4, 12, tzinfo=UTC)
    zone = time_options(zone="UTC-5")
    assert look(path, zone, HEAD, None).file.start_time == datetime(2023, 5, 4, 17, tzinfo=UTC)


def test_a_band_that_is_missing_and_a_channel_that_is_not_there(tmp_path: Path) -> None:
    path = str(sound(tmp_path / "a.wav", rate=400))
    low = look(path, NAMES, header(top_hz=500), None)
    assert low.was_skipped
    assert "up to 200 Hz" in low.reason
    assert "--missing-band analyse" in low.reason
    assert not look(path, NAMES, header(top_hz=400), None).reason
    assert not look(path, NAMES, header(top_hz=500, missing_band="analyse"), None).reason
    other = look(path, NAMES, header(channels=1, top_hz=100), None)
    assert "no channel 1" in other.reason
    assert not other.was_skipped


def test_formats_without_a_wav_header(tmp_path: Path) -> None:
    write(tmp_path / "a.flac", NOISE / 32768, 1000)
    one = look(str(tmp_path / "a.flac"), NAMES, HEAD, None)
    assert one.file.n_samples == 60_000
    assert look(str(tmp_path / "a.flac"), NAMES, HEAD, one) == one
