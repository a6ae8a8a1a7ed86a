"""Windows for generators that know where a clip ends: short clips side by side instead of tiled.

    packer = Packer(inputs, targets)
    x, marks = packer(rng, drawn)      # log-mels without level, and marks

A clip that is shorter than the window and is repeated until it is full teaches a generator that calls repeat
at the interval of the cut. Here the window is filled with other clips of the same species and tape, in random
order, and the marks (`models.networks.conditions`) tell the network where one ends and the next begins. What
is still empty is unknown: it counts neither in the input of attention nor in the loss. A window of sound that
is not short is rolled in time half of the time, and the marks tell where its end meets its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from finback.features.lengths import true_frames
from finback.models.networks.conditions import marks
from finback.models.networks.generator import level_of
from finback.training.batches import TrainingInputs
from finback.training.sampling import group_codes

ROLLED = 0.5  # share of whole windows that are rolled


class Packer:
    """Numbers of clips -> whole windows. Every random number is from the generator that is given."""

    def __init__(self, inputs: TrainingInputs, targets: np.ndarray) -> None:
        """`targets` (N,) are the class ids of the clips."""
        self.inputs = inputs
        self.n_frames = inputs.extractor.spec.n_frames
        self.tapes = group_codes(inputs.clips)
        self.lengths = self._lengths()
        kinds = list(zip(targets.tolist(), self.tapes.tolist(), strict=True))
        together: dict[tuple[int, int], list[int]] = {}
        for i, kind in enumerate(kinds):
            together.setdefault(kind, []).append(i)
        self._alike = [np.array(together[kind]) for kind in kinds]

    def _lengths(self) -> np.ndarray:
        """(N,) true frames of a window of each clip. Only a clip of one window can have fewer than all."""
        first = [next(iter(self.inputs.extractor.windows(clip))) for clip in self.inputs.clips]
        return true_frames(first, self.inputs.extractor.spec)

    def __call__(self, rng: np.random.Generator, drawn: np.ndarray) -> tuple[Tensor, Tensor]:
        """Clips (B,) -> (B, 1, M, F) dB above the level of each clip, and marks (B, 3, F)."""
        rows = [list(self._pieces(rng, int(i))) for i in drawn]
        numbers = np.array([i for row in rows for i, _ in row])
        shapes = self.inputs(rng, numbers)
        shapes = shapes - level_of(shapes, torch.from_numpy(self.lengths[numbers]))
        x = shapes.new_zeros(len(drawn), *shapes.shape[1:])
        found, piece = [], 0
        for row, places in enumerate(rows):
            joints, end = [], 0
            for i, begin in places:
                n = min(int(self.lengths[i]) - begin, self.n_frames - end)
                x[row, ..., end : end + n] = shapes[piece, ..., begin : begin + n]
                joints += [end] if end else []
                end, piece = end + n, piece + 1
            if len(places) == 1 and end == self.n_frames and rng.random() < ROLLED:
                joints = [int(rng.integers(1, self.n_frames))]
                x[row] = torch.roll(x[row], joints[0], dims=-1)
            found.append(marks(joints, end, self.n_frames))
        return x, torch.stack(found)

    def _pieces(self, rng: np.random.Generator, i: int) -> Iterator[tuple[int, int]]:
        """Clips and the frame at which each begins, until the window is full or the tape has no more."""
        missing = self.n_frames - int(self.lengths[i])
        if missing <= 0:
            yield i, 0
            return
        # Half of the windows begin within a clip: a sample, too, may begin anywhere.
        begin = int(rng.integers(self.lengths[i])) if rng.random() < 0.5 else 0
        missing += begin
        yield i, begin
        for other in rng.permutation(self._alike[i]):
            if missing <= 0:
                return
            if other != i:
                yield int(other), 0
                missing -= int(self.lengths[other])
