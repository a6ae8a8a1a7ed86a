"""Pages of generators and vocoders show and play what they make, and say what is not there."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finback.cli.app import app
from finback.core.errors import ManifestError, RunError
from finback.core.files import write_json
from finback.core.runs import RunFolder
from finback.data.dataset import Dataset
from finback.data.manifest import Manifest
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.pages import diffusion_sheets as sheets
from finback.evaluation.pages import generator, vocoder, write
from finback.report.pages import audit_tables as audited
from finback.training.generator import train_generator
from finback.training.plan import Plan
from finback.training.settings import resolve


@pytest.fixture(scope="module")
def gaussian(generator_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = Path(shutil.copytree(generator_run, tmp_path_factory.mktemp("page") / "run"))
    write.write(run)
    return run


def learn(family: str, manifest: Manifest, tiny: str, out: Path, *overrides: str) -> Path:
    settings = resolve(tiny, ["training.epochs=1", *overrides], family)
    return train_generator(Plan(family, settings, seed=0, device="cpu"), manifest, out).path


@pytest.fixture(scope="module")
def diffusion(tiny_dataset: Dataset, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "diffusion"
    return learn("diffusion", tiny_dataset, tiny, out, "model.width=48", "model.depth=1", "model.patch=4")


def test_page_of_a_generator(gaussian: Path) -> None:
    html = (gaussian / "report.html").read_text()
    names = RunFolder.open(gaussian).info.labels
    for name in names:
        assert f"<h3>{name}</h3>" in html
    assert html.count("<audio") == 2 * generator.HEARD * len(names)
    assert "default-src 'none'" in html
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html)
    assert "were not judged" in html
    assert "no evidence that an animal was there" in html
    assert (gaussian / "figures" / "real_and_generated.png").is_file()
    assert "fitted in one go" in html
    assert 'id="steps"' not in html


def test_page_without_recordings_still_has_samples(gaussian: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise RunError("gone")

    monkeypatch.setattr(generator, "playable", gone)
    html = write.write(gaussian).read_text()
    assert "no longer where they were" in html
    assert html.count("<audio") == generator.HEARD * len(RunFolder.open(gaussian).info.labels)


def test_clips_shown_are_of_many_tapes(generator_run: Path) -> None:
    learnt = [c for c in run_subsets(RunFolder.open(generator_run))["train"] if c.label == "Sperm whale"]
    tapes = {c.group for c in learnt}
    shown = generator.varied(learnt, len(tapes))
    assert {c.group for c in shown} == tapes
    assert len(generator.varied(learnt, 10**6)) == len(learnt)
    assert generator.varied([], 3) == []


def test_page_of_diffusion_tells_how_a_sample_comes_to_be(diffusion: Path) -> None:
    html = write.write(diffusion).read_text()
    assert 'id="steps"' in html
    for name in ("denoising", "guidance", "losses", "real_and_generated"):
        assert (diffusion / "figures" / f"{name}.png").is_file()
    assert html.count("<figure>") == 3


def test_sheets_of_a_species(diffusion: Path, gaussian: Path) -> None:
    command = [
        "sheet",
        str(diffusion),
        "Killer whale",
        "--steps",
        "1",
        "--steps",
        "3",
        "--guidance",
        "2",
        "--json",
    ]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    written = [Path(p) for p in json.loads(done.stdout)["figures"]]
    assert [p.name for p in written] == ["denoising-killer-whale.png", "guidance-killer-whale.png"]
    assert all(p.is_file() for p in written)
    with pytest.raises(RunError, match=r"gaussian makes its samples in one go"):
        sheets.render(gaussian, "Killer whale")
    with pytest.raises(ManifestError, match="unknown species 'Unicorn'"):
        sheets.render(diffusion, "Unicorn")


def test_a_strip_begins_in_noise_and_ends_with_the_sample(diffusion: Path) -> None:
    maker = sheets.SpectrogramGenerator.load(diffusion, "cpu")
    plan = sheets.Sheets(seed=3, sampling=sheets.Sampling(steps=12))
    block = sheets.denoising(maker, "Killer whale", plan)
    (_, noisy), (_, guess) = block.rows
    assert len(noisy) == len(guess) == len(block.tops) == sheets.MOMENTS
    assert block.tops[0] == "noise 80"
    made = maker.sample([maker.labels.index("Killer whale")], [3], plan.sampling)[0]
    assert (noisy[-1] == made).all()
    rough = [abs(x[:, 1:] - x[:, :-1]).mean() for x in (noisy[0], guess[0])]
    assert rough[0] > 2 * rough[1]  # noise above, the smooth mean of all clips below


def test_page_of_a_vocoder(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    run = learn("vocoder", tiny_dataset, tiny, tmp_path / "vocoder", "model.width=16", "model.depth=1")
    html = write.write(run).read_text()
    assert html.count("<audio") == 3 * vocoder.SHOWN
    for words, _ in vocoder.MEASURES.values():
        assert words in html
    assert "this vocoder" in html
    assert "griffin-lim" in html


def test_an_audit_becomes_tables(gaussian: Path) -> None:
    share = {"n_clips": 9, "accuracy": 0.5, "mean_recall": 0.25, "per_species": {}}
    near = {"n": 9, "ratio": 0.9, "ratio_low": 0.5, "below_pair": 0.01, "below_nearest": None}
    figures = {key: 0.5 for key, *_ in audited.DISTANCES} | {
        f"{key}_sd": 0.1 for key, *_ in audited.DISTANCES
    }
    found = {
        "recognised": {"gaussian": share, "held_out": share},
        "substitution": {
            "cnn2d": {"train": {"on_unseen": share}, "gaussian": {"on_unseen": share, "ratio": 0.8}}
        },
        "distances": [
            {"space": "judge", "reference": "unseen", "n": 9, "seeds": 5, "rows": {"gaussian": figures}}
        ],
        "copying": {"logmel": {"thresholds": {}, "rows": {"gaussian": near}}},
        "diversity": {"judge": {"gaussian": {"mean": 0.7, "per_species": {}}}},
    }
    write_json(gaussian / "generator_audit.json", found)
    told = audited.tables(gaussian)
    assert told is not None
    rows = [row for table in told for row in table.rows]
    assert ("samples: gaussian", "9", "50.0 %", "25.0 %") in rows
    assert ("real, same tapes, held out", "9", "50.0 %", "25.0 %") in rows
    assert ("cnn2d", "samples: gaussian", "50.0 %", "0.80") in rows
    assert ("logmel", "samples: gaussian", "0.90", "0.50", "1.0 %", "–") in rows
    assert "0.500 ± 0.100" in rows[-3]
    for table in told:
        assert all(len(row) == len(table.columns) for row in table.rows)
    write_json(gaussian / "generator_audit.json", {"recognised": 3})
    assert audited.tables(gaussian) is None
    (gaussian / "generator_audit.json").unlink()
    assert audited.tables(gaussian) is None
