"""Fine-tuned YAMNet: it starts as the frozen backbone, trains what it may, and mixes bands in training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_models import leaf

from finback import models
from finback.core.errors import SettingsError
from finback.features.backbones.yamnet import moments
from finback.features.backbones.yamnet.network import LogMel
from finback.features.spec import FeatureSpec
from finback.models.export.module import refuse
from finback.models.networks.yamnet_tuned import YamnetTuned, mixed_bands, peaked
from finback.training.loop import parameter_groups
from finback.training.settings import resolve


@pytest.fixture
def spec() -> FeatureSpec:
    return resolve(family="yamnet-tuned").features.model_copy(update={"clip_samples": 16_000})


def new(spec: FeatureSpec, **chosen: float) -> YamnetTuned:
    model = models.create("yamnet-tuned", spec, 3, **chosen)
    assert isinstance(model, YamnetTuned)
    return model


def test_it_starts_as_yamnet_at_two_speeds(spec: FeatureSpec) -> None:
    """At half speed the samples are taken for sound at 16 kHz; at speed 1 every second one is enough."""
    t = torch.arange(spec.clip_samples) / spec.sample_rate
    wave = peaked(torch.sin(2 * np.pi * 900 * t * (1 + t))[None])
    model = new(spec).eval()
    with torch.inference_mode():
        expected = [moments(model.network(LogMel()(x)))[0] for x in (wave[:, ::2], wave)]
        found = model.embed(0.3 * wave)[0]
    raw = torch.cat(expected)
    normal = (raw - raw.mean()) / raw.std(correction=0)
    assert torch.allclose(found[1024:], normal[1024:], atol=0.02)
    assert float((found[:1024] - normal[:1024]).square().mean()) < 0.02


def test_frozen_blocks_stay_and_the_others_learn_slowly(spec: FeatureSpec) -> None:
    model = new(spec, freeze=7).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    groups = parameter_groups(model, resolve(family="yamnet-tuned").training)
    sizes = dict.fromkeys((0.1, 1.0), 0)
    for group in groups:
        sizes[group["rate"]] += sum(p.numel() for p in group["params"])
    own = sum(p.numel() for p in model.network.blocks[7].parameters())
    assert sizes == {0.1: own, 1.0: 2 * 2048 + 3 * 2048 + 3}  # norm and head
    for group in groups:
        group["lr"] = 1e-3 * group["rate"]
    optimizer = torch.optim.AdamW(groups)
    torch.manual_seed(0)
    x = torch.randn(2, spec.clip_samples)
    torch.nn.functional.cross_entropy(model(x), torch.tensor([0, 1])).backward()
    optimizer.step()
    after = model.state_dict()
    changed = {k for k, v in after.items() if not torch.equal(v, before[k])}
    assert {k.split(".")[2] for k in changed if k.startswith("network.")} == {"7"}
    steps = {k: float((after[k] - before[k]).abs().max()) for k in changed}
    assert steps["network.blocks.7.pointwise.weight"] < 2e-4 < 9e-4 < steps["norm.weight"]


def test_bands_of_a_batch_are_mixed() -> None:
    x = torch.randn(64, 1, 20, 4) * torch.linspace(1, 5, 64)[:, None, None, None] + torch.arange(4.0)
    torch.manual_seed(0)
    found = mixed_bands(x, 0.5)
    same = torch.isclose(found, x, atol=1e-4).all(dim=(1, 2, 3))
    assert 16 < int(same.sum()) < 56
    deviation, mean = torch.std_mean(found, dim=2)
    most, least = x.std(dim=2).amax(), x.std(dim=2).amin()
    assert bool(((deviation > least - 1e-3) & (deviation < most + 1e-3)).all())
    normal = (found - mean[:, :, None]) / deviation[:, :, None]
    own = (x - x.mean(dim=2, keepdim=True)) / x.std(dim=2, keepdim=True)
    assert torch.allclose(normal, own, atol=1e-3)
    assert torch.allclose(mixed_bands(x, 0.0), x, atol=1e-5)


@pytest.mark.parametrize("name", ["yamnet-tuned", "yamnet-plda"])
def test_an_export_is_refused_by_name(name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be exported: no graph was written"):
        refuse(leaf(name))


@pytest.mark.parametrize(
    ("changes", "chosen", "said"),
    [
        ({"sample_rate": 16_000}, {}, r"features\.sample_rate = 32000"),
        ({"clip_samples": 1000}, {}, r"at least 1,760 samples"),
        ({}, {"freeze": 9}, r"model\.freeze = 9"),
        ({}, {"mixing": 1.5}, r"model\.mixing"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    spec: FeatureSpec, changes: dict[str, int], chosen: dict[str, float], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        new(spec.model_copy(update=changes), **chosen)
