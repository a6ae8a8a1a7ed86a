"""The audit of a vocoder: how near is its sound to the sound that its log-mels were computed from?

    audit = audit_vocoder(Path("runs/vocoder"), classifier=Path("runs/mine"))

Windows of recording groups that were not used in training (the validation and the test set, which do not
influence a vocoder) are converted to log-mels and back, by this vocoder and by Griffin-Lim, and compared with
the original sound (`metrics.waveforms`). `agreement` is the share of windows to which the classifier assigns
the same species before and after. Intervals are over groups. `test_sounds` are measures of tones, clicks and
noise of known form (`vocoder_test_sounds`). The result is written to `vocoder_audit.json`;
docs/json.md documents its keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import RunError
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import RunFiles
from finback.core.storage.files import write_json
from finback.core.storage.keeping import kept
from finback.core.types import Clip
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.vocoder_test_sounds import measure_test_sounds
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.features.spec import FeatureSpec
from finback.generation.vocoders.clips import logmel_of
from finback.generation.vocoders.inversion import METHODS, to_waves
from finback.generation.vocoders.vocode import Vocoder, transform_of
from finback.metrics import bootstrap
from finback.metrics.waveforms import MEASURES, measures
from finback.models.load import load_model
from finback.models.predictor import Predictor
from finback.models.pretrained import own_run

OWN = "this vocoder"
MOST = 400  # windows; more windows take minutes and change no result


def audit_vocoder(
    run: Path, classifier: Path | None = None, device: str = "auto", progress: Progress = no_progress
) -> dict[str, Any]:
    """Measure a trained vocoder and the methods without training; writes the result and returns it.

    Raises `RunError` if the folder has no trained vocoder or no clips of unseen groups, `SpecMismatchError`
    if the classifier uses other features.
    """
    run = own_run(run, "an audit", "its recordings are not part of finback")
    model = load_model(run, "vocoder", device)
    subsets = run_subsets(model.run)
    real, groups = _windows((*subsets["validation"], *subsets["test"]), model.spec, progress)
    if not len(real):
        raise RunError(
            f"{run}: the vocoder was trained on all recording groups",
            "train with a test set, e.g. --split 70/15/15",
        )
    logmels = logmel_of(real, model.spec, model.spec.n_frames)
    predictor = None if classifier is None else Predictor.load(classifier, device, default_folder())
    before = None if predictor is None else predictor.score_logmels(logmels, model.spec).argmax(axis=1)
    rows: dict[str, Any] = {}
    test_sounds: dict[str, dict[str, float]] = {}
    for name, which in ((OWN, str(run)), *((method, method) for method in METHODS)):
        vocoder = Vocoder.load(which, model.spec, device)
        test_sounds[name] = measure_test_sounds(vocoder, model.spec)
        vocoded = to_waves(logmels, vocoder, progress)
        again = logmel_of(vocoded, model.spec, model.spec.n_frames)
        values = measures(real, vocoded, logmels, again, transform_of(model.spec))
        if predictor is not None:
            after = predictor.score_logmels(again, model.spec).argmax(axis=1)
            values["agreement"] = (after == before).astype(float)
        rows[name] = {key: float(v.mean()) for key, v in values.items()}
        rows[name] |= {f"{key}_ci": _over_groups(v, groups) for key, v in values.items()}
    result = {
        "run": str(run),
        "reference_classifier": None if classifier is None else str(classifier),
        "n_windows": len(real),
        "n_groups": len(set(groups)),
        "band_hz": [model.spec.f_min, model.spec.top_hz],
        "measures": [*MEASURES, *(["agreement"] if classifier is not None else [])],
        "vocoders": rows,
        "test_sounds": test_sounds,
    }
    with kept(run):
        write_json(RunFiles(run).vocoder_audit, result)
    return result


def _windows(
    clips: Sequence[Clip], spec: FeatureSpec, progress: Progress
) -> tuple[NDArray[np.float32], list[str]]:
    """(N, T') waves of all windows of the clips, or `MOST` of them, and the recording group of each."""
    store = FeatureStore(Extractor(spec, "wave"), default_folder())
    store.prepare(clips, progress)
    by_clip = [store(clip)[:, : spec.covered_samples] for clip in clips]
    groups = [c.group_key for c, waves in zip(clips, by_clip, strict=True) for _ in waves]
    waves = np.concatenate([np.zeros((0, spec.covered_samples), dtype=np.float32), *by_clip])
    kept = np.sort(np.random.default_rng(0).permutation(len(waves))[:MOST])
    return waves[kept], [groups[i] for i in kept]


def _over_groups(values: NDArray[np.float64], groups: Sequence[str]) -> list[float] | None:
    """The 95 % interval of the mean of values (N,), over groups."""
    return bootstrap.interval(lambda weights: float(np.average(values, weights=weights)), groups)
