"""Passes over the audio: the quality of every clip and, in the same pass, clips with the same sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finback.audio.samples import samples_of
from finback.core.errors import AudioError, SplitError
from finback.core.progress import Progress
from finback.core.types import Clip
from finback.data.audit import duplicates
from finback.data.audit.quality import Quality, measure
from finback.data.problems import Problem

LONGEST_SAMPLES = 1 << 24  # that are read of one clip: six minutes at 44.1 kHz, 64 MB
NO_CLIPS = ("there are no clips to audit", "check the label table and the audio folder")
ClipKey = tuple[str, int, int, int]  # as `Clip.key`


@dataclass(frozen=True)
class Inspection:
    """What one pass over the audio gives: readable clips, their quality, duplicates, and problems."""

    readable: tuple[Clip, ...]
    quality: Mapping[ClipKey, Quality]
    duplicates: duplicates.Duplicates
    problems: tuple[Problem, ...]


def inspect(clips: Sequence[Clip], progress: Progress) -> Inspection:
    """Read every clip once. A clip that cannot be read is left out and named in a problem."""
    rate = duplicates.common_rate(clips)
    readable, quality, sketches, problems = [], {}, [], []
    for clip in progress(clips, "measuring clips", len(clips)):
        samples = _samples(clip)
        if isinstance(samples, Problem):
            problems.append(samples)
            continue
        quality[clip.key] = found = measure(samples, clip.recording.sample_rate)
        readable.append(clip)
        sketches.append(duplicates.sketch(samples, clip.recording.sample_rate, rate, found.bandwidth_hz))
    if not readable:
        raise SplitError(*NO_CLIPS)
    pairs = duplicates.compare(readable, sketches, progress)
    return Inspection(tuple(readable), quality, pairs, tuple(problems))


def measure_quality(
    clips: Sequence[Clip], progress: Progress
) -> tuple[dict[ClipKey, Quality], tuple[Problem, ...]]:
    """The quality of every clip that can be read, and a problem for each other one."""
    quality: dict[ClipKey, Quality] = {}
    problems = []
    for clip in progress(clips, "measuring clips", len(clips)):
        samples = _samples(clip)
        if isinstance(samples, Problem):
            problems.append(samples)
        else:
            quality[clip.key] = measure(samples, clip.recording.sample_rate)
    return quality, tuple(problems)


def _samples(clip: Clip) -> np.ndarray | Problem:
    """Samples (n,) of a clip, at most the first `LONGEST_SAMPLES`."""
    stop = min(clip.stop, clip.start + LONGEST_SAMPLES)
    try:
        return samples_of(clip).read(clip.start, stop)
    except AudioError as error:
        return Problem("unreadable", clip.recording.path.name, None, error.problem, error.repair)
