"""ONNX networks. Oracle: refused, or vectors that are finite."""

from __future__ import annotations

import random

import numpy as np

from fuzz.answers import REFUSED, RIGHT, SAME, Nonsense
from fuzz.damage import damaged_bytes
from fuzz.stage import Answer, Stage


def case(stage: Stage, rng: random.Random) -> Answer:
    from finback.core.errors import FinbackError
    from finback.features.backbones.onnx import Onnx
    from finback.features.spec import FeatureSpec

    network = stage.folder / "network.onnx"
    if not network.is_file():
        return "skipped", "onnx is not installed"
    waves = np.random.default_rng(0).normal(size=(2, 8000)).astype("f4")
    spec = FeatureSpec(sample_rate=8000, clip_samples=8000)
    before = Onnx(spec, str(network)).vectors(waves)
    with stage.work() as folder:
        path = folder / "network.onnx"
        data = network.read_bytes()
        path.write_bytes(_graph(rng, folder) if rng.random() < 0.4 else damaged_bytes(data, rng, head=400))
        try:
            found = Onnx(spec, str(path))(waves)
        except FinbackError as error:
            return REFUSED, str(error)
        if found.ndim != 2 or len(found) != 2 or not np.isfinite(found).all():
            raise Nonsense(f"vectors of shape {found.shape}, or not finite")
        return (
            (SAME, "") if found.shape == before.shape and np.allclose(found, before) else (RIGHT, found.shape)
        )


def _graph(rng: random.Random, folder: object) -> bytes:
    """A valid network of a wrong kind: types, shapes, outputs, values, operators."""
    from onnx import TensorProto, helper, numpy_helper

    kind = rng.choice((TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.STRING))
    shape = rng.choice(
        (["b", 8000], [8000], ["b", 1, 8000], ["b", 7], [], [2, 8000], ["b", "t"], [0, 8000], [1, 1, 1, 8000])
    )
    op = rng.choice(
        ("Identity", "Log", "Sqrt", "Shape", "NoSuchOp", "Softmax", "NonZero", "ReduceMean", "Expand")
    )
    inputs, extra = ["x"], []
    if op == "Expand":
        inputs.append("w")
        extra = [numpy_helper.from_array(np.array([100_000, 8000], dtype="i8"), "w")]
    out_kind = rng.choice((kind, TensorProto.INT64))
    graph = helper.make_graph(
        [helper.make_node(op, inputs, ["y"])],
        "g",
        [helper.make_tensor_value_info("x", kind, shape)][: rng.choice((1, 1, 1, 0))],
        [helper.make_tensor_value_info("y", out_kind, None)] * rng.choice((1, 1, 1, 2)),
        extra,
    )
    opset = rng.choice((17, 17, 17, 1, 99))
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=rng.choice((8, 8, 99))
    )
    return bytes(model.SerializeToString())
