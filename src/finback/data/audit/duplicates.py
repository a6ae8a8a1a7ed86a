"""One sound under two names: exact copies, copies at another rate or gain, excerpts.

Exact means the same decoded samples, whatever the file or the rate in its header. Near means the same sound:
candidates come from `landmarks`, and `coherence` decides by the phases of the noise around the calls, which a
copy keeps and another recording, even of the same animal, does not have. Checked on the Watkins cuts: all
links between tapes were copies in truth, and none was made between unrelated recordings.

Not found: copies played at another speed, and excerpts shorter than about 0.1 s. Spans of one recording are
never called duplicates of each other: where they lie is known. Silent clips have no sound to share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from finback.audio import io
from finback.audio.resample import resample
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip
from finback.data.audit import phase_match as coherence
from finback.data.audit.landmarks import SHIFTS, Index, landmarks
from finback.data.audit.quality import bandwidth

RATE = 8000  # Hz at which sounds are compared, for clips of ordinary rate and length
MIN_SAMPLES = (
    2000  # the median clip has at least as many; shorter ones (clicks) are compared at a higher rate
)
LONGEST_SAMPLES = 1 << 20  # of one clip: two minutes at 8 kHz
MIN_SIMILARITY, MIN_DEVIATIONS = (
    0.22,
    8.0,
)  # unrelated Watkins clips reach 0.10 and 4; see the tests for worse

Kind = Literal["rate", "gain", "excerpt", "overlap", "copy"]


@dataclass(frozen=True)
class Sketch:
    """What is kept of a clip for comparing: a digest of its samples, and the sound at a common low rate."""

    digest: str  # "" when silent
    wave: np.ndarray = field(repr=False)  # (m,) float16, peak 1
    top: float  # the part of the common rate's band that the clip holds, 0 to 1
    level: float  # RMS


@dataclass(frozen=True)
class NearPair:
    """`b` is heard in `a`, from `offset_s` on. The longer clip is `a`."""

    a: Clip
    b: Clip
    similarity: float  # 0 to 1, see `coherence`
    kind: Kind
    offset_s: float


@dataclass(frozen=True)
class Duplicates:
    """Pairs of clips with the same sound; `conflicts` are those of them that carry two labels."""

    exact: tuple[tuple[Clip, Clip], ...] = ()
    near: tuple[NearPair, ...] = ()

    @property
    def conflicts(self) -> tuple[tuple[Clip, Clip], ...]:
        """Where two cuts merely overlap, the rest of each may hold what the other does not: no conflict."""
        same = [*self.exact, *((p.a, p.b) for p in self.near if p.kind != "overlap")]
        return tuple((a, b) for a, b in same if a.label != b.label)

    def links(self) -> Iterable[tuple[Clip, Clip]]:
        """All pairs, for `groups.assign_groups`."""
        yield from self.exact
        yield from ((p.a, p.b) for p in self.near)


def common_rate(clips: Sequence[Clip]) -> int:
    """Hz at which clips of this collection are compared: 8 kHz, less for slow recorders, more for clicks."""
    if not clips:
        return RATE
    native = int(np.median([c.recording.sample_rate for c in clips]))
    rate = min(RATE, native)
    typical = float(np.median([c.duration_s for c in clips]))
    while rate * typical < MIN_SAMPLES and rate < native:
        rate = min(2 * rate, native)
    return rate


def sketch(samples: np.ndarray, sample_rate: int, rate: int, bandwidth_hz: float | None = None) -> Sketch:
    """Of samples (n,) at `sample_rate`, for a collection's `common_rate`; `bandwidth_hz` where known."""
    x = np.ascontiguousarray(samples, dtype=np.float32)
    digest = hashlib.blake2b(x.tobytes(), digest_size=16).hexdigest() if np.any(x) else ""
    if bandwidth_hz is None:
        bandwidth_hz = bandwidth(x, sample_rate)
    x = x[: LONGEST_SAMPLES * sample_rate // rate + 1]
    level = float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))
    low = resample(x - x.mean(dtype=np.float64).astype(np.float32), sample_rate, rate)
    low = low / max(float(np.abs(low).max(initial=0)), 1e-12)
    # The last tenth of the band is left out: resampling filters differ there.
    top = 0.9 * min(1.0, 2 * bandwidth_hz / rate, sample_rate / rate)
    return Sketch(digest, low.astype(np.float16), top, level)


def find(clips: Sequence[Clip], progress: Progress | None = None) -> Duplicates:
    """Read every clip once and compare. Raises `AudioError` for a clip that cannot be read."""
    progress = progress or no_progress
    rate = common_rate(clips)
    sketches = []
    for clip in progress(clips, "reading audio", len(clips)):
        samples = io.read(clip.recording.path, clip.start, clip.stop, clip.channel)
        sketches.append(sketch(samples, clip.recording.sample_rate, rate))
    return compare(clips, sketches, progress)


def compare(
    clips: Sequence[Clip], sketches: Sequence[Sketch], progress: Progress | None = None
) -> Duplicates:
    """Duplicates among clips (N,) whose N sketches were made at their `common_rate`."""
    exact, kept = _exact(clips, sketches)
    near = _near(clips, sketches, kept, common_rate(clips), progress or no_progress)
    return Duplicates(tuple(exact), tuple(near))


def _exact(clips: Sequence[Clip], sketches: Sequence[Sketch]) -> tuple[list[tuple[Clip, Clip]], list[int]]:
    """Pairs of the first of its kind with each later one, and the clips left for the near comparison."""
    first: dict[str, int] = {}
    pairs, kept = [], []
    order = sorted(range(len(clips)), key=lambda i: _place(clips[i]))
    for i in order:
        digest = sketches[i].digest
        if digest and digest in first:
            pairs.append((clips[first[digest]], clips[i]))
        elif digest:
            first[digest] = i
            kept.append(i)
    return pairs, kept


def _near(
    clips: Sequence[Clip], sketches: Sequence[Sketch], kept: Sequence[int], rate: int, progress: Progress
) -> list[NearPair]:
    usable = [i for i in kept if len(sketches[i].wave) >= coherence.MIN_OVERLAP]
    usable.sort(key=lambda i: len(sketches[i].wave))  # the index numbers clips by length
    marks = [[landmarks(sketches[i].wave, sketches[i].top, shift) for shift in SHIFTS] for i in usable]
    index = Index([m[0] for m in marks])
    pairs = []
    for query in progress(range(len(usable)), "looking for duplicates", len(usable)):
        for candidate in index.candidates(query, marks[query]):
            i, j = usable[candidate.other], usable[query]
            if clips[i].recording.id == clips[j].recording.id:
                continue
            a, b = sketches[i], sketches[j]
            alike, deviations = coherence.similarity(a.wave, b.wave, candidate.lag, min(a.top, b.top))
            if alike >= MIN_SIMILARITY and deviations >= MIN_DEVIATIONS:
                kind = _kind(clips[i], clips[j], a, b, candidate.lag)
                pairs.append(
                    NearPair(clips[i], clips[j], round(alike, 3), kind, round(candidate.lag / rate, 3))
                )
    return sorted(pairs, key=lambda p: (_place(p.a), _place(p.b)))


def _place(clip: Clip) -> tuple[object, ...]:
    return (clip.recording.path.as_posix(), *clip.key)


def _kind(a: Clip, b: Clip, sketch_a: Sketch, sketch_b: Sketch, lag: int) -> Kind:
    n_a, n_b = len(sketch_a.wave), len(sketch_b.wave)
    first, stop = coherence.overlap(n_a, n_b, lag)
    if stop - first < 0.95 * n_b:
        return "overlap"
    if n_b < 0.97 * n_a:
        return "excerpt"
    if a.recording.sample_rate != b.recording.sample_rate:
        return "rate"
    return "gain" if abs(sketch_a.level / sketch_b.level - 1) > 0.02 else "copy"
