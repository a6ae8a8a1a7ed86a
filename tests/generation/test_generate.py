"""Species to sound files: what is in the folder, seeds, parents, species that are refused or named."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_folders import rows_of, same_sound

from finback.audio.io import probe, read
from finback.core.errors import InputError
from finback.core.progress import no_progress
from finback.core.runs.folder import RunFolder
from finback.core.storage.csv_files import read_csv, write_csv
from finback.core.storage.files import read_json
from finback.data.index import IndexRequest, index
from finback.generation.generate import SampleRequest, generate, generate_clips
from finback.generation.synthesizer import SynthesisConfig


def test_the_folder_holds_sound_spectrograms_a_picture_and_a_manifest(folder: Path) -> None:
    rows = rows_of(folder)
    assert [r["file"] for r in rows] == sorted(p.name for p in folder.glob("*.wav"))
    assert len(rows) == 12
    with np.load(folder / "spectrograms.npz") as kept:
        assert sorted(kept) == sorted(Path(r["file"]).stem for r in rows)
        assert {kept[name].shape for name in kept} == {(32, 60)}
        assert kept[rows[0]["file"][:-4]].dtype == np.float32
    for row in rows:
        info = probe(folder / row["file"])
        assert (info.sample_rate, info.subtype, info.n_samples) == (8000, "PCM_16", 60 * 128)
        assert row["synthetic"] == "true"
        assert row["group"].startswith("synthetic:")
        assert row["generator"].startswith("gaussian:")
        assert row["vocoder"] == "griffin-lim"
        assert row["parents"].endswith(".flac")
        assert 0 < float(row["distance"]) < 1.5
        assert row["sampler"] == "", "a generator that decodes in one go is not sampled"
    assert (folder / "grid.png").read_bytes().startswith(b"\x89PNG")
    assert not (folder / ".parts").exists()
    about = read_json(folder / "generated.json")
    assert about["family"] == "gaussian"
    (model,) = about["provenance"]
    assert model["role"] == "generator"
    assert len(model["recordings"]) >= 8


def test_the_spectrograms_are_those_of_the_files(folder: Path, generator_run: Path) -> None:
    from finback.audio.io import open_recording
    from finback.core.types import Clip
    from finback.features.extract import Extractor
    from finback.generation.synthesizer import Synthesizer

    spec = Synthesizer(SynthesisConfig(str(generator_run), vocoder="griffin-lim")).spec
    with np.load(folder / "spectrograms.npz") as kept:
        for name in kept:
            recording = open_recording(folder / f"{name}.wav")
            again = Extractor(spec, "logmel")(Clip(recording, 0, recording.n_samples))[0]
            assert np.abs(read(folder / f"{name}.wav")).max() < 1
            np.testing.assert_allclose(again, kept[name], atol=1e-3)


def test_the_manifest_is_a_labels_file(folder: Path) -> None:
    found = index(IndexRequest(audio=folder, labels=folder / "manifest.csv"))
    assert all(c.synthetic for c in found.clips)
    assert len(found.clips) == 12
    assert not [p for p in found.problems if not p.is_note]


def test_a_seed_is_the_same_sample_whatever_else_is_made(
    folder: Path, config: SynthesisConfig, tmp_path: Path
) -> None:
    generate_clips(config, SampleRequest(("Killer whale",), n=2, seed=5), tmp_path)
    made = sorted(tmp_path.glob("*.wav"))
    assert [p.name for p in made] == ["killer-whale-000005.wav", "killer-whale-000006.wav"]
    for path in made:
        same_sound(path, folder / path.name)
    assert np.abs(read(made[0]) - read(made[1])).max() > 0.05


def test_parents_are_the_nearest_clips_and_may_be_out_of_reach(
    generator_run: Path, config: SynthesisConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finback.data.manifest import Manifest
    from finback.generation.generator import SpectrogramGenerator
    from finback.generation.nearest_clips import training_clips

    near, why = training_clips(SpectrogramGenerator.load(generator_run, "cpu"))
    assert near is not None
    assert why == ""
    clip = near.clips[5]
    index, distance = near.find(near.store(clip)[:1] + 7)
    assert near.clips[int(index[0])] == clip
    assert distance[0] < 1e-2, "louder is still the same"
    moved = Path(shutil.copytree(generator_run, tmp_path / "moved"))
    manifest = Manifest.load(moved / "manifest.csv")
    gone = [replace(c.recording, path=tmp_path / "gone" / c.recording.path.name) for c in manifest.clips]
    clips = [replace(clip, recording=recording) for clip, recording in zip(manifest.clips, gone, strict=True)]
    replace(manifest, clips=tuple(clips)).save(moved / "manifest.csv")
    monkeypatch.setenv("FINBACK_CACHE", str(tmp_path / "cache"))
    made = generate_clips(
        SynthesisConfig(str(moved), vocoder="griffin-lim"),
        SampleRequest(("killer whale",), n=1),
        tmp_path / "out",
    )
    assert "training recordings are not on this machine" in made.parents
    assert rows_of(tmp_path / "out")[0]["parents"] == ""


def test_species_without_a_training_clip_are_refused(generator_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(generator_run, run)
    table = run / "held.csv"
    rows = [line for line in table.read_text().splitlines() if "Killer whale" not in line]
    table.write_text("\n".join(rows) + "\n")
    config = SynthesisConfig(str(run), vocoder="griffin-lim", device="cpu")
    with pytest.raises(InputError, match=r"'Killer whale': .* has no clip of this species"):
        generate_clips(config, SampleRequest(("killer whale",), n=1), tmp_path / "out")
    assert (
        "Killer whale" not in generate_clips(config, SampleRequest(n=1), tmp_path / "out", no_progress).files
    )


def test_one_function_for_python(generator_run: Path, tmp_path: Path) -> None:
    report = generate(generator_run, "killer whale", n=2, out=tmp_path / "whales", device="cpu")
    assert [p.name for p in report.files["Killer whale"]] == [
        "killer-whale-000000.wav",
        "killer-whale-000001.wav",
    ]
    assert all(p.is_file() for p in report.files["Killer whale"])
    assert repr(report) == f"2 clips of 1 species in {tmp_path / 'whales'}, 2 of them new"
    again = generate(str(generator_run), ["killer whale"], n=3, out=str(tmp_path / "whales"), device="cpu")
    assert (again.n_new, again.n_existing) == (1, 2)


def test_species_of_one_tape_are_named(generator_run: Path, tmp_path: Path) -> None:
    shutil.copytree(generator_run, run := tmp_path / "run")
    table = RunFolder(run).held_out_table
    rows = read_csv(table)
    for row in rows:
        row["group"] = "tape" if row["species"] == "Killer whale" else row["group"]
    write_csv(table, list(rows[0]), [list(row.values()) for row in rows])
    config = SynthesisConfig(str(run), vocoder="griffin-lim", device="cpu")
    report = generate_clips(config, SampleRequest(n=1), tmp_path / "made")
    n_clips = len([r for r in rows if r["species"] == "Killer whale" and r["subset"] == "train"])
    assert report.one_group == {"Killer whale": n_clips}
    about = read_json(tmp_path / "made" / "generated.json")["learnt_from"]
    assert about["Killer whale"] == {"n_clips": n_clips, "n_groups": 1}
    assert about["Bearded seal"]["n_groups"] == 2
    assert "cannot tell the animal from the tape" in report._repr_html_()
