"""Short sounds for the page: a few seconds of a clip that any browser plays and any ear hears.

The band of a clip may lie above or below hearing. Then the sound is played slower or faster by a power of
two, which shifts its pitch by as many octaves, and the page says so.
"""

from __future__ import annotations

import base64
import io
import math
import wave
from dataclasses import dataclass, replace

import numpy as np

from finback.audio.io import mp3, read
from finback.audio.level import remove_dc
from finback.audio.resample import resample
from finback.core.types import Clip

PLAYED_S = 3.0  # at most, as heard
RATES = (11_025, 22_050)  # Hz; below 3 kHz some browsers refuse to play
TOO_HIGH_HZ, HEARD_HIGH_HZ = 24_000, 11_000  # a band above the first is brought below the second
TOO_LOW_HZ, HEARD_LOW_HZ = 600, 2_000  # small loudspeakers carry little below some hundred Hz
FADE_S = 0.005  # against a click where the sound is cut


@dataclass(frozen=True, slots=True)
class Sound:
    """A playable piece: its data URI, how much faster than life it plays, and what to say of that."""

    uri: str
    speed: float
    note: str


def speed_for(top_hz: float) -> float:
    """How much faster (above 1) or slower to play a band that ends at `top_hz`, a power of two."""
    if top_hz > TOO_HIGH_HZ:
        return 0.5 ** math.ceil(math.log2(top_hz / HEARD_HIGH_HZ))
    if top_hz < TOO_LOW_HZ:
        return 2.0 ** math.ceil(math.log2(HEARD_LOW_HZ / top_hz))
    return 1.0


def playable(clip: Clip, top_hz: float, compact: bool = False) -> Sound:
    """The loudest few seconds of `clip`, whose model hears up to `top_hz`. Raises `AudioError`.

    `compact`: as MP3, a tenth of the size, where this machine can make one; a page may hold a thousand.
    """
    x = remove_dc(read(clip.recording.path, clip.start, clip.stop, clip.channel))
    return of_samples(x, clip.recording.sample_rate, top_hz, compact)


def of_samples(x: np.ndarray, rate: int, top_hz: float, compact: bool = False) -> Sound:
    """As `playable`, of samples (n,) that are in no file."""
    speed = speed_for(min(top_hz, rate / 2))
    part = loudest(x, math.floor(PLAYED_S * speed * rate))
    notes = [describe(speed), f"the loudest {PLAYED_S * speed:.2g} s" if len(part) < len(x) else ""]
    at = max(1, round(rate * speed))  # the rate at which the same samples play at that speed
    out_rate = RATES[at > RATES[0]]
    y = _shaped(resample(part, at, out_rate), out_rate)
    uri = (_mp3_uri(y, out_rate) if compact else None) or _wav_uri(y, out_rate)
    return Sound(uri, speed, "; ".join(filter(None, notes)))


def around(window: Clip, clip: Clip, top_hz: float) -> Clip:
    """`window`, or as much of `clip` around it as a very short window needs to be heard at all (1 s)."""
    rate = clip.recording.sample_rate
    wanted = math.ceil(rate * speed_for(min(top_hz, rate / 2)))
    more = max(0, wanted - window.n_samples) // 2
    return replace(clip, start=max(clip.start, window.start - more), stop=min(clip.stop, window.stop + more))


def loudest(x: np.ndarray, length: int) -> np.ndarray:
    """The stretch of `length` samples of x (n,) with the most energy; all of x if it is shorter."""
    if len(x) <= length:
        return x
    energy = np.concatenate([[0.0], np.cumsum(np.square(x, dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return x[start : start + length]


def describe(speed: float) -> str:
    if speed == 1:
        return ""
    if speed < 1:
        return f"played {1 / speed:g} times slower: it is too high to hear"
    return f"played {speed:g} times faster: it is too low to hear"


def _shaped(x: np.ndarray, rate: int) -> np.ndarray:
    """Peak at 0.9 of full scale, ends faded. Silence stays silence."""
    peak = float(np.abs(x).max(initial=0.0))
    fade = min(len(x) // 2, round(FADE_S * rate))
    gain = np.full(len(x), 0.9 / peak if peak > 0 else 0.0)
    ramp = np.arange(fade) / max(1, fade)
    gain[:fade] *= ramp
    gain[len(x) - fade :] *= ramp[::-1]
    return x * gain


def _wav_uri(x: np.ndarray, rate: int) -> str:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(x * 32_767).astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(buffer.getvalue()).decode()


def _mp3_uri(x: np.ndarray, rate: int) -> str | None:
    data = mp3(x, rate)
    return None if data is None else "data:audio/mpeg;base64," + base64.b64encode(data).decode()
