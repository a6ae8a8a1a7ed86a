"""The Colab notebook runs from top to bottom, without a Drive, a GPU or recordings: every cell of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "finback_colab.ipynb"
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


def test_it_is_committed_as_nobody_has_run_it() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in code(notebook))
    for path in ("/content/drive/MyDrive/wmms_audio/", "/content/drive/MyDrive/wmms_labels.csv"):
        assert path in notebook.cells[0].source


def test_every_cell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINBACK_NOTEBOOK", "quick")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert all(cell.execution_count for cell in code(notebook))
    out = tmp_path / "finback"
    for name in RESULTS:
        assert (out / name).stat().st_size > 1000, name
    shown = [data for cell in code(notebook) for o in cell.outputs for data in [o.get("data", {})]]
    alone = sum("image/png" in data for data in shown)
    within_tables = sum(data.get("text/html", "").count("src='data:image/png;base64,") for data in shown)
    assert alone + within_tables >= 9
    assert any(
        "image/png" in o.get("data", {}) for o in code(notebook)[-2].outputs
    )  # events on a spectrogram
    assert (out / "scan" / "effort.csv").read_text(encoding="utf-8").count("\n") == 2  # one recording
    assert str(notebook).count("<audio") >= 4
