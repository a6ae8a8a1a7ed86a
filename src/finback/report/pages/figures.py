"""The figures of a classifier's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.report.pages.common import Drawn
from finback.report.pages.summary import no_audio_baselines
from finback.report.plots.confusion import confusion
from finback.report.plots.learning_curves import History, learning
from finback.report.plots.reliability import reliability
from finback.report.plots.roc import roc
from finback.report.plots.species import Bar, headline, species_bars


@dataclass(frozen=True, eq=False)
class TestScores:
    """Scores of N test clips for K species: class ids (N,) and probabilities (N, K)."""

    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    __test__ = False  # no test class, although its name begins so


def figures(
    labels: Sequence[str],
    metrics: Mapping[str, Any],
    audit: Mapping[str, Any] | None,
    by_clip: bool,
    logs: Sequence[Sequence[Mapping[str, Any]]],
    scores: TestScores | None,
) -> dict[str, Drawn]:
    """All that can be drawn, by name. `logs`: the lines of metrics.jsonl, one log for each fold."""
    drawn: dict[str, Drawn] = {}
    panels = bars(metrics, audit, by_clip)
    if any(panels.values()):
        drawn["headline"] = headline(panels), "Accuracy of the model and of baselines that use no audio"
    if logs:
        histories = [History.of(log) for log in logs]
        alt = "Training and validation loss and macro-F1 against the training step"
        drawn["learning_curves"] = learning(histories), alt
    if counts := metrics.get("confusion"):
        names = metrics.get("labels") or labels
        drawn["confusion"] = confusion(np.array(counts), names), "Confusion matrix of all species"
    if table := metrics.get("reliability"):
        drawn["reliability"] = (
            reliability(table, metrics.get("ece")),
            "Accuracy against predicted probability",
        )
    per_species = metrics.get("per_species") or {}
    if per_species:
        alt = "F1 of each species, with its numbers of test clips and groups"
        drawn["species"] = species_bars(per_species), alt
    if scores is not None:
        noisy = [name for name, row in per_species.items() if row.get("noisy")]
        drawn["roc"] = roc(scores.truth, scores.probabilities, labels, noisy), "ROC curve of each species"
    return drawn


def bars(metrics: Mapping[str, Any], audit: Mapping[str, Any] | None, by_clip: bool) -> dict[str, list[Bar]]:
    """The headline's panels, by group and by clip; the model stands in the panel of its own split.

    Beside the model stand the baselines of its own split, where the audit has them.
    """
    model = []
    if metrics.get("accuracy") is not None:
        model = [Bar("this model", metrics["accuracy"], metrics.get("accuracy_ci"))]
    grouped, random = ((audit or {}).get(key) for key in ("grouped", "random"))
    key, same = no_audio_baselines(audit, by_clip)
    in_grouped, in_random = ([], model) if by_clip else (model, [])
    by_group, by_chance = (grouped, same if key else random) if by_clip else (same, random)
    return {
        "Split by recording group: no test group is in the training set": [
            *in_grouped,
            *_baselines(by_group),
        ],
        "Random split of clips: a group can be in both sets": [
            *in_random,
            *_baselines(by_chance),
        ],
    }


def _baselines(figures_: Mapping[str, Any] | None) -> list[Bar]:
    rows = (
        ("metadata_accuracy", "no audio: file metadata"),
        ("group_lookup_accuracy", "no audio: group lookup"),
    )
    return [
        Bar(text, figures_[key], figures_.get(f"{key}_ci"), uses_audio=False)
        for key, text in rows
        if figures_ and figures_.get(key) is not None
    ]
