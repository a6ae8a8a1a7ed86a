"""The public names: the block of docs/reference/api.md runs, and every object has a short text."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import finback

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "api.md"
SPECIES = ("Bearded seal", "Humpback whale", "Killer whale", "Sperm whale")


@pytest.fixture(scope="module")
def sea(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the page expects it: clips/, labels.csv, dive.wav, a.wav, b.wav, archive/."""
    from finback.audio.io import write
    from finback.datasets.simulate.simulate import ClipSettings, simulate_clips

    folder = tmp_path_factory.mktemp("api")
    made = simulate_clips(
        folder / "made", ClipSettings(species=SPECIES, clips_per_species=8, tapes_per_species=4)
    )
    (folder / "made" / "audio").rename(folder / "clips")
    made.rename(folder / "labels.csv")
    rng = np.random.default_rng(0)
    for name, seconds in (("dive", 8), ("a", 3), ("b", 1)):
        write(folder / f"{name}.wav", 0.1 * rng.standard_normal(seconds * 22_050), 22_050)
    return folder


def block() -> str:
    """The first block of Python on the page."""
    return re.findall(r"```python.*?\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)[0]


def test_the_block_of_the_page_runs(sea: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sea)
    names: dict[str, object] = {}
    exec(compile(block(), str(PAGE), "exec"), names)
    assert names["z"].shape == (2, names["model"].embed("dive.wav").shape[1])  # type: ignore[attr-defined]
    assert (sea / "runs" / "mine" / "metrics.json").is_file()
    assert len(list((sea / "seals").glob("*.wav"))) == 4
    shown = {name: repr(names[name]) for name in ("model", "result", "data", "run", "scanned")}
    assert "windows" in shown["result"]
    assert "32 clips, 4 species" in shown["data"]
    assert "in 33 of 33 files" in shown["scanned"]
    assert "cnn2d, 4 species" in shown["run"]
    for name, text in shown.items():
        assert " object at 0x" not in text, name
        assert len(text) < 2000, name


def test_editors_see_the_same_names() -> None:
    stub = (Path(finback.__file__).parent / "__init__.pyi").read_text(encoding="utf-8")
    seen = {name: module for module, name in re.findall(r"from ([a-z_.]+) import \w+ as (\w+)", stub)}
    assert seen == {**finback._PUBLIC, "__version__": "finback.core.version"}
