"""The acoustics of a simulated tape: what the sea, the hydrophone and the recorder add to every clip from it.

    sea noise ─┐
    call ──────┴─ hydrophone (EQ: tilt, resonances) ─ band limit ─┐
    tape hiss ───────────────────────────────────── band limit ───┴─ + hum and ship lines ─ gain, DC, bits

All this belongs to the tape; only the call belongs to the clip. All clips of a tape are parts of one
continuous noise process. So a model can recognise the tape, as it can with real clips, and the audit can show
it.

Sea noise follows Wenz (1962, J. Acoust. Soc. Am. 34:1936) in the formulas of Coates (1990, Underwater
Acoustic Systems, Macmillan), f in kHz, dB:

    turbulence 17 - 30 log f,    shipping 40 + 20 (s - 0.5) + 26 log f - 60 log(f + 0.03),
    wind 50 + 7.5 sqrt(w) + 20 log f - 40 log(f + 0.4),    thermal -15 + 20 log f

with shipping s from 0 to 1 and wind speed w in m/s. Above 1 kHz the noise decreases by 5 to 6 dB per octave,
up to about 100 kHz, where thermal noise dominates. Only the shape is used; `level_dbfs` sets the level.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from finback.datasets.simulate.snr import band_mask

# Sample rates (Hz) of archives and recorders: decimated HARP, Watkins, sonobuoys, DAT, SoundTrap, DTAG.
RATES = (
    1000, 2000, 4000, 5120, 8000, 10_000, 16_000, 20_480, 22_050, 32_000, 40_960, 44_100, 48_000, 64_000,
    81_920, 96_000, 166_600, 192_000, 200_000, 250_000,
)  # fmt: skip


@dataclass(frozen=True)
class Resonance:
    """A peak (or dip) of the frequency response, Gaussian on a logarithmic frequency axis."""

    hz: float
    gain_db: float
    width_octaves: float


@dataclass(frozen=True)
class Line:
    """A steady tone of the tape: mains hum, blade lines of a ship, the line frequency of a screen.

    `amplitude` is relative to the RMS of the tape's random noise.
    """

    hz: float
    amplitude: float
    phase: float


@dataclass(frozen=True)
class TapeModel:
    """The acoustics of one tape. `level_dbfs` is the RMS of its random noise in dB re full scale; `dc` is in
    full scale."""

    sample_rate: int
    low_cut_hz: float
    high_cut_hz: float
    tilt_db_per_octave: float = 0.0
    resonances: tuple[Resonance, ...] = ()
    shipping: float = 0.5
    wind_m_s: float = 5.0
    hiss_hz: float = 8000.0  # frequency at which tape hiss and sea noise are equally strong
    lines: tuple[Line, ...] = ()
    level_dbfs: float = -40.0
    dc: float = 0.0
    bits: int = 16

    @property
    def gain(self) -> float:
        """Amplitude of the random noise, full scale = 1."""
        return 10 ** (self.level_dbfs / 20)

    def band_limit(self, hz: np.ndarray) -> NDArray[np.float64]:
        """Amplitude response (F,) of recorder and digitiser: Butterworth, 12 dB per octave below, 96
        above."""
        hz = np.maximum(hz, 1e-6)
        low = 1 / np.sqrt(1 + (self.low_cut_hz / hz) ** 4)
        return low / np.sqrt(1 + (hz / self.high_cut_hz) ** 32)

    def response(self, hz: np.ndarray) -> NDArray[np.float64]:
        """Amplitude response (F,) for a call: band limit times EQ, with zero phase and so without delay."""
        octaves = np.log2(np.maximum(hz, 1.0) / 1000)
        eq_db = np.clip(self.tilt_db_per_octave * octaves, -12, 12)
        for bump in self.resonances:
            distance = (octaves - np.log2(bump.hz / 1000)) / bump.width_octaves
            eq_db = eq_db + bump.gain_db * np.exp(-0.5 * distance**2)
        return self.band_limit(hz) * 10 ** (eq_db / 20)

    @property
    def noise_peak(self) -> float:
        """Upper limit of the noise samples: 6.5 standard deviations, plus all lines and DC; full scale =
        1."""
        return self.gain * (6.5 + sum(line.amplitude for line in self.lines)) + abs(self.dc)

    @property
    def block_samples(self) -> int:
        """Length of the blocks of `noise`: the new samples of each FFT of 4 x the taps (overlap-save)."""
        return 3 * len(self.taps)

    @cached_property
    def taps(self) -> NDArray[np.float64]:
        """FIR filter (L,) from white noise of variance 1 to the random noise of the tape, with RMS 1.

        L is a quarter of a second or more, so that 20 Hz is resolved at any sample rate.
        """
        n = 2 ** int(np.ceil(np.log2(max(self.sample_rate / 4, 64))))
        hz = fft.rfftfreq(n, 1 / self.sample_rate)
        sea = sea_density(hz, self.shipping, self.wind_m_s)
        hiss = sea_density(np.array([self.hiss_hz]), self.shipping, self.wind_m_s)
        power = sea * self.response(hz) ** 2 + hiss * self.band_limit(hz) ** 2
        power[0] = 0.0  # DC is added separately
        taps = np.roll(fft.irfft(np.sqrt(power), n), n // 2) * np.hanning(n + 1)[:n]
        return taps / np.sqrt(np.sum(taps**2))

    def noise_power(self, low_hz: float, high_hz: float) -> float:
        """Expected noise power in a band of the finished tape: random noise, lines and rounding.

        This is N in the SNR. It is the long-term mean, a property of the tape and not of the clip.
        """
        n = 8 * len(self.taps)
        hz = fft.rfftfreq(n, 1 / self.sample_rate)
        density = np.abs(fft.rfft(self.taps, n)) ** 2
        share = np.sum(density[band_mask(hz, low_hz, high_hz)]) / np.sum(density)
        lines = sum(line.amplitude**2 / 2 for line in self.lines if low_hz <= line.hz <= high_hz)
        step = 2.0 ** (1 - self.bits)
        rounding = step**2 / 12 * (min(high_hz, self.sample_rate / 2) - low_hz) / (self.sample_rate / 2)
        return float(self.gain**2 * (share + lines) + rounding)

    def receive(self, call: np.ndarray) -> NDArray[np.float32]:
        """A call (n,) as the tape records it (n,), before its level is set."""
        # Padded for the ringing of the filter; otherwise the end of the call would wrap around to its start.
        n = fft.next_fast_len(len(call) + self.sample_rate // 4, real=True)
        spectrum = fft.rfft(call, n) * self.response(fft.rfftfreq(n, 1 / self.sample_rate))
        return fft.irfft(spectrum, n)[: len(call)].astype(np.float32)

    def noise(self, seed: np.random.SeedSequence, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
        """The noise of the tape from sample `start` to `stop`, in blocks (m,), with DC and lines.

        A sample depends only on its position, and not on the span that is requested.
        """
        n = len(self.taps)
        size = self.block_samples
        filter_spectrum = fft.rfft(self.taps.astype(np.float32), 4 * n)
        before = _white(seed, start // size, size)[-n:]
        for block in range(start // size, -(-stop // size)):
            white = _white(seed, block + 1, size)
            mixed = fft.irfft(fft.rfft(np.concatenate([before, white])) * filter_spectrum, 4 * n)[n:]
            before = white[-n:]
            first, last = max(start, block * size), min(stop, (block + 1) * size)
            mixed = mixed[first - block * size : last - block * size]
            mixed = mixed + self._tones(first, last)
            yield (self.gain * mixed + self.dc).astype(np.float32)

    def _tones(self, start: int, stop: int) -> NDArray[np.float64]:
        """The lines (m,) from sample `start` to `stop`, as one product of rows and columns of phasors."""
        hz = np.array([line.hz for line in self.lines])
        at = np.array([line.amplitude * np.exp(1j * line.phase) for line in self.lines])
        turn = 2j * np.pi * hz / self.sample_rate
        columns = np.exp(np.outer(turn, np.arange(256)))  # (lines, 256)
        first = start // 256 * 256  # the same rows for every span
        rows = at * np.exp(np.outer(np.arange(first, stop, 256), turn))  # (m / 256 and a bit, lines)
        return (rows @ columns).imag.ravel()[start - first : stop - first]

    def digitise(self, sound: np.ndarray) -> NDArray[np.float32]:
        """Samples (n,) rounded to the bits of the tape; PCM_16 stores them exactly."""
        scale = 2.0 ** (self.bits - 1)
        return (np.round(sound * scale) / scale).astype(np.float32)


def sea_density(hz: np.ndarray, shipping: float, wind_m_s: float) -> NDArray[np.float64]:
    """Power density (F,) of sea noise by the formulas above, constant below 5 Hz; `shipping` is 0 to 1."""
    khz = np.maximum(hz, 5.0) / 1000
    log = np.log10(khz)
    parts_db = (
        17 - 30 * log,
        40 + 20 * (shipping - 0.5) + 26 * log - 60 * np.log10(khz + 0.03),
        50 + 7.5 * np.sqrt(wind_m_s) + 20 * log - 40 * np.log10(khz + 0.4),
        -15 + 20 * log,
    )
    return sum((10 ** (part / 10) for part in parts_db), start=np.zeros_like(khz))


def _white(seed: np.random.SeedSequence, block: int, size: int) -> NDArray[np.float32]:
    """White noise (size,); each block has its own seed, so it can be computed without the others."""
    key = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, block))
    return np.random.default_rng(key).standard_normal(size, dtype=np.float32)


def suitable_rates(min_rate: int) -> tuple[int, ...]:
    """Sample rates (Hz) from `RATES` at which a call can be recognised, but not much more than that."""
    return tuple(r for r in RATES if min_rate <= r <= max(48_000, 2 * min_rate))


def draw_tape(
    rng: np.random.Generator,
    low_hz: float,
    min_rate: int,
    loudest_snr_db: float,
    sample_rate: int | None = None,
) -> TapeModel:
    """Draw a tape on which a call above `low_hz` that needs a sample rate of `min_rate` can be recognised.

    The noise is so far below full scale that a few simultaneous calls with `loudest_snr_db` fit: noise and
    hum have peaks of about 16 dB above the RMS of the noise, and calls have peaks of up to 10 dB above their
    RMS. `sample_rate` (Hz) is drawn if None.
    """
    rate = int(rng.choice(suitable_rates(min_rate)))
    rate = rate if sample_rate is None else sample_rate
    # The band must contain the call: limits below 0.7 of its lowest frequency and above 0.45 of `min_rate`.
    low_cut = np.exp(rng.uniform(np.log(2.0), np.log(np.clip(0.7 * low_hz, 2.1, 100))))
    high_cut = np.exp(rng.uniform(np.log(0.45 * min(min_rate, rate)), np.log(0.47 * rate)))
    top = np.log2(high_cut)
    resonances = tuple(
        Resonance(2 ** rng.uniform(top - 6, top), rng.uniform(-8, 10), rng.uniform(0.15, 0.8))
        for _ in range(rng.integers(0, 4))
    )
    return TapeModel(
        sample_rate=rate,
        low_cut_hz=float(low_cut),
        high_cut_hz=float(high_cut),
        tilt_db_per_octave=float(rng.uniform(-2, 2)),
        resonances=resonances,
        shipping=float(rng.uniform(0, 1)),
        wind_m_s=float(rng.uniform(0, 12)),
        hiss_hz=float(high_cut * 2 ** rng.uniform(-3, 0)),
        lines=_draw_lines(rng, high_cut),
        level_dbfs=float(min(rng.uniform(-55, -25), -24 - max(loudest_snr_db, 0))),
        dc=float(rng.normal(0, 0.002)),
        bits=int(rng.choice((12, 14, 16))),
    )


def _draw_lines(rng: np.random.Generator, high_cut_hz: float) -> tuple[Line, ...]:
    """Mains hum on half of the tapes, blade lines of a ship and the line frequency of a screen on some."""
    tones: list[tuple[float, float]] = []
    if rng.random() < 0.5:
        # A tape that is played a little too fast or too slow changes 50 or 60 Hz.
        mains, strength = rng.choice((50.0, 60.0)) * rng.normal(1, 0.005), 10 ** rng.uniform(-1.3, -0.3)
        tones += [
            (k * mains, strength * rng.uniform(0.3, 1.0) / k**0.7) for k in (1, 2, 3, 4, 5, 6, 7, 9, 11)
        ]
    if rng.random() < 0.3:
        blades, strength = rng.uniform(6, 14), 10 ** rng.uniform(-1.5, -0.6)
        tones += [(k * blades, strength * rng.uniform(0.3, 1.0) / k**0.5) for k in range(1, 9)]
    if rng.random() < 0.2:
        tones.append((float(rng.choice((15_625.0, 15_734.0))), 10 ** rng.uniform(-2, -1)))
    return tuple(
        Line(hz, amplitude, rng.uniform(0, 2 * np.pi)) for hz, amplitude in tones if hz < high_cut_hz
    )
