"""A plan before training: speeds that are chosen from the recordings are stored as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from finback.data.dataset import Dataset
from finback.evaluation.comparison.plan import plan as compared
from finback.evaluation.comparison.run import prepare
from finback.models.predictor import Predictor
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve


def test_speeds_of_the_recordings_are_part_of_the_run(
    tiny_dataset: Dataset, tiny: str, tmp_path: Path
) -> None:
    wide = ["features.sample_rate=400000", "features.clip_samples=245760", "features.hop=4096"]
    settings = resolve(tiny, ["features.playback=auto", "features.n_fft=4096", *wide], "mfcc-mix")
    plan = Plan("mfcc-mix", settings, device="cpu")
    run = train(plan, tiny_dataset, tmp_path)
    assert run.info.spec["playback"] == run.info.settings["features"]["playback"] == [8.0, 4.0]
    assert train(plan, tiny_dataset, tmp_path).info == run.info  # the same command finds its run
    clip = max(tiny_dataset.clips, key=lambda c: c.n_samples)
    predictor = Predictor.load(tmp_path, "cpu")
    windows = np.concatenate([part.logits for part in predictor.score_windows(clip)])
    assert np.allclose(windows.mean(axis=0), predictor.scores([clip]).logits[0], atol=1e-6)


def test_a_comparison_chooses_speeds_too(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    comparison = compared(["mfcc-plda"], preset=tiny, overrides=["features.playback=auto"])
    prepared = prepare(comparison, tiny_dataset, tmp_path)
    assert {one.plan.settings.features.playback for one in prepared.planned} == {(0.125, 0.0625)}
    assert not prepared.errors
