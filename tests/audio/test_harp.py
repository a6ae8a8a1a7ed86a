"""HARP x.wav: the 'harp' chunk's times and rate, written here byte by byte from its description."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from finback.audio import harp as xwav
from finback.audio import io
from finback.core.errors import AudioError

FIRST = datetime(2009, 3, 29, 12, 15, 0, 250_000, tzinfo=UTC)
CYCLE = timedelta(minutes=20)  # 5 s of sound in every 20 minutes
RATE = 2000
STRETCH = 5 * RATE


def write_xwav(
    path: Path,
    n_stretches: int = 3,
    n_channels: int = 1,
    version: int = 1,
    fmt_rate: int = RATE,
    **entry_changes: int,
) -> np.ndarray:
    """A duty-cycled x.wav; `entry_changes` overwrite fields of the second entry. Returns (n, C) int16."""
    extra = 4 * n_channels if version in (2, ord("2")) else 0
    harp_bytes = 56 + extra + n_stretches * (32 + extra)
    data_start = 12 + 24 + 8 + harp_bytes + 8
    x = np.random.default_rng(1).integers(-3000, 3000, (n_stretches * STRETCH, n_channels), dtype=np.int16)
    harp = struct.pack(
        "<B10s4s4s8sB8sHiih", version, b"V2.98", b"D111", b"M", b"SOCAL", 1, b"1234", n_stretches, 0, 0, 9
    )
    harp += bytes(extra + 8)
    for i in range(n_stretches):
        when = FIRST + i * CYCLE
        entry = {
            "year": when.year - 2000,
            "month": when.month,
            "day": when.day,
            "hour": when.hour,
            "minute": when.minute,
            "second": when.second,
            "milliseconds": when.microsecond // 1000,
            "at_byte": data_start + i * STRETCH * 2 * n_channels,
            "n_bytes": STRETCH * 2 * n_channels,
            "n_sectors": 60,
            "rate": RATE,
            "gain": 1,
        }
        if i == 1:
            entry.update(entry_changes)
        harp += struct.pack("<6BH4IB7x", *entry.values()) + bytes(extra)
    fmt = struct.pack("<HHIIHH", 1, n_channels, fmt_rate, fmt_rate * 2 * n_channels, 2 * n_channels, 16)
    body = b"WAVE"
    for name, chunk in ((b"fmt ", fmt), (b"harp", harp), (b"data", x.tobytes())):
        body += name + struct.pack("<I", len(chunk)) + chunk
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return x


EXPECTED = tuple((i * STRETCH, FIRST + i * CYCLE) for i in range(3))


@pytest.mark.parametrize("n_channels", [1, 4])
@pytest.mark.parametrize("version", [0, 1, 2, ord("1"), ord("2")])
def test_schedule(tmp_path: Path, version: int, n_channels: int) -> None:
    path = tmp_path / "SOCAL_xx_090329_121500.x.wav"
    x = write_xwav(path, n_channels=n_channels, version=version)
    assert xwav.schedule(path) == EXPECTED
    assert np.array_equal(io.read_channels(path), x / np.float32(32768))


def test_times_jump_where_the_recorder_slept(tmp_path: Path) -> None:
    path = tmp_path / "misnamed_20200101_000000.x.wav"
    write_xwav(path)
    recording = io.open_recording(path)
    assert recording.schedule == EXPECTED
    assert recording.start_time == FIRST  # the chunk knows better than the name
    assert recording.time_at(STRETCH - 1) == FIRST + timedelta(seconds=(STRETCH - 1) / RATE)
    assert recording.time_at(STRETCH) == FIRST + CYCLE
    assert recording.time_at(2 * STRETCH + RATE) == FIRST + 2 * CYCLE + timedelta(seconds=1)


def test_the_chunk_has_the_true_rate(tmp_path: Path) -> None:
    write_xwav(tmp_path / "fake.x.wav", fmt_rate=44_100)
    assert io.probe(tmp_path / "fake.x.wav").sample_rate == RATE


def test_cut_short_keeps_the_times_of_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "cut.x.wav"
    write_xwav(path)
    path.write_bytes(path.read_bytes()[: -STRETCH * 3])  # half a stretch and all of the last
    recording = io.open_recording(path)
    assert recording.n_samples == 3 * STRETCH - STRETCH * 3 // 2
    assert recording.schedule == EXPECTED[:2]
    assert io.probe(path).repaired


def test_entries_never_filled_are_passed_over(tmp_path: Path) -> None:
    write_xwav(tmp_path / "a.x.wav", n_bytes=0)
    assert xwav.schedule(tmp_path / "a.x.wav") == (EXPECTED[0], EXPECTED[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"month": 13}, "stretch 2 starts at an impossible time"),
        ({"second": 61}, "impossible time"),
        ({"at_byte": 20}, "starts at byte 20, where no sample does"),
        ({"at_byte": 5001}, "where no sample does"),
        ({"rate": 200_000}, "different sample rates"),
    ],
)
def test_damage_is_refused_not_guessed_at(tmp_path: Path, change: dict[str, int], message: str) -> None:
    path = tmp_path / "bad.x.wav"
    write_xwav(path, **change)
    for use in (xwav.schedule, io.open_recording):
        with pytest.raises(AudioError, match=message) as caught:
            use(path)
        assert "bad.x.wav" in str(caught.value)


def test_a_table_longer_than_its_chunk(tmp_path: Path) -> None:
    path = tmp_path / "short.x.wav"
    write_xwav(path)
    content = bytearray(path.read_bytes())
    content[80:82] = struct.pack("<H", 999)  # the number of entries, where Triton looks for it
    path.write_bytes(content)
    with pytest.raises(AudioError, match="promises 999 stretches"):
        xwav.schedule(path)


def test_other_files_have_none(tmp_path: Path) -> None:
    io.write(tmp_path / "plain.wav", np.zeros(100), 8000)
    io.write(tmp_path / "plain.flac", np.zeros(100), 8000)
    assert xwav.schedule(tmp_path / "plain.wav") == xwav.schedule(tmp_path / "plain.flac") == ()
