"""The audit of a generator: are its samples good, diverse, and no copies of training clips?

    audit = audit_generator(AuditRequest(run, against=(other_run,)))

Every table compares samples with three sets of real clips: `train`, the clips that the generator was trained
on; `held_out`, other clips of the same recording groups; `unseen`, clips of other groups (the validation and
the test set together, since neither influences a generator). The best possible samples cannot be
distinguished from `held_out`.

Every table also has a baseline without calls, a stationary Gaussian fitted on the spot (`baseline`).

- `recognised`: how often our own reference classifier (`reference_classifier`) recognises the species of
  samples and of real clips. It was trained on the same log-mels as the generator, and flatters it.
- `reference_embeddings`: the same by classifiers on embeddings that others trained (`references`,
  `by_embedding`), and whether samples can be told from real clips.
- `coherence`: whether clicks, rhythms and contours are as in real clips (`structure`).
- `substitution`: classifiers trained on samples instead of training clips, tested on unseen groups, and the
  reverse (`substitution`).
- `distances`: between sets, in the embedding of the reference classifier and, vocoded, in that of a backbone
  (`embeddings`), to training clips and to unseen clips; `unseen vocoded` is real sound through the vocoder,
  which shows the error of the vocoder alone.
- `copying`, `diversity`: how near samples are to training clips, and how varied they are (`copies`).

The result is written to `generator_audit.json`, figures to `figures/`. docs/json.md documents the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import InputError
from finback.core.progress import Progress, no_progress
from finback.core.storage.files import write_json
from finback.core.storage.keeping import kept
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.generator_audit import embeddings, figures, set_metrics
from finback.evaluation.generator_audit.baseline import BASELINE, baseline_windows
from finback.evaluation.generator_audit.copies import CLASSIFIER, copies, diversities
from finback.evaluation.generator_audit.reference_classifier import (
    load_reference_classifier,
    seen_in_training,
    train_reference_classifier,
)
from finback.evaluation.generator_audit.references import reference_rows
from finback.evaluation.generator_audit.structure import Spectrograms, coherence
from finback.evaluation.generator_audit.substitution_rows import substitution_rows
from finback.evaluation.generator_audit.windows import (
    FOLDER,
    AuditData,
    real_windows,
    sampled_waves,
    sampled_windows,
    samples_per_species,
)
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.features.lengths import true_frames
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.vocoders.vocode import Vocoder
from finback.models.predictor import Predictor
from finback.models.pretrained import own_run

REAL = ("train", "held_out", "unseen")
SEEDS = 5


@dataclass(frozen=True)
class AuditRequest:
    """The generator to audit, and the settings of the audit."""

    run: Path
    classifier: Path | None = None  # None: one is trained on the training clips, and kept in the run's folder
    against: tuple[Path, ...] = ()  # other generators, trained on the same clips
    n: int | None = None  # samples per species; None: as many as training windows, 20 to 60
    seeds: int = SEEDS  # draws over which distances are averaged, and networks of the substitution
    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    backbone: str = ""
    references: tuple[str, ...] = embeddings.REFERENCE  # embeddings of reference classifiers, where installed
    vocoder: str = "auto"  # the bundled vocoder if it has these features, else components
    device: str = "auto"


STORED = "the stored audit of this model: finback export NAME --to card"


def audit_generator(request: AuditRequest, progress: Progress = no_progress) -> dict[str, Any]:
    """Audit a trained generator and those it is compared with; writes the result and returns it.

    Raises `InputError` where a generator of `against` was trained on other clips, or the classifier knows
    other species; `SpecMismatchError` where the features differ.
    """
    generators = _generators(request)
    main = next(iter(generators.values()))
    clips = run_subsets(main.run)
    path = request.classifier or train_reference_classifier(main, request.device, progress)
    classifier, known = load_reference_classifier(path, main, request.device)
    # An empty batch: other features are refused before the samples are made.
    classifier.embed_logmels(np.zeros((0, main.spec.n_mels, main.spec.n_frames), dtype=np.float32), main.spec)
    data = _data(request, generators, progress)
    embedded = {name: classifier.embed_logmels(w.x, main.spec) for name, w in data.all.items()}
    kept_from_it = {c.key for subset in ("held_out", "validation", "test") for c in clips[subset]}
    copied, thresholds, nearest, between = copies(data, embedded)
    vocoder = Vocoder.load(request.vocoder, main.spec, request.device)
    options = embeddings.EmbeddingOptions(_id(vocoder), request.run / FOLDER, request.seed)
    embedders = embeddings.reference_embedders(main.spec, request.references)
    result = {
        "run": str(request.run),
        "generators": {name: str(generator.run.path) for name, generator in generators.items()},
        "labels": list(main.labels.names),
        "sampling": _plain(request.sampling),
        "n_windows": {name: len(w) for name, w in data.all.items()},
        CLASSIFIER: {"run": str(path), "seen_in_training": seen_in_training(path, kept_from_it)},
        "recognised": _recognised(data, classifier, known),
        "reference_embeddings": reference_rows(data, embedders, options, vocoder, progress),
        "coherence": _coherence(data),
        "substitution": substitution_rows(data, _seeds(request), request.device, progress),
        "distances": _distances(data, embedded, request, vocoder, progress),
        "copying": copied,
        "diversity": diversities(data, embedded, between),
    }
    with kept(main.run.path):
        write_json(main.run.generator_audit, result)
    first, train = next(iter(data.generated)), data.real["train"]
    pairs = figures.nearest_pairs(
        data.generated[first], train, nearest[first], data.labels, thresholds.typical
    )
    with kept(main.run.path / "figures"):
        figures.save_figures(main.run.path / "figures", pairs, nearest, thresholds)
    return result


def _seeds(request: AuditRequest) -> range:
    return range(request.seed, request.seed + request.seeds)


def _id(vocoder: Vocoder) -> str:
    """The name of an inversion method, or a hash of a trained vocoder."""
    return vocoder.run.fingerprint() if vocoder.run else vocoder.name


def _plain(sampling: Sampling) -> dict[str, Any]:
    """Plain values for JSON, which has no infinity: null is no limit."""
    values = asdict(sampling)
    return {**values, "interval": [None if np.isinf(v) else v for v in values["interval"]]}


def _generators(request: AuditRequest) -> dict[str, SpectrogramGenerator]:
    """Generators by name, the audited one first; refuses those that were trained on other clips."""
    generators: dict[str, SpectrogramGenerator] = {}
    clips: set[Any] = set()
    for path in (request.run, *request.against):
        path = own_run(path, "an audit", STORED)
        generator = SpectrogramGenerator.load(path, request.device)
        own = {(c.key, c.label) for c in run_subsets(generator.run)["train"]}
        if generators and own != clips:
            raise InputError(
                f"{path}: trained on other clips than {request.run}, so their results cannot be compared",
                "train both with the same data, split and seed",
            )
        clips = own
        family = generator.run.info.family
        name = family if family not in generators else f"{family} ({generator.run.path.name})"
        generators[name] = generator
    return generators


def _data(
    request: AuditRequest, generators: Mapping[str, SpectrogramGenerator], progress: Progress
) -> AuditData:
    main = next(iter(generators.values()))
    store = FeatureStore(Extractor(main.spec, "logmel"), default_folder())
    clips = run_subsets(main.run)
    subsets = {**clips, "unseen": (*clips["validation"], *clips["test"])}
    real = {name: real_windows(store, subsets[name], main.labels, progress) for name in REAL}
    counts = samples_per_species(real["train"].y, len(main.labels), request.n)
    generated = {
        name: sampled_windows(generator, counts, request.sampling, request.seed, progress)
        for name, generator in generators.items()
    }
    if BASELINE not in generated:
        generated[BASELINE] = baseline_windows(real["train"], main.spec, counts, request.seed)
    waves = {
        name: sampled_waves(generator, counts, request.seed, progress)
        for name, generator in generators.items()
        if generator.makes_waves
    }
    return AuditData(main.labels, real, generated, store, waves)


def _recognised(data: AuditData, classifier: Predictor, known: NDArray[np.int64]) -> dict[str, Any]:
    result = {}
    for name, windows in data.all.items():
        logits = classifier.score_logmels(windows.x, data.store.extractor.spec)
        correct = known[set_metrics.predictions(logits, windows)] == set_metrics.truth(windows)
        result[name] = set_metrics.accuracies(correct, windows, data.labels.names)
    return result


def _distances(
    data: AuditData,
    embedded: Mapping[str, NDArray[np.float32]],
    request: AuditRequest,
    vocoder: Vocoder,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Two spaces, each with two references."""
    spec = data.store.extractor.spec
    name = embeddings.default_backbone(request.backbone)
    embedder = embeddings.WaveEmbedder(name, spec)
    options = embeddings.EmbeddingOptions(_id(vocoder), request.run / FOLDER, request.seed)
    spaces = {
        CLASSIFIER: {name: (embedded[name], w.y) for name, w in data.all.items() if len(w)},
        f"{name}, vocoded by {vocoder.name}": embeddings.embedded(data, embedder, options, vocoder, progress),
    }
    result = []
    for space, vectors in spaces.items():
        for reference in ("unseen", "train"):
            # `held_out` is a tenth of the clips: only where it is the right control.
            left_out = {reference, "held_out"} if reference == "unseen" else {reference}
            if reference not in vectors:  # a generator may have been trained on every group
                continue
            rows = {k: v for k, v in vectors.items() if k not in left_out}
            table = set_metrics.distances(rows, vectors[reference], request.seeds)
            result.append({"space": space, "reference": reference, **table})
    return result


def _coherence(data: AuditData) -> dict[str, Any]:
    spec = data.store.extractor.spec
    sets = {
        name: Spectrograms(w.x, w.y, true_frames(w.spans, spec) if w.spans else None)
        for name, w in data.all.items()
    }
    return coherence(sets, "train", spec, data.labels.names)
