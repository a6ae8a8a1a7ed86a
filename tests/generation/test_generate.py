"""Species to wav files: what is in the folder, seeds, names, going on, and a disk that fills."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finback.audio.io import probe, read
from finback.core.errors import FinbackError, InputError, RunError
from finback.core.progress import no_progress
from finback.core.runs.folder import RunFolder
from finback.core.storage.csv_files import read_csv, write_csv
from finback.core.storage.files import read_json
from finback.core.storage.paths import folded, is_portable
from finback.core.types import Labels
from finback.data.index import IndexRequest, index
from finback.generation.generate import SampleRequest, generate, generate_clips
from finback.generation.synthesizer import SynthesisConfig, species_id


def rows_of(folder: Path) -> list[dict[str, str]]:
    return read_csv(folder / "manifest.csv")


def same(one: Path, other: Path) -> None:
    """Two folders hold the same clips, but for the last bits of sums whose order depends on the batch."""
    assert [p.name for p in sorted(one.iterdir())] == [p.name for p in sorted(other.iterdir())]
    for a, b in zip(rows_of(one), rows_of(other), strict=True):
        near = float(a.pop("distance")), float(b.pop("distance"))
        assert near[0] == pytest.approx(near[1], abs=2e-3)
        assert a == b
        same_sound(one / a["file"], other / b["file"])


def same_sound(one: Path, other: Path) -> None:
    assert np.abs(read(one) - read(other)).max() <= 8 / 32768


@pytest.fixture(scope="module")
def config(generator_run: Path) -> SynthesisConfig:
    return SynthesisConfig(str(generator_run), vocoder="griffin-lim", device="cpu")


@pytest.fixture(scope="module")
def folder(config: SynthesisConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("generated") / "out"
    made = generate_clips(config, SampleRequest(("killer WHALE", "Bearded  seal"), n=6, seed=3), out)
    assert (made.n_new, made.n_existing, made.parents) == (12, 0, "nearest")
    assert [p.name for p in made.files["Killer whale"]][:2] == [
        "killer-whale-000003.wav",
        "killer-whale-000004.wav",
    ]
    return out


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


def test_a_folder_whose_seeds_meant_other_samples_is_not_continued(
    folder: Path, config: SynthesisConfig, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    about = read_json(old / "generated.json")
    del about["settings"]["streams"]
    (old / "generated.json").write_text(json.dumps(about))
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    with pytest.raises(RunError, match="in which one seed gave every species the same noise"):
        generate_clips(config, SampleRequest(("Killer whale",), n=7, seed=3), old)
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before


class Stopped(Exception):
    pass


def test_an_interrupted_run_goes_on_and_ends_the_same(
    folder: Path, config: SynthesisConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finback.generation import sample_folder as module

    real, count = module.write, 0

    def write(*given: object) -> None:
        nonlocal count
        count += 1
        if count == 8:
            raise Stopped
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "write", write)
    order = SampleRequest(("killer whale", "bearded seal"), n=6, seed=3)
    with pytest.raises(Stopped):
        generate_clips(config, order, tmp_path)
    assert len(list(tmp_path.glob("*.wav"))) == 7
    assert not (tmp_path / "manifest.csv").exists()
    made = generate_clips(config, order, tmp_path)
    assert (made.n_new, made.n_existing) == (5, 7)
    same(tmp_path, folder)
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.wav")}
    assert generate_clips(config, order, tmp_path).n_new == 0
    assert before == {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.wav")}
    same(tmp_path, folder)


def test_a_full_disk_leaves_nothing_half_written(
    folder: Path, config: SynthesisConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = os.fsync, 0

    def fsync(file: int) -> None:
        nonlocal count
        count += stat.S_ISREG(os.fstat(file).st_mode)
        if count > 9:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    order = SampleRequest(("killer whale", "bearded seal"), n=6, seed=3)
    with pytest.raises(FinbackError, match="free some space and run the same command again"):
        generate_clips(config, order, tmp_path)
    wavs = sorted(tmp_path.glob("*.wav"))
    assert 3 <= len(wavs) < 12
    assert not [p for p in tmp_path.rglob("*") if ".tmp" in p.name]
    for path in wavs:
        same_sound(path, folder / path.name)
    monkeypatch.setattr(os, "fsync", real)
    generate_clips(config, order, tmp_path)
    same(tmp_path, folder)


def test_a_folder_grows_but_not_with_other_settings(
    config: SynthesisConfig, generator_run: Path, tmp_path: Path
) -> None:
    generate_clips(config, SampleRequest(("killer whale",), n=2), tmp_path)
    made = generate_clips(config, SampleRequest(n=1, seed=1), tmp_path)
    assert set(made.files) == {"Bearded seal", "Humpback whale", "Killer whale", "Sperm whale"}
    assert (made.n_new, made.n_existing) == (3, 1)
    with np.load(tmp_path / "spectrograms.npz") as kept:
        assert len(list(kept)) == len(rows_of(tmp_path)) == 5
    (tmp_path / "killer-whale-000000.wav").unlink()
    assert generate_clips(config, SampleRequest(("killer whale",), n=2), tmp_path).n_new == 1, (
        "what was deleted comes back"
    )
    other = SynthesisConfig(str(generator_run), vocoder="fast-griffin-lim", device="cpu")
    with pytest.raises(RunError, match="vocoder griffin-lim -> fast-griffin-lim"):
        generate_clips(other, SampleRequest(n=1), tmp_path)
    (tmp_path / "generated.json").unlink()
    with pytest.raises(RunError, match=r"holds another manifest\.csv"):
        generate_clips(config, SampleRequest(n=1), tmp_path)


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


def test_species_are_found_as_people_type_them() -> None:
    labels = Labels(("Beluga, White Whale", "Killer Whale", "Ross Seal", "White-beaked Dolphin"))
    for text in ("beluga, white whale", "Beluga,White Whale", "beluga", " WHITE whale"):
        assert species_id(labels, text) == 0
    assert species_id(labels, "white beaked dolphin") == 3
    with pytest.raises(InputError, match="unknown species 'Ross Seel'; did you mean 'Ross Seal'"):
        species_id(labels, "Ross Seel")
    with pytest.raises(InputError, match="known species: Beluga, White Whale, Killer"):
        species_id(labels, "xyz")


def test_the_exact_name_always_means_its_species() -> None:
    labels = Labels(("..", "Fin whale", "fin whale", "Fin-Whale", "Fin, Finback", "🐋"))
    for name in labels.names:
        assert labels.names[species_id(labels, name)] == name
    with pytest.raises(InputError, match="can mean 'Fin whale', 'fin whale', 'Fin-Whale'; write"):
        species_id(labels, "FIN WHALE")
    with pytest.raises(InputError, match="unknown species"):
        species_id(Labels(("..", "Fin whale")), "!!")


def test_species_without_a_heard_clip_are_refused(generator_run: Path, tmp_path: Path) -> None:
    import shutil

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
    assert repr(report) == f"SampleReport(2 clips of 1 species in {tmp_path / 'whales'}, 2 of them new)"
    again = generate(str(generator_run), ["killer whale"], n=3, out=str(tmp_path / "whales"), device="cpu")
    assert (again.n_new, again.n_existing) == (1, 2)


def hostile_run(generator_run: Path, folder: Path, names: dict[str, str]) -> Path:
    """A copy of the generator whose species have other names."""
    import shutil

    shutil.copytree(generator_run, folder)
    for path in folder.iterdir():
        if path.suffix in (".json", ".csv"):
            text = path.read_text(encoding="utf-8")
            for old, new in names.items():
                quoted = json.dumps(new, ensure_ascii=False)[1:-1] if path.suffix == ".json" else new
                text = text.replace(old, quoted)
            path.write_text(text, encoding="utf-8")
    return folder


HOSTILE = (
    ("..", "/etc/x", "C:\\x", "a/b"),
    ("x" * 300, "CON", "con", "Con"),
    ("🐋", "\u202eniF", "Fin?", "Fin 2"),
    ("fin whale", "Fin Whale", "FIN WHALE", "Fin-whale"),
    ("é", "e\u0301", "E\u0301", "É"),
    ("-rf", "~", "=cmd()", ".hidden"),
)


@pytest.mark.parametrize("names", HOSTILE, ids=ascii)
def test_species_of_any_name_have_files_of_their_own_inside_out(
    generator_run: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    species = ("Bearded seal", "Humpback whale", "Killer whale", "Sperm whale")
    run = hostile_run(generator_run, tmp_path / "run", dict(zip(species, names, strict=True)))
    config = SynthesisConfig(str(run), vocoder="griffin-lim", device="cpu")
    out = tmp_path / "a" / "out"
    for name in names:  # one run after the other into one folder
        made = generate_clips(config, SampleRequest((name,), n=1), out)
        assert [path.parent for path in made.files[name]] == [out]
    rows = rows_of(out)
    assert {row["species"] for row in rows} == set(names)
    assert len({folded(row["file"]) for row in rows}) == len(names) == len(list(out.glob("*.wav")))
    assert all(is_portable(row["file"]) for row in rows)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "run"]
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["out"]
    with np.load(out / "spectrograms.npz") as kept:
        assert sorted(kept) == sorted(Path(row["file"]).stem for row in rows)


def renamed(folder: Path, old: str, new: str) -> None:
    """The folder as another version would have named one sample."""
    (folder / f"{old}.wav").rename(folder / f"{new}.wav")
    table = folder / "manifest.csv"
    table.write_text(table.read_text().replace(f"{old}.wav", f"{new}.wav"))
    with np.load(folder / "spectrograms.npz") as kept:
        arrays = {name.replace(old, new): kept[name] for name in kept}
    np.savez(folder / "spectrograms.npz", **arrays)


def test_a_folder_with_names_of_an_older_version_grows(config: SynthesisConfig, tmp_path: Path) -> None:
    generate_clips(config, SampleRequest(("killer whale",), n=2), tmp_path)
    renamed(tmp_path, "killer-whale-000001", "killerwhale-000001")
    made = generate_clips(config, SampleRequest(("killer whale",), n=3), tmp_path)
    assert (made.n_new, made.n_existing) == (1, 2)
    files = ["killer-whale-000000.wav", "killerwhale-000001.wav", "killer-whale-000002.wav"]
    assert [path.name for path in made.files["Killer whale"]] == files
    assert sorted(row["file"] for row in rows_of(tmp_path)) == sorted(files)


def test_a_folder_in_which_two_species_share_a_file_is_refused(
    config: SynthesisConfig, tmp_path: Path
) -> None:
    generate_clips(config, SampleRequest(("killer whale",), n=1), tmp_path)
    table = tmp_path / "manifest.csv"
    row = table.read_text().splitlines()[1]
    table.write_text(table.read_text() + row.replace("Killer whale", "Killer?") + "\n")
    with pytest.raises(RunError, match=r"clip of two species \('Killer whale' and 'Killer\?'\)"):
        generate_clips(config, SampleRequest(("killer whale",), n=1), tmp_path)


JOB = """
import sys
from dataclasses import replace
from pathlib import Path
from finback.generation.generate import SampleRequest, generate_clips
from finback.generation.synthesizer import SynthesisConfig
config = SynthesisConfig(sys.argv[1], vocoder="griffin-lim", device="cpu")
generate_clips(config, SampleRequest((sys.argv[3],), n=3, seed=int(sys.argv[4])), Path(sys.argv[2]))
"""


def test_the_jobs_of_an_array_lose_no_clip(
    generator_run: Path, config: SynthesisConfig, tmp_path: Path
) -> None:
    together, alone = tmp_path / "together", tmp_path / "alone"
    wanted = [("killer whale", 0), ("killer whale", 2), ("bearded seal", 0), ("sperm whale", 7)]
    jobs = [
        subprocess.Popen([sys.executable, "-c", JOB, str(generator_run), str(together), name, str(seed)])
        for name, seed in wanted
    ]
    assert [job.wait() for job in jobs] == [0] * len(jobs)
    for name, seed in wanted:
        generate_clips(config, SampleRequest((name,), n=3, seed=seed), alone)
    same(together, alone)
    assert len(rows_of(together)) == 11, "one clip was asked for twice"
    assert all(row["parents"] for row in rows_of(together))


def test_what_was_combined_by_another_process_is_kept(
    config: SynthesisConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process ends between this one's last clip and its end."""
    from finback.generation import generate as module

    real, seen = module.training_clips, []

    def between(generator: object) -> object:
        if not seen:
            seen.append(1)
            generate_clips(config, SampleRequest(("bearded seal",), n=2), tmp_path)
        return real(generator)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "training_clips", between)
    generate_clips(config, SampleRequest(("killer whale",), n=2), tmp_path)
    assert len(rows_of(tmp_path)) == 4
    with np.load(tmp_path / "spectrograms.npz") as kept:
        assert len(list(kept)) == 4


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
