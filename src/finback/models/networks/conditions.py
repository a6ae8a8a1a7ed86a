"""What a denoiser is told beside the noisy spectrogram: species, tape, and where a clip begins and ends.

    given = Conditions(labels, tapes, marks(joints, known, 112))
    given.without_species(n_classes)     # the same question without species and tape

A training window may hold several short clips of one tape, one after another, and then frames without sound.
The marks tell the network where a clip ends and the next begins, so that it does not take these places for
the sound of a species, and which frames are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

N_MARKS = 3  # after a joint, before a joint, known
NEAR = 3.0  # frames in which a mark falls to 1/e
NO_TAPE = -1


@dataclass(frozen=True, eq=False)
class Conditions:
    """Conditions of B spectrograms."""

    labels: Tensor  # (B,) class ids; the number of classes: no species
    tapes: Tensor  # (B,) numbers of tapes; `NO_TAPE`: none
    marks: Tensor  # (B, 3, F), from `marks`

    def without_species(self, n_classes: int) -> Conditions:
        """The same marks, no species and no tape."""
        return Conditions(
            torch.full_like(self.labels, n_classes), torch.full_like(self.tapes, NO_TAPE), self.marks
        )

    def rows(self, chosen: Tensor) -> Conditions:
        """The conditions of some rows, by their numbers."""
        return Conditions(self.labels[chosen], self.tapes[chosen], self.marks[chosen])


def marks(joints: Sequence[int], n_known: int, n_frames: int) -> Tensor:
    """(3, F): nearness to the last joint, to the next joint, and 1 where the sound is known.

    `joints` are the first frames of the second and all further clips of a window; `n_known` is the number of
    frames with sound.
    """
    found = torch.zeros(N_MARKS, n_frames)
    place = torch.arange(n_frames)
    for joint in joints:
        after, before = place - joint, joint - 1 - place
        found[0] = torch.maximum(found[0], torch.where(after >= 0, torch.exp(-after / NEAR), 0.0))
        found[1] = torch.maximum(found[1], torch.where(before >= 0, torch.exp(-before / NEAR), 0.0))
    found[2] = (place < n_known).float()
    return found
