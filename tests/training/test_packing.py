"""Windows of short clips: other clips instead of repetitions, joints told, nothing invented."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from finback.core.types import Clip, Recording
from finback.features.spec import FeatureSpec
from finback.training.packing import Packer

SPEC = FeatureSpec(sample_rate=8000, clip_samples=4096, n_fft=256, hop=128, n_mels=4, n_frames=32)


class Extracted:
    spec = SPEC

    def windows(self, clip: Clip) -> list[Clip]:
        return [clip]


class Inputs:
    """The spectrogram of clip n: n + 1 plus a band of its own, tiled as `pad` does."""

    def __init__(self, lengths: Sequence[int], tapes: Sequence[str]) -> None:
        self.extractor = Extracted()
        self.lengths = lengths
        recordings = [
            Recording(str(i), Path(f"{i}.wav"), 8000, 128 * n, group=tape)
            for i, (n, tape) in enumerate(zip(lengths, tapes, strict=True))
        ]
        self.clips = [Clip(r, 0, r.n_samples, "a") for r in recordings]

    def __call__(self, rng: np.random.Generator, drawn: np.ndarray) -> Tensor:
        x = torch.zeros(len(drawn), 1, 4, 32)
        for row, i in enumerate(drawn):
            x[row, 0, 0] = torch.arange(32) % self.lengths[i]
            x[row, 0, 1] = 100.0 * (i + 1)
        return x


def test_short_clips_of_the_tape_follow_one_another() -> None:
    packer = Packer(Inputs([10, 12, 14, 9, 32], ["s", "s", "s", "t", "t"]), np.zeros(5, int))  # type: ignore[arg-type]
    assert packer.lengths.tolist() == [10, 12, 14, 9, 32]
    whole = 0
    for seed in range(20):
        x, marks = packer(np.random.default_rng(seed), np.array([0, 4]))
        # The level is gone, so the differences of bands 1 and 2 tell the clips apart.
        clips = (x[0, 0, 1] - x[0, 0, 2]).div(100).round().int() - 1
        known = marks[0, 2] > 0
        assert set(clips[known].tolist()) <= {0, 1, 2}
        starts = [f for f in range(1, 32) if known[f] and clips[f] != clips[f - 1]]
        assert [f for f in range(32) if marks[0, 0, f] == 1] == starts
        order = [int(clips[0]), *(int(clips[f]) for f in starts)]
        assert len(order) == len(set(order)), "no clip is repeated"
        assert (x[0, ..., ~known] == 0).all()
        whole += int(known.all())
        assert marks[1, 2].all()
        joints = [f for f in range(32) if marks[1, 0, f] == 1]
        assert len(joints) <= 1, "a whole window has one joint, where it was rolled"
    assert whole >= 10


def test_the_only_clip_of_a_tape_leaves_the_rest_unknown() -> None:
    packer = Packer(Inputs([10, 12], ["s", "t"]), np.zeros(2, int))  # type: ignore[arg-type]
    _, marks = packer(np.random.default_rng(1), np.array([0] * 8))
    assert marks[:, 2].sum(dim=1).max() == 10
    assert marks[:, :2].max() == 0
