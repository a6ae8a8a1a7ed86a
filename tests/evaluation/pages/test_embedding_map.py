"""The page of a map: each point has its clip's sound and picture, and nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_checks import problems
from typer.testing import CliRunner

from finback.cli.app import app
from finback.core.errors import FinbackError
from finback.core.progress import no_progress
from finback.evaluation.embedding_map.neighbours import Neighbours
from finback.evaluation.pages import embedding_map as page
from finback.features.spec import FeatureSpec
from finback.report.pages.embedding_map import MapClip, MapPage, grey_picture, render


@pytest.fixture(scope="module")
def run(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(trained, tmp_path_factory.mktemp("map") / "run"))


@pytest.fixture(scope="module")
def written(run: Path) -> page.Written:
    return page.write(run, ("t-SNE",), device="cpu")


def data_of(html: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    assert match is not None
    return json.loads(match[1])


def test_every_clip_plays_and_shows(written: page.Written) -> None:
    data = data_of(written.page.read_text())
    assert written.n_silent == 0
    assert len(data["clips"]) == len(written.map.clips) == len(data["layouts"]["t-SNE"])
    for clip, real in zip(data["clips"], written.map.clips, strict=True):
        assert data["species"][clip["s"]]["name"] == real.label
        assert data["groups"][clip["g"]]["name"] == real.group
        assert clip["wav"].startswith(("data:audio/mpeg;base64,", "data:audio/wav;base64,"))
        grey = np.frombuffer(base64.b64decode(clip["mel"]), dtype=np.uint8)
        assert len(grey) % clip["w"] == 0
        assert grey.max() == 255
    assert len(base64.b64decode(data["magma"])) == 768
    assert written.figure.stat().st_size > 10_000


def test_the_page_loads_nothing_from_elsewhere(written: page.Written) -> None:
    html = written.page.read_text()
    assert problems(html) == []
    assert "default-src 'none'" in html
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html)
    for line in page.measured(written.map.neighbours):
        assert line.split(" (")[0].replace(" %", "\N{NO-BREAK SPACE}%") in html


def test_names_cannot_break_out_of_the_page() -> None:
    nasty = "</script><script>alert(1)</script>"
    spec = FeatureSpec(sample_rate=8000, clip_samples=4096, n_fft=256, hop=128, n_mels=32, n_frames=32)
    clips = [MapClip(nasty, "", i > 3, f"{i}.wav", 0, 1) for i in range(8)]
    layouts = {"t-SNE": np.zeros((8, 2))}
    html = render(MapPage("run", "embeddings", spec, layouts, clips, "A verdict.", ["A note."], sound=False))
    assert nasty not in html
    assert [species["name"] for species in data_of(html)["species"]] == [nasty]
    assert problems(html) == []
    assert "not known" in html  # the group of a clip


def test_gone_recordings_are_counted(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise FinbackError("gone")

    monkeypatch.setattr(page, "playable", gone)
    written = page.write(run, ("t-SNE",), device="cpu")
    assert written.n_silent == len(written.map.clips)
    assert f"{written.n_silent} clips without sound" in written.page.read_text()


def test_a_model_that_hears_several_speeds_has_pictures_at_one(written: page.Written) -> None:
    spec = written.map.spec.model_copy(update={"playback": (1.0, 0.5)})
    few = replace(written.map, spec=spec, clips=written.map.clips[:1])
    (excerpt,) = page._excerpts(few, no_progress)
    assert excerpt is not None


def test_a_silent_page_is_small(run: Path) -> None:
    written = page.write(run, ("t-SNE",), sound=False, device="cpu").page
    assert written.stat().st_size < 40_000
    assert "made without sound" in written.read_text()


def test_pictures_are_grey_values_of_the_upper_60_db() -> None:
    mel = np.full((96, 112), -80.0)
    mel[10, 20], mel[50, 60] = 0.0, -30.0
    grey = grey_picture(mel)
    assert grey.shape == (48, 56)
    assert grey[5, 10] == 255
    assert grey[25, 30] in (127, 128)
    assert np.sort(grey.ravel())[-3] == 0


def test_measures_in_sentences() -> None:
    lines = page.measured(Neighbours(0.84, 0.05, 0.45, 0.357, 0.03))
    assert "for 84 % of the clips the nearest clip is from the same group (by chance: 5 %)" in lines[0]
    assert "45 % of the training clips and 36 % of the clips that were not in training" in lines[1]
    nothing = Neighbours(None, None, None, None, None)
    assert page.measured(nothing) == []
    assert page.verdict(nothing).startswith("Whether the vectors separate species cannot be measured")
    assert page.verdict(Neighbours(0.84, 0.05, 0.45, 0.357, 0.03)).startswith("For 45 % of the training")


def test_command(run: Path) -> None:
    done = CliRunner().invoke(app, ["map", str(run), "--method", "tsne", "--no-sound", "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert Path(result["page"]).is_file()
    assert result["layouts"] == ["t-SNE"]
    assert set(result["neighbours"]) == set(Neighbours.__dataclass_fields__)
