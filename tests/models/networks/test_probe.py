"""Probes: trained, evaluated and loaded like any family; the run names their backbone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from finback import models
from finback.audio.io import read
from finback.core.errors import RunError, SettingsError, SpecMismatchError
from finback.core.runs.folder import RunFolder
from finback.core.types import Labels
from finback.data.dataset import Dataset
from finback.evaluation.evaluate import evaluate_run
from finback.features.spec import FeatureSpec
from finback.models.ensemble import combine
from finback.models.export.folder import package_run
from finback.models.networks.heads import Logistic
from finback.models.networks.probe import Probe
from finback.models.predictor import Predictor
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve

TOML = """[features]
sample_rate = 8000
clip_samples = 8000
n_fft = 256
hop = 128
n_mels = 32
n_frames = 60
pad = "tile"
"""


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("preset") / "probe.toml"
    path.write_text(TOML)
    return str(path)


@pytest.mark.parametrize("family", ["mfcc-svm", "mfcc-forest"])
def test_the_whole_way(family: str, tiny_dataset: Dataset, preset: str, tmp_path: Path) -> None:
    settings = resolve(preset, family=family)
    run = train(Plan(family, settings, seed=1), tiny_dataset, tmp_path / "run")
    assert run.info.finished
    assert run.info.n_parameters > 1000
    assert (tmp_path / "run" / "validation.parquet").exists()
    found = evaluate_run(tmp_path / "run")
    assert found["accuracy"] > 0.5  # four species
    assert train(Plan(family, settings, seed=1), tiny_dataset, tmp_path / "run").path == run.path
    with pytest.raises(RunError, match="another run"):
        train(Plan(family, settings, seed=2), tiny_dataset, tmp_path / "run")


def test_a_family_preset_keeps_the_level_out(tiny_dataset: Dataset, preset: str) -> None:
    """The same sound, 20 dB quieter, is the same to an MFCC probe."""
    from finback.audio.level import normalise
    from finback.features.extract import fit_length
    from finback.features.frontends import create

    spec = resolve(preset, family="mfcc-svm").features
    clip = tiny_dataset.clips[0]
    wave = fit_length(read(clip.recording.path, 0, clip.recording.n_samples), spec)
    mfcc = create("mfcc", spec)
    loud, quiet = (mfcc(normalise(x, spec.level)[None]) for x in (wave, wave * np.float32(0.1)))
    assert np.allclose(loud, quiet, atol=1e-2)


def test_long_clips_do_not_outvote_short_ones() -> None:
    """A clip of ten windows, each of weight a tenth, counts like a clip of one."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (40, 8)).astype(np.float32)
    y = np.arange(40) % 2
    x[:, 0] += y
    spec = FeatureSpec()
    short, long, wrong = (Probe(spec, Logistic(2, c=0.1)) for _ in range(3))
    times = np.where(np.arange(40) < 10, 10, 1)
    short.fit(x, y, np.ones(40), y)
    long.fit(
        np.repeat(x, times, axis=0), np.repeat(y, times), np.repeat(1 / times, times), np.repeat(y, times)
    )
    wrong.fit(np.repeat(x, times, axis=0), np.repeat(y, times), np.ones(times.sum()), np.repeat(y, times))
    new = torch.from_numpy(rng.normal(0, 1, (20, 8)).astype(np.float32))
    assert torch.allclose(short(new), long(new), atol=1e-3)
    assert not torch.allclose(short(new), wrong(new), atol=1e-1)


def own_network(preset: str, tmp_path: Path) -> tuple[Path, Plan]:
    """An ONNX file, and the plan of a model on it."""
    pytest.importorskip("onnxruntime", reason="the extra onnx")
    pytest.importorskip("onnx", reason="pip install onnx, to make a network for the test")
    from networks import write_network

    network = write_network(tmp_path / "mine.onnx", ["b", 8000], n_features=64)
    chosen = [f"model.onnx_file='{network}'", "model.onnx_output=embedding"]
    return network, Plan("onnx", resolve(preset, chosen, family="onnx"))


def test_a_run_on_a_network_of_ones_own_needs_nothing_but_its_folder(
    tiny_dataset: Dataset, preset: str, tmp_path: Path
) -> None:
    network, plan = own_network(preset, tmp_path)
    run = train(plan, tiny_dataset, tmp_path / "run")
    clips = tiny_dataset.clips[:5]
    scores = Predictor.load(run.path).scores(clips).logits
    assert np.isfinite(scores).all()
    assert str(tmp_path) not in run.run_json.read_text().split('"command"')[0]
    network.unlink()
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    assert np.array_equal(Predictor.load(moved).scores(clips).logits, scores)
    assert train(plan, tiny_dataset, moved).path == moved  # the same run: its copy stands for the file
    small = package_run(moved, tmp_path / "small", half=False)
    assert np.array_equal(Predictor.load(small).scores(clips).logits, scores)
    both = combine([moved, train_mfcc(tiny_dataset, preset, tmp_path)], tmp_path / "both")
    shutil.rmtree(moved)
    members = Predictor.load(both.path).root.leaves
    assert np.array_equal(Predictor(members[0], both_labels(both)).scores(clips).logits, scores)


def train_mfcc(dataset: Dataset, preset: str, tmp_path: Path) -> Path:
    return train(Plan("mfcc-svm", resolve(preset, family="mfcc-svm")), dataset, tmp_path / "mfcc").path


def both_labels(run: RunFolder) -> Labels:
    return Labels(run.info.labels)


def test_a_network_that_was_changed_is_refused(tiny_dataset: Dataset, preset: str, tmp_path: Path) -> None:
    from networks import write_network

    network, plan = own_network(preset, tmp_path)
    run = train(plan, tiny_dataset, tmp_path / "run")
    write_network(network, ["b", 8000], seed=1, n_features=64)
    Predictor.load(run.path)  # its own copy is as it was
    with pytest.raises(RunError, match="backbone_version"):
        train(plan, tiny_dataset, tmp_path / "run")
    (tmp_path / "run" / "backbone.onnx").write_bytes(network.read_bytes())
    with pytest.raises(SpecMismatchError, match="trained on version"):
        Predictor.load(run.path)


def test_folds_share_one_copy_of_the_network(tiny_dataset: Dataset, preset: str, tmp_path: Path) -> None:
    network, plan = own_network(preset, tmp_path)
    split = plan.settings.split.model_copy(update={"folds": 2})
    plan = replace(plan, settings=plan.settings.model_copy(update={"split": split}))
    run = train(plan, tiny_dataset, tmp_path / "run")
    network.unlink()
    assert [p.parent for p in run.path.rglob("*.onnx")] == [run.path]
    assert Predictor.load(run.path).scores(tiny_dataset.clips[:2]).logits.shape[0] == 2


def test_a_missing_network_is_named_before_any_work(
    tiny_dataset: Dataset, preset: str, tmp_path: Path
) -> None:
    settings = resolve(preset, ["model.onnx_file=gone.onnx"], family="onnx")
    pytest.importorskip("onnxruntime", reason="the extra onnx")
    with pytest.raises(SettingsError, match=r"gone\.onnx"):
        train(Plan("onnx", settings), tiny_dataset, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_licences_are_said_once_each() -> None:
    licences = models.licences(
        ["birdnet", "birdnet-mlp", "cnn2d", "ensemble", "aisfx", "mfcc-svm", "aisfx-tuned"]
    )
    assert len(licences) == 2
    assert "CC BY-NC-SA 4.0" in licences[0]
    assert "CC BY 4.0" in licences[1]


@pytest.fixture
def tuned_spec() -> FeatureSpec:
    from finback.features.backbones.aisfx import load_weights

    try:
        load_weights()
    except SettingsError as error:
        pytest.skip(str(error))
    return resolve(family="aisfx-tuned").features


def test_aisfx_tuned_starts_as_the_frozen_backbone(tuned_spec: FeatureSpec) -> None:
    from finback.features.frontends import create

    wave = np.random.default_rng(0).normal(0, 0.1, (1, tuned_spec.clip_samples)).astype(np.float32)
    wave /= np.abs(wave).max()
    model = models.create("aisfx-tuned", tuned_spec, 3).eval()
    with torch.inference_mode():
        assert np.allclose(model.embed(torch.from_numpy(wave)), create("aisfx", tuned_spec)(wave), atol=1e-4)


def test_aisfx_tuned_freezes_what_it_is_told(tuned_spec: FeatureSpec) -> None:
    model = models.create("aisfx-tuned", tuned_spec, 3, freeze=3).requires_grad_(True).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    x = torch.randn(2, tuned_spec.clip_samples)
    torch.nn.functional.cross_entropy(model(x), torch.tensor([0, 1])).backward()
    optimizer.step()
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert {k.split(".")[2] for k in changed if k.startswith("network.")} == {"3"}
    with pytest.raises(SettingsError, match=r"model\.freeze = 5"):
        models.create("aisfx-tuned", tuned_spec, 3, freeze=5)


def test_aisfx_tuned_needs_the_package_only_to_begin(
    tuned_spec: FeatureSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = models.create("aisfx-tuned", tuned_spec, 3)

    def nothing() -> None:
        raise SettingsError("aisfx: the package is not installed", "pip install --no-deps aisfx==0.1.2")

    monkeypatch.setattr("finback.models.networks.aisfx_tuned.load_weights", nothing)
    model = models.create("aisfx-tuned", tuned_spec, 3)
    x = torch.zeros(1, tuned_spec.clip_samples)
    with pytest.raises(SettingsError, match="not installed"):
        model(x)
    model.load_state_dict(whole.state_dict())
    assert torch.isfinite(model.eval()(x)).all()
