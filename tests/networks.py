"""Small ONNX networks for the tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_network(
    path: Path,
    axes: list[int | str],
    seed: int = 0,
    n_features: int = 6,
    grid: bool = False,
    beside: str = "",
) -> Path:
    """Waves of shape `axes`, T last and fixed, -> `embedding` (B, D) = waves @ W, and `scores`, its softmax.

    With `grid` the embedding is (B, 2, 3, D): the same numbers six times over, plus 0 to 5. `beside` is the
    name of the file for W, if it is not in the network's own file.
    """
    from onnx import TensorProto, helper, numpy_helper, save

    n = int(axes[-1])
    weights = np.random.default_rng(seed).normal(0, 1, (n, n_features)).astype(np.float32)
    constants = {"W": weights, "flat": np.array([-1, n]), "cells": np.array([-1, 1, 1, n_features])}
    constants["steps"] = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    nodes = [
        helper.make_node("Reshape", ["waves", "flat"], ["rows"]),
        helper.make_node("MatMul", ["rows", "W"], ["product"]),
        helper.make_node("Softmax", ["product"], ["scores"]),
    ]
    if grid:
        nodes += [
            helper.make_node("Reshape", ["product", "cells"], ["cell"]),
            helper.make_node("Add", ["cell", "steps"], ["embedding"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["product"], ["embedding"]))
    shape = ["b", 2, 3, n_features] if grid else ["b", n_features]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("waves", TensorProto.FLOAT, axes)],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["b", n_features]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if beside:
        (path.parent / beside).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / beside).unlink(missing_ok=True)  # else W is added at its end
        save(made, str(path), save_as_external_data=True, location=beside, size_threshold=1000)
    else:
        save(made, str(path))
    return path
