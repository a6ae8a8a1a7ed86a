"""The audit of a generator in a few sentences: are its samples recognised, told from real clips, copies?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finback.report.pages.audit_tables import BACKBONES
from finback.report.pages.common import percent

NOT_AUDITED = (
    "How good the samples are is not known: they have not been audited. A spectrogram that looks right, or "
    "a sound that sounds right, is no proof."
)


def verdict(audit: Mapping[str, Any] | None) -> str:
    """The result of generator_audit.json for its first generator, and what it does not say."""
    try:
        name = next(iter(audit["generators"])) if audit else ""
        sentences = [*_references(audit, name), _copying(audit, name)] if audit else []
    except (KeyError, TypeError, AttributeError, StopIteration):
        sentences = []
    if not sentences:
        return NOT_AUDITED
    return " ".join([*sentences, "Whether an animal would take a sample for a call, no audit can say."])


def _references(audit: Mapping[str, Any], name: str) -> list[str]:
    """By the first reference embedding; by the reference classifier in an audit of an earlier version."""
    for embedding, own in audit.get("reference_embeddings", {}).items():
        rows, network = own["rows"], BACKBONES.get(embedding, embedding)
        real: Mapping[str, Any] = next(
            (rows[k] for k in ("unseen vocoded", "unseen", "held_out") if k in rows), {}
        )
        beside = f", and {percent(real['recognised'], 0)} of real clips" if real.get("recognised") else ""
        told = rows[name].get("real_made_auc")
        apart = (
            f" Samples and real clips are told apart with an AUC of {told:.2f}: 0.5 would mean that they "
            "cannot be told apart, 1 that they always can."
            if told is not None
            else ""
        )
        share = percent(rows[name]["recognised"], 0)
        return [f"A classifier on {network} names {share} of the samples right{beside}.{apart}"]
    row, real = audit["recognised"][name], audit["recognised"].get("held_out", {})
    beside = f", and {percent(real['accuracy'], 0)} of real clips" if real.get("accuracy") else ""
    return [f"The reference classifier names {percent(row['accuracy'], 0)} of the samples right{beside}."]


def _copying(audit: Mapping[str, Any], name: str) -> str:
    rows = audit["copying"]["logmel"]["rows"]
    low, real = (rows.get(key, {}).get("ratio_low") for key in (name, "held_out"))
    if low is None or real is None:
        return "Whether samples are copies was not measured."
    if low < real:
        return "The nearest samples are nearer to training clips than real clips are: they may be copies."
    return "Samples are no nearer to training clips than real clips are: there is no sign of copies."
