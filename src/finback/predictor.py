"""The seam: a run folder in, clips in, calibrated `Scores` out.

Everything that scores sound goes through here: evaluation, prediction on the command line, scanning. A run
of several folds answers with the average of its members' probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from finback import models
from finback.audio.io import open_recording
from finback.config import build
from finback.data.store import FeatureStore
from finback.errors import AudioError, RunError, SpecMismatchError
from finback.features.extract import Extractor
from finback.features.spec import FeatureSpec
from finback.files import Progress, no_progress
from finback.models.classifier import Classifier
from finback.training.checkpoint import load_weights
from finback.training.devices import torch_device, tune_allocator
from finback.training.infer import clip_embeddings, clip_logits
from finback.training.loop import WEIGHTS
from finback.training.run import RunFolder
from finback.types import Clip, Labels, Scores


@dataclass(frozen=True)
class Member:
    """One trained classifier and the temperature that calibrates it."""

    model: Classifier
    temperature: float


class Predictor:
    """Clips -> calibrated scores, over one set of labels and one spec."""

    def __init__(
        self, members: Sequence[Member], spec: FeatureSpec, labels: Labels, cache: Path | None = None
    ) -> None:
        self.members = members
        self.spec = spec
        self.labels = labels
        self.store = FeatureStore(Extractor(spec, members[0].model.input), cache)

    @classmethod
    def load(cls, path: Path, device: str = "auto", cache: Path | None = None) -> Predictor:
        """The run's trained model. Raises `RunError` if the folder is none, or unfinished, or damaged."""
        tune_allocator()
        run = RunFolder.open(path)
        facts = run.facts
        if facts.get("kind") != "classifier":
            raise RunError(
                f"{path}: a {facts.get('kind')}, not a classifier", "give the folder of finback train cnn2d"
            )
        spec = build(FeatureSpec, facts["spec"])
        labels = Labels(tuple(facts["labels"]))
        members = [_load_member(r, spec, labels, torch_device(device)) for r in run.folds or [run]]
        return cls(members, spec, labels, cache)

    def scores(self, clips: Sequence[Clip], progress: Progress = no_progress) -> Scores:
        """Calibrated scores, in the order of the clips."""
        if not clips:
            return Scores((), self.labels, np.zeros((0, len(self.labels)), dtype=np.float32))
        raw = clip_logits([m.model for m in self.members], self.store, clips, progress)  # (E, N, K)
        calibrated = raw / np.array([m.temperature for m in self.members], dtype=np.float32)[:, None, None]
        if len(self.members) == 1:
            return Scores(tuple(clips), self.labels, calibrated[0])
        mean = np.mean([Scores(tuple(clips), self.labels, one).probabilities for one in calibrated], axis=0)
        # A probability of exactly 0 would be a logit of minus infinity: float32 ends near 1e-38.
        return Scores(tuple(clips), self.labels, np.log(np.maximum(mean, 1e-37)).astype(np.float32))

    def embed(self, clips: Sequence[Clip], progress: Progress = no_progress) -> np.ndarray:
        """(N, D) embeddings of the first member."""
        return clip_embeddings(self.members[0].model, self.store, clips, progress)


def _load_member(run: RunFolder, spec: FeatureSpec, labels: Labels, device: torch.device) -> Member:
    if not run.is_trained:
        raise RunError(
            f"{run.path}: training has not finished", "run the same finback train again, it resumes"
        )
    facts = run.facts
    own = build(FeatureSpec, facts["spec"])
    if own.fingerprint != spec.fingerprint:
        raise SpecMismatchError(
            f"{run.path}: trained with features {own.fingerprint}, not {spec.fingerprint}", "train anew"
        )
    model = models.create(facts["family"], spec, len(labels), **facts["settings"]["model"])
    load_weights(model, run.path / WEIGHTS)
    return Member(model.to(device).eval(), float(facts["temperature"]))


@dataclass(frozen=True)
class Prediction:
    """One file's calibrated probabilities over the run's labels."""

    file: str
    labels: Labels
    probabilities: np.ndarray  # (K,)

    def top(self, n: int) -> list[tuple[str, float]]:
        """The n likeliest species with their probabilities, the likeliest first."""
        order = np.argsort(-self.probabilities, kind="stable")[:n]
        return [(self.labels.names[i], float(self.probabilities[i])) for i in order]


def predict_files(
    predictor: Predictor, paths: Sequence[Path], channel: int | None = None, progress: Progress = no_progress
) -> tuple[list[Prediction], list[str]]:
    """Whole files through the predictor; a bad file is named in the second list and the rest goes on."""
    found: list[Prediction] = []
    failed: list[str] = []
    for path in progress(paths, "predicting", len(paths)):
        try:
            recording = open_recording(path)
            clip = Clip(recording, 0, recording.n_samples, channel=channel)
            found.append(Prediction(str(path), predictor.labels, predictor.scores([clip]).probabilities[0]))
        except AudioError as error:
            failed.append(str(error))
    return found, failed
