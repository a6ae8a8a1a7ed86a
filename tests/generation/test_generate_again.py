"""Generating into a folder that holds clips: after an interruption, a full disk, by several processes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_folders import rows_of, same, same_sound

from finback.core.errors import FinbackError, RunError
from finback.core.storage.files import read_json
from finback.generation.generate import SampleRequest, generate_clips
from finback.generation.synthesizer import SynthesisConfig


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
