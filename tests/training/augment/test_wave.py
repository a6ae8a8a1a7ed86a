"""Wave augmentation: each effect does what was drawn, alone, and to one clip as to a batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from finback.core.errors import SettingsError
from finback.core.settings import build
from finback.training.augment.wave import WaveDraw, WaveSettings, apply, draw

RATE, T = 8000, 12_000
ALL = WaveSettings(
    stretch=0.2,
    pitch_semitones=3,
    speed_semitones=3,
    noise=0.5,
    real_noise=0.5,
    background=0.5,
    band_pass=0.5,
    tilt_db=10,
    resonance_db=10,
    resample=0.5,
    hum=0.5,
    hiss=0.5,
    overload=0.5,
    gain_db=6,
    polarity=0.5,
)


def waves(b: int = 8, n: int = T, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(b, n, generator=torch.Generator().manual_seed(seed))


def drawn(seed: int = 1, b: int = 8, **settings: object) -> WaveDraw:
    return draw(np.random.default_rng(seed), build(WaveSettings, settings), (b, T), RATE)


def power(x: torch.Tensor) -> torch.Tensor:
    return x.double().square().mean(dim=1)


def db(ratio: torch.Tensor) -> np.ndarray:
    return 10 * np.log10(ratio.numpy())


def augmented(d: WaveDraw, x: torch.Tensor) -> torch.Tensor:
    return apply(x, d, RATE, noise=waves(len(x), x.shape[1], 7), background=waves(len(x), x.shape[1], 8))


def test_everything_is_off_by_default_and_changes_nothing() -> None:
    assert not WaveSettings().on
    assert ALL.on
    x = waves()
    y = apply(x, drawn(), RATE)
    assert torch.equal(x, y)
    assert y.data_ptr() != x.data_ptr()


@pytest.mark.parametrize("name", sorted(set(WaveSettings.model_fields) - {"changed", "noise_files"}))
def test_every_amount_switches_something_on(name: str) -> None:
    if name.endswith(("snr_db", "exponent")):
        assert not WaveSettings(**{name: (1.0, 2.0)}).on
    else:
        assert WaveSettings(**{name: 1}).on
        assert not torch.equal(augmented(drawn(**{name: 1}), waves()), waves())


def test_same_draw_same_result_and_input_left_alone() -> None:
    x = waves()
    d = draw(np.random.default_rng(3), ALL, x.shape, RATE)
    first = augmented(d, x)
    assert torch.equal(first, augmented(d, x))
    assert torch.equal(x, waves())
    other = draw(np.random.default_rng(4), ALL, x.shape, RATE)
    assert not torch.equal(first, augmented(other, x))


def test_batch_of_eight_is_eight_singles() -> None:
    x, noise, background = waves(), waves(seed=7), waves(seed=8)
    d = draw(np.random.default_rng(3), ALL, x.shape, RATE)
    together = apply(x, d, RATE, noise, background)
    for i in range(8):
        one = slice(i, i + 1)
        alone = apply(x[one], d.rows(one), RATE, noise[one], background[one])
        assert torch.allclose(alone[0], together[i], atol=1e-5), i


def test_switching_one_off_leaves_the_others_as_they_were() -> None:
    whole, less = (
        draw(np.random.default_rng(0), s, (8, T), RATE)
        for s in (ALL, ALL.model_copy(update={"noise": 0.0, "stretch": 0.0, "resonance_db": 0.0}))
    )
    assert np.array_equal(whole.gain, less.gain)
    assert np.array_equal(whole.equipment.hiss_snr_db, less.equipment.hiss_snr_db)
    assert np.array_equal(whole.stretch.speed, less.stretch.speed)
    assert whole.seed == less.seed
    assert np.isinf(less.noise.snr_db).all()


def test_gain_and_polarity_are_exact() -> None:
    x = waves()
    d = drawn(gain_db=6, polarity=0.5)
    assert np.array_equal(augmented(d, x).numpy(), x.numpy() * d.gain.astype(np.float32)[:, None])
    level = 20 * np.log10(np.abs(d.gain))
    assert (np.abs(level) <= 6).all()
    assert level.std() > 1
    turned = drawn(polarity=1)
    assert torch.equal(augmented(turned, x), -x)


@pytest.mark.parametrize("n", [T, 12_007, 301])  # 12,007 is prime
@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_noise_has_the_drawn_snr(n: int, exponent: float) -> None:
    x = waves(n=n)
    d = draw(
        np.random.default_rng(0), WaveSettings(noise=1, noise_exponent=(exponent, exponent)), x.shape, RATE
    )
    added = apply(x, d, RATE) - x
    assert np.allclose(db(power(x) / power(added)), d.noise.snr_db, atol=0.5)
    assert np.ptp(d.noise.snr_db) > 5
    if n == T:
        assert torch.corrcoef(added).fill_diagonal_(0).abs().max() < 0.6


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_noise_has_the_drawn_colour(exponent: float) -> None:
    x = waves(b=2)
    d = drawn(b=2, noise=1, noise_exponent=(exponent, exponent))
    spectrum = np.abs(np.fft.rfft((apply(x, d, RATE) - x).numpy())).astype(float) ** 2
    hz = np.fft.rfftfreq(T, 1 / RATE)
    low, high = (spectrum[:, (hz > c * 0.9) & (hz < c * 1.1)].mean(axis=1) for c in (200, 3200))  # 4 octaves
    assert np.allclose(10 * np.log10(low / high), 12.04 * exponent, atol=1.0)


def test_white_noise_sounds_gaussian() -> None:
    x = torch.ones(2, T)
    added = apply(x, drawn(b=2, noise=1, noise_exponent=[0, 0]), RATE) - 1
    z = (added / added.std(dim=1, keepdim=True)).double()
    assert np.allclose(z.pow(4).mean(dim=1), 3.0, atol=0.25)  # kurtosis
    frames = torch.stft(z, 256, window=torch.hann_window(256, dtype=torch.float64), return_complex=True)
    cells = frames.abs().square()[:, 2:-2, 2:-2]
    assert 0.9 < float(cells.std() / cells.mean()) < 1.1  # an exponential distribution, as noise has


def test_noise_from_files_has_the_drawn_snr() -> None:
    x, noise = waves(), 3 * waves(seed=5)
    d = drawn(real_noise=0.5)
    added = apply(x, d, RATE, noise=noise) - x
    chosen = np.isfinite(d.noise.real_snr_db)
    assert 0 < chosen.sum() < 8
    assert torch.equal(added[~chosen], torch.zeros_like(added[~chosen]))
    assert np.allclose(db(power(x) / power(added))[chosen], d.noise.real_snr_db[chosen], atol=0.1)
    share = added / noise
    assert torch.allclose(share, share.median(dim=1, keepdim=True).values, atol=1e-2)  # the file itself


def test_background_is_the_floor_and_not_the_calls() -> None:
    """A recording of low-passed hiss with one loud call: its hiss is taken, the call is not."""
    n, x = T, waves()
    spectrum = torch.fft.rfft(waves(seed=8))
    spectrum[:, 3000:] = 0  # above 2 kHz
    background = torch.fft.irfft(spectrum, n)
    call = torch.sin(2 * torch.pi * 1000 * torch.arange(2000) / RATE)
    background[:, 4000:6000] += call
    d = drawn(background=1)
    added = apply(x, d, RATE, background=background) - x
    assert np.allclose(db(power(x) / power(added)), d.noise.background_snr_db, atol=0.5)
    found = np.abs(np.fft.rfft(added.numpy())) ** 2
    assert (found[:, 3300:].sum(axis=1) < 0.02 * found.sum(axis=1)).all()
    at_call = found[:, 1480:1521].mean(axis=1)  # 1 kHz is bin 1500
    around = found[:, 700:1300].mean(axis=1)
    assert (at_call < 3 * around).all()


def test_padding_is_not_taken_for_background() -> None:
    padded = waves(seed=8)
    padded[:, T // 2 :] = 0
    d = drawn(background=1)
    added = apply(waves(), d, RATE, background=padded) - waves()
    assert np.allclose(db(power(waves()) / power(added)), d.noise.background_snr_db, atol=0.5)


@pytest.mark.parametrize(("name", "what"), [("real_noise", "noise"), ("background", "clips")])
def test_noise_that_is_not_given_is_an_error(name: str, what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        apply(waves(), drawn(**{name: 1}), RATE)
    given = {"noise" if name == "real_noise" else "background": waves(b=2)}
    with pytest.raises(SettingsError, match="shape"):
        apply(waves(), drawn(**{name: 1}), RATE, **given)


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(8, T),
        torch.ones(8, T),
        1e-20 * waves(),
        1e6 * waves(),
        torch.zeros(8, T).index_fill_(1, torch.tensor([5]), 1.0),
    ],
    ids=["silence", "dc", "faint", "huge", "click"],
)
def test_odd_sounds_stay_finite(x: torch.Tensor) -> None:
    for seed in range(3):
        d = draw(np.random.default_rng(seed), ALL.model_copy(update={"changed": 1.0}), x.shape, RATE)
        for other in (waves(), torch.zeros_like(x)):
            y = apply(x, d, RATE, noise=other, background=other)
            assert y.shape == x.shape
            assert bool(y.isfinite().all())
    if not x.any():
        assert not y.any()


@pytest.mark.parametrize("n", [16, 63, 500])
def test_very_short_clips(n: int) -> None:
    x = waves(n=n)
    d = draw(np.random.default_rng(0), ALL.model_copy(update={"changed": 1.0}), x.shape, RATE)
    assert bool(augmented(d, x).isfinite().all())


def test_settings_refuse_what_makes_no_sense() -> None:
    for wrong in ({"noise": 1.5}, {"noise_snr_db": [20, 5]}, {"gain_db": -1}, {"echo": 1}):
        with pytest.raises(SettingsError):
            build(WaveSettings, wrong)


def test_rows_take_parameters_apart() -> None:
    d = draw(np.random.default_rng(0), ALL, (8, T), RATE)
    two = d.rows([2, 5])
    assert np.array_equal(two.gain, d.gain[[2, 5]])
    assert np.array_equal(two.equipment.hum, d.equipment.hum[[2, 5]])
    assert replace(two, seed=0).seed == 0
    assert two.seed == d.seed
