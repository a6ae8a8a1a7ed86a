"""The sound of a clip on a page: shifted into the band that people hear, cut to its loudest stretch."""

from __future__ import annotations

import base64
import io
import wave

import numpy as np
import pytest

from finback.report.pages import sound


@pytest.mark.parametrize(
    ("top_hz", "speed"), [(11_025, 1), (24_000, 1), (96_000, 1 / 16), (1_000, 1), (500, 4), (50, 64)]
)
def test_bands_beyond_hearing_are_shifted_by_octaves(top_hz, speed):
    assert sound.speed_for(top_hz) == speed


@pytest.mark.parametrize(
    ("rate", "tone_hz", "played_hz"), [(192_000, 64_000, 4_000), (1_000, 40, 160), (22_050, 900, 900)]
)
def test_a_tone_is_played_where_the_speed_puts_it(rate, tone_hz, played_hz):
    t = np.arange(20 * rate) / rate
    played = sound.of_samples(0.1 * np.sin(2 * np.pi * tone_hz * t), rate, rate / 2)
    with wave.open(io.BytesIO(base64.b64decode(played.uri.partition(",")[2]))) as file:
        x = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
        assert spectrum.argmax() * file.getframerate() / len(x) == pytest.approx(played_hz, rel=0.01)
        assert len(x) / file.getframerate() == pytest.approx(3, abs=0.01)
    assert np.abs(x).max() == pytest.approx(0.9 * 32_767, rel=0.1)
    assert ("slower" in played.note, "faster" in played.note) == (played_hz < tone_hz, played_hz > tone_hz)
    assert "the loudest" in played.note
    assert abs(x[0]) + abs(x[-1]) < 10  # faded: no click at the ends


def test_the_loudest_stretch_holds_the_call():
    x = np.zeros(100)
    x[60:70] = 1
    assert sound.loudest(x, 10).tolist() == [1] * 10
    assert len(sound.loudest(x, 1000)) == 100
