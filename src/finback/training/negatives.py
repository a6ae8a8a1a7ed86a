"""Sounds without a call, from the training clips alone: negative examples for the gate (`training/gate.py`).

    for sound in negatives(clips, window_s=3.0): ...

There are two kinds. Noise of each tape, made from its own clips (`simulate/tape_noise.py`), holds everything
of the tape but the call. Noise of simulated seas (`simulate/tape.py`) stands for places that no clip is from.
Sounds that are no calls lie over both: ships, sonar, shrimp, rain (`simulate/noises.py`). A sound depends
on its clip or its number only. So all folds of a run, and all runs on the same clips, share them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from finback.audio.samples import samples_of
from finback.core.types import Clip
from finback.datasets.simulate.noises import NOISES, Floats, Rng
from finback.datasets.simulate.tape import draw_tape
from finback.datasets.simulate.tape_noise import TAPE_NOISES

PER_TAPE = 2  # sounds of each species on each tape, of different clips where there are two
LONGEST_S = 20.0  # of a clip, for its spectrum
# Rates of recorders at places without labelled clips, by how common they are today.
RATES = (48_000,) * 6 + (96_000, 44_100, 32_000, 24_000, 16_000, 8000, 4000, 2000, 1000)
N_OVER = (0, 1, 2)  # sounds over the noise,
SHARE_OVER = (0.25, 0.5, 0.25)  # and how often there are so many
LEVEL_DB = (-8.0, 22.0)  # of such a sound over the noise
LOWEST_HZ = 10.0
PEAK = 0.5


@dataclass(frozen=True, eq=False)
class Negative:
    """A sound without a call, full scale 1."""

    samples: NDArray[np.float32]  # (n,)
    sample_rate: int  # Hz
    kind: str  # what is in it
    tape: str  # recording group whose clip it is made from; "" = none


def negatives(clips: Sequence[Clip], window_s: float, most: int) -> Iterator[Negative]:
    """Noise of the tapes of these clips, and of simulated seas: up to `most` sounds of each kind.

    `window_s` is the length of a window of the model. There are no more sounds than clips. Raises
    `AudioError` for a clip that cannot be read.
    """
    most = min(most, len(clips))
    yield from (sound for clip in _chosen(clips, most) if (sound := _of_tape(clip, window_s)) is not None)
    for number in range(most):
        rng = np.random.default_rng([number])
        rate = int(rng.choice(RATES))
        yield _finished(rng, _sea(rng, rate, round(window_s * rate)), rate, "sea", "")


def _chosen(clips: Sequence[Clip], most: int) -> list[Clip]:
    """Clips in an order that looks random, the first of each tape and species before the second of any."""
    own: dict[tuple[str, str | None], list[tuple[bytes, Clip]]] = defaultdict(list)
    for clip in clips:
        own[(clip.group_key, clip.label)].append((_digest(clip), clip))
    ranked = []
    for found in own.values():
        found.sort(key=lambda pair: pair[0])
        ranked += [(rank, *pair) for rank, pair in enumerate(found[:PER_TAPE])]
    ranked.sort(key=lambda triple: triple[:2])
    return [clip for *_, clip in ranked[:most]]


def _digest(clip: Clip) -> bytes:
    return blake2b(repr(clip.key).encode(), digest_size=8).digest()


def _of_tape(clip: Clip, window_s: float) -> Negative | None:
    """Noise like that of a clip, as long as the clip or a window; None for a silent clip."""
    rng = np.random.default_rng(list(_digest(clip)))
    rate = clip.recording.sample_rate
    length = clip.stop - clip.start
    read = min(length, round(LONGEST_S * rate))
    start = clip.start + int(rng.integers(0, length - read + 1))
    x = samples_of(clip).read(start, start + read).astype(np.float64)
    x -= x.mean()
    if not x.any():
        return None
    window = max(64, round(window_s * rate))
    n = min(max(64, length), window) if rng.random() < 0.5 else window
    kind = str(rng.choice(list(TAPE_NOISES)))
    return _finished(rng, TAPE_NOISES[kind](rng, x, rate, n), rate, kind, clip.group_key)


def _sea(rng: Rng, rate: int, n: int) -> Floats:
    """(n,) noise of a simulated sea and recorder, of variance 1."""
    tape = draw_tape(rng, LOWEST_HZ, rate, 0.0, rate)
    seed = np.random.SeedSequence(int(rng.integers(1 << 31)))
    x = np.concatenate(list(tape.noise(seed, 0, n))).astype(np.float64)
    return np.asarray((x - x.mean()) / max(float(x.std()), 1e-12))


def _finished(rng: Rng, x: Floats, rate: int, kind: str, tape: str) -> Negative:
    """With sounds that are no calls over it."""
    names = [kind]
    for name in rng.choice(list(NOISES), int(rng.choice(N_OVER, p=SHARE_OVER)), replace=False).tolist():
        over = NOISES[name](rng, rate, len(x))
        size = float(over.std())
        if size > 0:
            x = x + over / size * 10 ** (rng.uniform(*LEVEL_DB) / 20)
            names.append(name)
    x = x - x.mean()
    scaled = PEAK * x / max(float(np.abs(x).max()), 1e-12)
    return Negative(scaled.astype(np.float32), rate, names[min(1, len(names) - 1)], tape)
