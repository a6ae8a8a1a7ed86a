"""Sound files in and out: every format, every span, and every kind of file that is not a sound file."""

from __future__ import annotations

import hashlib
import os
import resource
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finback.audio import io
from finback.core.errors import AudioError

RATE = 48_000
N = 20_000
FORMATS = {  # suffix -> libsndfile's format and subtype
    **{f"{s.lower()}.wav": ("WAV", s) for s in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")},
    "extensible.wav": ("WAVEX", "PCM_24"),
    "upper.WAV": ("WAV", "PCM_16"),
    "pcm_16.flac": ("FLAC", "PCM_16"),
    "pcm_24.FLAC": ("FLAC", "PCM_24"),
    "big.aiff": ("AIFF", "PCM_16"),
    "float.AIF": ("AIFF", "FLOAT"),
    "sony.w64": ("W64", "PCM_24"),
    "ebu.rf64": ("RF64", "PCM_16"),
    "rf64.wav": ("RF64", "PCM_24"),
    "next.au": ("AU", "PCM_16"),
    "core.caf": ("CAF", "PCM_16"),
    "lame.mp3": ("MP3", "MPEG_LAYER_III"),
    "vorbis.ogg": ("OGG", "VORBIS"),
    "opus.opus": ("OGG", "OPUS"),
}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A stereo sweep in noise in every format, written in blocks: libsndfile dies of long arrays to OGG."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    t = np.arange(N)[:, None] / RATE
    x = 0.3 * np.sin(2 * np.pi * np.array([500, 3000]) * t * (1 + t)) + rng.normal(0, 0.05, (N, 2))
    for name, (kind, subtype) in FORMATS.items():
        with soundfile.SoundFile(folder / name, "w", RATE, 2, subtype, format=kind) as sound:
            for at in range(0, N, 1000):
                sound.write(x[at : at + 1000])
    return {name: folder / name for name in FORMATS}


@pytest.fixture(scope="module")
def wholes(sounds: dict[str, Path]) -> dict[str, np.ndarray]:
    return {name: io.read_channels(path) for name, path in sounds.items()}


@pytest.mark.parametrize("name", FORMATS)
def test_probe_tells_what_a_full_read_gives(sounds: dict[str, Path], name: str) -> None:
    info = io.probe(sounds[name])
    assert (info.sample_rate, info.n_channels, info.n_samples) == (RATE, 2, N)
    assert (info.format, info.subtype) == FORMATS[name]
    assert not info.repaired
    assert Path(name).suffix.lower() in io.SUFFIXES
    oracle, _ = soundfile.read(sounds[name], dtype="float32")
    got = io.read_channels(sounds[name])
    assert got.dtype == np.float32
    assert np.array_equal(got, oracle)  # a whole file goes by as libsndfile reads it


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_span_is_a_slice_of_the_whole(
    sounds: dict[str, Path], wholes: dict[str, np.ndarray], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(FORMATS)))
    start = data.draw(st.integers(0, N - 1))
    stop = data.draw(st.integers(start + 1, min(N, start + 3000)))
    # The MP3 decoder rounds differently after a jump; all others give the very same samples.
    close = 1e-6 if name == "lame.mp3" else 0
    whole = wholes[name][start:stop]
    np.testing.assert_allclose(io.read_channels(sounds[name], start, stop), whole, atol=close, rtol=0)
    np.testing.assert_allclose(io.read(sounds[name], start, stop, channel=1), whole[:, 1], atol=close, rtol=0)
    np.testing.assert_allclose(
        io.read(sounds[name], start, stop), whole.mean(axis=1), atol=close + 1e-7, rtol=0
    )


@pytest.mark.parametrize("name", ["pcm_16.wav", "lame.mp3", "vorbis.ogg", "pcm_24.FLAC"])
@pytest.mark.parametrize("step", [1 << 20, 7001, 5000])
def test_blocks_joined_are_the_span(
    sounds: dict[str, Path], wholes: dict[str, np.ndarray], name: str, step: int
) -> None:
    got = list(io.blocks(sounds[name], step, 1234, 16_234, channel=0))
    assert [len(b) for b in got[:-1]] == [step] * (len(got) - 1)
    np.testing.assert_allclose(np.concatenate(got), wholes[name][1234:16_234, 0], atol=1e-6)


def test_mono_is_the_mean_or_the_channel(tmp_path: Path) -> None:
    x = np.array([[0.5, -0.25, 0.125], [0.25, 0.25, -0.125]])
    io.write(tmp_path / "three.wav", x, 1000)
    assert io.read(tmp_path / "three.wav").tolist() == pytest.approx([0.125, 0.125])
    assert io.read(tmp_path / "three.wav", channel=2).tolist() == [0.125, -0.125]
    for channel in (3, -1):
        with pytest.raises(AudioError, match=rf"three\.wav: no channel {channel}; it has 3, counted from 0"):
            io.read(tmp_path / "three.wav", channel=channel)
        with pytest.raises(AudioError, match="no channel"):
            io.blocks(tmp_path / "three.wav", 5, channel=channel)


@pytest.mark.parametrize(("start", "stop"), [(0, 101), (-1, 5), (50, 50), (60, 50), (100, None), (200, 300)])
def test_spans_that_are_not_there(tmp_path: Path, start: int, stop: int | None) -> None:
    io.write(tmp_path / "short.wav", np.zeros(100), 1000)
    for use in (io.read, io.read_channels, lambda p, a, b: io.blocks(p, 10, a, b)):
        with pytest.raises(AudioError, match=rf"short\.wav: span {start}-{stop or 100} is not inside 0-100"):
            use(tmp_path / "short.wav", start, stop)
    with pytest.raises(AudioError, match="blocks of 0"):
        io.blocks(tmp_path / "short.wav", 0)


@pytest.mark.parametrize(
    "name", ["pcm_16.flac", "lame.mp3", "vorbis.ogg", "big.aiff", "sony.w64", "ebu.rf64"]
)
def test_cut_short(tmp_path: Path, sounds: dict[str, Path], wholes: dict[str, np.ndarray], name: str) -> None:
    content = sounds[name].read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: len(content) * 3 // 4])
    start = wholes[name][:2000]
    n = io.probe(path).n_samples
    if n == 0:  # an Ogg page that never ended
        with pytest.raises(AudioError, match="holds no samples"):
            io.read(path)
        return
    assert n < N
    assert len(io.read(path)) == n
    np.testing.assert_allclose(io.read_channels(path, 0, 2000), start, atol=1e-6)
    np.testing.assert_allclose(io.read_channels(path), wholes[name][:n], atol=1e-6)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_nan_and_infinity_are_named(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "dead channel.wav"
    x = np.zeros((1000, 2))
    x[[400, 401, 700], [1, 1, 0]] = [np.nan, np.inf, -np.inf]
    soundfile.write(path, x, 8000, subtype)
    assert io.read(path, 0, 400).shape == (400,)
    with pytest.raises(
        AudioError, match=r"dead channel\.wav: 3 samples are NaN or infinite, the first at sample 400"
    ):
        io.read(path)
    with pytest.raises(AudioError, match="1 sample is NaN or infinite, the first at sample 700"):
        list(io.blocks(path, 100, 500))


@pytest.mark.parametrize(
    "name", ["a b.wav", "baleine à bosse, 2.wav", "クジラ.flac", "x.y,z;'.wav", "-n.wav"]
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    io.write(tmp_path / name, np.full(50, 0.5), 8000)
    assert io.read(str(tmp_path / name)).tolist() == [0.5] * 50
    assert io.open_recording(tmp_path / name).path == tmp_path / name


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/balein\xe9.wav"))
    io.write(path, np.full(50, 0.5), 8000)
    assert len(io.read(path)) == 50


@pytest.mark.parametrize("rate", [10, 11, 2000, 500_000, 1_000_000])
def test_all_rates_of_the_field(tmp_path: Path, rate: int) -> None:
    io.write(tmp_path / "a.wav", np.zeros(100), rate)
    assert io.open_recording(tmp_path / "a.wav").sample_rate == rate


@pytest.mark.parametrize("rate", [1, 9, 1_000_001, 4_000_000])
def test_rates_outside_are_refused(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "odd.wav", np.zeros(100), rate)
    with pytest.raises(AudioError, match=rf"odd\.wav: sample rate {rate} Hz is outside 10 Hz to 1 MHz"):
        io.open_recording(tmp_path / "odd.wav")


def test_open_recording(tmp_path: Path) -> None:
    path = tmp_path / "PAM_20200623_000152_885.wav"
    io.write(path, np.zeros((500, 2)), 96_000)
    recording = io.open_recording(path, group="T1", source="folder", licence="CC0")
    digest = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
    assert recording.id == digest == io.content_id(path)
    assert len(digest) == 16
    assert (recording.n_samples, recording.n_channels, recording.sample_rate) == (500, 2, 96_000)
    assert (recording.group, recording.source, recording.licence) == ("T1", "folder", "CC0")
    assert recording.start_time == datetime(2020, 6, 23, 0, 1, 52, 885_000, tzinfo=UTC)
    assert recording.schedule == ()


def test_a_file_that_changed_is_probed_again(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for n in (100, 200):
        io.write(path, np.zeros(n), 8000)
        assert io.probe(path).n_samples == n
    path.unlink()
    with pytest.raises(AudioError, match="no such file"):
        io.probe(path)


@pytest.mark.parametrize("name", ["long.wav", "long.flac"])
def test_a_span_of_a_long_file_is_all_that_is_held(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    n = 3_000_000  # 12 MB as float32
    io.write(path, np.random.default_rng(0).uniform(-1, 1, n).astype(np.float32), 48_000)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        io.read(path, n - 10_000, n)
        for block in io.blocks(path, 50_000):
            assert len(block) == 50_000
        io.content_id(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_500_000  # bytes
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident < 8_000
    )  # KiB, what the decoder takes too


@pytest.mark.real
def test_real_spans_are_slices_of_the_whole(real_data: Path) -> None:
    rng = np.random.default_rng(0)
    paths = [p for p in sorted(real_data.rglob("*")) if p.suffix.lower() in io.SUFFIXES]
    paths = [p for p in paths if p.parts[-2] not in ("audio", "train")][:60]
    assert {p.suffix for p in paths} >= {".wav", ".flac", ".mp3", ".ogg"}
    for path in paths:
        info = io.probe(path)
        whole = io.read_channels(path)
        assert whole.shape == (info.n_samples, info.n_channels), path
        n = info.n_samples
        spans = [(0, 1), (n - 1, n), (n // 2, n), (max(0, n - 7000), n)]
        spans += [(int(a), int(min(n, a + 1500))) for a in rng.integers(0, n, 12)]
        for start, stop in spans:
            got = io.read_channels(path, start, stop)
            np.testing.assert_allclose(got, whole[start:stop], atol=1e-6, err_msg=f"{path} {start}-{stop}")


@pytest.mark.real
def test_real_recordings_as_their_list_says(real_data: Path) -> None:
    import csv

    with open(real_data / "sources.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 40
    for row in rows:
        recording = io.open_recording(real_data / row["file"])
        assert recording.sample_rate == int(row["sample_rate"]), row["file"]
        assert recording.n_channels == int(row["channels"]), row["file"]
        assert recording.duration_s == pytest.approx(float(row["duration_s"]), abs=1e-4), row["file"]
    nopp = io.open_recording(real_data / "recordings/NOPP6_EST_20090329_121500.wav")
    assert nopp.start_time == datetime(2009, 3, 29, 17, 15, tzinfo=UTC)  # EST is UTC-5, also in summer


@pytest.mark.real
def test_every_watkins_clip_opens(watkins: Path) -> None:
    paths = sorted((watkins / "audio").iterdir())
    recordings = [io.open_recording(p) for p in paths]
    assert len(recordings) == 623
    assert not [r.path for r in recordings if r.start_time]
    assert min(r.sample_rate for r in recordings) == 8000
    assert max(r.sample_rate for r in recordings) > 166_000


@pytest.mark.parametrize("name", ["opus.opus", "vorbis.ogg"])
@pytest.mark.parametrize("n_last", [1, 37, 64, 100, 700, 1500])
def test_the_last_samples_of_an_ogg_do_not_depend_on_the_span(
    sounds: dict[str, Path], wholes: dict[str, np.ndarray], name: str, n_last: int
) -> None:
    assert np.array_equal(io.read_channels(sounds[name], N - n_last), wholes[name][-n_last:])
    joined = np.concatenate(list(io.blocks(sounds[name], N - n_last, channel=0)))
    assert np.array_equal(joined, wholes[name][:, 0])
