"""Maps: layouts keep neighbours, figures about neighbours are right, and what was made once is kept."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from finback.core.errors import InputError, RunError, SettingsError
from finback.core.runs.folder import RunFolder
from finback.evaluation.embedding_map import make
from finback.evaluation.embedding_map.layout import METHODS, available, choose_methods
from finback.evaluation.embedding_map.make import make_map
from finback.evaluation.embedding_map.neighbours import neighbours


def three_groups(n: int = 20) -> np.ndarray:
    centres = np.repeat(np.eye(3, 12) * 30, n, axis=0)
    return centres + np.random.default_rng(0).normal(size=centres.shape)


@pytest.mark.parametrize("method", METHODS)
def test_layouts_keep_groups_together_and_fill_the_square(method: str) -> None:
    if method not in available():
        pytest.skip("umap-learn is not installed")
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        flat = METHODS[method](three_groups(), 0)
        assert torch.get_num_threads() == 1, "the process is left as it was"
    finally:
        torch.set_num_threads(threads)
    assert flat.shape == (60, 2)
    assert np.abs(flat).max(axis=0) == pytest.approx(1.0)
    far = np.linalg.norm(flat[:, None] - flat[None], axis=2) + 9 * np.eye(60)
    assert np.array_equal(far.argmin(axis=1) // 20, np.repeat([0, 1, 2], 20))


def test_the_same_seed_gives_the_same_layout() -> None:
    assert np.array_equal(METHODS["t-SNE"](three_groups(), 0), METHODS["t-SNE"](three_groups(), 0))


def test_wide_vectors_and_few_clips_can_be_laid_out() -> None:
    x = np.random.default_rng(0).normal(size=(make.FEWEST, 200))
    assert METHODS["t-SNE"](x, 0).shape == (make.FEWEST, 2)


def test_methods_are_named_as_people_spell_them() -> None:
    assert choose_methods(["tsne"]) == choose_methods(["T-SNE"]) == ("t-SNE",)
    assert choose_methods([]) == available()
    with pytest.raises(SettingsError, match=r"pca: no such method.*t-SNE, UMAP"):
        choose_methods(["pca"])


def test_without_umap_only_tsne_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert available() == ("t-SNE",)
    with pytest.raises(SettingsError, match=r"pip install .*umap-learn"):
        choose_methods(["umap"])


def test_neighbours_by_hand() -> None:
    # On a line: tape A holds two whales, tape B a whale and a seal, the last clip's tape is not known.
    x = np.array([[0.0], [1.0], [3.0], [3.5], [9.0]])
    species = ["whale", "whale", "whale", "seal", "seal"]
    near = neighbours(x, species, ["A", "A", "B", "B", ""], np.array([True, True, True, False, True]))
    assert near.same_group == 1.0  # of the four whose tape has several clips
    assert near.same_group_by_chance == pytest.approx(1 / 4)
    # Another tape's nearest: whale at 3 for those at 0 and 1, whale at 1 for those at 3 and 3.5, seal for 9.
    assert near.same_species == 1.0
    assert near.same_species_new == 0.0
    chance = [1 / 3, 1 / 3, 2 / 3, 1 / 3, 1 / 4]
    assert near.same_species_by_chance == pytest.approx(np.mean(chance))


def test_neighbours_where_there_is_nothing_to_compare() -> None:
    x = np.arange(3.0)[:, None]
    near = neighbours(x, ["a", "b", "c"], ["", "", ""], np.ones(3, dtype=bool))
    assert set(asdict(near).values()) == {None}


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_a_classifiers_clips_are_mapped_once(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = make_map(run, ["t-SNE"], device="cpu")
    sides = RunFolder.open(run).info.splits[0]["clips"]
    assert len(found.clips) == sides["train"] + sides["val"] + sides["test"]
    assert (
        found.seen_in_training.sum() == sides["train"] + sides["val"]
    )  # the refit is trained on validation too
    assert found.what == "embeddings of a cnn2d classifier"
    assert set(found.groups) > {""} or all(found.groups)
    table = pq.read_table(run / "map.parquet")
    assert table["species"].to_pylist() == [c.label for c in found.clips]

    def never(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(make.Predictor, "load", never)
    again = make_map(run, ["t-SNE"], device="cpu")
    assert np.allclose(again.layouts["t-SNE"], found.layouts["t-SNE"])
    assert again.neighbours == found.neighbours
    for changed in ({"seed": 1}, {"most": 12}):
        with pytest.raises(AssertionError, match="computed again"):
            make_map(run, ["t-SNE"], device="cpu", **changed)


def test_a_damaged_map_is_computed_again(run: Path) -> None:
    first = make_map(run, ["t-SNE"], device="cpu")
    (run / "map.parquet").write_bytes(b"PAR1 and no more")
    assert np.allclose(make_map(run, ["t-SNE"], device="cpu").layouts["t-SNE"], first.layouts["t-SNE"])


def test_many_clips_are_drawn_from(run: Path) -> None:
    found = make_map(run, ["t-SNE"], most=10, device="cpu")
    assert len(found.clips) == len({c.key for c in found.clips}) == 10
    assert found.left_out == sum(RunFolder.open(run).info.splits[0]["clips"].values()) - 10


def test_what_cannot_be_mapped_says_why(run: Path, generator_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"gaussian has no embeddings.*finback train vae"):
        make_map(generator_run)
    with pytest.raises(InputError, match="only 4 clips"):
        make_map(run, most=4)
    with pytest.raises(RunError, match="not a finback run folder"):
        make_map(tmp_path)
    RunFolder.open(run).note(trained=False)
    with pytest.raises(RunError, match="not finished"):
        make_map(run)
