"""The metadata of an exported model: its input, its output, its origin and licence."""

from __future__ import annotations

from typing import Any

from finback import models
from finback.core.runs.folder import RunFolder
from finback.core.version import __version__
from finback.models.predictor import Predictor
from finback.models.tree import Leaf, Node


def metadata_of(run: RunFolder, predictor: Predictor) -> dict[str, Any]:
    """JSON values by name; docs/exporting.md describes each."""
    info, spec = run.info, predictor.spec
    extractor = predictor.store.extractor
    return {
        "none_of_these": False,  # the graph has no gate
        "labels": list(predictor.labels.names),
        "sample_rate": spec.sample_rate,
        "window_samples": spec.clip_samples,
        "advance_samples": extractor.front_end.covered_samples,
        "pad": spec.pad,
        "level": spec.level,
        "family": info.family or info.kind,
        "temperature": temperatures(predictor.root),
        "fingerprint": run.fingerprint(),
        "features": spec.fingerprint,
        "finback": __version__,
        "source": info.source or None,
        "licence": info.licence or None,
        "citation": info.citation or None,
        "licence_of_weights": models.licences(info.families),
    }


def temperatures(part: Leaf | Node) -> Any:
    """The temperature of a classifier; for several, a list, with that of the combination at the end."""
    if isinstance(part, Leaf):
        return part.temperature
    return [*(temperatures(child) for child in part.children), part.temperature]
