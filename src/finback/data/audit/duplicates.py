"""Duplicates: clips with the same sound, as exact copies, copies at another rate or gain, or excerpts.

Exact duplicates have equal decoded samples, whatever the format of the file or the rate in its header. Near
duplicates have the same sound: `landmarks` finds candidates, and `phase_match` compares the phases of the
noise around the calls. A copy has the same phases; another recording, even of the same animal, has not. On
the Watkins cuts, all links between tapes were real copies, and no unrelated recordings were linked.

Not found: copies played at another speed, and excerpts shorter than about 0.1 s. Spans of one recording are
never duplicates of each other, because their positions are known. Silent clips have no sound to compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from finback.audio.resample import resample
from finback.audio.samples import read_clip
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip
from finback.data.audit import phase_match
from finback.data.audit.landmarks import SHIFTS, Index, landmarks
from finback.data.audit.quality import bandwidth

RATE = 8000  # Hz at which sounds are compared, for clips of usual rate and length
MIN_SAMPLES = 2000  # of the median clip; if it is shorter (clicks), the rate is higher
LONGEST_SAMPLES = 1 << 20  # largest number of samples of one clip: two minutes at 8 kHz
MIN_SIMILARITY, MIN_DEVIATIONS = 0.22, 8.0  # unrelated Watkins clips reach 0.10 and 4

Kind = Literal["rate", "gain", "excerpt", "overlap", "copy"]


@dataclass(frozen=True)
class Sketch:
    """Data of a clip for the comparison: a digest of its samples, and its sound at a common low rate."""

    digest: str  # "" for a silent clip
    wave: np.ndarray = field(repr=False)  # (m,) float16, peak 1
    top: float  # part of the frequency band of the common rate that the clip has, 0 to 1
    level: float  # RMS


@dataclass(frozen=True)
class NearPair:
    """The sound of `b` is in `a`, from `offset_s` on. `a` is the longer clip."""

    a: Clip
    b: Clip
    similarity: float  # 0 to 1, see `phase_match`
    kind: Kind
    offset_s: float


@dataclass(frozen=True)
class Duplicates:
    """Pairs of clips with the same sound; `conflicts` are the pairs with two different labels."""

    exact: tuple[tuple[Clip, Clip], ...] = ()
    near: tuple[NearPair, ...] = ()

    @property
    def conflicts(self) -> tuple[tuple[Clip, Clip], ...]:
        """Pairs with different labels. If two cuts only overlap, the rest of each may hold another species:
        no conflict."""
        same = [*self.exact, *((p.a, p.b) for p in self.near if p.kind != "overlap")]
        return tuple((a, b) for a, b in same if a.label != b.label)

    def links(self) -> Iterable[tuple[Clip, Clip]]:
        """All pairs, for `splits.groups.assign_groups`."""
        yield from self.exact
        yield from ((p.a, p.b) for p in self.near)


def common_rate(clips: Sequence[Clip]) -> int:
    """Rate (Hz) at which the clips are compared: 8 kHz, less for low sample rates, more for clicks."""
    if not clips:
        return RATE
    native = int(np.median([c.recording.sample_rate for c in clips]))
    rate = min(RATE, native)
    typical = float(np.median([c.duration_s for c in clips]))
    while rate * typical < MIN_SAMPLES and rate < native:
        rate = min(2 * rate, native)
    return rate


def sketch(samples: np.ndarray, sample_rate: int, rate: int, bandwidth_hz: float | None = None) -> Sketch:
    """Sketch of samples (n,) at `sample_rate` Hz; `rate` is the `common_rate`, `bandwidth_hz` is measured if
    None."""
    x = np.ascontiguousarray(samples, dtype=np.float32)
    digest = hashlib.blake2b(x.tobytes(), digest_size=16).hexdigest() if np.any(x) else ""
    if bandwidth_hz is None:
        bandwidth_hz = bandwidth(x, sample_rate)
    x = x[: LONGEST_SAMPLES * sample_rate // rate + 1]
    level = float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))
    low = resample(x - x.mean(dtype=np.float64).astype(np.float32), sample_rate, rate)
    low = low / max(float(np.abs(low).max(initial=0)), 1e-12)
    # Without the highest tenth of the band, where resampling filters differ.
    top = 0.9 * min(1.0, 2 * bandwidth_hz / rate, sample_rate / rate)
    return Sketch(digest, low.astype(np.float16), top, level)


def find(clips: Sequence[Clip], progress: Progress | None = None) -> Duplicates:
    """Read every clip once and find duplicates. Raises `AudioError` for a clip that cannot be read."""
    progress = progress or no_progress
    rate = common_rate(clips)
    sketches = []
    for clip in progress(clips, "looking for copies", len(clips)):
        samples = read_clip(clip)
        sketches.append(sketch(samples, clip.recording.sample_rate, rate))
    return compare(clips, sketches, progress)


def compare(
    clips: Sequence[Clip], sketches: Sequence[Sketch], progress: Progress | None = None
) -> Duplicates:
    """Duplicates among N clips, from their N sketches at `common_rate`."""
    exact, kept = _exact(clips, sketches)
    near = _near(clips, sketches, kept, common_rate(clips), progress or no_progress)
    return Duplicates(tuple(exact), tuple(near))


def _exact(clips: Sequence[Clip], sketches: Sequence[Sketch]) -> tuple[list[tuple[Clip, Clip]], list[int]]:
    """Pairs of each first clip with its later copies, and the positions of the clips without earlier
    copies."""
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
    usable = [i for i in kept if len(sketches[i].wave) >= phase_match.MIN_OVERLAP]
    usable.sort(key=lambda i: len(sketches[i].wave))  # the index numbers clips by length
    found = [[landmarks(sketches[i].wave, sketches[i].top, shift) for shift in SHIFTS] for i in usable]
    index = Index([one[0] for one in found])
    pairs = []
    for query in progress(range(len(usable)), "comparing sounds", len(usable)):
        for candidate in index.candidates(query, found[query]):
            i, j = usable[candidate.other], usable[query]
            if clips[i].recording.id == clips[j].recording.id:
                continue
            a, b = sketches[i], sketches[j]
            similarity, deviations = phase_match.similarity(a.wave, b.wave, candidate.lag, min(a.top, b.top))
            if similarity >= MIN_SIMILARITY and deviations >= MIN_DEVIATIONS:
                kind = _kind(clips[i], clips[j], a, b, candidate.lag)
                pairs.append(
                    NearPair(clips[i], clips[j], round(similarity, 3), kind, round(candidate.lag / rate, 3))
                )
    return sorted(pairs, key=lambda p: (_place(p.a), _place(p.b)))


def _place(clip: Clip) -> tuple[object, ...]:
    return (clip.recording.path.as_posix(), *clip.key)


def _kind(a: Clip, b: Clip, sketch_a: Sketch, sketch_b: Sketch, lag: int) -> Kind:
    n_a, n_b = len(sketch_a.wave), len(sketch_b.wave)
    first, stop = phase_match.overlap(n_a, n_b, lag)
    if stop - first < 0.95 * n_b:
        return "overlap"
    if n_b < 0.97 * n_a:
        return "excerpt"
    if a.recording.sample_rate != b.recording.sample_rate:
        return "rate"
    return "gain" if abs(sketch_a.level / sketch_b.level - 1) > 0.02 else "copy"
