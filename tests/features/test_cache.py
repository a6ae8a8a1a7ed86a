"""The feature cache: keyed by the sound, never by a name; damaged files are computed again."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finback.audio.io import open_recording, write
from finback.audio.samples import Samples
from finback.core.errors import AudioError, NotKept
from finback.core.types import Clip
from finback.features.cache import LONGEST_KEPT, FeatureStore, batches
from finback.features.extract import Extractor, Place
from finback.features.spec import FeatureSpec

SPEC = FeatureSpec(sample_rate=2000, clip_samples=2000, n_fft=128, hop=32, n_mels=24, n_frames=50)


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    found = []
    for i, n in enumerate((900, 2000, 9000)):
        write(tmp_path / f"{i}.wav", np.random.default_rng(i).normal(0, 0.1, n), 2000)
        recording = open_recording(tmp_path / f"{i}.wav")
        found.append(Clip(recording, 0, recording.n_samples))
    return found


class Counting(Extractor):
    calls = 0

    def __call__(self, clip: Clip) -> np.ndarray:
        self.calls += 1
        return super().__call__(clip)


def test_computed_once(clips: list[Clip], tmp_path: Path) -> None:
    store = FeatureStore(Counting(SPEC), tmp_path / "cache")
    first = [store(c) for c in clips]
    again = [store(c) for c in clips]
    assert store.extractor.calls == 3  # type: ignore[attr-defined]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_renamed_file_is_known_and_another_spec_is_not(clips: list[Clip], tmp_path: Path) -> None:
    FeatureStore(Extractor(SPEC), tmp_path / "cache").prepare(clips)
    moved = clips[0].recording.path.rename(tmp_path / "renamed.wav")
    recording = open_recording(moved)
    store = FeatureStore(Counting(SPEC), tmp_path / "cache")
    store(Clip(recording, 0, recording.n_samples))
    assert store.extractor.calls == 0  # type: ignore[attr-defined]
    other = FeatureStore(Counting(SPEC.model_copy(update={"n_mels": 20})), tmp_path / "cache")
    assert other(clips[1]).shape[1] == 20


@pytest.mark.parametrize("damage", [b"", b"not an array", None])
def test_a_damaged_file_is_computed_again(clips: list[Clip], tmp_path: Path, damage: bytes | None) -> None:
    store = FeatureStore(Extractor(SPEC), tmp_path / "cache")
    whole = store(clips[0])
    path = next((tmp_path / "cache").rglob("*.npy"))
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    assert np.array_equal(store(clips[0]), whole)
    assert np.array_equal(np.load(path), whole)


def entries(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.npy"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_entry_with_any_flipped_bits_is_computed_again(
    clips: list[Clip], tmp_path: Path, data: st.DataObject
) -> None:
    store = FeatureStore(Extractor(SPEC), tmp_path / "cache")
    whole = store(clips[0])
    path = entries(tmp_path / "cache")[0]
    entry = bytearray(path.read_bytes())
    flips = st.dictionaries(st.integers(0, len(entry) - 1), st.integers(1, 255), min_size=1, max_size=50)
    for at, bits in data.draw(flips).items():
        entry[at] ^= bits
    path.write_bytes(entry[: data.draw(st.integers(0, len(entry)))])
    assert np.array_equal(store(clips[0]), whole)
    assert store._read(path, len(store(clips[0]))) is not None


def test_an_entry_of_another_kind_is_computed_again(clips: list[Clip], tmp_path: Path) -> None:
    store = FeatureStore(Counting(SPEC), tmp_path / "cache")
    store(clips[1])
    other = entries(tmp_path / "cache")[0].read_bytes()
    whole = store(clips[0])
    path = store._path(clips[0])
    as_objects = io.BytesIO()
    np.save(as_objects, np.array([{}], dtype=object), allow_pickle=True)
    as_version_0_1_0 = io.BytesIO()
    np.save(as_version_0_1_0, whole + 1)
    wrong_arrays = [whole[:0], whole[0], whole.astype(np.float64), np.full_like(whole, np.nan)]
    signed = []
    for array in wrong_arrays:
        plain = io.BytesIO()
        np.save(plain, array)
        signed.append(plain.getvalue() + store._digest(path, plain.getvalue()))
    for content in (other, as_objects.getvalue(), as_version_0_1_0.getvalue(), *signed):
        path.write_bytes(content)
        before = store.extractor.calls  # type: ignore[attr-defined]
        assert np.array_equal(store(clips[0]), whole)
        assert store.extractor.calls == before + 1  # type: ignore[attr-defined]
    assert np.array_equal(store(clips[0]), whole)
    assert store.extractor.calls == before + 1  # type: ignore[attr-defined]


def test_a_pipe_or_folder_under_the_name_of_an_entry_is_no_entry(clips: list[Clip], tmp_path: Path) -> None:
    store = FeatureStore(Extractor(SPEC), tmp_path / "cache")
    whole = store(clips[0])
    for make in (os.mkfifo, os.mkdir) if hasattr(os, "mkfifo") else (os.mkdir,):
        path = store._path(clips[0])
        path.unlink() if path.is_file() else None
        make(path)
        with pytest.warns(NotKept):
            assert np.array_equal(FeatureStore(Extractor(SPEC), tmp_path / "cache")(clips[0]), whole)
        os.rmdir(path) if path.is_dir() else os.unlink(path)


def test_no_features_are_kept_or_used_of_a_recording_that_changed(clips: list[Clip], tmp_path: Path) -> None:
    store = FeatureStore(Extractor(SPEC), tmp_path / "cache")
    path, changed = clips[0].recording.path, clips[0]
    original = path.read_bytes()
    before = store(changed)
    entry = entries(tmp_path / "cache")[0].read_bytes()
    write(path, np.random.default_rng(9).normal(0, 0.1, changed.n_samples), 2000)
    for kept in (entry, b""):  # features of the old content do not help either: the file is not what it says
        entries(tmp_path / "cache")[0].write_bytes(kept)
        with pytest.raises(AudioError, match=r"0\.wav: its content changed since it was indexed"):
            store(changed)
        assert entries(tmp_path / "cache")[0].read_bytes() == kept
    path.write_bytes(original)
    assert np.array_equal(store(changed), before)
    path.unlink()
    assert np.array_equal(store(changed), before)  # the cache is enough for a recording that is gone


def test_features_that_are_not_finite_name_the_file(clips: list[Clip], tmp_path: Path) -> None:
    class NotFinite(Extractor):
        def features(self, samples: Samples, places: Sequence[Place], limit: int | None = None) -> np.ndarray:
            return np.full_like(super().features(samples, places, limit), np.inf)

    store = FeatureStore(NotFinite(SPEC), tmp_path / "cache")
    with pytest.raises(AudioError, match=r"0\.wav: its features are not finite"):
        store(clips[0])
    assert not entries(tmp_path / "cache")


@pytest.mark.parametrize("where", ["a file", "read-only"])
def test_a_cache_that_refuses_costs_no_answer(clips: list[Clip], tmp_path: Path, where: str) -> None:
    folder = tmp_path / "refusing"
    if where == "a file":
        folder.write_text("in the way")
    else:
        if os.geteuid() == 0:
            pytest.skip("root may write anywhere")
        folder.mkdir(mode=0o500)
    store = FeatureStore(Extractor(SPEC), folder)
    with pytest.warns(NotKept, match="not kept there for the next time") as told:
        found = [store(clip) for clip in clips]
    assert len(told) == 1
    alone = FeatureStore(Extractor(SPEC))
    assert all(np.array_equal(a, alone(clip)) for a, clip in zip(found, clips, strict=True))


def test_batches_hold_every_window_of_every_clip(clips: list[Clip]) -> None:
    store = FeatureStore(Extractor(SPEC))
    inputs, owners = zip(*batches(store, clips, 4), strict=True)
    assert [len(i) for i in inputs[:-1]] == [4] * (len(inputs) - 1)
    owner = np.concatenate(owners)
    assert np.bincount(owner).tolist() == [len(store(c)) for c in clips]
    assert np.array_equal(np.concatenate(inputs), np.concatenate([store(c) for c in clips]))


def test_a_very_long_clip_goes_past_the_cache(tmp_path: Path) -> None:
    write(tmp_path / "long.wav", np.zeros(1600 * (LONGEST_KEPT + 4)), 2000)
    recording = open_recording(tmp_path / "long.wav")
    clip = Clip(recording, 0, recording.n_samples)
    store = FeatureStore(Extractor(SPEC), tmp_path / "cache")
    store.prepare([clip])
    assert sum(len(piece) for piece in store.stream(clip)) > LONGEST_KEPT
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_the_same_sound_twice_is_computed_once(clips: list[Clip], tmp_path: Path) -> None:
    """Two threads that write one file would trip over each other."""
    store = FeatureStore(Counting(SPEC), tmp_path / "cache")
    twice = [*clips, *clips]
    assert store.missing(twice) == clips
    store.prepare(twice)
    assert store.extractor.calls == 3  # type: ignore[attr-defined]
    assert store.missing(twice) == []
