"""The audit of a generator: are its samples their species, as varied as real clips, and no copies of them?

    result = audit_generator(AuditRequest(run, against=(other_run,)))

Real clips stand beside samples in every table: `learnt`, what the generator was trained on; `held`, clips of
the same tapes that it was not shown; `unseen`, clips of other tapes: the validation and the test side
together, since a generator chooses nothing by either. A sample is as good as can be hoped for where it cannot
be told from `held`.

- `recognised`: how often the judge (`judge`) names the species, of samples and of real clips.
- `substitution`: classifiers taught by samples instead of learnt clips, tested on unseen tapes, and the
  reverse (`learners`).
- `distances`: of sets, in the judge's embedding and, vocoded, in a backbone's (`heard`), to learnt and to
  unseen clips; `unseen vocoded` is real sound through the vocoder: what it alone costs.
- `copying`: how near samples come to learnt clips, on log-mels and in the judge's embedding.
- `diversity`: mean distance between samples of a species over that between its learnt clips.

The result is kept in `generator_audit.json`, pictures in `figures/`. Its keys are told in docs/json.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finback.core.errors import InputError
from finback.core.files import write_json
from finback.core.progress import Progress, no_progress
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.generator_audit import (
    embeddings as heard,
)
from finback.evaluation.generator_audit import (
    figures as pictures,
)
from finback.evaluation.generator_audit import (
    set_metrics as sets,
)
from finback.evaluation.generator_audit import (
    substitution as learners,
)
from finback.evaluation.generator_audit.judge import has_heard, load_judge, own_judge
from finback.evaluation.generator_audit.windows import FOLDER, Material, Windows, how_many, made, real
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.vocoders.vocode import Vocoder
from finback.metrics import copying as memory
from finback.models.predictor import Predictor

REAL = ("train", "held_out", "unseen")
SEEDS = 5
PUPILS = 3  # at most; one alone is right on 4 % more or fewer clips from one training to the next


@dataclass(frozen=True)
class AuditRequest:
    """What to audit, and with what."""

    run: Path
    classifier: Path | None = None  # None: one is trained on the learnt clips, and kept in the run's folder
    against: tuple[Path, ...] = ()  # other generators, trained on the same clips
    n: int | None = None  # samples per species; None: as many as learnt windows, 20 to 60
    seeds: int = SEEDS  # draws of which the distances are means, and networks of the substitution
    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    backbone: str = ""
    vocoder: str = "fast-griffin-lim"
    device: str = "auto"


def audit_generator(request: AuditRequest, progress: Progress = no_progress) -> dict[str, Any]:
    """Everything above, for one trained generator and those it is set against; writes it and returns it.

    Raises `InputError` where a generator of `against` learnt other clips, or the judge knows other species;
    `SpecMismatchError` where they hear other features.
    """
    makers = _makers(request)
    main = next(iter(makers.values()))
    clips = run_subsets(main.run)
    judge_path = request.classifier or own_judge(main, request.device, progress)
    judge, known = load_judge(judge_path, main, request.device)
    judge.embed_logmels(np.zeros((0, main.spec.n_mels, main.spec.n_frames), dtype=np.float32), main.spec)
    material = _material(request, makers, progress)
    embedded = {name: judge.embed_logmels(w.x, main.spec) for name, w in material.all.items()}
    held_keys = {c.key for side in ("held_out", "validation", "test") for c in clips[side]}
    copies, nearest, matrix = _copying(material, embedded)
    result = {
        "run": str(request.run),
        "generators": {name: str(maker.run.path) for name, maker in makers.items()},
        "labels": list(main.labels.names),
        "sampling": _plain(request.sampling),
        "n_windows": {name: len(w) for name, w in material.all.items()},
        "reference_classifier": {
            "run": str(judge_path),
            "seen_in_training": has_heard(judge_path, held_keys),
        },
        "recognised": _recognised(material, judge, known),
        "substitution": _substitution(material, request, progress),
        "distances": _distances(material, embedded, request, progress),
        "copying": copies,
        "diversity": _diversity(material, embedded, matrix),
    }
    write_json(main.run.generator_audit, result)
    first, marks = next(iter(material.made)), copies["logmel"]["thresholds"]
    learnt, typical = material.real["train"], marks["typical"]
    pairs = pictures.closest(material.made[first], learnt, nearest[first], material.labels, typical)
    pictures.save(main.run.path / "figures", pairs, nearest, marks)
    return result


def _plain(sampling: Sampling) -> dict[str, Any]:
    """For JSON, which knows no infinity: null is no limit."""
    facts = asdict(sampling)
    return {**facts, "interval": [None if np.isinf(v) else v for v in facts["interval"]]}


def _makers(request: AuditRequest) -> dict[str, SpectrogramGenerator]:
    """Generators by name, the audited one first; refuses those that learnt other clips."""
    makers: dict[str, SpectrogramGenerator] = {}
    learnt: set[Any] = set()
    for path in (request.run, *request.against):
        maker = SpectrogramGenerator.load(path, request.device)
        own = {(c.key, c.label) for c in run_subsets(maker.run)["train"]}
        if makers and own != learnt:
            raise InputError(
                f"{path}: learnt other clips than {request.run}, their figures cannot stand side by side",
                "train both with the same data, split and seed",
            )
        learnt = own
        family = maker.run.info.family
        makers[family if family not in makers else f"{family} ({maker.run.path.name})"] = maker
    return makers


def _material(
    request: AuditRequest, makers: Mapping[str, SpectrogramGenerator], progress: Progress
) -> Material:
    main = next(iter(makers.values()))
    store = FeatureStore(Extractor(main.spec, "logmel"), default_folder())
    clips = run_subsets(main.run)
    of = {
        "train": clips["train"],
        "held_out": clips["held_out"],
        "unseen": (*clips["validation"], *clips["test"]),
    }
    windows = {name: real(store, of[name], main.labels, progress) for name in REAL}
    counts = how_many(windows["train"].y, len(main.labels), request.n)
    samples = {
        name: made(maker, counts, request.sampling, request.seed, progress) for name, maker in makers.items()
    }
    return Material(main.labels, windows, samples, store)


def _recognised(material: Material, judge: Predictor, known: np.ndarray) -> dict[str, Any]:
    found = {}
    for name, windows in material.all.items():
        said = sets.answers(judge.score_logmels(windows.x, material.store.extractor.spec), windows)
        right = known[said] == windows.y[np.unique(windows.clip, return_index=True)[1]]
        found[name] = sets.shares(right, windows, material.labels.names)
    return found


def _substitution(material: Material, request: AuditRequest, progress: Progress) -> dict[str, Any]:
    """For each learner and each set that teaches it: on unseen clips, and on what the learnt clips' pupil
    says. Means over a few networks; the linear learner is the same every time."""
    unseen, names = material.real["unseen"], material.labels.names
    teachers = {"train": material.real["train"], **material.made}
    found: dict[str, Any] = {}
    for learner in ("cnn2d", "bands"):
        rights: dict[str, np.ndarray] = {}
        rows: dict[str, Any] = {}
        for name, w in teachers.items():
            pupils = _pupils(learner, w, material, request, progress)
            rights[name] = _right(pupils, unseen)
            rows[name] = {"on_unseen": sets.shares(rights[name], unseen, names)}
            if name == "train":
                on_samples = {m: sets.shares(_right(pupils, s), s, names) for m, s in material.made.items()}
            else:
                rows[name] |= sets.ratio(rights[name], rights["train"], unseen)
                rows[name]["of_samples"] = on_samples[name]
        found[learner] = rows
    return found


def _pupils(
    learner: str, w: Windows, material: Material, request: AuditRequest, progress: Progress
) -> list[learners.Answer]:
    """Taught by these windows, each from a seed of its own."""
    spec, n_classes = material.store.extractor.spec, len(material.labels)
    if learner == "bands":
        return [learners.bands(w.x, w.y, n_classes)]
    seeds = range(request.seed, request.seed + min(PUPILS, request.seeds))
    return [learners.cnn2d(w.x, w.y, spec, n_classes, s, request.device, progress) for s in seeds]


def _right(pupils: Sequence[learners.Answer], windows: Windows) -> np.ndarray:
    """(C,) share of the pupils that name each clip right."""
    if not len(windows):
        return np.zeros(0)
    truth = windows.y[np.unique(windows.clip, return_index=True)[1]]
    right: np.ndarray = np.mean([sets.answers(p(windows.x), windows) == truth for p in pupils], axis=0)
    return right


def _distances(
    material: Material, embedded: Mapping[str, np.ndarray], request: AuditRequest, progress: Progress
) -> list[dict[str, Any]]:
    """Two spaces, each with two references."""
    by_judge = {name: (embedded[name], w.y) for name, w in material.all.items() if len(w)}
    spec = material.store.extractor.spec
    name = heard.at_hand(request.backbone)
    backbone, invert = heard.Backbone(name, spec), Vocoder.load(request.vocoder, spec, request.device)
    how = heard.How(request.vocoder, request.run / FOLDER, request.seed)
    spaces = {
        "reference_classifier": by_judge,
        f"{name}, vocoded by {request.vocoder}": heard.embedded(material, backbone, how, invert, progress),
    }
    found = []
    for space, vectors in spaces.items():
        for reference in ("unseen", "train"):
            # `held` is a tenth of the clips: only where it is the control worth having.
            left_out = {reference, "held_out"} if reference == "unseen" else {reference}
            if reference not in vectors:  # a generator may have been trained on every tape there is
                continue
            rows = {k: v for k, v in vectors.items() if k not in left_out}
            table = sets.distances(rows, vectors[reference], request.seeds)
            found.append({"space": space, "reference": reference, **table})
    return found


def _copying(
    material: Material, embedded: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Figures in both spaces; log-mel distances (N, L) to learnt windows by set; (L, L) by space."""
    learnt = material.real["train"]
    logmels = {name: w.x for name, w in material.all.items()}
    found: dict[str, Any] = {}
    matrices: dict[str, np.ndarray] = {}
    nearest: dict[str, np.ndarray] = {}
    for space, values, apart in (
        ("logmel", logmels, memory.shifted_distances),
        ("reference_classifier", embedded, memory.vector_distances),
    ):
        between = matrices[space] = apart(values["train"], values["train"])
        to = {k: apart(v, values["train"]) for k, v in values.items() if k != "train"}
        low = {k: d.min(axis=1) for k, d in to.items()}
        marks = memory.CopyThresholds.of(between, learnt.tapes, low["held_out"])
        rows = {k: memory.copying(d, marks) for k, d in low.items()}
        found[space] = {"thresholds": asdict(marks), "rows": rows}
        nearest = nearest or to
    return found, nearest, matrices


def _diversity(
    material: Material, embedded: Mapping[str, np.ndarray], matrices: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    names, y = material.labels.names, material.real["train"].y
    by_logmel = {name: (w.x, w.y) for name, w in material.made.items()}
    by_judge = {name: (embedded[name], w.y) for name, w in material.made.items()}
    found = {
        "logmel": sets.diversities(by_logmel, (matrices["logmel"], y), memory.shifted_distances, names),
        "reference_classifier": sets.diversities(
            by_judge, (matrices["reference_classifier"], y), memory.vector_distances, names
        ),
    }
    return {
        space: {row: {"mean": _mean(list(each.values())), "per_species": each} for row, each in rows.items()}
        for space, rows in found.items()
    }


def _mean(values: list[float | None]) -> float | None:
    defined = [v for v in values if v is not None]
    return float(np.mean(defined)) if defined else None
