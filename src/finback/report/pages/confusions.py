"""The worst confusions: which species are taken for which, each with the clip the model was surest of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure

from finback.core.errors import FinbackError
from finback.core.progress import Progress, no_progress
from finback.core.settings import build
from finback.core.types import Clip
from finback.features.extract import Extractor
from finback.features.mel import band_centres_hz
from finback.features.spec import FeatureSpec
from finback.report.pages.run_data import RunData, TestScores
from finback.report.pages.sound import Sound, around, playable
from finback.report.plots.spectrogram import spectrogram

MOST = 6  # confusions shown: with sound they are the bulk of the page
SEARCHED_S = 60.0  # of a longer clip only this much is searched for its loudest window


@dataclass(frozen=True, slots=True)
class Mistake:
    """One test clip taken for another species, and how often these two were confused that way."""

    row: int
    truth: int
    said: int
    probability: float  # of what was said
    true_probability: float
    n_pair: int  # test clips of `truth` taken for `said`
    n_truth: int  # test clips of `truth`


@dataclass(frozen=True, slots=True)
class Heard:
    """What the page shows of a mistake; `problem` says why there is nothing to see or hear."""

    mistake: Mistake
    file: str
    span: str
    figure: Figure | None = None
    sound: Sound | None = None
    problem: str = ""


def worst(scores: TestScores, most: int = MOST) -> list[Mistake]:
    """The commonest confusions first, one clip each; with few kinds of confusion, their next clips follow."""
    said = scores.probabilities.argmax(axis=1)
    wrong = np.flatnonzero(said != scores.truth)
    pairs: dict[tuple[int, int], list[int]] = {}
    for row in sorted(wrong.tolist(), key=lambda r: (-scores.probabilities[r, said[r]], r)):
        pairs.setdefault((int(scores.truth[row]), int(said[row])), []).append(row)
    order = sorted(pairs, key=lambda pair: (-len(pairs[pair]), pairs[pair][0]))
    found: list[Mistake] = []
    for turn in range(max(map(len, pairs.values()), default=0)):
        for pair in order:
            if turn < len(pairs[pair]) and len(found) < most:
                row = pairs[pair][turn]
                p = scores.probabilities[row]
                n_truth = int((scores.truth == pair[0]).sum())
                found.append(
                    Mistake(row, *pair, float(p[pair[1]]), float(p[pair[0]]), len(pairs[pair]), n_truth)
                )
    return sorted(found, key=lambda m: order.index((m.truth, m.said)))


def hear(run: RunData, progress: Progress = no_progress) -> list[Heard]:
    """The worst confusions of a run with their spectrograms and sounds, where the sounds are still found."""
    if run.scores is None:
        return []
    mistakes = worst(run.scores)
    try:
        spec = build(FeatureSpec, run.info.spec)
        extractor = Extractor(spec)
    except FinbackError as error:
        return [_unheard(run, m, f"the run's features cannot be made: {error}") for m in mistakes]
    return list(_heard(run, extractor, progress(mistakes, "worst confusions", len(mistakes))))


def _heard(run: RunData, extractor: Extractor, mistakes: Iterable[Mistake]) -> Iterator[Heard]:
    clips = run.clips
    assert run.scores is not None
    for mistake in mistakes:
        clip = clips.get(run.scores.keys[mistake.row])
        if clip is None:
            yield _unheard(run, mistake, "sound not found: the clip is not in manifest.csv")
        elif not clip.recording.path.is_file():
            yield _unheard(run, mistake, "sound not found: the recording is no longer where it was")
        else:
            try:
                yield _seen(run, mistake, clip, extractor)
            except FinbackError as error:
                yield _unheard(run, mistake, f"sound cannot be read: {error}")


def _seen(run: RunData, mistake: Mistake, clip: Clip, extractor: Extractor) -> Heard:
    spec = extractor.spec
    searched = replace(
        clip, stop=min(clip.stop, clip.start + math.ceil(SEARCHED_S * clip.recording.sample_rate))
    )
    windows = extractor.windows(searched)
    mel = extractor(searched)  # (W, M, F)
    loudest = (
        int(np.argmax(np.mean(10 ** (mel / 10), axis=(1, 2))))
        if spec.scale == "db"
        else int(mel.mean((1, 2)).argmax())
    )
    window = windows[loudest]
    # Frames past the end of a short clip show only what it was padded with.
    length = window.n_samples / clip.recording.sample_rate * spec.sample_rate
    n_frames = min(spec.n_frames, max(2, math.ceil(length / spec.hop)))
    figure = spectrogram(
        mel[loudest][:, :n_frames],
        band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz),
        spec.hop / spec.sample_rate,
        unit="PCEN"
        if spec.scale == "pcen"
        else "dB above background"
        if spec.background == "median"
        else "dB",
        span=None if spec.scale == "pcen" else 60.0,
    )
    sound = playable(around(window, searched, spec.top_hz), spec.top_hz)
    return Heard(mistake, _file(run, mistake), _span(window, clip), figure, sound)


def _unheard(run: RunData, mistake: Mistake, problem: str) -> Heard:
    return Heard(mistake, _file(run, mistake), "", problem=problem)


def _file(run: RunData, mistake: Mistake) -> str:
    return run.scores.files[mistake.row] if run.scores else ""


def _span(window: Clip, clip: Clip) -> str:
    if (window.start, window.stop) == (0, clip.recording.n_samples):
        return f"the whole clip, {_seconds(window.duration_s)}"
    return f"{_seconds(window.duration_s)} from {_seconds(window.start_s)} into the file"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 0.1 or value == 0 else f"{1000 * value:.3g} ms"
