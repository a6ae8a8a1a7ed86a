"""Why a prediction should not be trusted: warnings for one file, each with a kind and a sentence.

    cautions = Cautions.of_run(run, spec, window_s)
    cautions.of(best, known, sound)          # (PredictionWarning("short", "0.21 s long, and ..."),)

Three things are compared: the sound with what the model needs, the sound with the training clips of the
species that is named, and the probabilities with those of calls that were left out of training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from finback.audio.level import SILENCE
from finback.audio.measured import Sound
from finback.core.runs.documents import MetricsFile, read_document
from finback.core.runs.folder import RunFolder
from finback.core.runs.training_clips import SpeciesClips, TrainingClips, training_clips
from finback.core.text import counted
from finback.core.types import NONE
from finback.features.spec import FeatureSpec
from finback.metrics.classification import FEW_CLIPS, FEW_GROUPS

QUIET = 4 / 32768  # a peak of four steps of a 16-bit recorder
SILENT_SHARE = 0.5  # of a file that is digital silence
CLIPPED_SHARE = 0.2  # of a file that is clipped
LACKING = 0.9  # of a frequency that the training clips reach: small differences do not count
FAR_BELOW = 0.1  # of the peak of the training clips: 20 dB
LOWEST_HZ = 50.0  # a lower limit than this is that of the noise of a recorder
UNHEARD = 0.5  # of the energy above what the model hears
HALF = 0.5  # of the band of the model, for runs that do not know the bands of their training clips
SURE = 2 / 3  # with a lower probability, more than one name in three is wrong

# Kinds, and the words that a table has for them.
KINDS = {
    "silence": "silence",
    "clipped": "clipped",
    "short": "short",
    "band": "band",
    "quiet": "quiet",
    "none": "none of these",
    "unlike": "unlike training",
    "uncertain": "uncertain",
    "untested": "untested species",
    "few": "few recordings",
}


@dataclass(frozen=True, slots=True)
class PredictionWarning:
    """One reason for doubt: the kind for programs, the sentence for people."""

    kind: str  # a key of `KINDS`
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class SpeciesTest:
    """Clips and recording groups of a species in the test of a run."""

    n_clips: int
    n_groups: int


@dataclass(frozen=True)
class Cautions:
    """What a run knows about its own limits."""

    window_s: float  # what the model hears at once
    top_hz: float  # the highest frequency that it hears
    training: TrainingClips = field(default_factory=TrainingClips)
    tested: Mapping[str, SpeciesTest] | None = None  # by species; None: the run was never tested

    @classmethod
    def of_run(cls, run: RunFolder, spec: FeatureSpec, window_s: float) -> Cautions:
        """From the files of a run. Raises `RunError` for one that is damaged."""
        return cls(window_s, _top_hz(spec), training_clips(run), _tested(run))

    @classmethod
    def of_spec(cls, spec: FeatureSpec, window_s: float) -> Cautions:
        """For a classifier that is not in a run folder: nothing but its features is known."""
        return cls(window_s, _top_hz(spec))

    def of(
        self, best: tuple[str, float], known: float | None, sound: Sound, duration_s: float
    ) -> tuple[PredictionWarning, ...]:
        """All warnings about a sound, from its most probable class with the probability, and `known`."""
        found = [("silence", _silence(sound)), ("clipped", _clipped(sound))]
        species, p = best
        if species == NONE:
            found += [("short", self._short(duration_s, species, None)), ("band", self._band(sound, None))]
            found.append(
                ("none", f"the answer is '{NONE}' ({p:.2f}): noise, or a species unknown to the model")
            )
        else:
            clips = self.training.species.get(species)
            found += [
                ("short", self._short(duration_s, species, clips)),
                ("band", self._band(sound, species)),
                ("quiet", self._quiet(sound, species, clips)),
                ("unlike", self._unlike(known)),
                ("uncertain", _uncertain(species, p)),
                *self._about(species, clips),
            ]
        return tuple(PredictionWarning(kind, text) for kind, text in found if text)

    def _short(self, duration_s: float, species: str, clips: SpeciesClips | None) -> str:
        """A clip is short where the model hears more, unless nearly all training clips were as short."""
        usual = clips.shortest_s if clips is not None else None
        if duration_s >= self.window_s * LACKING or (usual is not None and duration_s >= usual):
            return ""
        text = f"{duration_s:.3g} s long, and the model hears {self.window_s:.3g} s at once"
        others = f"95 % of the training clips of {species} are longer than"
        return text if usual is None else f"{text}; {others} {usual:.3g} s"

    def _band(self, sound: Sound, species: str | None) -> str:
        """Whether the sound ends, or has its energy, below or above what the model was trained on."""
        if not sound.end_hz:
            return ""
        if sound.share_above(self.top_hz) > UNHEARD:
            share = 100 * sound.share_above(self.top_hz)
            return f"{share:.0f} % of its energy is above {_hz(self.top_hz)}, which the model does not hear"
        ends = f"the sound ends at {_hz(sound.end_hz)} (sample rate {_hz(sound.sample_rate)})"
        clips = self.training.species.get(species) if species is not None else None
        if clips is None or clips.end_hz is None or clips.high_hz is None:
            lowest = min((s.end_hz for s in self.training.species.values() if s.end_hz), default=None)
            needed = self.top_hz * HALF if lowest is None else lowest
            reason = f"the model hears up to {_hz(self.top_hz)}"
            return f"{ends}; {reason}" if sound.end_hz < LACKING * min(needed, self.top_hz) else ""
        reach = min(clips.end_hz, self.top_hz)
        if sound.end_hz < LACKING * reach:
            return f"{ends}; 95 % of the training clips of {species} reach {_hz(reach)}"
        most, others = "nearly all of its energy is", f"95 % of the training clips of {species} have energy"
        if sound.high_hz < LACKING * clips.high_hz:
            return f"{most} below {_hz(sound.high_hz)}; {others} above {_hz(clips.high_hz)}"
        if clips.low_hz is not None and LACKING * sound.low_hz > max(clips.low_hz, LOWEST_HZ):
            return f"{most} above {_hz(sound.low_hz)}; {others} below {_hz(clips.low_hz)}"
        return ""

    def _quiet(self, sound: Sound, species: str, clips: SpeciesClips | None) -> str:
        """Far below the level of the training clips: the rest may be noise of the place and the recorder."""
        if clips is None or not clips.peak or not 0 < sound.peak < FAR_BELOW * clips.peak:
            return ""
        below = 20 * np.log10(clips.peak / sound.peak)
        return f"quiet: 95 % of the training clips of {species} are more than {below:.0f} dB louder"

    def _unlike(self, known: float | None) -> str:
        """The gate is less sure than for nearly all calls of groups that it was not trained on."""
        least = self.training.least_known
        if known is None or least is None or known >= least:
            return ""
        return (
            f"unlike the training clips: the probability that it is any of the species is {known:.2f}, and "
            f"only 5 % of calls of left-out recordings have less than {least:.2f}"
        )

    def _about(self, species: str, clips: SpeciesClips | None) -> Iterator[tuple[str, str]]:
        """How well the species itself is known."""
        tested = None if self.tested is None else self.tested.get(species, SpeciesTest(0, 0))
        if tested is not None and not tested.n_clips:
            yield "untested", f"{species} was never tested: {_trained(clips)}"
        elif clips is not None and (clips.n_clips < FEW_CLIPS or clips.n_groups < 2):
            yield "few", f"{species} has few recordings in training: {_trained(clips)}"
        elif tested is not None and (tested.n_clips < FEW_CLIPS or tested.n_groups < FEW_GROUPS):
            counts = f"{counted(tested.n_clips, 'clip')} of {counted(tested.n_groups, 'recording group')}"
            yield "few", f"{species} was tested on few recordings: {counts}"


def _silence(sound: Sound) -> str:
    if sound.peak < SILENCE:
        return "digital silence: nothing but a constant value, so the answer means nothing"
    if sound.silent_share >= SILENT_SHARE:
        return f"{100 * sound.silent_share:.3g} % of it is digital silence"
    if sound.peak < QUIET:
        return f"nearly silent: its loudest sample is at {20 * np.log10(sound.peak):.0f} dB re full scale"
    return ""


def _clipped(sound: Sound) -> str:
    if sound.clipped_share < CLIPPED_SHARE:
        return ""
    return f"{100 * sound.clipped_share:.0f} % of it is clipped: samples at full scale, and false overtones"


def _uncertain(species: str, p: float) -> str:
    if p >= SURE:
        return ""
    wrong = f"by its own figures, it is wrong in {100 * (1 - p):.0f} of 100 such cases"
    return f"the probability of {species} is {p:.2f}; {wrong}"


def _trained(clips: SpeciesClips | None) -> str:
    if clips is None:
        return "its training clips are not listed in this run"
    return f"trained on {counted(clips.n_clips, 'clip')} of {counted(clips.n_groups, 'recording group')}"


def _hz(hz: float) -> str:
    return f"{hz / 1000:.3g} kHz" if hz >= 1000 else f"{hz:.3g} Hz"


def _top_hz(spec: FeatureSpec) -> float:
    """The highest frequency that a model of these features hears; slowed down, sound reaches higher."""
    return max(spec.top_hz / speed for speed in spec.speeds)


def _tested(run: RunFolder) -> dict[str, SpeciesTest] | None:
    if not run.metrics.is_file():
        return None
    species = read_document(run.metrics, MetricsFile)["per_species"]
    return {name: SpeciesTest(own["n_clips"], own["n_groups"]) for name, own in species.items()}
