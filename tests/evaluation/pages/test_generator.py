"""Pages of generators and vocoders show and play samples, and name what is missing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from page_checks import problems
from typer.testing import CliRunner

from finback.cli.app import app
from finback.core.errors import ManifestError, RunError
from finback.core.runs.audit_documents import GeneratorAuditFile
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import write_json
from finback.data.dataset import Dataset
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation.pages import diffusion_figures, generator, vocoder, write
from finback.evaluation.pages.clips import varied
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.training.generator import train_generator
from finback.training.plan import Plan
from finback.training.settings import resolve


@pytest.fixture(scope="module")
def gaussian(generator_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = Path(shutil.copytree(generator_run, tmp_path_factory.mktemp("page") / "run"))
    write.write(run)
    return run


def train(family: str, dataset: Dataset, tiny: str, out: Path, *overrides: str) -> Path:
    settings = resolve(tiny, ["training.epochs=1", *overrides], family)
    return train_generator(Plan(family, settings, seed=0, device="cpu"), dataset, out).path


@pytest.fixture(scope="module")
def diffusion(tiny_dataset: Dataset, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "diffusion"
    return train("diffusion", tiny_dataset, tiny, out, "model.width=48", "model.depth=1", "model.patch=4")


def test_page_of_a_generator(gaussian: Path) -> None:
    html = (gaussian / "report.html").read_text()
    names = RunFolder.open(gaussian).info.labels
    for name in names:
        assert f"<h3><bdi>{name}</bdi></h3>" in html
    assert problems(html) == []
    assert html.count("<audio") == 2 * generator.PLAYED * len(names)
    assert "default-src 'none'" in html
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html)
    assert "have not been audited" in html
    assert "no evidence that an animal was present" in html
    assert (gaussian / "figures" / "real_and_generated.png").is_file()
    assert "fitted in one step" in html
    assert 'id="steps"' not in html


def test_page_without_recordings_still_has_samples(gaussian: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise RunError("gone")

    monkeypatch.setattr(generator, "playable", gone)
    html = write.write(gaussian).read_text()
    assert "no longer at their paths" in html
    assert html.count("<audio") == generator.PLAYED * len(RunFolder.open(gaussian).info.labels)


def test_clips_shown_are_of_many_groups(generator_run: Path) -> None:
    clips = [c for c in run_subsets(RunFolder.open(generator_run))["train"] if c.label == "Sperm whale"]
    groups = {c.group for c in clips}
    shown = varied(clips, len(groups))
    assert {c.group for c in shown} == groups
    assert len(varied(clips, 10**6)) == len(clips)
    assert varied([], 3) == []


def test_page_of_diffusion_shows_the_steps_of_a_sample(diffusion: Path) -> None:
    html = write.write(diffusion).read_text()
    assert 'id="steps"' in html
    for name in ("denoising", "guidance", "losses", "real_and_generated"):
        assert (diffusion / "figures" / f"{name}.png").is_file()
    assert html.count("<figure>") == 3


def test_sampling_figures_of_a_species(diffusion: Path, gaussian: Path) -> None:
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
    with pytest.raises(RunError, match=r"gaussian generates samples in one step"):
        diffusion_figures.write(gaussian, "Killer whale")
    with pytest.raises(ManifestError, match="unknown species 'Unicorn'"):
        diffusion_figures.write(diffusion, "Unicorn")


def test_denoising_begins_in_noise_and_ends_with_the_sample(diffusion: Path) -> None:
    model = SpectrogramGenerator.load(diffusion, "cpu")
    plan = diffusion_figures.SamplingFigures(seed=3, sampling=Sampling(steps=12))
    block = diffusion_figures.denoising(model, "Killer whale", plan)
    (_, noisy), (_, guess) = block.rows
    assert len(noisy) == len(guess) == len(block.tops) == diffusion_figures.MOMENTS
    assert block.tops[0] == "noise 80"
    made = model.sample([model.labels.index("Killer whale")], [3], plan.sampling)[0]
    assert (noisy[-1] == made).all()
    rough = [abs(x[:, 1:] - x[:, :-1]).mean() for x in (noisy[0], guess[0])]
    assert rough[0] > 2 * rough[1]  # noise above, the smooth mean of all clips below


def test_page_of_a_vocoder(tiny_dataset: Dataset, tiny: str, tmp_path: Path) -> None:
    run = train("vocoder", tiny_dataset, tiny, tmp_path / "vocoder", "model.width=16", "model.depth=1")
    html = write.write(run).read_text()
    assert html.count("<audio") == 3 * vocoder.SHOWN
    for words, _ in vocoder.MEASURES.values():
        assert words in html
    assert "this vocoder" in html
    assert "griffin-lim" in html


def test_a_damaged_audit_is_like_none(tmp_path: Path) -> None:
    path = tmp_path / "generator_audit.json"
    assert generator.audit_of(path, GeneratorAuditFile) is None
    for damage in ("[1", "[1]", '{"substitution": {"dnn": {"learnt": 1}}}', '{"generators": NaN}'):
        path.write_text(damage)
        assert generator.audit_of(path, GeneratorAuditFile) is None
    whole = {"generators": {"vae": "runs/vae"}, "recognised": {"learnt": {"accuracy": 0.5}}, "distances": []}
    write_json(path, {**whole, "copying": {"logmel": {"rows": {}}}})
    audit = generator.audit_of(path, GeneratorAuditFile)
    assert audit is not None
    assert audit["recognised"] == {"train": {"accuracy": 0.5}}  # "learnt" is the name of version 0.1.0
