"""Tiny networks with random weights, in the files that their authors would publish."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from finback.features.backbones import beats, cnn14

SIZE = {
    "input_patch_size": 16,
    "embed_dim": 12,
    "encoder_layers": 2,
    "encoder_embed_dim": 16,
    "encoder_ffn_embed_dim": 24,
    "encoder_attention_heads": 4,
    "conv_pos": 8,
    "conv_pos_groups": 4,
    "num_buckets": 32,
    "max_distance": 80,
}


def tiny_perch(path: Path, n_features: int = 1536, output: str = "embedding") -> Path:
    """`inputs` (B, 160000) -> `embedding` (B, D): the means of 16 pieces, times a matrix; and `label`."""
    from onnx import TensorProto, helper, numpy_helper, save

    weights = np.random.default_rng(0).normal(0, 1, (16, n_features)).astype(np.float32)
    constants = {"W": weights, "cells": np.array([-1, 16, 10_000]), "last": np.array([2])}
    nodes = [
        helper.make_node("Reshape", ["inputs", "cells"], ["pieces"]),
        helper.make_node("ReduceMean", ["pieces", "last"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "W"], [output]),
        helper.make_node("Softmax", [output], ["label"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["b", 160_000])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", n_features])
            for name in ("label", output)
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    return path


def random_state(network: torch.nn.Module, seed: int = 0) -> dict[str, torch.Tensor]:
    """The state of a network with random weights, also of its batch norms."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in network.state_dict().items():
        made = torch.randn(tensor.shape, generator=generator) * 0.3
        positive = name.endswith(("running_var", "melW"))
        state[name] = made.abs() + 0.01 if positive else made if tensor.ndim else tensor
    return state


def tiny_cnn14(path: Path, n_features: int = 10) -> Path:
    """A checkpoint as of the PANNs: `model` with parts that the backbone does not need, and NumPy."""
    state = random_state(cnn14.Network([2, 2, 3, 3, 4, 5], n_features))
    state["spectrogram_extractor.stft.conv_real.weight"] = torch.zeros(513, 1, 1024)
    state["fc_audioset.weight"] = torch.zeros(527, n_features)
    torch.save({"iteration": 3, "model": state, "sampler": {"pointer": np.arange(3), "n": np.int64(2)}}, path)
    return path


def beats_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """The tensors of a tiny BEATs encoder with its position kernel as directions and lengths."""
    state = random_state(beats.Network(SIZE), seed)
    kernel = state.pop(beats.W)
    state[beats.V] = 3.0 * kernel
    state[beats.G] = kernel.square().sum(dim=(0, 1), keepdim=True).sqrt()
    bias = state["encoder.layers.0.self_attn.relative_attention_bias.weight"]
    return {**state, "encoder.layers.1.self_attn.relative_attention_bias.weight": bias}


def tiny_beats(path: Path) -> Path:
    """A checkpoint as of BEATs: `cfg` and `model`."""
    torch.save({"cfg": {**SIZE, **beats.FIXED, "dropout": 0.1}, "model": beats_state()}, path)
    return path


MAKERS = {"beats": tiny_beats, "cnn14": tiny_cnn14, "perch2": tiny_perch}
SUFFIX = {"beats": ".pt", "cnn14": ".pth", "perch2": ".onnx"}


def written(name: str, folder: Path) -> Path:
    """The file of a tiny network of this backbone."""
    return MAKERS[name](folder / f"{name}{SUFFIX[name]}")
