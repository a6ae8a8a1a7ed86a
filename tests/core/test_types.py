"""The central types refuse what cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.core.errors import AudioError, LeakError, ManifestError
from finback.core.types import Clip, Labels, Recording, Scores, Split


def recording(name: str = "a", group: str = "", n: int = 1000, channels: int = 1) -> Recording:
    return Recording(name, Path(f"{name}.wav"), 1000, n, channels, group)


def clip(name: str = "a", group: str = "", label: str | None = "x", synthetic: bool = False) -> Clip:
    return Clip(recording(name, group), 0, 1000, label, synthetic=synthetic)


@pytest.mark.parametrize("rate", [0, 9, -1, 1_000_001])
def test_impossible_rates(rate: int) -> None:
    with pytest.raises(AudioError, match=r"a\.wav: sample rate"):
        Recording("a", Path("a.wav"), rate, 100)


def test_a_recording_without_samples() -> None:
    with pytest.raises(AudioError, match="no samples"):
        recording(n=0)


@pytest.mark.parametrize(
    "time", [datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2)))]
)
def test_start_time_is_utc_or_unknown(time: datetime) -> None:
    with pytest.raises(AudioError, match="UTC"):
        Recording("a", Path("a.wav"), 1000, 100, start_time=time)


def test_time_of_a_sample_follows_the_duty_cycle() -> None:
    t0 = datetime(2020, 1, 1, tzinfo=UTC)
    later = t0 + timedelta(minutes=30)
    r = Recording("a", Path("a.wav"), 100, 1000, start_time=t0, schedule=((0, t0), (500, later)))
    assert r.time_at(200) == t0 + timedelta(seconds=2)
    assert r.time_at(600) == later + timedelta(seconds=1)
    assert recording().time_at(5) is None


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 5), (6, 5), (0, 1001)])
def test_spans_outside_the_recording(start: int, stop: int) -> None:
    with pytest.raises(AudioError, match="span"):
        Clip(recording(), start, stop)


def test_a_channel_that_is_not_there() -> None:
    with pytest.raises(AudioError, match="no channel 2"):
        Clip(recording(channels=2), 0, 10, channel=2)


def test_labels_know_their_order_and_name_strangers() -> None:
    labels = Labels.of([clip(label="b"), clip(label="a"), clip(label="b"), clip(label=None)])
    assert labels.names == ("a", "b")
    assert labels.targets([clip(label="b"), clip(label="a")]).tolist() == [1, 0]
    with pytest.raises(ManifestError, match="unknown species 'orca'"):
        labels.index("orca")
    with pytest.raises(ManifestError, match="orca"):
        labels.targets([clip(label="orca")])
    with pytest.raises(ManifestError, match="no species"):
        Labels(())
    with pytest.raises(ManifestError, match="twice"):
        Labels(("a", "a"))


def test_a_tape_on_two_sides_is_a_leak() -> None:
    with pytest.raises(LeakError, match="group 't1' is in the training set and in the test set"):
        Split((clip("a", "t1"),), (), (clip("b", "t1"),))
    Split((clip("a", "t1"),), (), (clip("b", "t1"),), by="clip")  # asked for by name


def test_spans_of_one_recording_never_part() -> None:
    with pytest.raises(LeakError):
        Split((Clip(recording(), 0, 10),), (Clip(recording(), 20, 30),))


@pytest.mark.parametrize("side", ["val", "test"])
def test_synthetic_clips_are_trained_on_only(side: str) -> None:
    with pytest.raises(LeakError, match=f"synthetic clips in the {side}"):
        Split(**{"train": (clip("a"),), side: (clip("b", synthetic=True),)}, by="clip")


@given(st.lists(st.lists(st.floats(-30, 30), min_size=3, max_size=3), min_size=1, max_size=5))
def test_probabilities_are_probabilities(logits: list[list[float]]) -> None:
    scores = Scores((clip(),) * len(logits), Labels(("a", "b", "c")), np.array(logits, dtype=np.float32))
    assert np.allclose(scores.probabilities.sum(axis=1), 1)
    assert (scores.probabilities >= 0).all()


def test_scores_fit_their_clips() -> None:
    with pytest.raises(ValueError, match="logits"):
        Scores((clip(),), Labels(("a", "b")), np.zeros((2, 2), dtype=np.float32))


def test_a_clip_of_no_known_group_is_kept_with_its_recording() -> None:
    assert clip("a", "tape 1").group_key == "tape 1"
    assert clip("a").group_key == clip("a", label="y").group_key == "a" != clip("b").group_key
