"""Windows, arrays and streams are scored as files, bit for bit, by every front end and by ensembles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_models import SPEC, leaf

from finback.audio.io import open_recording, write
from finback.audio.samples import samples_of
from finback.core.errors import AudioError, SettingsError
from finback.core.types import Clip, Labels
from finback.metrics.combination import equal
from finback.models.predictor import Predictor
from finback.models.scoring import clip_logits
from finback.models.tree import Node
from finback.models.window_scores import WindowScores, mean_logits, score_windows

LABELS = Labels(("a", "b", "c", "d", "e"))
FAMILIES = ("cnn2d", "cnn1d", "mfcc-plda")
RATE = 9000


def predictor(*families: str) -> Predictor:
    leaves = tuple(leaf(name) for name in families)
    return Predictor(leaves[0] if len(leaves) == 1 else Node(leaves, equal(len(leaves)), 1.2), LABELS)


def sound(n: int, n_channels: int = 1) -> np.ndarray:
    """(channels, n) noise with a tone that comes and goes."""
    rng = np.random.default_rng(n)
    t = np.arange(n) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 700 * t) * (np.sin(2 * np.pi * t / 7) > 0)
    return (tone + rng.normal(0, 0.03, (n_channels, n))).astype(np.float32)


def clip_of(folder: Path, x: np.ndarray) -> Clip:
    write(folder / "a.wav", x.T, RATE, "FLOAT")
    recording = open_recording(folder / "a.wav")
    return Clip(recording, 0, recording.n_samples)


def assert_same(one: WindowScores, other: WindowScores) -> None:
    for name in ("start", "stop", "logits"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize("families", [*((f,) for f in FAMILIES), ("cnn2d", "cnn1d")], ids="-".join)
@pytest.mark.parametrize("n", [2000, 40 * RATE])
def test_an_array_and_a_stream_are_scored_as_the_file(
    families: tuple[str, ...], n: int, tmp_path: Path
) -> None:
    """Under one window, and over more windows than a batch has."""
    scorer, x = predictor(*families), sound(n, 2)
    clip = clip_of(tmp_path, x)
    file = WindowScores.joined(scorer.score_windows(clip))
    assert_same(file, scorer.score_array(x, RATE))
    blocks = (x[:, i : i + 7777] for i in range(0, n, 7777))
    assert_same(file, WindowScores.joined(scorer.score_stream(blocks, RATE, n_samples=n)))
    whole = scorer.scores([clip]).logits[0]
    assert np.array_equal(whole, scorer.logits_of_array(x, RATE))
    assert file.start[0] == 0
    assert file.stop[-1] == n
    assert np.allclose(file.probabilities.sum(axis=1), 1)
    spans = scorer.store.extractor.windows(clip)
    assert [(s.start, s.stop) for s in spans] == list(zip(file.start, file.stop, strict=True))
    assert len(np.unique(file.logits, axis=0)) == len(file), "the same answers prove nothing"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_clip_is_the_mean_of_its_windows_bit_for_bit(family: str, tmp_path: Path) -> None:
    scorer = predictor(family)
    clip = clip_of(tmp_path, sound(50 * RATE))
    (_, group), *_ = scorer.feature_groups
    parts = list(score_windows([group], samples_of(clip), None, 0, clip.stop))
    logits = np.concatenate([part.logits[0] for part in parts], axis=1)  # (1, W, K)
    assert logits.shape[1] > 40
    known = clip_logits(list(group.models), scorer.store, [clip])[:, 0]
    total = np.zeros_like(logits[:, 0], dtype=np.float64)
    for i in range(logits.shape[1]):
        total += logits[:, i]
    assert np.array_equal((total / logits.shape[1]).astype(np.float32), known)
    assert np.array_equal(mean_logits(parts), known)


def test_a_hop_gives_times(tmp_path: Path) -> None:
    scorer, n = predictor("cnn2d"), 10 * RATE + 17
    clip = clip_of(tmp_path, sound(n))
    found = WindowScores.joined(scorer.score_windows(clip, hop_s=0.25))
    assert np.allclose(found.start_s[:-1], 0.25 * np.arange(len(found) - 1))
    assert found.stop_s[-1] == n / RATE
    assert_same(found, scorer.score_array(sound(n), RATE, hop_s=0.25))
    assert_same(found, WindowScores.joined(scorer.score_stream([sound(n)[0]], RATE, hop_s=0.25)))
    with pytest.raises(SettingsError, match="so that no sound is left out"):
        list(scorer.score_windows(clip, hop_s=2.0))


def test_a_stretch_of_a_recording_is_scored_as_a_clip(tmp_path: Path) -> None:
    scorer = predictor("cnn2d")
    recording = clip_of(tmp_path, sound(30 * RATE)).recording
    stretch = Clip(recording, 5 * RATE + 3, 9 * RATE)
    found = WindowScores.joined(scorer.score_windows(stretch))
    assert (found.start[0], found.stop[-1]) == (stretch.start, stretch.stop)
    alone = scorer.score_array(sound(30 * RATE)[:, stretch.start : stretch.stop], RATE)
    assert np.array_equal(found.logits, alone.logits)


def test_members_with_other_windows_answer_for_the_same_spans() -> None:
    """cnn1d covers a whole window, cnn2d only its frames: cnn1d answers for the spans of cnn2d."""
    x = sound(3 * SPEC.clip_samples * RATE // SPEC.sample_rate)
    found, alone = predictor("cnn2d", "cnn1d").score_array(x, RATE), predictor("cnn2d").score_array(x, RATE)
    assert np.array_equal(found.start, alone.start)
    assert len(predictor("cnn1d").score_array(x, RATE)) < len(found)
    assert not np.allclose(found.logits, alone.logits, atol=1e-3)


def test_a_stream_without_end_is_scored_as_it_comes() -> None:
    scorer, taken = predictor("cnn2d"), 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield sound(RATE)[0]

    parts = scorer.score_stream(endless(), RATE)  # type: ignore[arg-type]
    first = next(parts)
    assert len(first) == 32
    assert taken <= 2 + first.stop[-1] // RATE
    assert next(parts).start[0] == first.stop[-1]


def test_it_shows_itself_in_a_line_and_refuses_what_is_no_sound() -> None:
    found = predictor("cnn2d").score_array(sound(RATE), RATE)
    assert repr(found) == f"WindowScores({len(found)} windows x 5 species, 0.00 to 1.00 s)"
    with pytest.raises(AudioError, match="divide integers"):
        predictor("cnn2d").score_array(np.zeros(100, dtype=np.int16), RATE)
    with pytest.raises(ValueError, match="no parts"):
        WindowScores.joined([])
