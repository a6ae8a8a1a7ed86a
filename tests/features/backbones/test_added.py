"""Weights that the user adds: verified, copied once, refused with a reason; networks as their papers say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from added_networks import SIZE, beats_state, tiny_beats, tiny_cnn14, tiny_perch, written
from typer.testing import CliRunner

from finback.cli.app import app
from finback.core.errors import FinbackError, InputError, SettingsError
from finback.features.backbones import added, beats, cnn14
from finback.features.backbones.checkpoints import read_checkpoint
from finback.features.backbones.kaldi import Fbank, mel_bands
from finback.features.frontends import backbone

pytest.importorskip("onnxruntime", reason="the extra onnx")
pytest.importorskip("onnx", reason="pip install onnx, to make networks for the test")

each = pytest.mark.parametrize("name", sorted(added.ADDABLE))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setenv("FINBACK_BACKBONES", str(tmp_path / "data"))
    return tmp_path / "data"


def waves(kind: type[added.Added], n: int = 2) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, (n, kind.window)).astype(np.float32)


def command(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["backbone", *map(str, words)])
    return done.exit_code, done.output


@each
def test_added_once_and_found_by_its_name(name: str, folder: Path, tmp_path: Path) -> None:
    kind = added.added_class(name)
    with pytest.raises(SettingsError, match=rf"not installed; finback backbone add {name}"):
        backbone(name, kind.spec())
    given = written(name, tmp_path)
    about = added.add(kind, given)
    assert added.about(kind) == about == added.add(kind, given)
    assert {p.name for p in (folder / name).iterdir() if p.name[0] != "."} == {kind.stored, "backbone.json"}
    network = backbone(name, kind.spec())
    x = waves(kind)
    vectors = network(x)
    assert vectors.shape == (2, about.n_features)
    assert np.array_equal(vectors, np.concatenate([network(one[None]) for one in x]))
    assert network.version == backbone(name, kind.spec(), weights=str(folder / name / kind.stored)).version


@each
def test_a_wrong_file_is_refused_and_leaves_nothing(name: str, folder: Path, tmp_path: Path) -> None:
    kind = added.added_class(name)
    (tmp_path / "damaged").write_bytes(written(name, tmp_path).read_bytes()[:-3000])
    (tmp_path / "text").write_text("not weights")
    torch.save([1, 2], tmp_path / "list")
    others = [written(other, tmp_path) for other in added.ADDABLE if other != name]
    for given in (tmp_path / "damaged", tmp_path / "text", tmp_path / "list", *others, tmp_path / "gone"):
        with pytest.raises(FinbackError) as error:
            added.add(kind, given)
        assert str(given) in str(error.value)
        assert "\n" not in str(error.value)
    assert added.found(kind) is None


def test_other_weights_do_not_replace_those_that_are_there(tmp_path: Path) -> None:
    kind = added.added_class("cnn14")
    first = added.add(kind, tiny_cnn14(tmp_path / "a.pth"))
    with pytest.raises(InputError, match="holds other weights") as error:
        added.add(kind, tiny_cnn14(tmp_path / "b.pth", n_features=11))
    assert "FINBACK_BACKBONES" in str(error.value)
    assert added.about(kind) == first


def test_a_name_that_nobody_knows_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="beats, cnn14, perch2"):
        added.added_class("perch9")


def test_perch_needs_its_1536_numbers_and_scales_each_window(tmp_path: Path) -> None:
    kind = added.added_class("perch2")
    with pytest.raises(SettingsError, match="gives 8 numbers"):
        added.add(kind, tiny_perch(tmp_path / "small.onnx", n_features=8))
    added.add(kind, tiny_perch(tmp_path / "a.onnx"))
    network, x = backbone("perch2", kind.spec()), waves(kind, 1)
    assert np.allclose(network(x), network(7 * x + 0.3), atol=1e-4)
    assert np.allclose(added.to_peak(x, 0.25).max(), 0.25, atol=0.01)
    assert not network(np.zeros_like(x)).any()


def test_cnn14_takes_the_bands_of_its_checkpoint(tmp_path: Path) -> None:
    state = read_checkpoint(tiny_cnn14(tmp_path / "a.pth"))[0]
    network = cnn14.Cnn14.network_of(state, {}, tmp_path)
    x = torch.randn(1, 32_000) * 0.1
    window = torch.hann_window(1024).numpy()
    padded = np.pad(x[0].numpy(), 512, mode="reflect")
    frames = np.stack([padded[i * 320 : i * 320 + 1024] * window for i in range(101)])
    power = np.abs(np.fft.rfft(frames)) ** 2 @ state["logmel_extractor.melW"].numpy()
    expected = 10 * np.log10(np.maximum(power, 1e-10))
    assert np.allclose(network.logmel_extractor(x)[0, 0].numpy(), expected, atol=1e-3)
    assert network(x).shape == (1, 10)
    assert (network(x) >= 0).all()


def test_a_tensor_of_another_shape_is_named(tmp_path: Path) -> None:
    state = read_checkpoint(tiny_cnn14(tmp_path / "a.pth"))[0]
    with pytest.raises(SettingsError, match=r"bn0\.weight is \(3,\) instead of \(64,\)"):
        cnn14.Cnn14.network_of({**state, "bn0.weight": torch.ones(3)}, {}, tmp_path)
    del state["conv_block2.bn1.bias"]
    with pytest.raises(SettingsError, match=r"conv_block2\.bn1\.bias is missing"):
        cnn14.Cnn14.network_of(state, {}, tmp_path)


def test_kaldis_bands_and_frames() -> None:
    bands = mel_bands(128)
    assert bands.shape == (257, 128)
    assert not bands[-1].any()
    assert not bands[0].any()
    assert np.isclose(np.interp(1000.0, [20.0, 8000.0], [0, 1]), 0.1228, atol=1e-3)  # hertz, not mel
    tone = torch.sin(2 * np.pi * 1000.0 * torch.arange(16_000) / 16_000)[None] * 1000
    found = Fbank(128)(tone)[0]
    assert found.shape == (98, 128)  # only whole frames of 25 ms
    mel = 1127 * np.log1p(np.array([20.0, 1000.0, 8000.0]) / 700)
    assert abs(int(found[50].argmax()) - ((mel[1] - mel[0]) / (mel[2] - mel[0]) * 129 - 1)) < 1
    silent = Fbank(128)(torch.zeros(1, 400))
    assert torch.allclose(silent, torch.full_like(silent, float(np.log(1.1920929e-07))))


def test_buckets_of_positions_are_exact_near_and_logarithmic_far() -> None:
    buckets = beats.position_buckets(200, 32, 80)
    assert buckets[0, :8].tolist() == [0, 17, 18, 19, 20, 21, 22, 23]
    assert buckets[7, :8].tolist() == [7, 6, 5, 4, 3, 2, 1, 0]
    assert buckets[0, 199] == 31  # as all distances beyond 80
    assert buckets[0, 8:40].diff().min() >= 0
    assert buckets[0, 20] == 16 + 8 + int(np.log(20 / 8) / np.log(80 / 8) * 8)


def test_beats_attends_as_its_paper_says() -> None:
    """Head by head and query by query, in NumPy."""
    network = beats.Beats.network_of(beats.without_weight_norm(beats_state()), SIZE, Path("a"))
    attention = network.encoder.layers[1].self_attn
    x, bias = torch.randn(1, 5, 16), torch.randn(4, 5, 5)
    q, k, v = (getattr(attention, f"{n}_proj")(x)[0].numpy().reshape(5, 4, 4) for n in "qkv")
    weight, offset = attention.grep_linear.weight.numpy(), attention.grep_linear.bias.numpy()
    out = np.zeros((5, 4, 4))
    for head in range(4):
        for i in range(5):
            eight = weight @ q[i, head] + offset
            update, reset = (1 / (1 + np.exp(-part.sum())) for part in (eight[:4], eight[4:]))
            gate = update * (reset * float(attention.grep_a[0, head]) - 1) + 2
            scores = k[:, head] @ q[i, head] / 2 + gate * bias[head, i].numpy()
            share = np.exp(scores - scores.max())
            out[i, head] = share / share.sum() @ v[:, head]
    rows = torch.from_numpy(out.reshape(5, 16)).float()
    assert torch.allclose(attention(x, bias)[0], attention.out_proj(rows), atol=1e-5)


def test_the_position_kernel_is_that_of_weight_norm() -> None:
    state = beats_state()
    conv = torch.nn.Conv1d(16, 16, 8, groups=4)
    torch.nn.utils.parametrizations.weight_norm(conv, dim=2)
    conv.parametrizations.weight.original0.data = state[beats.G]  # type: ignore[union-attr]
    conv.parametrizations.weight.original1.data = state[beats.V]  # type: ignore[union-attr]
    assert torch.allclose(beats.without_weight_norm(state)[beats.W], conv.weight, atol=1e-6)


def test_settings_of_no_published_beats_are_refused(tmp_path: Path) -> None:
    state = beats.without_weight_norm(beats_state())
    for change, reason in (
        ({"encoder_layers": 10**9}, "encoder_layers"),
        ({"conv_pos_groups": 3}, "do not fit"),
        ({"layer_norm_first": True}, "layer_norm_first is not False"),
    ):
        with pytest.raises(SettingsError, match=reason):
            beats.Beats.network_of(state, {**SIZE, **change}, tmp_path)


def test_the_commands_say_what_is_here(tmp_path: Path) -> None:
    given = tiny_beats(tmp_path / "a.pt")
    code, text = command("add", "beats", "--weights", given)
    assert code == 0
    assert "MIT" in text
    assert "beats, beats-mix, beats-plda" in text
    found = json.loads(command("list", "--json")[1])["backbones"]
    states = {f["name"]: f["state"] for f in found}
    assert states["beats"] == "added"
    assert states["cnn14"] == "not added"
    shown = json.loads(command("show", "beats", "--json")[1])
    assert shown["added"]["source_sha256"] == added.sha256(given)
    assert "16,000 Hz" in command("list")[1]
    assert "zenodo" in command("show", "cnn14")[1]
    assert command("add", "beats", "--weights", tmp_path / "gone")[0] != 0
    assert command("show", "perch9")[0] != 0
