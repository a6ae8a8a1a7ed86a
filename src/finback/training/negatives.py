"""Sounds without a call, from the training clips alone: negative examples for the gate (`training/gate.py`).

    for sound in negatives(clips, window_s=3.0): ...

There are two kinds. Noise of each tape, made from its own clips (`simulate/tape_noise.py`), holds everything
of the tape but the call. Noise of simulated seas (`simulate/tape.py`) stands for places that no clip is from.
Sounds that are no calls lie over both: ships, sonar, shrimp, rain (`simulate/noises.py`), and fish
(`simulate/fish.py`). Many sounds of seas are shorter than a window, as clips are: where all short sounds are
calls, a gate takes a short grunt for a call. A sound depends on its clip or its number only. So all folds of
a run, and all runs on the same clips, share them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from finback.audio.samples import samples_of
from finback.core.types import Clip
from finback.datasets.simulate.fish import FISH
from finback.datasets.simulate.noises import NOISES
from finback.datasets.simulate.pieces import Floats, Rng, between
from finback.datasets.simulate.tape import draw_tape
from finback.datasets.simulate.tape_noise import TAPE_NOISES

PER_TAPE = 2  # sounds of each species on each tape, of different clips where there are two
LONGEST_S = 20.0  # of a clip, for its spectrum
# Rates of recorders at places without labelled clips, by how common they are today.
RATES = (48_000,) * 6 + (96_000, 44_100, 32_000, 24_000, 16_000, 8000, 4000, 2000, 1000)
N_OVER = (0, 1, 2)  # sounds over the noise,
SHARE_OVER = (0.25, 0.5, 0.25)  # and how often there are so many
LEVEL_DB = (-8.0, 22.0)  # of such a sound over the noise
SEAS = 4  # noises of simulated seas for each noise of a tape
SHORT, SHORTEST_S = 0.5, 0.1  # share of sounds of seas that are shorter than a window, and the shortest
CLEAR_DB = (5.0, 40.0)  # in every second sea one sound is clear, as in a recording that somebody cut out
REEF = 0.3  # share of seas with a crackle of shrimp under all other sounds
FILTERED = 0.5  # share of seas without their lowest frequencies
SOUNDS = NOISES | FISH
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
    """Up to `most` noises of the tapes of these clips, then up to `SEAS` times as many of simulated seas.

    `window_s` is the length of a window of the model. There are no more of either than clips. Raises
    `AudioError` for a clip that cannot be read.
    """
    n_seas = min(SEAS * most, len(clips))
    yield from (sound for clip in _chosen(clips, most) if (sound := _of_tape(clip, window_s)) is not None)
    yield from (_of_sea(number, window_s) for number in range(n_seas))


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


def _of_sea(number: int, window_s: float) -> Negative:
    """Noise of a simulated sea and recorder."""
    rng = np.random.default_rng([number])
    rate = int(rng.choice(RATES))
    seconds = between(rng, min(SHORTEST_S, window_s), window_s) if rng.random() < SHORT else window_s
    n = max(64, round(seconds * rate))
    tape = draw_tape(rng, LOWEST_HZ, rate, 0.0, rate)
    seed = np.random.SeedSequence(int(rng.integers(1 << 31)))
    x = np.concatenate(list(tape.noise(seed, 0, n))).astype(np.float64)
    x = (x - x.mean()) / max(float(x.std()), 1e-12)
    if rng.random() < REEF:
        x = _over(rng, x, rate, "shrimp", LEVEL_DB)
    if number % 2:
        sound = _finished(rng, x, rate, "sea", "")
    else:
        names = sorted(SOUNDS)
        name = names[number // 2 % len(names)]  # as many of each
        sound = _scaled(_over(rng, x, rate, name, CLEAR_DB), rate, name, "")
    if rng.random() < FILTERED:
        return _scaled(_filtered(rng, sound.samples, rate), rate, sound.kind, "")
    return sound


def _filtered(rng: Rng, x: np.ndarray, rate: int) -> Floats:
    """Without the lowest frequencies, as recorders and people filter them away."""
    size = fft.next_fast_len(len(x) + rate // 4, real=True)
    hz = np.maximum(fft.rfftfreq(size, 1 / rate), 1e-6)
    cut, order = between(rng, 15, 600), int(rng.integers(1, 6))
    return np.asarray(fft.irfft(fft.rfft(x, size) / np.sqrt(1 + (cut / hz) ** (2 * order)), size)[: len(x)])


def _finished(rng: Rng, x: Floats, rate: int, kind: str, tape: str) -> Negative:
    """With sounds that are no calls over it; fish are drawn as often as all others."""
    n_over = int(rng.choice(N_OVER, p=SHARE_OVER))
    for i in range(n_over):
        group = FISH if rng.random() < 0.5 else NOISES
        name = str(rng.choice(sorted(group)))
        x = _over(rng, x, rate, name, LEVEL_DB)
        kind = kind if i else name
    return _scaled(x, rate, kind, tape)


def _over(rng: Rng, x: Floats, rate: int, name: str, level_db: tuple[float, float]) -> Floats:
    """Noise (n,) of variance 1 with a sound over it."""
    over = SOUNDS[name](rng, rate, len(x))
    return x + over / max(float(over.std()), 1e-12) * 10 ** (rng.uniform(*level_db) / 20)


def _scaled(x: Floats, rate: int, kind: str, tape: str) -> Negative:
    x = x - x.mean()
    scaled = PEAK * x / max(float(np.abs(x).max()), 1e-12)
    return Negative(scaled.astype(np.float32), rate, kind, tape)
