"""The denoiser that starts at the Wiener filter: exact where the data are Gaussian, and what it is told."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from finback import models
from finback.core.errors import SettingsError
from finback.features.spec import FeatureSpec
from finback.models.networks.conditions import NO_TAPE, Conditions, marks
from finback.models.networks.denoiser import PatchDenoiser
from finback.models.networks.residual_denoiser import ResidualDenoiser

M, F, K = 8, 32, 2
SPEC = FeatureSpec(sample_rate=8000, clip_samples=4096, n_fft=256, hop=128, n_mels=M, n_frames=F)
SMALL = {"width": 16, "depth": 1, "frame_width": 48, "frame_depth": 1}


def made(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(N, 1, M, F) dB and class ids: bands that move together, faster in the second species."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % K
    common = torch.randn(n, 1, 1, F, generator=generator)
    common[y == 0] = torch.nn.functional.avg_pool1d(common[y == 0].flatten(1), 5, 1, 2)[:, None, None] * 2
    own = torch.randn(n, 1, M, F, generator=generator)
    colour = torch.linspace(-6, 6, M)[None, None, :, None] * (2 * y - 1)[:, None, None, None]
    return -40 + colour + 5 * common + 2 * own, y


def fitted() -> ResidualDenoiser:
    torch.manual_seed(0)
    model = models.create("diffusion", SPEC, K, start="wiener", **SMALL)
    x, y = made(400)
    n = len(x)
    frames, tapes = torch.full((n,), F), y * 2 + (torch.arange(n) // K) % 2
    model.scale.fit(x, y, frames)
    model.fit_start(x, y, frames, torch.ones(n), tapes)
    return model.eval()


def given(y: Tensor, tape: int = NO_TAPE) -> Conditions:
    return Conditions(y, torch.full_like(y, tape), torch.stack([marks([], F, F)] * len(y)))


@pytest.mark.parametrize("sigma", [0.3, 1.0, 5.0])
def test_a_new_network_is_the_linear_optimum_and_knows_its_error(sigma: float) -> None:
    model = fitted()
    x, y = made(300, seed=1)
    units = model.scale.to_units(x)
    levels = torch.full((len(x),), sigma)
    noisy = units + sigma * torch.randn(units.shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        answer = model.denoise(noisy, levels, given(y))
        assert torch.equal(answer, model.linear(noisy, levels, given(y)))
        expected = model.filter.uncertainty(levels, given(y)).mean()
    error = (answer - units).square().mean()
    plain = (noisy / (1 + sigma**2) - units).square().mean()  # values taken to be independent
    assert error < 0.8 * plain
    assert error == pytest.approx(float(expected), rel=0.1)


def test_the_filter_of_another_species_is_worse() -> None:
    model = fitted()
    x, y = made(200, seed=1)
    units = model.scale.to_units(x)
    noisy, levels = units + torch.randn(units.shape), torch.ones(len(x))
    own, other = ((model.linear(noisy, levels, given(k)) - units).square().mean() for k in (y, 1 - y))
    assert own < 0.9 * other


def test_both_networks_are_asked_each_for_its_noise_levels() -> None:
    model = fitted()
    asked: dict[str, int] = {}
    for name in ("frames", "grain"):
        part = getattr(model, name)
        part.register_forward_pre_hook(lambda _, inputs, name=name: asked.update({name: len(inputs[0])}))
    levels = torch.tensor([0.1, 9.0, 1.0, 0.5])
    x = torch.randn(4, 1, M, F)
    y = torch.tensor([0, 1, 2, 0])
    with torch.no_grad():
        together = model.denoise(x, levels, given(y))
        assert asked == {"frames": 1, "grain": 3}
        for i in range(4):
            alone = model.denoise(x[i : i + 1], levels[i : i + 1], given(y[i : i + 1]))
            assert torch.allclose(alone[0], together[i], atol=1e-4)


def test_tapes_and_lengths_are_kept_with_the_weights() -> None:
    model = fitted()
    again = models.create("diffusion", SPEC, K, start="wiener", **SMALL)
    again.load_state_dict(model.state_dict())
    assert again.recordings.spectra.shape == (4, M)
    assert again.tapes_of(1) == [2, 3]
    assert {again.recordings.draw_tape(0, u) for u in (0.0, 0.3, 0.7, 0.999)} == {0, 1}
    assert again.recordings.draw_length(0, 0.99) == F
    x, y = torch.randn(2, 1, M, F), torch.tensor([1, 1])
    with torch.no_grad():
        ours, theirs = (m.eval().denoise(x, torch.ones(2), given(y, 3)) for m in (model, again))
    assert torch.equal(ours, theirs)


def test_marks_name_joints_and_unknown_frames() -> None:
    found = marks([10], 20, F)
    assert found.shape == (3, F)
    assert found[0].argmax() == 10
    assert found[1].argmax() == 9
    assert found[0, :10].max() == 0
    assert found[2].sum() == 20


def test_a_run_that_names_no_start_has_the_network_of_0_1_0() -> None:
    assert isinstance(models.create("diffusion", SPEC, K, width=48, depth=1), PatchDenoiser)
    with pytest.raises(SettingsError, match=r"model\.start = 'middle': unknown"):
        models.create("diffusion", SPEC, K, start="middle")
