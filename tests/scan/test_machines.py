"""Machines among detections: regular and alike; proposed, never muted by themselves."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from found import START, event
from numpy.typing import NDArray
from scanned import file_of, header, scanned, scores, spans_of
from typer.testing import CliRunner

from finback.cli.app import app
from finback.core.errors import InputError, SettingsError
from finback.core.storage.csv_files import read_csv
from finback.scan.event_settings import EventSettings
from finback.scan.found_events import Box, FoundEvent
from finback.scan.journal import Journal
from finback.scan.likeness import alike, vectors
from finback.scan.machine_proposal import propose, write_proposal
from finback.scan.machines import Machine, find_machines
from finback.scan.table_settings import TableSettings
from finback.scan.tables import write_tables

Times = NDArray[np.float64]
LABELS = ("Fin whale", "Humpback whale", "noise")
QUIET, CALL, OTHER = [-5.0, -5.0, 5.0], [5.0, -5.0, -5.0], [-5.0, 5.0, -5.0]
PLAIN = TableSettings(events=EventSettings(measure=False))


def long_logits(n: int, calls: Sequence[int], others: Sequence[int] = ()) -> NDArray[np.float64]:
    x = np.tile(np.array(QUIET), (n, 1))
    x[list(calls)], x[list(others)] = CALL, OTHER
    return x


@pytest.fixture
def pumped(tmp_path: Path) -> Journal:
    """Two sites of two hours with random calls of two species; one has a pump every 30 s."""
    rng = np.random.default_rng(5)
    n = 7199
    pump = [int(t) for t in np.arange(40, n - 5, 30) if rng.random() < 0.9]
    calls = [sorted(rng.choice(np.arange(5, n - 5), 60, replace=False).tolist()) for _ in range(4)]
    return scanned(
        tmp_path / "scan",
        {
            "/d/s1/a.wav": long_logits(n, [*pump, *calls[0]], calls[1]),
            "/d/s2/b.wav": long_logits(n, calls[2], calls[3]),
        },
        LABELS,
        start_times={"/d/s1/a.wav": START, "/d/s2/b.wav": START},
    )


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    return read_csv(folder / name)


def test_from_a_scan_to_a_mute_and_tables_without_the_machine(pumped: Journal, tmp_path: Path) -> None:
    by_folder = PLAIN.model_copy(update={"sites_by_folder": True})
    before = write_tables(pumped, pumped.folder, by_folder)
    (hint,) = [note for note in before.notes if "machine" in note]
    assert "detections of Fin whale at site s1 come every 30" in hint
    assert "see finback machines" in hint
    assert str(pumped.folder) not in hint, "the same journal in another folder gives the same bytes"
    events, effort = rows(pumped.folder, "events.csv"), (pumped.folder / "effort.csv").read_bytes()

    mutes = tmp_path / "mutes.toml"
    done = CliRunner().invoke(app, ["machines", str(pumped.folder), "--out", str(mutes)])
    assert done.exit_code == 0, done.output
    assert "fin whales repeat 20 Hz notes" in done.output
    text = mutes.read_text()
    assert "Careful" in text
    (mute,) = tomllib.loads(text)["mute"]
    assert (mute["site"], mute["species"]) == ("s1", "Fin whale")
    assert mute["period_s"] == pytest.approx(30, abs=0.5)
    again = CliRunner().invoke(app, ["machines", str(pumped.folder), "--out", str(mutes)])
    assert isinstance(again.exception, InputError)

    muted = by_folder.model_copy(update={"mute": str(mutes)})
    refused = CliRunner().invoke(app, ["tables", str(pumped.folder), "--defaults", "--mute", str(mutes)])
    assert isinstance(refused.exception, SettingsError), "without --sites-by-folder there is no site s1"
    after = write_tables(pumped, pumped.folder, muted)
    n = len(events) - len(rows(pumped.folder, "events.csv"))
    assert n > 180
    assert any(note.startswith(f"muted: {n:,} detections of Fin whale at site s1") for note in after.notes)
    assert not [note for note in after.notes if "perhaps a machine" in note]
    assert after.counts["Fin whale"] == before.counts["Fin whale"] - n
    assert after.counts["Humpback whale"] == before.counts["Humpback whale"]
    assert (pumped.folder / "effort.csv").read_bytes() == effort
    hours = rows(pumped.folder, "presence-hours.csv")
    assert sum(int(row["events: Fin whale"]) for row in hours) == after.counts["Fin whale"]
    assert propose(pumped).machines, "the mutes of the last tables do not hide what they mute"


def test_regular_song_is_proposed_with_its_caveat_only(pumped: Journal) -> None:
    write_tables(pumped, pumped.folder, PLAIN)
    (machine,) = propose(pumped).machines
    assert "Watkins" in " ".join(machine.caveat())
    other = replace(machine, mute=machine.mute.model_copy(update={"species": "Ship"}))
    assert other.caveat() == []
    assert any("real calls fall on the beat" in line for line in machine.reasons())


def test_a_scan_without_machines_proposes_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    calls = sorted(rng.choice(np.arange(5, 7000), 300, replace=False).tolist())
    journal = scanned(tmp_path / "scan", {"/d/a.wav": long_logits(7199, calls)}, LABELS)
    assert not [n for n in write_tables(journal, journal.folder, PLAIN).notes if "machine" in n]
    done = CliRunner().invoke(app, ["machines", str(journal.folder), "--out", str(tmp_path / "m.toml")])
    assert "no machine found" in done.output
    assert not (tmp_path / "m.toml").exists()
    assert '"machines": []' in CliRunner().invoke(app, ["machines", str(journal.folder), "--json"]).output


def machines_of(tmp_path: Path, made: list[FoundEvent]) -> list[Machine]:
    journal = scanned(tmp_path / "scan", {"/d/h.wav": long_logits(3599, [])}, LABELS)
    return find_machines(journal, made, lambda _: "all")


def test_two_machines_of_one_species_are_both_found(tmp_path: Path) -> None:
    slow = [event("/d/h.wav", float(t)) for t in np.arange(5, 3590, 40.0)]
    fast = [event("/d/h.wav", float(t), 2.0) for t in np.arange(9, 3590, 14.5)]
    found = machines_of(tmp_path, [*slow, *fast])
    assert sorted(round(m.mute.period_s or 0, 1) for m in found) == [
        pytest.approx(14.5, abs=0.3),
        pytest.approx(40.0, abs=0.8),
    ]
    assert sum(m.n for m in found) > 0.9 * (len(slow) + len(fast))


def test_a_few_events_without_a_band_do_not_widen_the_mute(tmp_path: Path) -> None:
    made = [event("/d/h.wav", float(t)) for t in np.arange(5, 3590, 20.0)]
    made[7] = replace(made[7], box=Box(made[7].start, made[7].stop))
    (machine,) = machines_of(tmp_path, made)
    assert machine.mute.low_hz == pytest.approx((90, 110), abs=0.1)
    assert machine.mute.duration_s == pytest.approx((0.9, 1.1), abs=0.1)
    assert machine.n == len(made) - 1, "an event without a band is not known to be the machine"


def test_regular_sounds_that_are_not_alike_are_no_machine(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    made = []
    for t in np.arange(5, 3590, 20.0):
        one = event("/d/h.wav", float(t), float(rng.choice([0.3, 1.0, 4.0])))
        low = float(rng.choice([20.0, 100.0, 400.0]))
        made.append(replace(one, box=Box(one.start, one.stop, low, 1.1 * low, 9.0)))
    assert machines_of(tmp_path, made) == []


def test_events_that_begin_with_a_recording_are_no_beat(tmp_path: Path) -> None:
    """A ship that sounds on and on is cut at each recording of a minute."""
    made = []
    for k in range(60):
        file = replace(file_of(f"/d/{k:02}.wav", 59), start_time=START + timedelta(minutes=k))
        made.append(event("x", 0.0, 60.0, file=file, stretch=(0, 60_000)))
    assert machines_of(tmp_path, made) == []


def test_embeddings_tell_sounds_apart(tmp_path: Path) -> None:
    head = header(LABELS, keep_embeddings=True)
    journal = Journal.open(tmp_path / "scan", head)
    file = file_of("/d/a.wav", 100)
    (span,) = spans_of(head, file)
    rng = np.random.default_rng(4)
    kept = rng.normal(size=(100, 8)) * 0.1
    kept[10:50:4] += np.array([5.0, *np.zeros(7)])
    kept[60:80:4] += np.array([0.0, 5.0, *np.zeros(6)])
    journal.write_part([scores(span, long_logits(100, []), None, kept)])
    own = [
        event("x", float(t), 2.0, file=file, stretch=(0, file.n_samples))
        for t in (*range(10, 50, 4), *range(60, 80, 4))
    ]
    found = alike(vectors(Journal.read(tmp_path / "scan"), own), own)
    assert found.tolist() == [True] * 10 + [False] * 5


def test_vectors_of_a_sound_in_sections_are_those_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).normal(0, 3, (20, 2))
    journal = scanned(tmp_path, {"/d/a.wav": x, "/d/b.wav": x[:5]})
    files = [state.file for state in journal.files()]
    places = [(0, 9000, 9001), (0, 20_500, 21_000), (1, 0, 300), (0, 0, 2000), (0, 3000, 4000)]
    events = [
        FoundEvent(files[i], None, "Fin whale", a, b, 0.9, 0.9, (a, b), (0, 21_000)) for i, a, b in places
    ]
    whole = vectors(journal, events)
    monkeypatch.setattr("finback.scan.sounds.FEWEST", 3)
    monkeypatch.setattr("finback.scan.sounds.NUMBERS", 3)
    np.testing.assert_allclose(vectors(journal, events), whole, rtol=1e-12)
    heard = np.concatenate([x, x[:5]]).astype(np.float16)
    wanted = heard[[8, 19, 20, 0, 2]] - heard.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(whole, wanted)


def test_a_proposal_never_writes_over_a_file(pumped: Journal, tmp_path: Path) -> None:
    target = tmp_path / "mutes.toml"
    target.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        write_proposal(propose(pumped), target)
    assert target.read_text() == "mine"
