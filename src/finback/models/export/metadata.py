"""What an exported model says of itself: how to feed it, what its answers mean, whose they are."""

from __future__ import annotations

from typing import Any

from finback import models
from finback.core.runs import RunFolder
from finback.core.version import __version__
from finback.models.predictor import Predictor
from finback.models.tree import Leaf, Node


def metadata_of(run: RunFolder, predictor: Predictor) -> dict[str, Any]:
    """JSON values by name; docs/exporting.md tells of each."""
    info, spec = run.info, predictor.spec
    extractor = predictor.store.extractor
    return {
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
    """One number for a classifier; for several a list of theirs, and last that of the whole."""
    if isinstance(part, Leaf):
        return part.temperature
    return [*(temperatures(child) for child in part.children), part.temperature]
