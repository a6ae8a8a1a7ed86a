"""The audit of a generator: are its samples good, diverse, and no copies of training clips?

    audit = audit_generator(AuditRequest(run, against=(other_run,)))

Every table compares samples with three sets of real clips: `train`, the clips that the generator was trained
on; `held_out`, other clips of the same recording groups; `unseen`, clips of other groups (the validation and
the test set together, since neither influences a generator). The best possible samples cannot be
distinguished from `held_out`.

- `recognised`: how often the reference classifier (`reference_classifier`) recognises the species of samples
  and of real clips.
- `substitution`: classifiers trained on samples instead of training clips, tested on unseen groups, and the
  reverse (`substitution`).
- `distances`: between sets, in the embedding of the reference classifier and, vocoded, in that of a backbone
  (`embeddings`), to training clips and to unseen clips; `unseen vocoded` is real sound through the vocoder,
  which shows the error of the vocoder alone.
- `copying`: how near samples are to training clips, on log-mels and in the embedding of the reference
  classifier.
- `diversity`: mean distance between samples of a species over the mean distance between its training clips.

The result is written to `generator_audit.json`, figures to `figures/`. docs/json.md documents the keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from finback.evaluation.generator_audit import embeddings, figures, set_metrics, substitution
from finback.evaluation.generator_audit.reference_classifier import (
    load_reference_classifier,
    seen_in_training,
    train_reference_classifier,
)
from finback.evaluation.generator_audit.windows import (
    FOLDER,
    AuditData,
    Windows,
    real_windows,
    sampled_windows,
    samples_per_species,
)
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.vocoders.vocode import Vocoder
from finback.metrics.copying import CopyThresholds, copying, shifted_distances, vector_distances
from finback.models.predictor import Predictor

REAL = ("train", "held_out", "unseen")
CLASSIFIER = "reference_classifier"  # the name of its embedding among the spaces
SEEDS = 5
STUDENTS = 3  # at most; the accuracy of one alone varies by up to 4 % from one training to the next
Matrices = dict[str, NDArray[np.floating]]


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
    vocoder: str = "fast-griffin-lim"
    device: str = "auto"


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
    copies, thresholds, nearest, between = _copying(data, embedded)
    result = {
        "run": str(request.run),
        "generators": {name: str(generator.run.path) for name, generator in generators.items()},
        "labels": list(main.labels.names),
        "sampling": _plain(request.sampling),
        "n_windows": {name: len(w) for name, w in data.all.items()},
        CLASSIFIER: {"run": str(path), "seen_in_training": seen_in_training(path, kept_from_it)},
        "recognised": _recognised(data, classifier, known),
        "substitution": _substitution(data, request, progress),
        "distances": _distances(data, embedded, request, progress),
        "copying": copies,
        "diversity": _diversity(data, embedded, between),
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


def _plain(sampling: Sampling) -> dict[str, Any]:
    """Plain values for JSON, which has no infinity: null is no limit."""
    values = asdict(sampling)
    return {**values, "interval": [None if np.isinf(v) else v for v in values["interval"]]}


def _generators(request: AuditRequest) -> dict[str, SpectrogramGenerator]:
    """Generators by name, the audited one first; refuses those that were trained on other clips."""
    generators: dict[str, SpectrogramGenerator] = {}
    clips: set[Any] = set()
    for path in (request.run, *request.against):
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
    return AuditData(main.labels, real, generated, store)


def _truth(windows: Windows) -> NDArray[np.int64]:
    """(C,) class ids of the clips."""
    return windows.y[np.unique(windows.clip, return_index=True)[1]]


def _recognised(data: AuditData, classifier: Predictor, known: NDArray[np.int64]) -> dict[str, Any]:
    result = {}
    for name, windows in data.all.items():
        logits = classifier.score_logmels(windows.x, data.store.extractor.spec)
        correct = known[set_metrics.predictions(logits, windows)] == _truth(windows)
        result[name] = set_metrics.accuracies(correct, windows, data.labels.names)
    return result


def _substitution(data: AuditData, request: AuditRequest, progress: Progress) -> dict[str, Any]:
    """Accuracies by kind of student and training set: on unseen clips, and `of_samples`, the accuracy on
    samples of the student that was trained on real clips.

    Values are means over several networks; the linear student is always the same.
    """
    unseen, names = data.real["unseen"], data.labels.names
    sets = {"train": data.real["train"], **data.generated}
    result: dict[str, Any] = {}
    for kind in ("cnn2d", "bands"):
        correct: dict[str, NDArray[np.float64]] = {}
        rows: dict[str, Any] = {}
        for name, w in sets.items():
            students = _students(kind, w, data, request, progress)
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
    kind: str, w: Windows, data: AuditData, request: AuditRequest, progress: Progress
) -> list[substitution.Student]:
    """Students trained on these windows, each from its own seed."""
    spec, n_classes = data.store.extractor.spec, len(data.labels)
    if kind == "bands":
        return [substitution.train_bands(w.x, w.y, n_classes)]
    seeds = range(request.seed, request.seed + min(STUDENTS, request.seeds))
    return [substitution.train_cnn2d(w.x, w.y, spec, n_classes, s, request.device, progress) for s in seeds]


def _correct(students: Sequence[substitution.Student], windows: Windows) -> NDArray[np.float64]:
    """(C,) share of the students whose prediction is correct for each clip."""
    if not len(windows):
        return np.zeros(0)
    truth = _truth(windows)
    return np.mean([set_metrics.predictions(s(windows.x), windows) == truth for s in students], axis=0)


def _distances(
    data: AuditData, embedded: Mapping[str, NDArray[np.float32]], request: AuditRequest, progress: Progress
) -> list[dict[str, Any]]:
    """Two spaces, each with two references."""
    spec = data.store.extractor.spec
    name = embeddings.default_backbone(request.backbone)
    embedder = embeddings.WaveEmbedder(name, spec)
    vocoder = Vocoder.load(request.vocoder, spec, request.device)
    options = embeddings.EmbeddingOptions(request.vocoder, request.run / FOLDER, request.seed)
    spaces = {
        CLASSIFIER: {name: (embedded[name], w.y) for name, w in data.all.items() if len(w)},
        f"{name}, vocoded by {request.vocoder}": embeddings.embedded(
            data, embedder, options, vocoder, progress
        ),
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


def _copying(
    data: AuditData, embedded: Mapping[str, NDArray[np.float32]]
) -> tuple[dict[str, Any], CopyThresholds, Matrices, Matrices]:
    """The values in both spaces; on log-mels the thresholds and the distances (N, L) of each set to training
    windows; in each space the distances (L, L) between training windows."""
    logmels = {name: w.x for name, w in data.all.items()}
    spaces: dict[str, tuple[Mapping[str, NDArray[np.float32]], set_metrics.Distances]] = {
        "logmel": (logmels, shifted_distances),
        CLASSIFIER: (embedded, vector_distances),
    }
    result: dict[str, Any] = {}
    between: Matrices = {}
    on_logmels: list[tuple[CopyThresholds, Matrices]] = []
    for space, (values, distance) in spaces.items():
        between[space] = distance(values["train"], values["train"])
        to = {k: distance(v, values["train"]) for k, v in values.items() if k != "train"}
        lowest = {k: d.min(axis=1) for k, d in to.items()}
        thresholds = CopyThresholds.of(between[space], data.real["train"].groups, lowest["held_out"])
        rows = {k: copying(d, thresholds) for k, d in lowest.items()}
        result[space] = {"thresholds": asdict(thresholds), "rows": rows}
        on_logmels.append((thresholds, to))
    return result, *on_logmels[0], between


def _diversity(
    data: AuditData, embedded: Mapping[str, NDArray[np.float32]], between: Matrices
) -> dict[str, Any]:
    names, y = data.labels.names, data.real["train"].y
    logmels = {name: (w.x, w.y) for name, w in data.generated.items()}
    vectors = {name: (embedded[name], w.y) for name, w in data.generated.items()}
    values = {
        "logmel": set_metrics.diversities(logmels, (between["logmel"], y), shifted_distances, names),
        CLASSIFIER: set_metrics.diversities(vectors, (between[CLASSIFIER], y), vector_distances, names),
    }
    return {
        space: {row: {"mean": _mean(list(each.values())), "per_species": each} for row, each in rows.items()}
        for space, rows in values.items()
    }


def _mean(values: list[float | None]) -> float | None:
    defined = [v for v in values if v is not None]
    return float(np.mean(defined)) if defined else None
