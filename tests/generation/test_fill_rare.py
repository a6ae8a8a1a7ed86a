"""Filling up rare species: bounds, going on, leaks, training on the result."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fixed_answers import Yes

from finback.core.errors import InputError, LeakError, RunError
from finback.core.runs.folder import RunFolder
from finback.core.runs.split_table import load_split
from finback.core.storage.files import read_json
from finback.core.types import Clip, Labels
from finback.data.dataset import Dataset
from finback.data.index import IndexRequest
from finback.data.manifest import Manifest
from finback.data.splits.settings import SplitSettings
from finback.generation.fill_rare import ACCEPTED, FillPlan, fill_rare_species
from finback.generation.synthesizer import SynthesisConfig, Synthesizer
from finback.models.predictor import Predictor
from finback.training.classifier import train
from finback.training.plan import Plan
from finback.training.settings import resolve


@pytest.fixture
def agreeing(monkeypatch: pytest.MonkeyPatch, config: SynthesisConfig) -> None:
    """The reference classifier accepts every sample."""
    labels = Synthesizer(config).labels
    monkeypatch.setattr(Predictor, "load", classmethod(lambda cls, *given: Yes(labels)))


def open_gate(monkeypatch: pytest.MonkeyPatch, pattern: list[str]) -> None:
    """A gate that says what stands in `pattern`, by seed."""
    from finback.generation import fill_rare as module
    from finback.generation.quality_gate import GateResult

    class Pattern:
        def __init__(self, *given: object) -> None:
            pass

        def __call__(self, sounds: list[Clip], label: int, min_probability: float) -> list[GateResult]:
            seeds = [int(c.recording.path.stem.rsplit("-", 1)[1]) for c in sounds]
            return [GateResult(pattern[s % len(pattern)], 0.5, 0.7, None, "a.wav") for s in seeds]

    monkeypatch.setattr(module, "QualityGate", Pattern)


@pytest.mark.usefixtures("agreeing")
def test_fills_up_says_what_was_refused_and_goes_on(
    config: SynthesisConfig,
    tiny_dataset: Dataset,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_gate(monkeypatch, ["copy", ACCEPTED, "silent", ACCEPTED])
    real = tiny_dataset.make_splits(SplitSettings())[0].split.train
    n = {name: sum(c.label == name for c in real) for name in Labels.of(real).names}
    fill = FillPlan(target=max(n.values()) + 2, species=("Sperm whale", "killer whale"))
    filled = fill_rare_species(config, tiny_dataset, str(trained), fill, tmp_path)
    assert filled.unfilled == {}
    assert {name: (s.real, s.accepted) for name, s in filled.species.items()} == {
        name: (n[name], fill.target - n[name]) for name in ("Sperm whale", "Killer whale")
    }
    report = read_json(tmp_path / "synthesis.json")
    one = report["species"]["Killer whale"]
    wanted = fill.target - n["Killer whale"]
    assert one["attempts"] == 2 * wanted, "no try after the last that was needed"
    assert one["rejected"] == {"silent": wanted // 2, "copy": -(-wanted // 2)}
    assert one["rejected_share"] == 0.5
    with open(tmp_path / "manifest.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(s.accepted for s in filled.species.values()) == len(list(tmp_path.glob("*.wav")))
    assert {r["probability"] for r in rows} == {"0.5"}
    assert not (tmp_path / ".unchecked").exists()
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.wav")}
    again = fill_rare_species(
        config, tiny_dataset, str(trained), replace(fill, target=fill.target + 1), tmp_path
    )
    assert again.species["Killer whale"].accepted == wanted + 1
    after = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.wav")}
    assert before.items() <= after.items(), "what was there stays"
    assert len(after) == len(before) + 2
    with pytest.raises(RunError, match=r"min_probability 0\.0 -> 0\.5"):
        fill_rare_species(config, tiny_dataset, str(trained), replace(fill, min_probability=0.5), tmp_path)


@pytest.mark.usefixtures("agreeing")
def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    config: SynthesisConfig,
    tiny_dataset: Dataset,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from finback.generation import sample_folder as module

    open_gate(monkeypatch, [ACCEPTED, "copy", ACCEPTED])
    fill = FillPlan(target=9, species=("killer whale", "sperm whale"))
    whole = fill_rare_species(config, tiny_dataset, str(trained), fill, tmp_path / "whole")
    real, count = module.write, 0

    def stops(*given: object) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "write", stops)
    with pytest.raises(KeyboardInterrupt):
        fill_rare_species(config, tiny_dataset, str(trained), fill, tmp_path / "parts")
    monkeypatch.setattr(module, "write", real)
    parts = fill_rare_species(config, tiny_dataset, str(trained), fill, tmp_path / "parts")
    assert parts.to_json() == whole.to_json()
    for name in ("manifest.csv", "attempts.csv", "synthesis.json"):
        assert (tmp_path / "parts" / name).read_text() == (tmp_path / "whole" / name).read_text()


@pytest.mark.usefixtures("agreeing")
def test_tries_are_bounded_and_unfilled_species_named(
    config: SynthesisConfig,
    tiny_dataset: Dataset,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_gate(monkeypatch, ["out of band"])
    filled = fill_rare_species(
        config, tiny_dataset, str(trained), FillPlan(target=9, max_attempts=2), tmp_path
    )
    assert filled.species["Killer whale"].accepted == 0
    for name, s in filled.species.items():
        assert len(s.attempts) == 2 * s.requested
        accepted = f"only 0 of the {s.requested} requested clips were accepted"
        assert filled.unfilled[name] == f"{accepted} after {2 * s.requested} attempts"
    assert read_json(tmp_path / "synthesis.json")["rejected_share"] == 1.0


def test_leaks_and_unknown_species_are_refused_before_any_work(
    config: SynthesisConfig, tiny_dataset: Dataset, trained: Path, tmp_path: Path
) -> None:
    other = FillPlan(target=9, split=SplitSettings(seed=5))
    with pytest.raises(
        LeakError, match=r"the generator .* was trained on groups? .* of the (validation|test) set"
    ):
        fill_rare_species(config, tiny_dataset, str(trained), other, tmp_path / "out")
    with pytest.raises(InputError, match="unknown species 'Kilr whale'; did you mean 'Killer whale'"):
        fill_rare_species(
            config, tiny_dataset, str(trained), FillPlan(species=("Kilr whale",)), tmp_path / "out"
        )
    assert not (tmp_path / "out").exists()


def test_what_was_filled_up_is_trained_on(
    config: SynthesisConfig,
    tiny_dataset: Dataset,
    simulated: Path,
    trained: Path,
    tiny: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole way with a real classifier and the real gate, however few it lets through."""
    out = tmp_path / "made"
    filled = fill_rare_species(config, tiny_dataset, str(trained), FillPlan(target=8, max_attempts=6), out)
    assert sum(len(s.attempts) for s in filled.species.values()) > 4
    if not any(s.accepted for s in filled.species.values()):
        open_gate(monkeypatch, [ACCEPTED])
        shutil.rmtree(out)
        filled = fill_rare_species(config, tiny_dataset, str(trained), FillPlan(target=8), out)
    n_made = sum(s.accepted for s in filled.species.values())
    request = IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv", synthetic=(out,))
    from finback.data.dataset import prepare_request

    manifest = prepare_request(request)
    assert sum(c.synthetic for c in manifest.clips) == n_made
    settings = resolve(tiny, ["training.epochs=1"], "cnn2d")
    run = train(Plan("cnn2d", settings, device="cpu"), manifest, tmp_path / "run")
    split = load_split(run.path / "split.csv", Manifest.load(run.path / "manifest.csv").clips, "group")
    plain = tiny_dataset.make_splits(settings.split)[0].split
    assert sum(c.synthetic for c in split.train) == n_made
    assert {c.key for c in split.test} == {c.key for c in plain.test}
    assert {c.key for c in split.val} == {c.key for c in plain.val}
    shifted = resolve(tiny, ["training.epochs=1"], "cnn2d", split={"seed": 5})
    with pytest.raises(LeakError, match=r"the generator .* was trained on"):
        train(Plan("cnn2d", shifted, device="cpu"), manifest, tmp_path / "other")
    from finback.evaluation.evaluate import evaluate_on

    with pytest.raises(LeakError, match="for evaluating a run are synthetic"):
        evaluate_on(trained, prepare_request(IndexRequest(audio=out, labels=out / "manifest.csv")))


@pytest.mark.usefixtures("agreeing")
def test_names_of_version_0_1_0_are_read(
    config: SynthesisConfig,
    tiny_dataset: Dataset,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its folders have `tries.csv`, where accepted samples are "kept", and their settings name a `judge`."""
    open_gate(monkeypatch, [ACCEPTED, "copy"])
    plan = FillPlan(target=9, species=("killer whale",))
    whole = fill_rare_species(config, tiny_dataset, str(trained), plan, tmp_path)
    attempts = (tmp_path / "attempts.csv").read_text()
    (tmp_path / "attempts.csv").unlink()
    (tmp_path / "tries.csv").write_text(attempts.replace("accepted", "kept"))
    about = (tmp_path / "generated.json").read_text()
    about = about.replace('"reference_classifier"', '"judge"').replace('"provenance"', '"teachers"')
    (tmp_path / "generated.json").write_text(about)
    again = fill_rare_species(config, tiny_dataset, str(trained), plan, tmp_path)
    assert again.to_json() == whole.to_json()


@pytest.mark.usefixtures("agreeing")
def test_a_recalibrated_reference_classifier_is_noticed(
    config: SynthesisConfig,
    tiny_dataset: Dataset,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_gate(monkeypatch, [ACCEPTED])
    classifier = RunFolder(shutil.copytree(trained, tmp_path / "classifier"))
    plan, out = FillPlan(target=9, species=("killer whale",)), tmp_path / "filled"
    fill_rare_species(config, tiny_dataset, str(classifier.path), plan, out)
    fill_rare_species(config, tiny_dataset, str(trained), plan, out)  # the same model in another folder
    classifier.note(temperature=2 * (classifier.info.temperature or 1))
    with pytest.raises(RunError, match=r"\(reference_classifier \w+ -> \w+\)"):
        fill_rare_species(config, tiny_dataset, str(classifier.path), plan, out)
