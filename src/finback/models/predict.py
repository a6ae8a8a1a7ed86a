"""A loaded classifier: its input is sounds of any kind, its output species with probabilities and times.

model = load("watkins")
model.predict("dive.wav").top(3)
model.predict(["a.wav", "b.wav"]).to_csv("found.csv")
model.predict((samples, 48_000))          # samples in memory
model.embed(["a.wav", "b.wav"])           # (2, D)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from finback.audio.io import open_recording
from finback.audio.measured import Measured
from finback.audio.samples import ArraySamples, FileSamples, Samples, samples_of
from finback.core.bars import bars
from finback.core.errors import AudioError, InputError, RunError
from finback.core.progress import Progress
from finback.core.types import Clip, Recording, softmax
from finback.models.prediction_warnings import Cautions
from finback.models.predictions import Prediction, Predictions
from finback.models.predictor import Predictor
from finback.models.species_sets import SpeciesSets

Array: TypeAlias = tuple[ArrayLike, int]  # samples (n,) or (channels, n), full scale 1, and their rate in Hz
Sound: TypeAlias = str | Path | Recording | Clip | Array


def load(model: str | Path, device: str = "auto") -> Model:
    """A trained classifier: the name of a bundled model ("watkins"), a run folder, or an ensemble.

    Raises `RunError` when there is no such model, or when the model is not a trained classifier.
    """
    return Model(str(model), Predictor.load(model, device))


class Model:
    """A loaded classifier. `predictor` is the lower level: clips in, `Scores` out."""

    def __init__(self, name: str, predictor: Predictor) -> None:
        self.name, self.predictor = name, predictor
        self._cautions: Cautions | None = None

    @property
    def species(self) -> tuple[str, ...]:
        """The species of the model, in the order of its outputs."""
        return self.predictor.labels.names

    @property
    def cautions(self) -> Cautions:
        """What warnings are based on. Raises `RunError` for a file of the run that is damaged."""
        if self._cautions is None:
            extractor, spec = self.predictor.store.extractor, self.predictor.spec
            window_s = extractor.window_samples(spec.sample_rate) / spec.sample_rate
            run = self.predictor.run
            self._cautions = Cautions.of_run(run, spec, window_s) if run else Cautions.of_spec(spec, window_s)
        return self._cautions

    @overload
    def predict(
        self,
        sound: Sound,
        *,
        channel: int | None = None,
        progress: Progress | None = None,
        sets: float | None = None,
    ) -> Prediction: ...
    @overload
    def predict(
        self,
        sound: list[Sound],
        *,
        channel: int | None = None,
        progress: Progress | None = None,
        sets: float | None = None,
    ) -> Predictions: ...
    def predict(
        self,
        sound: Sound | Sequence[Sound],
        *,
        channel: int | None = None,
        progress: Progress | None = None,
        sets: float | None = None,
    ) -> Prediction | Predictions:
        """Calibrated probabilities of each species, for the whole sound and for each window of it.

        One sound (a path, a `Recording`, a `Clip`, or an array with its rate) gives a `Prediction`; several
        give `Predictions`: `errors` lists the files that cannot be read, and all others are classified.
        `channel` counts from 0; None is the mean of all channels. `warnings` of the answer say why it should
        not be trusted, `remarks` what was repaired, guessed or left out in a file. With `sets`, such as 0.9,
        each answer has a set of species that holds the right one with this probability on new recording
        groups (`models.species_sets`).

        Raises `AudioError` when a single sound cannot be read, `RunError` when the run cannot give sets.
        """
        if _is_one(sound):
            return self._one(sound, channel, None if sets is None else self.sets_of(sets))  # type: ignore[arg-type]
        predictions: list[Prediction] = []
        errors: list[str] = []
        for found in self.predict_each(sound, channel=channel, progress=progress, sets=sets):  # type: ignore[arg-type]
            if isinstance(found, Prediction):
                predictions.append(found)
            else:
                errors.append(str(found))
        return Predictions(predictions, errors)

    def predict_each(
        self,
        sounds: Sequence[Sound],
        *,
        channel: int | None = None,
        progress: Progress | None = None,
        sets: float | None = None,
    ) -> Iterator[Prediction | AudioError]:
        """The same one by one, so that what is done can be kept; the error of a sound that cannot be read."""
        rule = None if sets is None else self.sets_of(sets)
        for each in (progress or bars())(sounds, "predicting", len(sounds)):
            try:
                yield self._one(each, channel, rule)
            except AudioError as error:
                yield error

    def sets_of(self, level: float) -> SpeciesSets:
        """The rule for sets of species at a level, such as 0.9.

        Raises `RunError` for a run with too few left-out groups, `InputError` for a level out of 0 to 1.
        """
        if not 0 < level < 1:
            raise InputError(f"sets at {level:g}", "give the wanted coverage, a share such as 0.9")
        if self.predictor.run is None:
            raise RunError(f"{self.name}: not loaded from a run folder", "load the model by its folder")
        return SpeciesSets.of_run(self.predictor.run, level)

    def embed(
        self,
        sound: str | Path | Recording | Clip | Sequence[str | Path | Recording | Clip],
        *,
        channel: int | None = None,
        progress: Progress | None = None,
    ) -> NDArray[np.float32]:
        """(N, D) embeddings of N files, recordings or clips, each the mean over its windows.

        Raises `AudioError` when one of them cannot be read.
        """
        sounds = [sound] if isinstance(sound, str | Path | Recording | Clip) else list(sound)
        clips = [_clip(each, channel) for each in sounds]
        return self.predictor.embed(clips, progress or bars())

    def _one(self, sound: Sound, channel: int | None, rule: SpeciesSets | None = None) -> Prediction:
        name, samples, start, stop, remarks = _samples(sound, channel)
        heard = Measured(samples, start, stop)
        windows, logits = self.predictor.score_sound(heard, start, stop)
        probabilities = softmax(logits[None])[0]
        chosen = None if rule is None else rule.of(softmax(logits[None, : len(rule.labels)])[0])
        prediction = Prediction(
            name,
            self.predictor.classes,
            probabilities,
            windows.start_s,
            windows.stop_s,
            windows.probabilities,
            remarks,
            chosen,
        )
        seconds = (stop - start) / samples.sample_rate
        found = self.cautions.of(prediction.top()[0], prediction.known, heard.sound, seconds)
        recording = samples.recording if isinstance(samples, FileSamples) else None
        return replace(prediction, warnings=found, recording=recording)

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {len(self.species)} species: {'; '.join(self.species[:4])} ...)"


def _is_one(sound: object) -> bool:
    is_array = isinstance(sound, tuple) and len(sound) == 2 and isinstance(sound[1], int | float | np.number)
    return is_array or isinstance(sound, str | Path | Recording | Clip)


def _samples(sound: Sound, channel: int | None) -> tuple[str, Samples, int, int, tuple[str, ...]]:
    """The name of a sound, its samples, the span to classify, and the remarks on its file."""
    if isinstance(sound, tuple):
        samples = ArraySamples(sound[0], int(sound[1]), channel)
        return "array", samples, 0, samples.n_samples, ()
    clip = _clip(sound, channel)
    recording = clip.recording
    return str(recording.path), samples_of(clip), clip.start, clip.stop, recording.remarks


def _clip(sound: object, channel: int | None) -> Clip:
    if isinstance(sound, Clip):
        return sound
    if isinstance(sound, str | Path):
        sound = open_recording(sound)
    if isinstance(sound, Recording):
        return Clip(sound, 0, sound.n_samples, channel=channel)
    raise InputError(
        f"a {type(sound).__name__} is no sound",
        "give a path, a Recording, a Clip, or for predict a pair (samples, rate)",
    )
