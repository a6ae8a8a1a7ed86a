"""Simulated recorders: their effects, measured in the spectrum."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from finback.training.augment import equipment
from finback.training.augment.equipment import EquipmentDraw, draw, response
from finback.training.augment.wave import WaveDraw, WaveSettings, apply
from finback.training.augment.wave import draw as draw_wave

RATE, T = 8000, 16_000
HZ = np.fft.rfftfreq(T, 1 / RATE)


def noise(b: int = 4) -> torch.Tensor:
    return 0.1 * torch.randn(b, T, generator=torch.Generator().manual_seed(0))


def recorder(b: int = 4, **values: object) -> WaveDraw:
    """A draw with nothing on but the given fields of the equipment."""
    d = draw_wave(np.random.default_rng(0), WaveSettings(), (b, T), RATE)
    given = {k: np.broadcast_to(np.asarray(v), (b, *np.shape(v)[1:])) for k, v in values.items()}
    return replace(d, equipment=replace(d.equipment, **given))


def gain_db(d: WaveDraw, x: torch.Tensor | None = None) -> np.ndarray:
    """(B, bins) of what the recorder does to white noise."""
    x = noise(len(d.gain)) if x is None else x
    return 20 * np.log10(np.abs(np.fft.rfft(apply(x, d, RATE).numpy())) / np.abs(np.fft.rfft(x.numpy())))


def snr_db(x: torch.Tensor, added: torch.Tensor) -> np.ndarray:
    return 10 * np.log10((x.double().square().mean(dim=1) / added.double().square().mean(dim=1)).numpy())


def band(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.median(values[:, (low <= HZ) & (high > HZ)], axis=1)


def test_no_equipment_is_flat() -> None:
    d = recorder().equipment
    assert torch.equal(response(d, torch.linspace(0, 1, 50)), torch.ones(4, 50))
    assert not d.filtering.any()


def test_band_pass_removes_what_is_outside() -> None:
    gain = gain_db(recorder(low=200 / 4000, high=2000 / 4000, order=6.0))
    assert (band(gain, 20, 50) < -60).all()
    assert (band(gain, 3700, 4000) < -29).all()  # 36 dB an octave, 0.9 octaves above
    assert np.allclose(band(gain, 500, 1000), 0, atol=0.1)
    assert np.allclose(band(gain, 1990, 2010), -3, atol=0.3)  # the corner


def test_drawn_band_pass_takes_energy_out_and_keeps_the_middle() -> None:
    d = draw_wave(np.random.default_rng(0), WaveSettings(band_pass=1), (16, T), RATE)
    before, after = (
        np.abs(np.fft.rfft(x)) ** 2 for x in (noise(16).numpy(), apply(noise(16), d, RATE).numpy())
    )
    low, high = (v[:, None] * RATE / 2 for v in (d.equipment.low, d.equipment.high))
    outside = (low / 2 > HZ) | (high * 2 < HZ)
    assert outside.any()
    assert ((after * outside).sum(axis=1) <= 0.25 * (before * outside).sum(axis=1)).all()
    inside = (low * 4 < HZ) & (high / 4 > HZ)
    assert ((after * inside).sum(axis=1) >= 0.85 * (before * inside).sum(axis=1))[inside.any(axis=1)].all()


def test_resampling_down_and_up_empties_the_top() -> None:
    gain = gain_db(recorder(cut=0.5))
    assert (band(gain, 2001, 4000) < -90).all()
    assert np.abs(gain[:, (HZ > 10) & (HZ < 0.91 * 2000)]).max() < 0.01


def test_tilt_goes_from_low_to_high() -> None:
    gain = gain_db(recorder(tilt_db=12.0))
    octave = band(gain, 1995, 2005) - band(gain, 995, 1005)
    assert np.allclose(octave, 12 / equipment.OCTAVES, atol=0.05)
    assert np.allclose(band(gain, 3990, 4000), 6, atol=0.1)


def test_resonance_stands_where_it_was_put() -> None:
    gain = gain_db(recorder(resonance=np.array([[[0.25, 0.3, 9.0], [0.9, 0.3, 0.0], [0.9, 0.3, 0.0]]])))
    assert np.allclose(band(gain, 998, 1002), 9, atol=0.1)
    assert np.abs(band(gain, 300, 400)).max() < 0.2
    assert HZ[gain.argmax(axis=1)] == pytest.approx(1000, rel=0.05)


def test_filters_do_not_move_a_click() -> None:
    click = torch.zeros(4, T)
    click[:, 5000] = 1
    y = apply(click, recorder(high=0.4, order=4.0, tilt_db=-10.0), RATE)
    assert (y.abs().argmax(dim=1) == 5000).all()
    assert torch.allclose(y[:, 4900:5000].flip(1), y[:, 5001:5101], atol=1e-5)


@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_hum_has_the_drawn_level_and_lines(mains: float) -> None:
    x = noise()
    d = recorder(hum_snr_db=20.0, mains_hz=mains)
    added = apply(x, d, RATE) - x
    assert np.allclose(snr_db(x, added), 20, atol=0.1)
    spectrum = np.abs(np.fft.rfft(added.numpy())) ** 2
    lines = np.isin(HZ, mains * np.arange(1, equipment.HARMONICS + 1))
    assert (spectrum[:, lines].sum(axis=1) > 0.999 * spectrum.sum(axis=1)).all()
    assert (spectrum[:, mains == HZ] > 0).all()


def test_hum_beyond_the_band_is_left_out() -> None:
    x = 0.1 * torch.randn(2, 200)
    d = draw_wave(np.random.default_rng(0), WaveSettings(hum=1), x.shape, 100)  # half the rate is 50 Hz
    assert bool(apply(x, d, 100).isfinite().all())


def test_hiss_is_white_and_after_the_filters() -> None:
    x = noise()
    d = recorder(hiss_snr_db=20.0, cut=0.5)
    y, clean = apply(x, d, RATE), apply(x, recorder(cut=0.5), RATE)
    added = y - clean
    assert np.allclose(snr_db(clean, added), 20, atol=0.2)
    spectrum = np.abs(np.fft.rfft(added.numpy())) ** 2
    assert np.allclose(band(spectrum, 2500, 3900) / band(spectrum, 300, 1500), 1, atol=0.1)


def test_the_seas_noise_passes_the_recorder() -> None:
    d = recorder(cut=0.5)
    noisy = replace(d, noise=replace(d.noise, snr_db=np.zeros(4), exponent=np.zeros(4)))
    assert (band(gain_db(noisy), 2001, 4000) < -80).all()


def test_overload_keeps_the_peak_and_lifts_the_rest() -> None:
    x = 5 * noise()
    d = recorder(drive=np.array([0.0, 1.0, 3.0, 4.0]))
    y = apply(x, d, RATE)
    assert torch.equal(y[0], x[0])
    assert torch.allclose(y.abs().amax(dim=1), x.abs().amax(dim=1), rtol=1e-5)
    ratio = (y.square().mean(1) / x.square().mean(1)).sqrt()
    assert ratio[1] > 1.1
    assert ratio[3] > ratio[2] > ratio[1]
    tone = torch.sin(2 * torch.pi * 100 * torch.arange(T) / RATE).repeat(4, 1)
    harmonics = np.abs(np.fft.rfft(apply(tone, d, RATE).numpy()))
    assert (harmonics[1:, HZ == 300] > 0.01 * harmonics[1:, HZ == 100]).all()
    assert (harmonics[1:, HZ == 200] < 1e-3 * harmonics[1:, HZ == 100]).all()  # odd ones only


def test_shares_are_kept() -> None:
    settings = WaveSettings(band_pass=0.3, resample=0.2, hum=0.1, hiss=0.4, overload=0.5)
    d = draw(np.random.default_rng(0), settings, 5000)
    found = [(v != 0).mean() for v in (d.low, d.drive)]
    found += [np.isfinite(v).mean() for v in (d.cut, d.hum_snr_db, d.hiss_snr_db)]
    assert np.allclose(found, [0.3, 0.5, 0.2, 0.1, 0.4], atol=0.03)
    assert all(len(getattr(d, f.name)) == 5000 for f in fields(EquipmentDraw))
