"""Students trained on clips or on samples, tested on clips of unseen groups, and the reverse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.core.progress import Progress
from finback.evaluation.generator_audit import set_metrics, substitution
from finback.evaluation.generator_audit.windows import AuditData, Windows

STUDENTS = 3  # at most; the accuracy of one alone varies by up to 4 % from one training to the next


def substitution_rows(
    data: AuditData, seeds: Sequence[int], device: str, progress: Progress
) -> dict[str, Any]:
    """Accuracies by kind of student and training set: on unseen clips, and `of_samples`, the accuracy on
    samples of the student that was trained on real clips.

    Values are means over several networks, one of each seed; the linear student is always the same.
    """
    unseen, names = data.real["unseen"], data.labels.names
    sets = {"train": data.real["train"], **data.generated}
    result: dict[str, Any] = {}
    for kind in ("cnn2d", "bands"):
        correct: dict[str, NDArray[np.float64]] = {}
        rows: dict[str, Any] = {}
        for name, w in sets.items():
            students = _students(kind, w, data, seeds, device, progress)
            correct[name] = _correct(students, unseen)
            rows[name] = {"on_unseen": set_metrics.accuracies(correct[name], unseen, names)}
            if name == "train":
                of_samples = {
                    other: set_metrics.accuracies(_correct(students, s), s, names)
                    for other, s in data.generated.items()
                }
            else:
                rows[name] |= set_metrics.accuracy_ratio(correct[name], correct["train"], unseen)
                rows[name]["of_samples"] = of_samples[name]
        result[kind] = rows
    return result


def _students(
    kind: str, w: Windows, data: AuditData, seeds: Sequence[int], device: str, progress: Progress
) -> list[substitution.Student]:
    """Students trained on these windows, each from its own seed."""
    spec, n_classes = data.store.extractor.spec, len(data.labels)
    if kind == "bands":
        return [substitution.train_bands(w.x, w.y, n_classes)]
    return [
        substitution.train_cnn2d(w.x, w.y, spec, n_classes, s, device, progress) for s in seeds[:STUDENTS]
    ]


def _correct(students: Sequence[substitution.Student], windows: Windows) -> NDArray[np.float64]:
    """(C,) share of the students whose prediction is correct for each clip."""
    if not len(windows):
        return np.zeros(0)
    truth = set_metrics.truth(windows)
    return np.mean([set_metrics.predictions(s(windows.x), windows) == truth for s in students], axis=0)
