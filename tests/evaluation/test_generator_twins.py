"""Twins of generators for benchmarks/generators.py: which generator, and on which clips it is measured."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from finback.core.runs.folder import RunFolder
from finback.data.dataset import Dataset
from finback.training.settings import resolve


@pytest.fixture(scope="module")
def twins() -> ModuleType:
    """A script, which is not part of the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
        import generator_twins

        yield generator_twins
        sys.modules.pop("generator_twins", None)


def test_a_generator_that_left_tapes_out_is_measured_on_them(
    twins: ModuleType, generator_run: Path, tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder.open(generator_run)
    assert twins._own_sides(run, tiny_dataset) is None  # too few species have five clips there
    monkeypatch.setattr(twins, "LEFT_OUT", 1)
    sides = twins._own_sides(run, tiny_dataset)
    keys = {row.key for row in run.training_rows(include_validation=False)}
    assert {c.key for c in sides.train} == keys
    assert sides.unseen
    assert {c.group_key for c in sides.unseen}.isdisjoint(c.group_key for c in sides.train)
    assert sides.labels.names == tuple(run.info.labels)


def test_a_finished_twin_with_the_same_settings_is_used_again(
    twins: ModuleType, generator_run: Path, tiny: str
) -> None:
    settings = resolve(tiny, ["model.n_components=8"], "gaussian")
    folder = generator_run.parent
    assert twins._same("gaussian", settings, folder) == generator_run
    assert twins._same("vae", settings, folder) is None
    assert twins._same("gaussian", resolve(tiny, ["model.n_components=9"], "gaussian"), folder) is None


def test_what_is_not_there_is_left_out_with_a_line(
    twins: ModuleType, tiny_dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert twins.twin("no-such-family", tiny_dataset, tmp_path, stored=True) is None
    assert twins.twin("vae", tiny_dataset, tmp_path, stored=True) is None
    assert not list(tmp_path.iterdir())
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "no-such-family: left out, no family of this name"
    assert "its twin is not trained" in lines[1]
