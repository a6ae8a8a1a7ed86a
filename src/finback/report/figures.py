"""The figures of a run, written to its `figures/` folder as PNG and SVG and embedded in the page."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from finback.files import Progress, no_progress
from finback.plots.confusion import confusion
from finback.plots.curves import History, learning
from finback.plots.reliability import reliability
from finback.plots.roc import roc
from finback.plots.species import Bar, headline, species_bars
from finback.plots.style import render, save
from finback.report.read import RunData

LARGEST_SVG = 450_000  # bytes; SVG stays sharp at any size, but a light page matters more


@dataclass(frozen=True, slots=True)
class Picture:
    """An embedded figure: data URI, what it shows in words, and its width in CSS pixels."""

    uri: str
    alt: str
    width: int


def embed(figure: Figure, alt: str, svg: bool = True) -> Picture:
    """SVG where it is small, else PNG."""
    data, kind = render(figure, "svg") if svg else b"", "image/svg+xml"
    if not svg or len(data) > LARGEST_SVG:
        data, kind = render(figure, "png"), "image/png"
    return Picture(
        f"data:{kind};base64,{base64.b64encode(data).decode()}", alt, round(96 * figure.get_figwidth())
    )


def draw_all(run: RunData, by_clip: bool, progress: Progress = no_progress) -> dict[str, Picture]:
    """Draw what the run has, save each into `figures/`, and return the pictures by name."""
    figures = dict(_drawn(run, by_clip))
    pictures = {}
    for name, (figure, alt) in progress(figures.items(), "figures", len(figures)):
        save(figure, run.path / "figures", name)
        pictures[name] = embed(figure, alt)
    return pictures


def _drawn(run: RunData, by_clip: bool) -> dict[str, tuple[Figure, str]]:
    figures: dict[str, tuple[Figure, str]] = {}
    if sections := bars(run.metrics, run.audit, by_clip):
        figures["headline"] = headline(sections), "Accuracy of the model beside baselines that hear nothing"
    if run.logs:
        histories = [History.of(log) for log in run.logs]
        figures["learning_curves"] = (
            learning(histories),
            "Training and validation loss and macro-F1 against step",
        )
    if run.metrics:
        counts = run.metrics.get("confusion")
        if counts:
            names = run.metrics.get("labels") or run.labels
            figures["confusion"] = confusion(np.array(counts), names), "Confusion matrix, species by species"
        if run.metrics.get("reliability"):
            table, ece = run.metrics["reliability"], run.metrics.get("ece")
            figures["reliability"] = reliability(table, ece), "Accuracy against confidence"
        if run.metrics.get("per_species"):
            figures["species"] = (
                species_bars(run.metrics["per_species"]),
                "F1 of each species with clips and tapes",
            )
    if run.scores is not None:
        table = (run.metrics or {}).get("per_species", {})
        noisy = [name for name, facts in table.items() if facts.get("noisy")]
        figures["roc"] = (
            roc(run.scores.truth, run.scores.probabilities, run.labels, noisy),
            "ROC curve of each species",
        )
    return figures


def bars(
    metrics: Mapping[str, Any] | None, audit: Mapping[str, Any] | None, by_clip: bool
) -> dict[str, list[Bar]]:
    """The headline's two panels: by tape, and by a random draw of clips. The model stands where it was judged."""
    model = []
    if metrics and metrics.get("accuracy") is not None:
        model = [Bar("this model", metrics["accuracy"], metrics.get("accuracy_ci"))]
    by_tape, random = ([*_deaf((audit or {}).get(key))] for key in ("grouped", "random"))
    honest, illusion = ([], model) if by_clip else (model, [])
    return {
        "Split by tape: test tapes never heard in training": honest + by_tape,
        "Random split: clips of one tape on both sides": illusion + random,
    }


def _deaf(side: Mapping[str, Any] | None) -> list[Bar]:
    rows = (
        ("metadata_accuracy", "deaf: rate, length, level, bandwidth"),
        ("group_lookup_accuracy", "deaf: which tape is it from?"),
    )
    found = [
        (text, side[key], side.get(f"{key}_ci")) for key, text in rows if side and side.get(key) is not None
    ]
    return [Bar(text, value, interval, heard=False) for text, value, interval in found]
