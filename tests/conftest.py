"""Shared fixtures: where the real recordings are, and small simulated sounds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from misbehaving import Site

    from finback.data.dataset import Dataset
from finback.data.manifest import Manifest

ROOT = Path(__file__).parents[1]

if "PYTEST_XDIST_WORKER" in os.environ:
    # A core for each worker and for what it starts. In time: no test has imported torch yet.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _data_folder() -> Path:
    return Path(os.environ.get("FINBACK_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = _data_folder()
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}; set FINBACK_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def watkins(real_data: Path) -> Path:
    return real_data / "watkins"


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Features of test clips never land in the user's cache, nor their folders in the user's state."""
    os.environ["FINBACK_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["FINBACK_STATE"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def tiny() -> str:
    """A settings file under which the real recipe runs in seconds."""
    return str(ROOT / "tests" / "tiny.toml")


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `audio/` and `labels.csv`: four species, four tapes each, eight clips each.

    All tests share it, so none writes there: otherwise another one finds files that depend on the order.
    """
    from finback.datasets.simulate.simulate import ClipSettings, simulate_clips

    species = ("Bearded seal", "Humpback whale", "Killer whale", "Sperm whale")
    folder = tmp_path_factory.mktemp("simulated") / "sim"
    settings = ClipSettings(species=species, clips_per_species=8, tapes_per_species=4, duration_s=(0.5, 1.2))
    folder = simulate_clips(folder, settings).parent
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    yield folder
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert after == before, "a test wrote into the folder of all tests; it needs a copy"


@pytest.fixture(scope="session")
def tiny_dataset(simulated: Path) -> Dataset:
    """The simulated recordings, prepared for training."""
    from finback.data.dataset import prepare_request
    from finback.data.index import IndexRequest

    request = IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")
    return prepare_request(request)


@pytest.fixture(scope="session")
def trained(simulated: Path, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run folder on the simulated recordings: trained, evaluated, reported."""
    from finback.core.progress import no_progress
    from finback.data.index import IndexRequest
    from finback.evaluation import pipeline
    from finback.training.plan import Plan
    from finback.training.settings import resolve

    out = tmp_path_factory.mktemp("runs") / "run"
    job = Plan("cnn2d", resolve(tiny), seed=0, device="cpu", command="finback run ...")
    request = IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")
    pipeline.run(job, request, out, no_progress, lambda text: None)
    return out


@pytest.fixture(scope="session")
def generator_run(tiny_dataset: Dataset, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator in closed form, on the split and with the features of `trained`."""
    from finback.training.generator import train_generator
    from finback.training.plan import Plan
    from finback.training.settings import resolve

    settings = resolve(tiny, ["model.n_components=8"], "gaussian")
    out = tmp_path_factory.mktemp("runs") / "gaussian"
    return train_generator(Plan("gaussian", settings, seed=0, device="cpu"), tiny_dataset, out).path


@pytest.fixture(scope="session")
def sharp(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of three epochs, whose answers hardly differ, with a head under which they do."""
    import torch

    from finback.core.runs.files import WEIGHTS
    from finback.core.runs.folder import RunFolder
    from finback.models.predictor import Predictor
    from finback.models.weights import load_tensors, save_tensors

    run = RunFolder(shutil.copytree(trained, tmp_path_factory.mktemp("runs") / "sharp"))
    predictor = Predictor.load(run.path, "cpu")
    logits = predictor.scores(Manifest.load(run.path / "manifest.csv").clips).logits
    logits *= run.info.temperature
    tensors, metadata = load_tensors(run.path / WEIGHTS)
    tensors["head.1.bias"] -= torch.from_numpy(logits.mean(axis=0))
    save_tensors(run.path / WEIGHTS, tensors, metadata)
    run.note(temperature=float(logits.std(axis=0).mean()) / 2)
    return run.path


@pytest.fixture
def site() -> Iterator[Site]:
    """A web site on this machine that can be made to misbehave."""
    from misbehaving import Site

    with Site() as site:
        yield site
