"""The neural vocoder: level, batches, bands, any spec; its output for noise before training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from finback import models
from finback.core.errors import SettingsError
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec
from finback.features.stft import Frames
from finback.metrics.tones_and_clicks import click_width_ms, energy_before, frequency_jitter, modulation_depth
from finback.models.networks import vocoder
from finback.models.networks.vocoder import Block, Vocoder, unit
from finback.training.settings import resolve

SPEC = FeatureSpec(sample_rate=8000, clip_samples=8000, n_fft=256, hop=64, n_mels=32, n_frames=100)


def make(spec: FeatureSpec = SPEC, trained: bool = True, **chosen: int) -> Vocoder:
    """With random weights in every layer, as after some training, unless `trained` is False."""
    torch.manual_seed(0)
    model = Vocoder(spec, 0, **{"width": 16, "depth": 2, **chosen}).eval()
    if trained:
        torch.nn.init.normal_(model.magnitude.weight, std=0.1)
        torch.nn.init.normal_(model.phase.weight, std=0.3)
    return model


def logmels(n: int = 3, spec: FeatureSpec = SPEC) -> torch.Tensor:
    """Of noise with a swelling tone in it, each clip another."""
    rng = np.random.default_rng(0)
    t = np.arange(spec.clip_samples) / spec.sample_rate
    noise = 0.02 * rng.standard_normal((n, len(t)))
    hz = spec.sample_rate * rng.uniform(0.1, 0.3, (n, 1))
    tone = np.sin(2 * np.pi * hz * t) * np.hanning(len(t))
    return LogMel(spec)(torch.from_numpy((noise + tone).astype(np.float32)))


def spectra(waves: torch.Tensor) -> torch.Tensor:
    """Magnitude (B, F, n_bins) of waves."""
    frames = Frames(SPEC, SPEC.n_frames, waves.shape[1], waves)
    return frames.analyse(frames.padded(waves)).abs()


@torch.inference_mode()
def waves_of(model: Vocoder, x: torch.Tensor) -> torch.Tensor:
    return model(x)


def test_waves_are_as_long_as_their_frames_stand_for() -> None:
    assert waves_of(make(), logmels()).shape == (3, SPEC.covered_samples) == (3, 6400)


@pytest.mark.parametrize("preset", ["watkins", "right-whale", "ultrasonic"])
@pytest.mark.parametrize("components", [0, 1])
def test_every_preset_is_vocoded(preset: str, components: int) -> None:
    spec = resolve(preset).features
    x = torch.rand(1, 1, spec.n_mels, spec.n_frames) * 40 - 80
    waves = waves_of(make(spec, components=components), x)
    assert waves.shape == (1, spec.covered_samples)
    assert torch.isfinite(waves).all()
    assert waves.abs().max() > 0


def test_default_ships_in_twelve_megabytes() -> None:
    settings = resolve("watkins", family="vocoder")
    model = models.create("vocoder", settings.features, 0, **settings.model)
    assert sum(v.numel() for v in model.state_dict().values()) * 2 < 12e6
    assert model.n_parameters == sum(p.numel() for p in model.parameters())


def test_six_db_more_is_twice_as_large() -> None:
    """From a whisper, above which the floor of -100 dB is, to far past full scale."""
    model, x = make(), logmels()
    waves = waves_of(model, x)
    for gain_db in (-30.0, 6.0, 60.0):
        louder = waves_of(model, x + gain_db)
        torch.testing.assert_close(
            louder, waves * 10 ** (gain_db / 20), rtol=1e-3, atol=1e-4 * 10 ** (gain_db / 20)
        )


@pytest.mark.parametrize("components", [0, 1])
def test_a_wave_does_not_depend_on_its_batch_or_on_what_was_drawn_before(components: int) -> None:
    model, x = make(components=components), logmels()
    waves = waves_of(model, x)
    torch.manual_seed(1)
    single = torch.cat([waves_of(model, x[i : i + 1]) for i in (2, 0, 1)])[[1, 2, 0]]
    assert torch.equal(single, waves)


@pytest.mark.parametrize("trained", [False, True])
def test_bands_are_those_asked_for(trained: bool) -> None:
    """Whatever the network wants within bands: of the magnitude that it means, and nearly so of the wave."""
    model, x = make(trained=trained), logmels()
    with torch.inference_mode():
        waves, meant = model.synthesise(x, torch.randn(1, 6400), 16)
        bands = 10 * torch.log10(meant.square() @ model.front.weights.T).transpose(1, 2)
    loud = x[:, 0] > x.amax() - 60
    assert (bands - x[:, 0])[loud].abs().mean() < 1.2
    again = model.front(torch.nn.functional.pad(waves, (0, 1600)))
    correlation = np.corrcoef(again.flatten(), x.flatten())[0, 1]
    assert correlation > 0.9
    assert (again - x)[:, 0][loud].abs().mean() < 2.0


def test_rounds_bring_the_spectrum_nearer_to_the_one_meant() -> None:
    model, x, noise = make(), logmels(), torch.randn(1, 6400)
    errors = []
    for rounds in (0, 2, 8, 32):
        with torch.inference_mode():
            waves, meant = model.synthesise(x, noise, rounds)
            found = spectra(waves)
        errors.append(float((found - meant).norm() / meant.norm()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.6 * errors[0]


def test_momentum_leads_further_in_as_many_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, noise = make(), logmels(), torch.randn(1, 6400)
    errors = []
    for momentum in (vocoder.MOMENTUM, 0.0):
        monkeypatch.setattr(vocoder, "MOMENTUM", momentum)
        with torch.inference_mode():
            waves, meant = model.synthesise(x, noise, 16)
            errors.append(float((spectra(waves) - meant).norm()))
    assert errors[0] < 0.95 * errors[1]


def test_noise_sounds_like_noise_from_the_first() -> None:
    """White noise asked for: the wave is neither a click nor a hum."""
    x = LogMel(SPEC)(torch.randn(1, 8000, generator=torch.Generator().manual_seed(3)))
    wave = waves_of(make(trained=False), x)[0].double()
    kurtosis = (wave**4).mean() / wave.square().mean() ** 2
    assert 2.5 < kurtosis < 4.0
    spectrum = torch.fft.rfft(wave).abs().square()
    assert spectrum.max() < 30 * spectrum.mean()


def test_components_keep_tones_steady_and_clicks_short() -> None:
    """With random weights: what the network does within bands does not reach them."""
    time = torch.arange(SPEC.clip_samples) / SPEC.sample_rate
    tone = 0.3 * torch.sin(2 * np.pi * 1875 * time)
    click = torch.zeros(SPEC.clip_samples)
    click[3000:3004] = torch.tensor([0.5, -0.5, 0.4, -0.3])
    x = LogMel(SPEC)(torch.stack([tone, click]))
    with_them, without = waves_of(make(components=1), x).numpy(), waves_of(make(), x).numpy()
    assert modulation_depth(with_them[:1])[0] < 0.05
    assert frequency_jitter(with_them[:1], SPEC.sample_rate)[0] < 5
    assert modulation_depth(without[:1])[0] > 0.2
    assert click_width_ms(with_them[1:], SPEC.sample_rate)[0] < 2
    assert energy_before(with_them[1:], np.array([2996]))[0] < 0.1
    assert click_width_ms(without[1:], SPEC.sample_rate)[0] > 4


def test_the_bundled_vocoder_of_0_1_0_has_no_components() -> None:
    assert not make().components
    assert resolve("watkins", family="vocoder").model["components"] == 1


def test_ends_are_as_loud_as_the_middle() -> None:
    x = LogMel(SPEC)(torch.randn(1, 8000, generator=torch.Generator().manual_seed(3)))
    wave = waves_of(make(trained=False), x)[0]
    middle = wave[1000:-1000].square().mean()
    for end in (wave[:128], wave[-128:]):
        assert 0.4 < end.square().mean() / middle < 2.5


def test_silence_stays_silent() -> None:
    waves = waves_of(make(), torch.full((2, 1, 32, 100), -100.0))
    assert torch.isfinite(waves).all()
    assert waves.abs().max() < 1e-3


def test_a_stretch_of_any_length_is_vocoded() -> None:
    model = make()
    with torch.inference_mode():
        waves, meant = model.synthesise(logmels()[..., :10], torch.randn(3, 640), 1)
    assert waves.shape == (3, 640)
    assert meant.shape == (3, 10, 129)


@pytest.mark.parametrize("components", [0, 1])
def test_gradients_reach_every_weight_through_the_rounds(components: int) -> None:
    model = make(components=components)
    waves, _ = model.synthesise(logmels(), torch.randn(3, 6400), 2)
    waves.square().sum().backward()
    for name, p in model.named_parameters():
        assert p.grad is not None, name
        assert torch.isfinite(p.grad).all(), name
        assert p.grad.abs().max() > 0, name


def test_a_block_begins_near_the_identity() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 20, 16)
    assert (Block(16, 0.1)(x) - x).norm() < 0.2 * x.norm()


def test_unit_vectors() -> None:
    z = torch.tensor([3 + 4j, -2j, 0j])
    torch.testing.assert_close(unit(z), torch.tensor([0.6 + 0.8j, -1j, 0j]))


@pytest.mark.parametrize(("change", "named"), [({"scale": "pcen"}, "pcen"), ({"hop": 129}, "hop = 129")])
def test_specs_that_cannot_be_vocoded_are_refused(change: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        make(SPEC.model_copy(update=change))
