"""The figures of a generator's audit, on sets made so that the answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from finback.core.errors import SettingsError
from finback.evaluation.generator_audit import (
    embeddings,
    set_metrics,
    substitution,
)
from finback.evaluation.generator_audit.windows import Windows, balanced, per_clip, samples_per_species
from finback.features.spec import FeatureSpec

NAMES = ("a", "b")


def windows(clip: list[int], y: list[int], tapes: list[str], real: bool = True) -> Windows:
    x = np.zeros((len(y), 4, 6), dtype=np.float32)
    spans: Any = tuple(range(len(y))) if real else ()
    return Windows(x, np.array(y, dtype=int), np.array(clip, dtype=int), tuple(tapes), spans)


def test_a_clip_answers_with_the_mean_of_its_windows() -> None:
    w = windows([0, 0, 1], [1, 1, 0], ["s", "s", "t"])
    values, y, tapes = per_clip(np.array([[4.0, 0.0], [0.0, 6.0], [1.0, 0.0]]), w)
    assert values.tolist() == [[2.0, 3.0], [1.0, 0.0]]
    assert (y.tolist(), tapes) == ([1, 0], ["s", "t"])
    assert set_metrics.predictions(np.array([[4.0, 0.0], [0.0, 6.0], [1.0, 0.0]]), w).tolist() == [1, 0]


def test_shares_count_clips_and_species_alike() -> None:
    w = windows([0, 1, 2, 3], [0, 0, 0, 1], ["s", "s", "t", "u"])
    found = set_metrics.accuracies(np.array([True, True, False, True]), w, NAMES)
    assert found["accuracy"] == 0.75
    assert found["mean_recall"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["per_species"]["a"] == {"recall": pytest.approx(2 / 3), "n_clips": 3}
    low, high = found["accuracy_ci"]
    assert low < 0.75 < high
    assert "accuracy_ci" not in set_metrics.accuracies(
        np.array([True]), windows([0], [0], ["1"], real=False), NAMES
    )
    assert set_metrics.accuracies(np.zeros(0, dtype=bool), windows([], [], []), NAMES)["accuracy"] is None


def test_draws_are_of_whole_tapes() -> None:
    drawn = set_metrics.resampled_means(np.array([[1.0], [1.0], [0.0]]), np.array([0, 0, 1]), ["s", "s", "t"])
    assert drawn is not None
    overall, by_species = drawn[0][:, 0], drawn[1][:, 0]
    assert set(np.round(overall, 6)) == {0.0, round(2 / 3, 6), 1.0}
    assert set(by_species) == {0.0, 0.5, 1.0}  # a species that was not drawn is left out
    assert set_metrics.resampled_means(np.ones((2, 1)), np.array([0, 1]), ["s", "s"]) is None


def test_a_ratio_is_paired() -> None:
    w = windows([0, 1, 2, 3], [0, 0, 1, 1], ["s", "t", "u", "v"])
    real = np.array([True, True, True, False])
    same = set_metrics.accuracy_ratio(real, real, w)
    assert (same["ratio"], same["ratio_ci"]) == (1.0, [1.0, 1.0])
    assert set_metrics.accuracy_ratio(np.array([True, False, False, False]), real, w)[
        "ratio"
    ] == pytest.approx(1 / 3)
    assert set_metrics.accuracy_ratio(real, ~(real | True), w)["ratio"] is None


def test_sets_are_drawn_alike() -> None:
    ys = [np.array([0] * 9 + [1] * 4 + [2] + [3] * 5), np.array([1] * 8 + [0] * 3 + [3])]
    drawn = balanced(ys, np.random.default_rng(0), most=4)
    counts = [np.bincount(y[i], minlength=4).tolist() for y, i in zip(ys, drawn, strict=True)]
    assert counts == [[3, 4, 0, 0], [3, 4, 0, 0]]
    assert all(len(set(i.tolist())) == len(i) for i in drawn)


def test_distances_have_one_n_and_know_the_farther_set() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 30)
    near, far, reference = (rng.normal(m, 1, (60, 3)) for m in (0.0, 2.0, 0.0))
    found = set_metrics.distances({"near": (near, y), "far": (far, y)}, (reference, y), seeds=4)
    assert (found["n"], found["seeds"]) == (40, 4)
    for figure in ("kad", "frechet"):
        assert found["rows"]["far"][figure] > 5 * abs(found["rows"]["near"][figure])
        assert found["rows"]["near"][f"{figure}_sd"] > 0
    assert found["rows"]["far"]["coverage"] < 0.5 < found["rows"]["near"]["coverage"]
    few = set_metrics.distances({"near": (near[:3], y[:3])}, (reference, y), seeds=2)
    assert (few["n"], few["rows"]) == (3, {})


def test_how_many_samples_a_species_gets() -> None:
    y = np.repeat([0, 1, 2], [5, 33, 200])
    assert samples_per_species(y, 4).tolist() == [20, 33, 60, 0]
    assert samples_per_species(y, 4, 7).tolist() == [7, 7, 7, 0]


def test_both_learners_tell_bands_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(substitution, "STEPS", 40)
    spec = FeatureSpec(sample_rate=8000, clip_samples=8000, n_fft=256, hop=128, n_mels=16, n_frames=24)
    rng = np.random.default_rng(0)
    y = np.repeat([0, 2], 20)
    x = rng.normal(0, 1, (40, 16, 24)).astype(np.float32)
    x[y == 0, 2:5] += 20
    x[y == 2, 10:13] += 20
    fresh = np.roll(x, 5, axis=2) + 30  # another time, another level
    for student in (substitution.train_cnn2d(x, y, spec, 3, device="cpu"), substitution.train_bands(x, y, 3)):
        logits = student(fresh)
        assert logits.shape == (40, 3)
        assert (logits.argmax(axis=1) == y).mean() > 0.9


def test_a_backbone_embeds_waves_of_any_level() -> None:
    spec = FeatureSpec(sample_rate=8000, clip_samples=8000, n_fft=256, hop=128, n_mels=32, n_frames=60)
    embedder = embeddings.WaveEmbedder("mfcc", spec)
    waves = np.random.default_rng(0).normal(0, 0.1, (3, 7000)).astype(np.float32)
    found = embedder(waves)
    assert len(found) == 3
    assert embedder(4 * waves) == pytest.approx(found, abs=1e-3)
    with pytest.raises(SettingsError, match="unknown backbone"):
        embeddings.WaveEmbedder("ears", spec)
