"""Augmented copies of training clips, for heads that are fitted in closed form.

    prepare_copies(store, clips, 3, progress)
    copies_of(store, clip, 3)                  # (3, ...) features, beside those of the clip

A network in training gets every clip in ever new versions; a head is fitted once, to the features as they
are. Here it gets some versions more, made as the batches of a network are (`augment/wave.py`): other noise of
the sea, another recorder, up to a semitone faster or slower. The noise is simulated (`simulate/tape.py`), and
a copy depends on its clip and its number only. So no copy holds sound of another recording group, and all
folds and all runs share the copies (docs/decisions/0056).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import NDArray

from finback.audio.samples import samples_of
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip
from finback.datasets.simulate.tape import RATES, draw_tape
from finback.features.cache import FeatureStore
from finback.training.augment import wave
from finback.training.augment.wave_settings import WaveSettings

VERSION = 1  # raise when the samples of a copy change
SETTINGS = WaveSettings(
    background=1.0,
    background_snr_db=(0.0, 25.0),
    tilt_db=8.0,
    resonance_db=6.0,
    band_pass=0.5,
    speed_semitones=1.0,
    changed=1.0,
)
LOWEST_HZ = 10.0  # of the simulated sea
SHORTEST = 64  # samples
STEPS = 12  # places of a window within its length, among which the loudest is looked for
PIECE = 20  # windows that are read at a time


def copies_of(store: FeatureStore, clip: Clip, n: int) -> NDArray[np.float32]:
    """(n, ...) features of copies 0 to n - 1 of a clip, which are computed where they are missing."""
    return np.concatenate([_features(store, clip, number) for number in range(n)])


def prepare_copies(
    store: FeatureStore, clips: Sequence[Clip], n: int, progress: Progress = no_progress
) -> None:
    """Compute the copies that are missing, two at a time. Nothing where the store keeps nothing."""
    wanted = {clip.key: clip for clip in clips}.values()
    missing = [(c, i) for c in wanted for i in range(n) if not store.keeps_made(c, _name(i))]
    if missing:
        with ThreadPoolExecutor(max_workers=2) as pool:
            made = pool.map(lambda one: _features(store, *one), missing)
            for _ in progress(made, "computing augmented copies", len(missing)):
                pass


def _name(number: int) -> str:
    return f"copy{number}v{VERSION}"


def _features(store: FeatureStore, clip: Clip, number: int) -> NDArray[np.float32]:
    """(1, ...) features of one copy."""
    window = store.extractor.window_samples(clip.recording.sample_rate)
    return store.of_made(clip, _name(number), partial(augmented_copy, clip, window, number))


def augmented_copy(clip: Clip, window: int, number: int) -> NDArray[np.float32]:
    """(n,) samples of the loudest `window` samples of a clip, or of all of a shorter clip, augmented.

    A clip too short for a spectrum stays as it is. Raises `AudioError` for a clip that cannot be read.
    """
    rate = clip.recording.sample_rate
    start, stop = _loudest(clip, window)
    x = samples_of(clip).read(start, stop)
    x -= x.mean()
    if stop - start < SHORTEST:
        return x
    key = blake2b(repr(clip.key).encode(), digest_size=8).digest()
    rng = np.random.default_rng([*key, number])
    background = torch.from_numpy(_sea(rng, rate, stop - start))[None]
    drawn = wave.draw(rng, SETTINGS, (1, stop - start), rate)
    with torch.inference_mode():
        y = wave.apply(torch.from_numpy(x)[None], drawn, rate, background=background)
    return y[0].numpy().copy()


def _sea(rng: np.random.Generator, rate: int, n: int) -> NDArray[np.float32]:
    """(n,) noise of a simulated sea and recorder, without offset."""
    tape = draw_tape(rng, LOWEST_HZ, min(rate, max(RATES)), 0.0, rate)
    seed = np.random.SeedSequence(int(rng.integers(1 << 31)))
    x = np.concatenate(list(tape.noise(seed, 0, n)))
    return x - x.mean()


def _loudest(clip: Clip, window: int) -> tuple[int, int]:
    """First sample of the window with most energy, and the sample after its last."""
    if clip.stop - clip.start <= window:
        return clip.start, clip.stop
    places = max(_energies(clip, window, max(1, window // STEPS)))
    return -places[1], -places[1] + window


def _energies(clip: Clip, window: int, hop: int) -> Iterator[tuple[float, int]]:
    """(energy, - first sample) of windows every `hop` samples; reads some windows at a time."""
    samples = samples_of(clip)
    for first in range(clip.start, clip.stop - window + 1, PIECE * window // hop * hop):
        last = min(first + PIECE * window // hop * hop + window, clip.stop)
        x = samples.read(first, last).astype(np.float64)
        total = np.concatenate([[0.0], np.cumsum((x - x.mean()) ** 2)])
        for at in range(0, len(x) - window + 1, hop):
            yield float(total[at + window] - total[at]), -(first + at)
