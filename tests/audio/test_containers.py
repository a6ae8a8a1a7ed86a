"""Headers that promise too little, too much or nothing, and files in which sounds stand one after another."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from damaged_sounds import RATE, N, content, put, tolerance

from finback.audio import io
from finback.audio.containers import mp3
from finback.audio.containers.flac_frames import crc16
from finback.core.errors import AudioError

CODED = [("FLAC", "PCM_16", "a.flac"), ("MP3", "MPEG_LAYER_III", "a.mp3"), ("OGG", "VORBIS", "a.ogg")]
each_coded = pytest.mark.parametrize(("container", "subtype", "name"), [*CODED, ("OGG", "OPUS", "a.opus")])


def flac_total(data: bytes, total: int) -> bytes:
    """The number of samples in STREAMINFO, which an encoder writes last."""
    high = int.from_bytes(data[21:26], "big") >> 36 << 36
    return data[:21] + (high | total).to_bytes(5, "big") + data[26:]


@pytest.mark.parametrize("total", [0, 1, N // 2, N - 1, N + 1, 2 * N, (1 << 36) - 1])
@pytest.mark.parametrize("n", [N, 240_000])
def test_flac_with_another_total(tmp_path: Path, n: int, total: int) -> None:
    data = content("FLAC", "PCM_16", 1, n)
    whole = io.read_channels(put(tmp_path / "whole.flac", data))
    path = put(tmp_path / "total.flac", flac_total(data, total))
    info = io.probe(path)
    assert info.n_samples == n
    assert info.repaired
    assert "these were read" in info.remarks[0]
    assert np.array_equal(io.read_channels(path), whole)
    assert np.array_equal(io.read_channels(path, n - 700, n - 3), whole[n - 700 : n - 3])  # the lost tail
    assert io.open_recording(path).remarks == info.remarks
    assert path.read_bytes() == flac_total(data, total)  # never mended in place


def test_flac_whose_rate_is_wrong_in_the_header_only(tmp_path: Path) -> None:
    data = bytearray(content("FLAC", "PCM_16", 1))
    data[18:21] = ((96_000 << 4) | (data[20] & 15)).to_bytes(3, "big")
    info = io.probe(put(tmp_path / "rate.flac", bytes(data)))
    assert info.sample_rate == RATE
    assert "96000 Hz, its frames 48000 Hz" in info.remarks[0]


def test_crc16_of_frames_that_are_longer_than_its_period() -> None:
    for n in (1, 1000, 32_767, 32_768, 70_000):
        body, crc = np.random.default_rng(n).bytes(n), 0
        for byte in body:  # bit by bit, as RFC 9639 says it
            crc ^= byte << 8
            for _ in range(8):
                crc = (crc << 1 ^ (0x18005 if crc & 0x8000 else 0)) & 0xFFFF
        assert crc16(body) == crc
        assert crc16(body + crc.to_bytes(2, "big")) == 0


@each_coded
def test_sounds_that_were_joined_are_read_as_one(
    tmp_path: Path, container: str, subtype: str, name: str
) -> None:
    one, other = content(container, subtype, 1), content(container, subtype, 1, 2 * N, seed=1)
    parts = [io.read_channels(put(tmp_path / f"{i}-{name}", data)) for i, data in enumerate([one, other])]
    whole = np.concatenate([*parts, parts[0]])
    path = put(tmp_path / name, one + other + one)
    info = io.probe(path)
    assert (info.n_samples, info.repaired) == (4 * N, True)
    assert "3 " in info.remarks[0]
    assert "stand one after another; they were read as one sound" in info.remarks[0]
    close = tolerance(container)
    np.testing.assert_allclose(io.read_channels(path), whole, atol=close, rtol=0)
    for start, stop in ((N - 5, N + 5), (3 * N - 1, 3 * N), (10, 4 * N - 10), (3 * N + 7, 4 * N)):
        np.testing.assert_allclose(io.read_channels(path, start, stop), whole[start:stop], atol=close, rtol=0)
    blocks = list(io.blocks(path, 1700, 50))
    assert [len(b) for b in blocks[:-1]] == [1700] * (len(blocks) - 1)
    np.testing.assert_allclose(np.concatenate(blocks), whole[50:, 0], atol=close, rtol=0)


@each_coded
def test_a_joined_sound_of_another_kind_is_left_out_and_named(
    tmp_path: Path, container: str, subtype: str, name: str
) -> None:
    one = content(container, subtype, 1)
    info = io.probe(put(tmp_path / name, one + content(container, subtype, 2)))
    assert info.n_samples == N
    assert any(r.startswith("left out: another sound of 48000 Hz and 2 channels") for r in info.remarks)


@each_coded
def test_other_bytes_before_and_after(tmp_path: Path, container: str, subtype: str, name: str) -> None:
    data = content(container, subtype, 1)
    whole = io.read_channels(put(tmp_path / f"whole-{name}", data))
    path = put(tmp_path / name, b"\1\2\3" * 7 + data + b"\4" * 333)
    info = io.probe(path)
    np.testing.assert_allclose(io.read_channels(path), whole, atol=tolerance(container), rtol=0)
    assert sum(remark.startswith("left out: ") for remark in info.remarks) == 2


@pytest.mark.parametrize(("container", "subtype", "name"), CODED[:2])
def test_tags_of_music_programs_are_no_fault(tmp_path: Path, container: str, subtype: str, name: str) -> None:
    data = content(container, subtype, 1)
    id3 = b"ID3\3\0\0" + bytes([0, 0, 2, 0]) + bytes(256)
    path = put(tmp_path / name, id3 + data + b"TAG".ljust(128, b"\0"))
    info = io.probe(path)
    assert (info.n_samples, info.remarks) == (N, ())
    assert len(io.read(path)) == N


@pytest.mark.parametrize("count", [0, 1, 3, 5, 1000, 1 << 31])
def test_mp3_with_another_count_of_frames(tmp_path: Path, count: int) -> None:
    data = content("MP3", "MPEG_LAYER_III", 2)
    whole = io.read_channels(put(tmp_path / "whole.mp3", data))
    at = max(data.find(b"Xing"), data.find(b"Info")) + 8
    if int.from_bytes(data[at : at + 4], "big") == count:
        count += 1
    path = put(tmp_path / "count.mp3", data[:at] + count.to_bytes(4, "big") + data[at + 4 :])
    info = io.probe(path)
    assert info.n_samples == N
    assert info.remarks[0].startswith("the MP3 header ")
    np.testing.assert_allclose(io.read_channels(path), whole, atol=1e-6)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_mp3_without_a_count_is_read_to_its_end(tmp_path: Path, n_channels: int) -> None:
    n = 100_000
    t = np.arange(n)[:, None] / RATE
    x = np.where(t < 1, 1e-4, 0.3) * np.random.default_rng(0).normal(0, 1, (n, n_channels)).clip(-3, 3)
    soundfile.write(tmp_path / "whole.mp3", x, RATE, bitrate_mode="VARIABLE")
    data = (tmp_path / "whole.mp3").read_bytes()
    first = mp3.parse(data[:4])
    assert first is not None
    path = put(tmp_path / "bare.mp3", data[first.n_bytes :])
    info = io.probe(path)
    assert n < info.n_samples < n + 4 * 1152
    got = io.read(path)
    with soundfile.SoundFile(path) as sound:  # libsndfile guesses the length from the first frames
        guessed = sound.read(dtype="float32", always_2d=True)
    assert len(guessed) < n
    np.testing.assert_allclose(got[: len(guessed)], guessed.mean(axis=1), atol=1e-6)
    assert np.abs(got[-5000:-3000]).max() > 0.1
    np.testing.assert_allclose(io.read(path, n - 1000, n), got[n - 1000 : n], atol=1e-6)


def test_mp3_with_damage_in_the_middle_goes_on_after_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = content("MP3", "MPEG_LAYER_III", 1, 48_000)
    middle = len(data) // 2
    path = put(tmp_path / "gap.mp3", data[:middle] + b"no sound" * 99 + data[middle + 500 :])
    info = io.probe(path)
    assert 40_000 < info.n_samples < 48_000
    assert "in one place that are no MP3 frames; times after them may be too early" in info.remarks[0]
    assert len(io.read(path)) == info.n_samples
    assert capfd.readouterr() == ("", "")


def test_id3_alone_is_no_sound(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path / "tag.mp3", b"ID3\3\0\0" + bytes([0, 0, 2, 0]) + bytes(256))
    with pytest.raises(AudioError, match=r"tag\.mp3: not a sound file that can be read \(there is no MP3"):
        io.probe(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_stops_at_a_damaged_page(tmp_path: Path, subtype: str) -> None:
    data = bytearray(content("OGG", subtype, 1, 300_000))
    whole = io.read_channels(put(tmp_path / "whole.ogg", bytes(data)))
    data[len(data) // 2] ^= 1
    path = put(tmp_path / "page.ogg", bytes(data))
    info = io.probe(path)
    assert 0 < info.n_samples < 250_000
    assert "because the checksum of an Ogg page is wrong" in info.remarks[0]
    assert np.array_equal(io.read_channels(path), whole[: info.n_samples])


def test_ogg_without_its_end_says_so(tmp_path: Path) -> None:
    data = content("OGG", "VORBIS", 1, 100_000)
    path = put(tmp_path / "end.ogg", data[: data.rindex(b"OggS")])
    assert io.probe(path).remarks == (
        "the Ogg stream has no end mark; the recording may have been cut short",
    )


def test_headers_that_promise_too_much_allocate_nothing(tmp_path: Path) -> None:
    good = content("WAV", "PCM_16", 1)
    for at, value in ((22, b"\xff\xff"), (24, struct.pack("<I", 4_000_000_000)), (24, bytes(4))):
        path = put(tmp_path / "a.wav", good[:at] + value + good[at + len(value) :])
        with pytest.raises(AudioError, match=r"a\.wav"):
            io.open_recording(path)


@pytest.mark.parametrize(
    ("container", "subtype", "name"), [*CODED, ("WAV", "PCM_16", "a.wav"), ("WAV", "PCM_U8", "b.wav")]
)
def test_thousands_of_joined_sounds_are_bounded_and_the_rest_is_named(
    tmp_path: Path, container: str, subtype: str, name: str
) -> None:
    n = 6000 if container == "WAV" else 1100
    info = io.probe(put(tmp_path / name, content(container, subtype, 1, 10) * n))
    assert 0 < info.n_samples < 10 * n
    assert any(remark.startswith("left out: ") for remark in info.remarks)


def test_bytes_that_look_like_frames_without_end(tmp_path: Path) -> None:
    data = content("FLAC", "PCM_16", 1)
    path = put(tmp_path / "a.flac", data + b"\xff\xf8" * 150_000)
    info = io.probe(path)
    assert N - 1 <= info.n_samples <= N
    assert info.remarks
    assert len(io.read(path)) == info.n_samples


def test_a_flac_without_a_whole_frame_holds_no_samples(tmp_path: Path) -> None:
    data = content("FLAC", "PCM_16", 1)
    first_frame = data.index(b"\xff\xf8")
    for n in (0, 7, 100):
        with pytest.raises(AudioError, match=r"a\.flac: (holds no samples|not a sound|damaged)"):
            io.read(put(tmp_path / "a.flac", data[: first_frame + n]))


@pytest.mark.parametrize(("rate", "n_channels", "mode"), [(16_000, 1, "VARIABLE"), (44_100, 2, "CONSTANT")])
def test_a_span_of_an_mp3_does_not_depend_on_where_it_starts(
    tmp_path: Path, rate: int, n_channels: int, mode: str
) -> None:
    n = 300_000  # its frames need bytes of many frames before them
    loudness = 0.2 * np.abs(np.sin(np.arange(n) / 9000))[:, None]
    x = loudness * np.random.default_rng(3).normal(0, 1, (n, n_channels))
    path = tmp_path / "swell.mp3"
    soundfile.write(path, x, rate, bitrate_mode=mode)
    whole = io.read_channels(path)
    for start in np.random.default_rng(3).integers(0, n - 5000, 60).tolist():
        np.testing.assert_allclose(
            io.read_channels(path, start, start + 4000), whole[start : start + 4000], atol=1e-6
        )
    joined = np.concatenate(list(io.blocks(path, 1500, channel=0)))
    np.testing.assert_allclose(joined, whole[:, 0], atol=1e-6)
