"""Short sounds for a page: a few seconds of samples as a data URI that every browser plays.

A band may lie above or below what people hear. Then the sound is played slower or faster by a power of two,
which shifts its pitch by as many octaves, and the note of the sound says so.
"""

from __future__ import annotations

import base64
import io
import math
import wave
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finback.audio.io import mp3
from finback.audio.resample import resample

Samples = NDArray[np.floating]  # (n,), full scale 1

PLAYED_S = 3.0  # at most, as played
RATES = (11_025, 22_050)  # Hz; below 3 kHz some browsers refuse to play
TOO_HIGH_HZ, AUDIBLE_HIGH_HZ = 24_000, 11_000  # a band above the first is brought below the second
TOO_LOW_HZ, AUDIBLE_LOW_HZ = 600, 2_000  # small loudspeakers carry little below some hundred Hz
FADE_S = 0.005  # against a click where the sound is cut


@dataclass(frozen=True, slots=True)
class Sound:
    """A playable sound: its data URI, its speed (2: twice as fast as recorded), and a note for the reader."""

    uri: str
    speed: float
    note: str


def speed_for(top_hz: float) -> float:
    """How much faster (above 1) or slower to play a band that ends at `top_hz`, a power of two."""
    if top_hz > TOO_HIGH_HZ:
        return 0.5 ** math.ceil(math.log2(top_hz / AUDIBLE_HIGH_HZ))
    if top_hz < TOO_LOW_HZ:
        return 2.0 ** math.ceil(math.log2(AUDIBLE_LOW_HZ / top_hz))
    return 1.0


def of_samples(x: Samples, rate: int, top_hz: float, compact: bool = False) -> Sound:
    """The loudest few seconds of samples x (n,) at `rate` Hz, of which a model uses the band up to `top_hz`.

    `compact`: as MP3, a tenth of the size, where this machine can write one: a page may hold 1,000 sounds.
    """
    speed = speed_for(min(top_hz, rate / 2))
    part = loudest(x, math.floor(PLAYED_S * speed * rate))
    notes = [describe(speed), f"the loudest {PLAYED_S * speed:.2g} s" if len(part) < len(x) else ""]
    at = max(1, round(rate * speed))  # the rate at which the same samples play at that speed
    out_rate = RATES[at > RATES[0]]
    y = _shaped(resample(part, at, out_rate), out_rate)
    uri = (_mp3_uri(y, out_rate) if compact else None) or _wav_uri(y, out_rate)
    return Sound(uri, speed, "; ".join(filter(None, notes)))


def loudest(x: Samples, length: int) -> Samples:
    """The stretch of `length` samples of x (n,) with the most energy; all of x if it is shorter."""
    if len(x) <= length:
        return x
    energy = np.concatenate([[0.0], np.cumsum(np.square(x, dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return x[start : start + length]


def describe(speed: float) -> str:
    """What to tell the reader of a sound that is not played as recorded; "" for the recorded speed."""
    if speed == 1:
        return ""
    if speed < 1:
        return f"played {1 / speed:g} times slower: people cannot hear sounds as high as this"
    return f"played {speed:g} times faster: people cannot hear sounds as low as this"


def _shaped(x: Samples, rate: int) -> Samples:
    """Peak at 0.9 of full scale, ends faded. Silence stays silence."""
    peak = float(np.abs(x).max(initial=0.0))
    fade = min(len(x) // 2, round(FADE_S * rate))
    gain = np.full(len(x), 0.9 / peak if peak > 0 else 0.0)
    ramp = np.arange(fade) / max(1, fade)
    gain[:fade] *= ramp
    gain[len(x) - fade :] *= ramp[::-1]
    return x * gain


def _wav_uri(x: Samples, rate: int) -> str:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(x * 32_767).astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(buffer.getvalue()).decode()


def _mp3_uri(x: Samples, rate: int) -> str | None:
    data = mp3(x, rate)
    return None if data is None else "data:audio/mpeg;base64," + base64.b64encode(data).decode()
