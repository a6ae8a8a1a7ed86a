"""Simulated clips and recordings: labels, truth, true SNR, same bytes from the same seed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from soundscapes import contents, table

from finback.audio import io
from finback.core.errors import InputError, SettingsError
from finback.core.settings import build
from finback.datasets.simulate.calls import CALLS
from finback.datasets.simulate.simulate import (
    ClipSettings,
    RecordingSettings,
    simulate_clips,
    simulate_recording,
)
from finback.datasets.simulate.snr import band_power

FOUR = ("Fin whale", "Harp seal", "Killer whale", "North Atlantic right whale")
SMALL = ClipSettings(species=FOUR, clips_per_species=6, tapes_per_species=2, duration_s=(0.5, 1.5))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sim") / "clips"
    assert simulate_clips(out, SMALL) == out / "labels.csv"
    return out


def test_labels_name_every_file_once_with_species_and_tape(clips: Path) -> None:
    rows = table(clips / "labels.csv")
    assert list(rows[0]) == ["file", "species", "group"]
    assert sorted(r["file"] for r in rows) == sorted(p.name for p in (clips / "audio").iterdir())
    for species in FOUR:
        mine = [r for r in rows if r["species"] == species]
        assert len(mine) == 6
        assert len({r["group"] for r in mine}) == 2
    assert len({r["group"] for r in rows}) == 8, "no tape is shared by two species"


def test_a_tape_has_one_rate_and_clips_their_lengths(clips: Path) -> None:
    rates: dict[str, set[int]] = {}
    lengths = set()
    for row in table(clips / "labels.csv"):
        info = io.probe(clips / "audio" / row["file"])
        rates.setdefault(row["group"], set()).add(info.sample_rate)
        assert info.n_channels == 1
        assert info.sample_rate >= CALLS[row["species"]].min_rate
        lengths.add(round(info.n_samples / info.sample_rate, 3))
        assert 0.49 <= info.n_samples / info.sample_rate <= 1.51
    assert all(len(of_tape) == 1 for of_tape in rates.values())
    assert len(set.union(*rates.values())) > 2
    assert len(lengths) > 20


def test_truth_lies_within_each_clip(clips: Path) -> None:
    truth = table(clips / "truth.csv")
    assert list(truth[0]) == ["file", "start_s", "end_s", "species", "low_hz", "high_hz", "snr_db"]
    for row in truth:
        info = io.probe(clips / "audio" / row["file"])
        assert 0 <= float(row["start_s"]) < float(row["end_s"]) <= info.n_samples / info.sample_rate + 1e-6
        assert 0 < float(row["low_hz"]) < float(row["high_hz"]) <= info.sample_rate / 2
        assert 6 <= float(row["snr_db"]) <= 20


def test_nothing_is_clipped_or_silent(clips: Path) -> None:
    for path in (clips / "audio").iterdir():
        sound = io.read(path)
        assert 1e-4 < np.abs(sound).max() <= 0.991


@pytest.mark.parametrize("snr_db", [-10.0, 40.0])
def test_nothing_is_clipped_at_extreme_levels(tmp_path: Path, snr_db: float) -> None:
    settings = ClipSettings(
        clips_per_species=1, tapes_per_species=1, snr_db=(snr_db, snr_db), duration_s=(0.5, 0.6)
    )
    simulate_clips(tmp_path / "a", settings)
    assert {r["snr_db"] for r in table(tmp_path / "a" / "truth.csv")} == {f"{snr_db:.2f}"}
    assert len(table(tmp_path / "a" / "labels.csv")) == len(CALLS)
    for path in (tmp_path / "a" / "audio").iterdir():
        assert np.abs(io.read(path)).max() < 0.991


def test_same_settings_same_bytes_another_seed_other_bytes(clips: Path, tmp_path: Path) -> None:
    simulate_clips(tmp_path / "again", SMALL)
    assert contents(tmp_path / "again") == contents(clips)
    simulate_clips(tmp_path / "other", SMALL.model_copy(update={"seed": 1}))
    ours, theirs = contents(clips / "audio"), contents(tmp_path / "other" / "audio")
    assert ours.keys() == theirs.keys()
    assert not any(ours[name] == theirs[name] for name in ours)


def test_more_species_or_clips_leave_the_others_as_they_were(clips: Path, tmp_path: Path) -> None:
    more = SMALL.model_copy(update={"species": ("Bowhead whale", *FOUR[::-1]), "clips_per_species": 8})
    simulate_clips(tmp_path / "more", more)
    ours, theirs = contents(clips / "audio"), contents(tmp_path / "more" / "audio")
    assert ours.keys() < theirs.keys()
    assert all(ours[name] == theirs[name] for name in ours)


def test_clips_of_a_tape_share_its_noise_and_no_two_tapes_do(tmp_path: Path) -> None:
    """So that a model can learn the tape: the spectrum of one clip's noise finds the tape of the next."""
    settings = ClipSettings(
        species=("Fin whale",),
        clips_per_species=20,
        tapes_per_species=5,
        snr_db=(-40, -40),
        duration_s=(2, 3),
    )
    rows = table(simulate_clips(tmp_path / "a", settings))
    edges = np.geomspace(30, 450, 9)
    spectra, groups = [], []
    for row in rows:
        path = tmp_path / "a" / "audio" / row["file"]
        sound, rate = io.read(path), io.probe(path).sample_rate
        bands = pairwise(edges)
        spectra.append([10 * np.log10(band_power(sound, rate, low, high)) for low, high in bands])
        groups.append(row["group"])
    distance = np.linalg.norm(np.array(spectra)[:, None] - np.array(spectra)[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    nearest = np.array(groups)[distance.argmin(axis=1)]
    assert np.mean(nearest == np.array(groups)) > 0.8
    sounds = [io.read(tmp_path / "a" / "audio" / r["file"])[:400] for r in rows if r["group"] == groups[0]]
    assert not np.array_equal(sounds[0], sounds[1]), "cut from different places on the tape"


def test_a_second_call_does_nothing_unless_something_is_missing(tmp_path: Path) -> None:
    settings = SMALL.model_copy(update={"species": FOUR[:1]})
    labels = simulate_clips(tmp_path / "a", settings)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("[!.]*") if p.is_file()}
    assert len(before) > 3
    assert simulate_clips(tmp_path / "a", settings) == labels
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("[!.]*") if p.is_file()} == before
    whole = contents(tmp_path)
    next((tmp_path / "a" / "audio").iterdir()).unlink()
    simulate_clips(tmp_path / "a", settings)
    assert contents(tmp_path) == whole
    labels.unlink()  # as if stopped half way
    simulate_clips(tmp_path / "a", settings)
    assert contents(tmp_path) == whole


def test_other_files_and_other_simulations_are_left_alone(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="is not empty; choose a new folder"):
        simulate_clips(tmp_path, SMALL)
    with pytest.raises(InputError, match="is a file"):
        simulate_clips(tmp_path / "mine.txt", SMALL)
    with pytest.raises(InputError, match="a simulation with other settings; choose another folder"):
        simulate_clips(clips, SMALL.model_copy(update={"seed": 5}))
    with pytest.raises(InputError, match="a simulation with other settings"):
        simulate_recording(clips, RecordingSettings(minutes=0.1))
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_wav_and_progress(tmp_path: Path) -> None:
    seen: list[Any] = []

    def progress(items: Iterable[Any], what: str, total: int | None) -> Iterable[Any]:
        seen.append((what, total))
        return items

    settings = SMALL.model_copy(update={"species": FOUR[:1], "suffix": ".wav"})
    rows = table(simulate_clips(tmp_path / "a", settings, progress))
    assert seen == [("simulating tapes", 2)]
    assert all(r["file"].endswith(".wav") for r in rows)


# --- recordings


def test_only_species_that_the_rate_can_hold_are_simulated() -> None:
    assert ClipSettings().names == tuple(CALLS)
    low = RecordingSettings(sample_rate=2000).names
    assert "Fin whale" in low
    assert "Bottlenose dolphin" not in low
    assert "Cuvier's beaked whale" in RecordingSettings(sample_rate=192_000).names


@pytest.mark.parametrize(
    ("model", "values", "says"),
    [
        (ClipSettings, {"species": ["Unicorn"]}, "no simulated call of 'Unicorn'"),
        (ClipSettings, {"species": []}, "at least one species"),
        (ClipSettings, {"species": ["Fin whale", "Fin whale"]}, "each only once"),
        (ClipSettings, {"snr_db": [20, 6]}, "the lower value first"),
        (ClipSettings, {"snr_db": [0, 200]}, "from -40 to 60"),
        (ClipSettings, {"duration_s": [4, 1]}, "the shorter value first"),
        (ClipSettings, {"duration_s": [0, 1]}, "from 0.1 to 60 s"),
        (ClipSettings, {"clips_per_species": 2, "tapes_per_species": 3}, "3 tapes need at least 3 clips"),
        (ClipSettings, {"suffix": ".mp3"}, "suffix"),
        (ClipSettings, {"seed": -1}, "seed"),
        (ClipSettings, {"snr": 3}, "unknown setting 'snr'"),
        (RecordingSettings, {"minutes": 0}, "minutes"),
        (RecordingSettings, {"minutes": 1000}, "4 GiB"),
        (RecordingSettings, {"sample_rate": 500}, "sample_rate"),
        (
            RecordingSettings,
            {"sample_rate": 2000, "species": ["Killer whale"]},
            "needs a sample rate of 22050",
        ),
        (RecordingSettings, {"start": "2026-01-01T00:00:00+02:00"}, "must be in UTC"),
        (RecordingSettings, {"start": "2026-01-01T00:00:00"}, "must be in UTC"),
    ],
)
def test_settings_that_make_no_sense_are_refused(model: Any, values: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        build(model, values)
    assert says in str(refusal.value)
    assert "setting  =" not in str(refusal.value)
