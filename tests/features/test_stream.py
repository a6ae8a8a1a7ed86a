"""Windows of a stream are those of a file, bit for bit, whatever the blocks; memory stays small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finback.audio.io import blocks, open_recording, write
from finback.audio.samples import ArraySamples, StreamSamples, samples_of
from finback.core.errors import AudioError, SettingsError
from finback.core.types import Clip
from finback.features.extract import TOGETHER, Extractor, Framed
from finback.features.spec import FeatureSpec

SPEC = FeatureSpec(sample_rate=2000, clip_samples=1000, n_fft=128, hop=32, n_mels=16, n_frames=20)
BACKGROUND = SPEC.model_copy(update={"background": "median", "background_s": 0.7})
EXTRACTORS = {
    "logmel": Extractor(SPEC),
    "background": Extractor(BACKGROUND),
    "wave": Extractor(SPEC.model_copy(update={"level": "rms", "pad": "tile"}), "wave"),
    "mfcc": Extractor(SPEC, "mfcc"),
}


def in_blocks(x: np.ndarray, sizes: Sequence[int]) -> Iterator[np.ndarray]:
    """(channels, n) in blocks of these sizes, over and over; a size of 0 is an empty block."""
    at = i = 0
    while at < x.shape[1]:
        size = sizes[i % len(sizes)] or (0 if any(sizes) else 1)
        yield x[:, at : at + size]
        at, i = at + size, i + 1


def whole(parts: Iterator[Framed]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = list(parts)
    return tuple(np.concatenate([getattr(f, k) for f in found]) for k in ("start", "stop", "features"))  # type: ignore[return-value]


@given(
    n=st.integers(1, 6000),
    rate=st.sampled_from([500, 2000, 7919, 22_050]),
    n_channels=st.integers(1, 3),
    sizes=st.lists(st.sampled_from([0, 1, 7, 100, 999, 5000]), min_size=1, max_size=4),
    kind=st.sampled_from(sorted(EXTRACTORS)),
    share=st.sampled_from([None, 0.3, 1.0]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_an_array_and_a_stream_have_the_same_windows(
    n: int, rate: int, n_channels: int, sizes: list[int], kind: str, share: float | None, tmp_path: Path
) -> None:
    extractor = EXTRACTORS[kind]
    x = np.random.default_rng(n).normal(0.02, 0.1, (n_channels, n)).astype(np.float32)
    path = tmp_path / f"{rate}.wav"
    write(path, x.T, rate, "FLOAT")
    recording = open_recording(path)
    clip = Clip(recording, 0, n)
    hop_s = None if share is None else share * extractor.window_samples(rate) / rate
    if hop_s is not None and round(hop_s * rate) < 1:
        return
    file = whole(extractor.frame(samples_of(clip), hop_s, 0, n))
    array = whole(extractor.frame(ArraySamples(x, rate), hop_s, 0, n))
    stream = whole(extractor.frame(StreamSamples(in_blocks(x, sizes), rate), hop_s, 0, n))
    for other in (array, stream):
        assert all(np.array_equal(a, b) for a, b in zip(file, other, strict=True))
    if hop_s is None:
        assert np.array_equal(file[2], extractor(clip))
        assert [(s.start, s.stop) for s in extractor.windows(clip)] == list(zip(*file[:2], strict=True))
        return
    unknown = whole(
        extractor.frame(StreamSamples(in_blocks(x, sizes), rate), hop_s)
    )  # its length is not given
    assert all(np.array_equal(a, b) for a, b in zip(file, unknown, strict=True))


@pytest.mark.parametrize("kind", ["logmel", "background"])
def test_a_long_stream_is_framed_in_steady_memory(kind: str) -> None:
    extractor, rate, kept = EXTRACTORS[kind], 2000, []

    class Watched(StreamSamples):
        def forget(self, before: int) -> None:
            super().forget(before)
            kept.append(self.n_samples - self._kept.first)

    noise = np.random.default_rng(0).normal(0, 0.1, 500).astype(np.float32)
    sound = Watched((noise for _ in range(400)), rate)
    n_windows = sum(len(part.start) for part in extractor.frame(sound))
    assert n_windows == -(-200_000 // extractor.window_samples(rate))
    stretches = 3 * round(rate * BACKGROUND.background_s) if kind == "background" else 0
    windows = TOGETHER * extractor.window_samples(rate)
    assert max(kept) <= SPEC.clip_samples + 500 + windows + stretches
    assert len(sound._kept._x) <= 4 * (max(kept) + windows + 500)


def test_a_file_goes_through_in_blocks(tmp_path: Path) -> None:
    write(tmp_path / "a.flac", np.random.default_rng(0).normal(0, 0.1, 30_000).clip(-1, 1), 4000)
    recording = open_recording(tmp_path / "a.flac")
    extractor = EXTRACTORS["logmel"]
    sound = StreamSamples(blocks(recording.path, 1 << 10), 4000)
    streamed = whole(extractor.frame(sound, None, 0, recording.n_samples))[2]
    assert np.array_equal(streamed, extractor(Clip(recording, 0, recording.n_samples)))


def test_a_hop_that_leaves_sound_out_is_refused() -> None:
    sound = ArraySamples(np.zeros(5000), 2000)
    for hop_s in (0.0, -1.0, 0.5, float("nan")):
        with pytest.raises(SettingsError, match=r"above 0 s and at most 0\.32 s"):
            list(EXTRACTORS["logmel"].frame(sound, hop_s))


def test_a_stream_shorter_than_promised_is_refused() -> None:
    sound = StreamSamples([np.zeros(1500)], 2000)
    with pytest.raises(AudioError, match="ends at sample 1500, before sample 4000"):
        list(EXTRACTORS["logmel"].frame(sound, None, 0, 4000))
