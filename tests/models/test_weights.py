"""Weights and checkpoints of version 0.1.0, whose tensors have other names, are read under today's names."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from finback import models
from finback.core.runs.renames import RENAMED_MODULES
from finback.features.spec import FeatureSpec
from finback.models.weights import load_tensors, load_weights, pack, save_tensors, unpack

SPEC = FeatureSpec(
    sample_rate=1000, n_fft=64, hop=32, n_mels=8, f_min=0, f_max=500, n_frames=16, clip_samples=512
)


def denoiser(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    network: nn.Module = models.create("diffusion", SPEC, 2, patch=4, width=48, depth=2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter))  # so that no two tensors are equal
    return network


def with_old_names(path: Path) -> None:
    """Rewrite a file as version 0.1.0 would have named its tensors."""
    old = {new: old for old, new in RENAMED_MODULES.items()}
    tensors = load_file(path)
    renamed = {".".join(old.get(part, part) for part in name.split(".")): x for name, x in tensors.items()}
    assert renamed.keys() != tensors.keys()
    save_file(renamed, path, {"facts": '{"step": 3}'})


def equal(one: nn.Module, other: nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_weights_with_old_names_fill_the_network(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    network, other = denoiser(0), denoiser(1)
    save_tensors(path, network.state_dict(), {})
    with_old_names(path)
    load_weights(other, path)
    assert equal(network, other)


def test_a_checkpoint_with_old_names_is_resumed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    network, average = denoiser(0), denoiser(1)
    optimizer = torch.optim.AdamW(network.parameters())
    sum(p.sum() for p in network.parameters()).backward()  # type: ignore[union-attr]
    optimizer.step()
    save_tensors(path, pack(network, average, optimizer), {"step": 3})
    with_old_names(path)

    tensors, stored = load_tensors(path)
    assert stored == {"step": 3}
    resumed, resumed_average = denoiser(2), denoiser(3)
    resumed_optimizer = torch.optim.AdamW(resumed.parameters())
    unpack(tensors, resumed, resumed_average, resumed_optimizer)
    assert equal(network, resumed)
    assert equal(average, resumed_average)
    moments = (optimizer.state_dict()["state"], resumed_optimizer.state_dict()["state"])
    assert all(torch.equal(moments[0][i]["exp_avg"], moments[1][i]["exp_avg"]) for i in moments[0])


def test_no_network_uses_an_old_name() -> None:
    names = {part for name in denoiser(0).state_dict() for part in name.split(".")}
    assert not names & set(RENAMED_MODULES)
    assert "modulation" in names
