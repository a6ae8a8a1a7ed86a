"""The header of a journal, from a loaded model: all that decides its numbers."""

from __future__ import annotations

from finback.core.errors import InputError, SettingsError
from finback.models.predictor import Predictor
from finback.scan.header import JournalHeader
from finback.scan.settings import ScanSettings


def header_of(name: str, predictor: Predictor, settings: ScanSettings) -> JournalHeader:
    """The header of a scan with a model.

    Raises `SettingsError` for a hop that is longer than the model's window, `InputError` for a model that was
    not loaded from a run folder.
    """
    if predictor.run is None:
        raise InputError(f"{name}: a model without a run folder", "give its run folder, or a bundled model")
    leaves, first = predictor.root.leaves, predictor.store.extractor
    rate, window = first.spec.sample_rate, first.front_end.covered_samples
    if settings.hop_s is not None and settings.hop_s > window / rate:
        raise SettingsError(
            f"a hop of {settings.hop_s:g} s between windows of {window / rate:g} s",
            f"give at most {window / rate:g} s, so that no sound is left out",
        )
    keys = sorted({leaf.features_key for leaf in leaves})
    inner = [leaf.spec.clip_samples / leaf.spec.sample_rate for leaf in leaves]
    stretches = [2 * leaf.spec.background_s for leaf in leaves if leaf.spec.background == "median"]
    return JournalHeader(
        model=name,
        fingerprint=predictor.run.fingerprint(),
        labels=predictor.classes.names,
        features="; ".join(" ".join(part for part in (key[1], key[0], key[2]) if part) for key in keys),
        sample_rate=rate,
        window_samples=window,
        # Shorter windows of other classifiers lie within the first one's.
        context_s=max(inner) + (window / rate if len(keys) > 1 else 0.0) + max(stretches, default=0.0),
        top_hz=max(leaf.spec.top_hz for leaf in leaves),
        settings=settings,
    )
