"""Weights given to `finback backbone add`. Oracle: refused, leaving nothing, or a copy that answers."""

from __future__ import annotations

import os
import random
from pathlib import Path

import torch

from fuzz.answers import REFUSED, RIGHT, SAME, Nonsense
from fuzz.damage import damaged_bytes
from fuzz.stage import Answer, Stage


def case(stage: Stage, rng: random.Random) -> Answer:
    from added_networks import SUFFIX, written

    from finback.core.errors import FinbackError
    from finback.features.backbones import added

    name = rng.choice(("beats", "cnn14", "perch2"))
    if name == "perch2" and not (stage.folder / "network.onnx").is_file():
        return "skipped", "onnx is not installed"
    with stage.work() as folder:
        os.environ["FINBACK_BACKBONES"] = str(folder / "data")
        kind, given = added.added_class(name), written(name, folder)
        whole = added.sha256(given)
        if name != "perch2" and rng.random() < 0.5:
            torch.save(_changed(torch.load(given, weights_only=False), rng), given)
        else:
            given.write_bytes(damaged_bytes(given.read_bytes(), rng, head=400))
        if rng.random() < 0.1:
            suffix = rng.choice((".safetensors", ".onnx", "", SUFFIX["beats"]))
            given = given.rename(given.with_suffix(suffix))
        try:
            about = added.add(kind, given)
        except FinbackError as error:
            if added.found(kind) is not None:
                raise Nonsense("refused, but a copy is there") from error
            return REFUSED, str(error)
        if added.about(kind) != about or not Path(added.folder_of(name) / kind.stored).is_file():
            raise Nonsense(f"no copy of {about}")
        return (SAME, "") if about.source_sha256 == whole else (RIGHT, about.n_features)


def _changed(loaded: dict[str, object], rng: random.Random) -> object:
    """A checkpoint that can be read, of another network: shapes, types, names, settings."""
    tensors, settings = loaded["model"], loaded.get("cfg")
    assert isinstance(tensors, dict)
    name = rng.choice(list(tensors))
    what = rng.randrange(7)
    if what == 0:
        del tensors[name]
    elif what == 1:
        tensors[name] = tensors[name][..., None]
    elif what == 2:
        value = rng.choice((float("nan"), 1e38, 0.0))
        tensors[name] = torch.full_like(tensors[name], value, dtype=torch.float32)
    elif what == 3:
        tensors[name] = tensors[name].to(rng.choice((torch.bool, torch.complex64, torch.int8)))
    elif what == 4 and isinstance(settings, dict):
        settings[rng.choice(list(settings))] = rng.choice((0, -1, 10**12, None, "a", True, [1], 1.5))
    elif what == 5:
        return rng.choice((tensors, list(tensors.values()), {"state_dict": tensors}, {"model": 3}, {}))
    else:
        tensors[name] = tensors[name].half()
    return loaded
