"""What a clip sounds like on a page: slowed or sped into hearing, cut to its loudest stretch."""

from __future__ import annotations

import base64
import io
import wave
from dataclasses import replace

import numpy as np
import pytest

from finback.audio.io import open_recording, write
from finback.core.types import Clip
from finback.report.pages import sound


@pytest.mark.parametrize(
    ("top_hz", "speed"), [(11_025, 1), (24_000, 1), (96_000, 1 / 16), (1_000, 1), (500, 4), (50, 64)]
)
def test_bands_beyond_hearing_are_shifted_by_octaves(top_hz, speed):
    assert sound.speed_for(top_hz) == speed


@pytest.mark.parametrize(
    ("rate", "tone_hz", "heard_hz"), [(192_000, 64_000, 4_000), (1_000, 40, 160), (22_050, 900, 900)]
)
def test_a_tone_is_heard_where_the_speed_puts_it(tmp_path, rate, tone_hz, heard_hz):
    t = np.arange(20 * rate) / rate
    write(tmp_path / "tone.wav", 0.1 * np.sin(2 * np.pi * tone_hz * t), rate)
    recording = open_recording(tmp_path / "tone.wav")
    played = sound.playable(Clip(recording, 0, recording.n_samples), rate / 2)
    with wave.open(io.BytesIO(base64.b64decode(played.uri.partition(",")[2]))) as file:
        x = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
        assert spectrum.argmax() * file.getframerate() / len(x) == pytest.approx(heard_hz, rel=0.01)
        assert len(x) / file.getframerate() == pytest.approx(3, abs=0.01)
    assert np.abs(x).max() == pytest.approx(0.9 * 32_767, rel=0.1)
    assert ("slower" in played.note, "faster" in played.note) == (heard_hz < tone_hz, heard_hz > tone_hz)
    assert "the loudest" in played.note
    assert abs(x[0]) + abs(x[-1]) < 10  # faded: no click at the ends


def test_the_loudest_stretch_holds_the_call():
    x = np.zeros(100)
    x[60:70] = 1
    assert sound.loudest(x, 10).tolist() == [1] * 10
    assert len(sound.loudest(x, 1000)) == 100


def test_very_short_windows_are_heard_with_what_is_around_them(tmp_path):
    write(tmp_path / "clicks.wav", np.random.default_rng(0).normal(size=192_000) * 0.1, 192_000)
    recording = open_recording(tmp_path / "clicks.wav")
    clip = Clip(recording, 0, recording.n_samples)
    wider = sound.around(replace(clip, start=90_000, stop=90_400), clip, 96_000)
    assert wider.n_samples == pytest.approx(192_000 / 16, abs=2)
    assert sound.around(clip, clip, 96_000) == clip
