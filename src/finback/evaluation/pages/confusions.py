"""The most frequent confusions of a classifier, each with the clip that was classified most confidently."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure

from finback.audio.content import NAME_FOLDER, is_there
from finback.core.errors import FinbackError
from finback.core.progress import Progress, no_progress
from finback.core.settings import build
from finback.core.types import Clip
from finback.evaluation.pages.clips import around, n_frames, playable
from finback.evaluation.pages.run_data import RunData
from finback.features.extract import Extractor
from finback.features.mel import band_centres_hz
from finback.features.spec import FeatureSpec
from finback.report.pages.classifier import Confusion
from finback.report.pages.common import embed
from finback.report.pages.figures import TestScores
from finback.report.plots.spectrogram import spectrogram

MOST = 6  # confusions shown: with sound they are the bulk of the page
SEARCHED_S = 60.0  # of a longer clip only this much is searched for its loudest window


@dataclass(frozen=True, slots=True)
class Mistake:
    """One test clip that was classified as another species, and how often this happened to the pair."""

    row: int
    truth: int
    predicted: int
    probability: float  # of `predicted`
    true_probability: float
    n_confused: int  # test clips of `truth` that were classified as `predicted`
    n_clips: int  # test clips of `truth`


def worst(scores: TestScores, most: int = MOST) -> list[Mistake]:
    """The most frequent confusions first, one clip each; if these are few, their next clips follow."""
    predicted = scores.probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != scores.truth)
    pairs: dict[tuple[int, int], list[int]] = {}
    for row in sorted(wrong.tolist(), key=lambda r: (-scores.probabilities[r, predicted[r]], r)):
        pairs.setdefault((int(scores.truth[row]), int(predicted[row])), []).append(row)
    order = sorted(pairs, key=lambda pair: (-len(pairs[pair]), pairs[pair][0]))
    chosen: list[Mistake] = []
    for turn in range(max(map(len, pairs.values()), default=0)):
        for pair in order:
            if turn < len(pairs[pair]) and len(chosen) < most:
                row = pairs[pair][turn]
                p = scores.probabilities[row]
                n_clips = int((scores.truth == pair[0]).sum())
                chosen.append(
                    Mistake(row, *pair, float(p[pair[1]]), float(p[pair[0]]), len(pairs[pair]), n_clips)
                )
    return sorted(chosen, key=lambda m: order.index((m.truth, m.predicted)))


def confusions(run: RunData, progress: Progress = no_progress) -> list[Confusion] | None:
    """The worst confusions with spectrograms and sounds, where the recordings are still there.

    None for a run without scored test clips.
    """
    if run.scores is None:
        return None
    mistakes = worst(run.scores)
    try:
        extractor = Extractor(build(FeatureSpec, run.info.spec))
    except FinbackError as error:
        problem = f"The features of this run cannot be computed: {error}."
        return [replace(_plain(run, m), problem=problem) for m in mistakes]
    return list(_with_sound(run, extractor, progress(mistakes, "worst confusions", len(mistakes))))


def _with_sound(run: RunData, extractor: Extractor, mistakes: Iterable[Mistake]) -> Iterator[Confusion]:
    clips = run.clips
    for mistake in mistakes:
        plain, clip = _plain(run, mistake), clips.get(run.keys[mistake.row])
        if clip is None:
            yield replace(plain, problem="Sound not found: the clip is not in manifest.csv.")
        elif not clip.recording.located:
            yield replace(plain, problem=f"Sound not opened: the run folder is not from here; {NAME_FOLDER}.")
        elif not is_there(clip.recording):
            yield replace(plain, problem="Sound not found: the recording is no longer at its path.")
        else:
            try:
                yield _shown(plain, clip, extractor)
            except FinbackError as error:
                yield replace(plain, problem=f"The sound cannot be read: {error}.")


def _shown(plain: Confusion, clip: Clip, extractor: Extractor) -> Confusion:
    spec, rate = extractor.spec, clip.recording.sample_rate
    searched = replace(clip, stop=min(clip.stop, clip.start + math.ceil(SEARCHED_S * rate)))
    logmel = extractor(searched)  # (W, M, F)
    loudness = 10 ** (logmel / 10) if spec.scale == "db" else logmel
    loudest = int(loudness.mean(axis=(1, 2)).argmax())
    window = extractor.windows(searched)[loudest]
    shown_frames = min(spec.n_frames, max(2, math.ceil(n_frames(window, spec))))
    figure = _spectrogram(logmel[loudest][:, :shown_frames], spec)
    alt = f"Spectrogram of a {plain.species} that was classified as {plain.predicted}"
    sound = playable(around(window, searched, spec.top_hz), spec.top_hz)
    return replace(plain, span=_span(window, clip), picture=embed(figure, alt), sound=sound)


def _spectrogram(logmel: np.ndarray, spec: FeatureSpec) -> Figure:
    """(M, F) with its axes in kHz and seconds; power is shown in dB."""
    if spec.scale == "power":
        logmel = 10 * np.log10(np.maximum(logmel, 1e-30))
    if spec.scale == "pcen":
        unit, span = "PCEN", None
    else:
        unit, span = ("dB above background" if spec.background == "median" else "dB"), 60.0
    centres = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
    return spectrogram(logmel, centres, spec.hop / spec.sample_rate, unit=unit, span=span)


def _plain(run: RunData, mistake: Mistake) -> Confusion:
    """A confusion without picture and sound."""
    return Confusion(
        run.labels[mistake.truth],
        run.labels[mistake.predicted],
        mistake.probability,
        mistake.true_probability,
        mistake.n_confused,
        mistake.n_clips,
        run.files[mistake.row],
    )


def _span(window: Clip, clip: Clip) -> str:
    if (window.start, window.stop) == (0, clip.recording.n_samples):
        return f"the whole clip, {_seconds(window.duration_s)}"
    return f"{_seconds(window.duration_s)} from {_seconds(window.start_s)} into the file"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 0.1 or value == 0 else f"{1000 * value:.3g} ms"
