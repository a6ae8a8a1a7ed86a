"""The Colab notebook runs from top to bottom, without a Drive, a GPU or recordings: every cell of it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from finback.core.runs.folder import RunFolder
from finback.models.pretrained import resolve

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "finback_colab.ipynb"
MOST_OUTPUTS = 10  # of a cell: one line of progress, and its results
RESULTS = (
    "compare/report.html",
    "vae/figures/reconstruction.png",
    "vae/map.html",
    "generated/grid.png",
    "diffusion/generator_audit.json",
    "vocoded/vocoder.wav",
    "soundscape-test/truth.csv",
    "soundscape-train/truth.csv",
)


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_is_committed_as_nobody_has_run_it(notebook: Any) -> None:
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in code(notebook))
    for path in ("/content/drive/MyDrive/wmms_audio/", "/content/drive/MyDrive/wmms_labels.csv"):
        assert path in notebook.cells[0].source


def test_it_uses_the_public_names_only(notebook: Any) -> None:
    for cell in code(notebook):
        assert not re.search(r"\b(?:from finback|import finback\.|subprocess)", cell.source)
        assert not re.search(r"finback\._|\._[a-z]", cell.source)


@pytest.mark.parametrize("model", ["watkins", "watkins-diffusion"])
def test_its_lists_of_species_are_those_of_the_bundled_generators(notebook: Any, model: str) -> None:
    names = list(RunFolder.open(resolve(model, "generator")).info.labels)
    lists = [cell.source for cell in code(notebook) if f'"{names[0]}"' in cell.source]
    assert len(lists) == 2
    for source in lists:
        listed = source[source.index(f'"{names[0]}"') :]
        assert re.findall(r'"([^"]+)"', listed)[: len(names)] == names


def installed_from(notebook: Any, monkeypatch: pytest.MonkeyPatch, given: str) -> list[str]:
    """What cell 1 would install without finback, with a text in its field."""
    asked: list[str] = []
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "finback" else found(name))
    source = code(notebook)[0].source.replace('%pip install --quiet "{source}"', "asked.append(source)")
    exec(source.replace('finback_from = ""', f"finback_from = {given!r}"), {"asked": asked})
    return asked


def test_the_first_cell_installs_a_wheel_a_folder_or_an_address(
    notebook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError, match="give the path of its wheel"):
        installed_from(notebook, monkeypatch, "")
    address = "git+https://example.org/finback.git"
    assert installed_from(notebook, monkeypatch, address) == [address]
    wheel = tmp_path / "finback-0.1.0-py3-none-any.whl"
    wheel.touch()
    assert installed_from(notebook, monkeypatch, "") == [str(wheel)]


def test_every_cell_runs(notebook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINBACK_NOTEBOOK", "small")
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert all(cell.execution_count for cell in code(notebook))
    out = tmp_path / "finback"
    for name in RESULTS:
        assert (out / name).stat().st_size > 1000, name
    shown = [data for cell in code(notebook) for o in cell.outputs for data in [o.get("data", {})]]
    alone = sum("image/png" in data for data in shown)
    within_tables = sum(data.get("text/html", "").count("data:image/png;base64,") for data in shown)
    assert alone + within_tables >= 9
    assert any(
        "image/png" in o.get("data", {}) for o in code(notebook)[-2].outputs
    )  # events on a spectrogram
    assert (out / "scan" / "effort.csv").read_text(encoding="utf-8").count("\n") == 2  # one recording
    assert str(notebook).count("<audio") >= 4
    check_what_is_said(notebook)


def check_what_is_said(notebook: Any) -> None:
    """One line of progress a cell, no warnings, and nothing concluded from models that are hardly trained."""
    for cell in code(notebook):
        html = [o.get("data", {}).get("text/html", "") for o in cell.outputs]
        assert sum("<progress" in text for text in html) <= 1, cell.source
        assert len(cell.outputs) <= MOST_OUTPUTS, cell.source
        said = "".join(o.get("text", "") for o in cell.outputs if o.output_type == "stream")
        assert "Warning" not in said, said
        assert not any("ranks first" in text for text in html)
    assert str(notebook).count("these figures mean nothing") >= 6
