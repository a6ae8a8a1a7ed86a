"""A classifier whose answers a test gives."""

from __future__ import annotations

import numpy as np

from finback.core.types import Clip, Labels, Scores


class Yes:
    """A classifier that predicts the species in the name of the file, or always the same species."""

    def __init__(self, labels: Labels, always: str = "", sure: float = 0.9) -> None:
        self.labels, self.always, self.sure = labels, always, sure

    def scores(self, clips: list[Clip]) -> Scores:
        logits = np.zeros((len(clips), len(self.labels)), dtype=np.float32)
        for i, c in enumerate(clips):
            name = self.always or c.recording.path.name.rsplit("-", 1)[0].replace("-", " ").capitalize()
            others = (1 - self.sure) / (len(self.labels) - 1)
            logits[i] = np.log(others)
            logits[i, self.labels.index(name)] = np.log(self.sure)
        return Scores(tuple(clips), self.labels, logits)
