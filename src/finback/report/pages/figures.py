"""The figures of a run, written to its `figures/` folder as PNG and SVG and embedded in the page."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from finback.core.progress import Progress, no_progress
from finback.report.pages.run_data import RunData
from finback.report.pages.summary import no_audio_baselines
from finback.report.plots.confusion import confusion
from finback.report.plots.learning_curves import History, learning
from finback.report.plots.reliability import reliability
from finback.report.plots.roc import roc
from finback.report.plots.species import Bar, headline, species_bars
from finback.report.plots.style import save

LARGEST_SVG = 450_000  # bytes; SVG stays sharp at any size, but a light page matters more


@dataclass(frozen=True, slots=True)
class Picture:
    """An embedded figure: data URI, what it shows in words, and its width in CSS pixels."""

    uri: str
    alt: str
    width: int


def embed(figure: Figure, alt: str, png: bytes, svg: bytes = b"") -> Picture:
    """SVG where there is one and it is small, else PNG."""
    data, kind = (svg, "image/svg+xml") if 0 < len(svg) <= LARGEST_SVG else (png, "image/png")
    uri = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return Picture(uri, alt, round(96 * figure.get_figwidth()))


def draw_all(run: RunData, progress: Progress = no_progress) -> dict[str, Picture]:
    """Draw what the run has, save each into `figures/`, and return the pictures by name."""
    figures = dict(_drawn(run))
    pictures = {}
    for name, (figure, alt) in progress(figures.items(), "figures", len(figures)):
        png, svg = save(figure, run.path / "figures", name)
        pictures[name] = embed(figure, alt, png.read_bytes(), svg.read_bytes())
    return pictures


def _drawn(run: RunData) -> dict[str, tuple[Figure, str]]:
    figures: dict[str, tuple[Figure, str]] = {}
    sections = bars(run.metrics, run.audit, run.by_clip)
    if any(sections.values()):
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
    """The headline's panels, by tape and by a random draw; the model stands where it was judged.

    Beside the model stand the baselines of its own split, where the audit has them.
    """
    model = []
    if metrics and metrics.get("accuracy") is not None:
        model = [Bar("this model", metrics["accuracy"], metrics.get("accuracy_ci"))]
    grouped, random = ((audit or {}).get(key) for key in ("grouped", "random"))
    key, same = no_audio_baselines(audit, by_clip)
    honest, illusion = ([], model) if by_clip else (model, [])
    by_tape, by_chance = (grouped, same if key else random) if by_clip else (same, random)
    return {
        "Split by tape: test tapes never heard in training": [*honest, *_baseline_bars(by_tape)],
        "Random split: clips of one tape on both sides": [*illusion, *_baseline_bars(by_chance)],
    }


def _baseline_bars(side: Mapping[str, Any] | None) -> list[Bar]:
    rows = (
        ("metadata_only_accuracy", "no audio: file metadata"),
        ("group_lookup_accuracy", "no audio: group lookup"),
    )
    found = [
        (text, side[key], side.get(f"{key}_ci")) for key, text in rows if side and side.get(key) is not None
    ]
    return [Bar(text, value, interval, uses_audio=False) for text, value, interval in found]
