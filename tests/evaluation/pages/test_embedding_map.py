"""The page of a map: each point has its clip's sound and picture, and nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from finback.cli.app import app
from finback.evaluation.pages import embedding_map as latents


@pytest.fixture(scope="module")
def run(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(trained, tmp_path_factory.mktemp("map") / "run"))


@pytest.fixture(scope="module")
def written(run: Path) -> latents.Written:
    return latents.render(run, ("t-SNE",), device="cpu")


def data_of(page: Path) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.S)
    assert found is not None
    return json.loads(found[1])


def test_every_clip_plays_and_shows(written: latents.Written) -> None:
    data = data_of(written.page)
    assert written.unheard == 0
    assert len(data["clips"]) == len(written.map.clips) == len(data["layouts"]["t-SNE"])
    for clip, real in zip(data["clips"], written.map.clips, strict=True):
        assert data["species"][clip["s"]]["name"] == real.label
        assert data["tapes"][clip["t"]]["name"] == real.group
        assert clip["wav"].startswith(("data:audio/mpeg;base64,", "data:audio/wav;base64,"))
        grey = np.frombuffer(base64.b64decode(clip["mel"]), dtype=np.uint8)
        assert len(grey) % clip["w"] == 0
        assert grey.max() == 255
    assert len(base64.b64decode(data["magma"])) == 768
    assert written.figure.stat().st_size > 10_000


def test_the_page_loads_nothing_from_elsewhere(written: latents.Written) -> None:
    html = written.page.read_text()
    assert "default-src 'none'" in html
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html)
    for line in latents.measured(written.map.neighbours):
        assert line.split(" (")[0].replace(" %", "\N{NO-BREAK SPACE}%") in html


def test_names_cannot_break_out_of_the_page(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = latents.make_map(run, ("t-SNE",), device="cpu")
    nasty = "</script><script>alert(1)</script>"
    clips = [type(c)(**{f: getattr(c, f) for f in c.__slots__} | {"label": nasty}) for c in found.clips]
    twin = latents.Map(**{f: getattr(found, f) for f in found.__dataclass_fields__} | {"clips": tuple(clips)})
    monkeypatch.setattr(latents, "make_map", lambda *_, **__: twin)
    html = latents.render(run, sound=False).page.read_text()
    assert nasty not in html
    assert data_of(run / "map.html")["species"] == [
        {"name": nasty, "colour": data_of(run / "map.html")["species"][0]["colour"], "shape": "o"}
    ]


def test_gone_recordings_are_counted(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise latents.FinbackError("gone")

    monkeypatch.setattr(latents, "playable", gone)
    written = latents.render(run, ("t-SNE",), device="cpu")
    assert written.unheard == len(written.map.clips)
    assert f"{written.unheard} clips cannot be heard" in written.page.read_text()


def test_a_silent_page_is_small(run: Path) -> None:
    page = latents.render(run, ("t-SNE",), sound=False, device="cpu").page
    assert page.stat().st_size < 40_000
    assert "made without sound" in page.read_text()


def test_pictures_are_grey_values_of_the_upper_60_db() -> None:
    mel = np.full((96, 112), -80.0)
    mel[10, 20], mel[50, 60] = 0.0, -30.0
    grey = latents.picture(mel)
    assert grey.shape == (48, 56)
    assert grey[5, 10] == 255
    assert grey[25, 30] in (127, 128)
    assert np.sort(grey.ravel())[-3] == 0


def test_measures_in_words() -> None:
    lines = latents.measured(latents.Neighbours(0.84, 0.05, 0.45, 0.357, 0.03))
    assert "84 % of clips (at random: 5 %)" in lines[0]
    assert "45 % of clips that were learnt from and 36 % of clips that were never learnt from" in lines[1]
    assert latents.measured(latents.Neighbours(None, None, None, None, None)) == []


def test_command(run: Path) -> None:
    done = CliRunner().invoke(app, ["map", str(run), "--method", "tsne", "--no-sound", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert Path(said["page"]).is_file()
    assert said["layouts"] == ["t-SNE"]
    assert set(said["neighbours"]) == set(latents.Neighbours.__dataclass_fields__)
