"""`finback train calls`, and samples of its run by the commands of every generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finback import models
from finback.audio.io import open_recording, read, write
from finback.core.errors import InputError
from finback.core.progress import no_progress
from finback.core.storage.csv_files import read_csv
from finback.core.storage.files import read_json
from finback.core.types import Clip, Labels
from finback.data.dataset import Dataset
from finback.data.formats.recognise import read_annotations
from finback.data.splits.run_subsets import run_subsets
from finback.features.spec import FeatureSpec
from finback.generation.calls.files import make_again, read_parameters, text_of
from finback.generation.calls.waves import limited_wave, parameters_of
from finback.generation.fill_rare import FillPlan, fill_rare_species
from finback.generation.generate import SampleRequest, generate_clips
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.quality_gate import ACCEPTED, GateResult, QualityGate
from finback.generation.synthesizer import SynthesisConfig
from finback.models.networks.calls.sounds import QUIET_DB
from finback.training.calls import fit_calls
from finback.training.generator import train_generator
from finback.training.plan import Plan
from finback.training.settings import resolve

SPEC = FeatureSpec(sample_rate=8000, clip_samples=8000, n_fft=256, hop=128, n_mels=32, n_frames=60)


@pytest.fixture(scope="module")
def run(tiny_dataset: Dataset, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("calls") / "run"
    plan = Plan("calls", resolve(tiny, ["model.windows=1"], "calls"), device="cpu")
    return train_generator(plan, tiny_dataset, out).path


def test_a_run_makes_waves_and_their_logmels(run: Path) -> None:
    generator = SpectrogramGenerator.load(run, "cpu")
    waves = generator.sample_waves([0, 1, 0], [4, 4, 4])
    assert waves.shape == (3, 60 * 128)
    np.testing.assert_array_equal(waves[0], waves[2])
    assert not np.array_equal(waves[0], waves[1])
    assert generator.sample([0], [4]).shape == (1, 32, 60)
    assert len(generator.sample_waves([], [])) == 0


def test_a_folder_of_samples_holds_the_waves_of_the_generator(run: Path, tmp_path: Path) -> None:
    config = SynthesisConfig(str(run), device="cpu")
    report = generate_clips(config, SampleRequest(n=2), tmp_path / "out")
    generator = SpectrogramGenerator.load(run, "cpu")
    name, files = next(iter(report.files.items()))
    wave = generator.sample_waves([generator.labels.index(name)], [0])[0]
    assert np.abs(read(files[0]) - wave).max() <= 1 / 32768
    vocoded = SynthesisConfig(str(run), vocoder="fast-griffin-lim", device="cpu")
    other = generate_clips(vocoded, SampleRequest((name,), n=1), tmp_path / "vocoded")
    assert np.abs(read(other.files[name][0]) - wave).max() > 0.01


def test_every_sample_has_its_parameters_and_the_truth_of_its_calls(run: Path, tmp_path: Path) -> None:
    config = SynthesisConfig(str(run), device="cpu")
    report = generate_clips(config, SampleRequest(n=2), tmp_path / "made")
    files = sorted((tmp_path / "made" / "parameters").iterdir())
    assert len(files) == report.n_new
    table = read_csv(tmp_path / "made" / "calls.csv")
    assert sum(len(read_parameters(path).calls) for path in files) == len(table) > 0
    assert all(0 <= float(r["start_s"]) < float(r["end_s"]) <= 0.96 for r in table)
    events = read_annotations(tmp_path / "made" / "calls.csv").events
    assert len(events) == len(table)
    assert {e.label for e in events} <= set(report.files)


def test_a_sample_is_made_again_and_edited(run: Path, tmp_path: Path) -> None:
    config = SynthesisConfig(str(run), device="cpu")
    made = generate_clips(config, SampleRequest(n=1), tmp_path / "made")
    files = sorted((tmp_path / "made" / "parameters").iterdir())
    again = make_again(config, files, tmp_path / "again")
    for species, paths in again.items():
        assert paths[0].read_bytes() == made.files[species][0].read_bytes()
    value = read_json(files[0])
    value["calls"] = []
    edited = tmp_path / "edited.json"
    edited.write_text(text_of(value))
    (only,) = make_again(config, [edited], tmp_path / "empty").values()
    assert only[0].read_bytes() != made.files[value["species"]][0].read_bytes()
    assert read_csv(tmp_path / "empty" / "calls.csv") == []
    make_again(config, [edited], tmp_path / "empty")  # the same file again is no change
    with pytest.raises(InputError, match="other parameters"):
        make_again(config, [files[0]], tmp_path / "empty")


def test_parameters_of_another_rate_or_species_are_refused(run: Path, tmp_path: Path) -> None:
    config = SynthesisConfig(str(run), device="cpu")
    generate_clips(config, SampleRequest(n=1), tmp_path / "made")
    value = read_json(next((tmp_path / "made" / "parameters").iterdir()))
    path = tmp_path / "edited.json"
    for change, named in (({"sample_rate": 4000}, "4000 Hz"), ({"species": "Unicorn"}, "Unicorn")):
        path.write_text(text_of({**value, **change}))
        with pytest.raises(InputError, match=named):
            make_again(config, [path], tmp_path / "out")


def test_parameters_need_a_generator_of_calls(generator_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--parameters with gaussian"):
        make_again(SynthesisConfig(str(generator_run), device="cpu"), [], tmp_path / "out")


def test_the_same_calls_over_another_tape(run: Path, tmp_path: Path) -> None:
    generator = SpectrogramGenerator.load(run, "cpu")
    first, second = generator.run.info.tapes[:2]
    here, there = (generator.parameters(0, 3, tape) for tape in (first, second))
    assert not np.array_equal(here.background_db, there.background_db)
    sampling = Sampling(tape=first)
    species = generator.labels.names[0]
    config = SynthesisConfig(str(run), sampling, device="cpu")
    generate_clips(config, SampleRequest((species,), n=1, seed=3), tmp_path / "one")
    (path,) = (tmp_path / "one" / "parameters").iterdir()
    np.testing.assert_array_equal(read_parameters(path).background_db, here.background_db)
    with pytest.raises(InputError, match="unknown tape"):
        generator.sample_waves([0], [0], tape="no such tape")


def test_calls_alone_have_no_background(run: Path) -> None:
    generator = SpectrogramGenerator.load(run, "cpu")
    alone, over = (generator.parameters(0, 0, tape) for tape in ("none", ""))
    assert [c.start_s for c in alone.calls] == [c.start_s for c in over.calls] != []
    assert alone.background_db.max() == QUIET_DB < over.background_db.max()
    np.testing.assert_array_equal(generator.sample_waves([0], [0], tape="none")[0], limited_wave(alone))
    silent = replace(alone, calls=())
    assert np.abs(limited_wave(silent)).max() < 1e-6


def test_very_short_and_silent_clips_are_no_error(tmp_path: Path) -> None:
    rows = []
    for name, seconds, level in (("a", 0.004, 0.1), ("b", 0.5, 0.1), ("quiet", 0.5, 0.0)):
        for i in range(2):
            write(tmp_path / f"{name}{i}.wav", level * np.ones(int(seconds * 8000)) * (-1) ** i, 8000)
            rows.append(Clip(open_recording(tmp_path / f"{name}{i}.wav"), 0, int(seconds * 8000), name))
    labels = Labels.of(rows)
    model = models.create("calls", SPEC, len(labels))
    fit_calls(model, rows, labels, no_progress)
    for k, name in enumerate(labels.names):
        wave = limited_wave(parameters_of(model, k, name, 0))
        assert np.isfinite(wave).all()


def test_rare_species_are_filled_up_with_calls_and_their_truth(
    run: Path, tiny_dataset: Dataset, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def accept(gate: QualityGate, samples: Sequence[Clip], label: int, p: float = 0.0) -> list[GateResult]:
        return [GateResult(ACCEPTED, 1.0, 1.0, None, "")] * len(samples)

    monkeypatch.setattr(QualityGate, "__call__", accept)
    generator = SpectrogramGenerator.load(run, "cpu")
    species, subsets = generator.labels.names[0], run_subsets(generator.run)
    n = sum(clip.label == species for clip in (*subsets["train"], *subsets["held_out"]))
    config = SynthesisConfig(str(run), device="cpu")
    plan = FillPlan(target=n + 2, species=(species,), max_attempts=1)
    report = fill_rare_species(config, tiny_dataset, str(trained), plan, tmp_path / "filled")
    assert report.species[species].accepted == 2
    assert len(list((tmp_path / "filled" / "parameters").iterdir())) == 2
    assert read_csv(tmp_path / "filled" / "calls.csv")
