"""Parameters to sound: the background, and each call by its oscillators, pulses and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finback.generation.calls.parameters import PlacedCall, SampleParameters
from finback.generation.calls.tape import stop_band, through
from finback.generation.diffusion.seeds import stream_of
from finback.models.networks.calls.grid import Array, Grid
from finback.models.networks.calls.oscillators import pulse_train, shaped_noise, tone
from finback.models.networks.calls.sounds import QUIET_DB, Call, Contour, Pulses

EDGE = 3  # frames in which the noise of a call comes and goes


def wave_of(sample: SampleParameters) -> NDArray[np.float32]:
    """The sound of a sample, (n_samples,). It may exceed 1; `vocoders.level.limit` turns it down."""
    grid, n = sample.grid, sample.n_samples
    rng = stream_of(f"background of {sample.species}", sample.seed)
    frames = n // grid.hop + 2
    swell = np.resize(sample.swell_db, frames) if len(sample.swell_db) else np.zeros(frames)
    y = shaped_noise(sample.background_db[:, None] + swell, grid, n, rng)
    calls = np.zeros(n)
    for placed in sample.calls:
        calls += call_wave(placed, grid, n)
    y += through(stop_band(sample.background_db), calls)
    return y.astype(np.float32)


def call_wave(placed: PlacedCall, grid: Grid, n: int) -> Array:
    """A call alone, at its place in (n,) samples."""
    rng = np.random.default_rng([placed.seed, 1])
    call, start = _adjusted(placed, grid), placed.start_s * grid.rate
    y = np.zeros(n)
    for contour in call.contours:
        first = start + contour.start * grid.hop
        y += tone(contour, grid, n, first, float(rng.uniform(0, 2 * np.pi)))
    y += pulse_train(call.pulses, grid, n, start, rng)
    if call.noise_db.max(initial=QUIET_DB) > QUIET_DB:
        length = call.n_frames * grid.hop
        noise = shaped_noise(grid.to_bins(_faded(call.noise_db)), grid, length, rng)
        first = round(start)
        low, high = max(0, first), min(n, first + length)
        if high > low:
            y[low:high] += noise[low - first : high - first]
    return y


def _adjusted(placed: PlacedCall, grid: Grid) -> Call:
    """The call with its pitch and gain."""
    call, gain = placed.call, placed.gain_db
    if placed.pitch == 1.0 and gain == 0.0:
        return call
    contours = [
        Contour(c.start, c.frequency_hz * placed.pitch, c.level_db + gain, c.harmonic) for c in call.contours
    ]
    train = Pulses(call.pulses.time_s, call.pulses.spectrum_db + gain, call.pulses.decay_s)
    noise = grid.shifted(call.noise_db, placed.pitch)
    return Call(tuple(contours), train, np.where(noise > QUIET_DB, noise + gain, QUIET_DB))


def _faded(noise_db: Array) -> Array:
    """Noise (N_BANDS, frames) that comes and goes within `EDGE` frames."""
    k = np.arange(noise_db.shape[1])
    share = np.minimum(1.0, (np.minimum(k, k[::-1]) + 1) / EDGE)
    return np.where(noise_db > QUIET_DB, noise_db + 10 * np.log10(share), QUIET_DB)
