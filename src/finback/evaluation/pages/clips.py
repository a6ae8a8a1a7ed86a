"""Clips for a page: which are shown, and the sounds of their recordings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from finback.audio.level import remove_dc
from finback.audio.samples import read_clip
from finback.core.types import Clip
from finback.features.spec import FeatureSpec
from finback.report.pages.sound import Sound, of_samples, speed_for


def varied(clips: Sequence[Clip], n: int, seed: int = 0) -> list[Clip]:
    """At most n clips, from as many recording groups as there are: one of each group in turn."""
    rng = np.random.default_rng([seed, 13])
    groups: dict[str, list[Clip]] = {}
    for i in rng.permutation(len(clips)):
        groups.setdefault(clips[i].group_key, []).append(clips[i])
    turns = max(map(len, groups.values()), default=0)
    return [own[turn] for turn in range(turns) for own in groups.values() if turn < len(own)][:n]


def playable(clip: Clip, top_hz: float, compact: bool = False) -> Sound:
    """The loudest few seconds of `clip`, of which a model uses the band up to `top_hz`. Raises `AudioError`.

    `compact`: as MP3, where this machine can write one.
    """
    x = remove_dc(read_clip(clip))
    return of_samples(x, clip.recording.sample_rate, top_hz, compact)


def around(window: Clip, clip: Clip, top_hz: float) -> Clip:
    """`window`; where it is very short, as much of `clip` around it as makes one second when played."""
    rate = clip.recording.sample_rate
    wanted = math.ceil(rate * speed_for(min(top_hz, rate / 2)))
    more = max(0, wanted - window.n_samples) // 2
    return replace(clip, start=max(clip.start, window.start - more), stop=min(clip.stop, window.stop + more))


def n_frames(window: Clip, spec: FeatureSpec) -> float:
    """Frames of a window that are not padding; not rounded."""
    return window.n_samples / window.recording.sample_rate * spec.sample_rate / spec.hop
