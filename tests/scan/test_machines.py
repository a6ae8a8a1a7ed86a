"""Machines among detections: regular and alike; proposed, never muted by themselves."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scanned import file_of, header, scanned, scores, spans_of
from typer.testing import CliRunner

from finback.cli.app import app
from finback.core.errors import InputError, SettingsError
from finback.core.storage.csv_files import read_csv
from finback.scan.beats import best_period, on_a_line, on_beat
from finback.scan.event_settings import EventSettings
from finback.scan.found_events import Box, FoundEvent
from finback.scan.journal import Journal
from finback.scan.likeness import alike, vectors
from finback.scan.machine_proposal import propose, write_proposal
from finback.scan.machines import LEVEL, Machine, find_machines
from finback.scan.mutes import Mute, mutes_text, read_mutes
from finback.scan.table_settings import TableSettings
from finback.scan.tables import write_tables

Times = NDArray[np.float64]
START = datetime(2009, 3, 29, 12, tzinfo=UTC)
LABELS = ("Fin whale", "Humpback whale", "noise")
QUIET, CALL, OTHER = [-5.0, -5.0, 5.0], [5.0, -5.0, -5.0], [-5.0, 5.0, -5.0]
PLAIN = TableSettings(events=EventSettings(measure=False))


def beats(period: float, n: int, rng: np.random.Generator, jitter: float = 0.0, kept: float = 1.0) -> Times:
    """A machine with jitter (standard deviation, of the period) that is detected on a share of its beats."""
    times = np.arange(n) * period + rng.normal(0, jitter * period, n)
    return np.asarray(times[rng.random(n) < kept])


@pytest.mark.parametrize(
    ("period", "jitter", "kept", "calls"),
    [
        (30, 0.02, 0.7, 1.0),
        (30, 0.01, 0.5, 3.0),
        (12, 0.05, 0.9, 0.2),
        (300, 0.01, 0.9, 1.0),
        (61, 0.02, 0.4, 0.5),
    ],
)
def test_a_machine_among_calls_is_found(period: float, jitter: float, kept: float, calls: float) -> None:
    rng = np.random.default_rng(1)
    machine = beats(period, 1000, rng, jitter, kept)
    whales = rng.uniform(0, 1000 * period, int(len(machine) * calls))
    line = np.concatenate([machine, whales])
    beat = best_period(line, 0.1, 1.0, LEVEL)
    assert beat is not None
    assert beat.period_s == pytest.approx(period, rel=0.02)
    assert beat.p < 1e-6
    on = on_beat(line, beat.period_s, beat.tolerance_s)
    assert on[: len(machine)].mean() > 0.6  # with four of ten beats detected; else more
    assert on[len(machine) :].mean() < 0.3


def random_calls(kind: str, rng: np.random.Generator) -> Times:
    """Calls without a machine: at random, in bouts of changing rate, or dense with a shortest distance."""
    if kind == "random":
        return rng.uniform(0, 86_400, int(rng.choice([50, 500, 5000])))
    if kind == "bouts":
        starts = rng.uniform(0, 86_400, 30)
        steps = rng.exponential(300, (30, 40)) * rng.uniform(0.02, 1, (30, 1))
        return np.asarray((starts[:, None] + steps.cumsum(axis=1)).ravel())
    dead = rng.uniform(2, 6)
    intervals = dead + rng.exponential(dead / rng.choice([0.2, 1, 2]), 1000)
    times = intervals.cumsum()
    return np.unique(np.round(times)) if kind == "grid" else times


@pytest.mark.parametrize("kind", ["random", "bouts", "dense", "grid"])
def test_calls_without_a_machine_are_proposed_no_more_often_than_stated(kind: str) -> None:
    found = [
        best_period(
            random_calls(kind, np.random.default_rng(seed)), 1.0 if kind == "grid" else 0.1, 2.0, LEVEL
        )
        for seed in range(200)
    ]
    assert sum(beat is not None for beat in found) <= 200 * LEVEL


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 2000), shift=st.floats(0, 1e6))
def test_the_answer_does_not_depend_on_order_or_zero(seed: int, n: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    line = rng.uniform(0, 10_000, n)
    on = on_beat(line, 17.0, 0.5)
    assert np.array_equal(on_beat(line[::-1], 17.0, 0.5), on[::-1])
    assert on_beat(np.concatenate([line, [1e8]]), 17.0, 0.5).sum() == on.sum()
    assert abs(int(on_beat(line + shift, 17.0, 0.5).sum()) - int(on.sum())) <= 2


def event(path: str, start: float, length: float = 1.0, **changes: object) -> FoundEvent:
    """An event of a recording of an hour at 1,000 Hz."""
    scanned_file = replace(file_of(path, 3599), start_time=START)
    a, b = round(start * 1000), round((start + length) * 1000)
    box = Box(a, b, 100.0, 200.0, 10.0)
    made = FoundEvent(scanned_file, None, "Fin whale", a, b, 0.9, 0.8, (a, b), (0, 3_600_000), (), box)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_only_sound_without_a_break_is_compared() -> None:
    """A recorder that wakes every five minutes makes all sounds regular."""
    rng = np.random.default_rng(2)
    duty = []
    for k in range(300):
        file = replace(file_of(f"d/{k:03}.wav", 29), start_time=START + timedelta(minutes=5 * k))
        duty.append(event("x", float(rng.uniform(1, 28)), file=file, stretch=(0, 30_000)))
    assert best_period(on_a_line(duty), 0.1, 2.0, LEVEL) is None


def test_recordings_that_follow_each_other_are_one() -> None:
    minutes = [
        replace(file_of(f"d/{k:03}.wav", 59), start_time=START + timedelta(minutes=k)) for k in range(40)
    ]
    made = [
        event("x", t % 60, file=minutes[int(t // 60)], stretch=(0, 60_000)) for t in np.arange(3, 2400, 25.0)
    ]
    line = on_a_line(made)
    assert np.diff(line) == pytest.approx(np.full(len(line) - 1, 25.0))
    beat = best_period(line, 0.1, 2.0, LEVEL)
    assert beat is not None
    assert beat.period_s == pytest.approx(25.0, abs=0.3)
    untimed = [replace(e, file=replace(e.file, start_time=None)) for e in made]
    assert np.diff(on_a_line(untimed)).max() > 10_000


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


def test_a_hundred_thousand_events_are_one_sort(tmp_path: Path) -> None:
    """All distances of a period come from one sorted array; each event is compared with a bounded number."""
    line = np.random.default_rng(6).uniform(0, 3e6, 100_000)
    assert best_period(line, 0.1, 1.0, LEVEL) is None


GOOD = '[[mute]]\nsite = "all"\nspecies = "fin-whale"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[mute]]\nsite = "all"\nspecies = "Fin wale"',
            r"mute 1: unknown species 'Fin wale'; did you mean 'Fin whale'",
        ),
        (
            '[[mute]]\nsite = "s1"\nspecies = "Fin whale"',
            r"unknown site 's1'; the sites are: all; give --sites-by-folder",
        ),
        (GOOD + GOOD + "perod_s = 3", r"mute 2: unknown .*'perod_s', did you mean 'period_s'"),
        ("[mutes]\nsite = 1", r"unknown key 'mutes'; write each mute under \[\[mute\]\]"),
        ("mute = 3", "is no list of tables"),
        ("[[mute]", "not valid TOML"),
        ('[[mute]]\nspecies = "Fin whale"', "mute 1: site"),
        (GOOD + "period_s = 30", "period_s and tolerance_s are given together"),
        (GOOD + "period_s = 30\ntolerance_s = 20", "every event is on the beat"),
        (GOOD + "period_s = -1\ntolerance_s = 1", "period_s = -1"),
        (GOOD + "start_utc = 2009-03-29T12:00:00", "give a moment with its zone"),
        (GOOD + "start_utc = 2009", "give a moment with its zone"),
        (GOOD + "start_utc = 2009-03-29T12:00:00Z\nstop_utc = 2009-03-29T11:00:00Z", "stop_utc is not after"),
        (GOOD + "duration_s = [3, 1]", "give the least and the most"),
        (GOOD + "low_hz = [nan, 1]", "low_hz"),
    ],
)
def test_a_wrong_mute_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mutes.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message) as caught:
        read_mutes(path, LABELS, ["/d/h.wav"], lambda _: "all")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    with pytest.raises(SettingsError, match="no such file; check the path of --mute"):
        read_mutes(tmp_path / "none.toml", LABELS, [], lambda _: "all")


def test_what_is_not_known_is_not_muted() -> None:
    plain = event("/d/h.wav", 60.0)
    sites = ["all"]
    mute = Mute(site="all", species="Fin whale", low_hz=(90, 110), start_utc=START)
    assert mute.chosen([plain], sites) == [0]
    assert mute.chosen([plain], ["other"]) == []
    assert mute.chosen([replace(plain, label="Humpback whale")], sites) == []
    assert mute.chosen([replace(plain, box=None)], sites) == []
    assert mute.chosen([replace(plain, file=replace(plain.file, start_time=None))], sites) == []
    assert mute.model_copy(update={"start_utc": START + timedelta(seconds=61)}).chosen([plain], sites) == []
    assert mute.model_copy(update={"stop_utc": START + timedelta(seconds=60)}).chosen([plain], sites) == []
    assert mute.model_copy(update={"duration_s": (1.5, 3.0)}).chosen([plain], sites) == []
    assert Mute(site="all", species="Fin whale").chosen([replace(plain, box=None)], sites) == [0]


@given(site=st.text(min_size=1, max_size=30).filter(lambda s: max(s) < "\ud800" or min(s) > "\udfff"))
def test_a_file_of_mutes_comes_back(site: str) -> None:
    mute = Mute(
        site=site,
        species='A "whale"\\',
        start_utc=START,
        stop_utc=START + timedelta(days=1, microseconds=5),
        period_s=30.0123,
        tolerance_s=0.6,
        duration_s=(0.0, 2.25),
        high_hz=(100.0, 20_000.0),
    )
    values = tomllib.loads(mutes_text([mute], [["one\nline = 1"]], ["head"]))["mute"]
    assert [Mute.model_validate(one) for one in values] == [mute]


def test_a_proposal_never_writes_over_a_file(pumped: Journal, tmp_path: Path) -> None:
    target = tmp_path / "mutes.toml"
    target.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        write_proposal(propose(pumped), target)
    assert target.read_text() == "mine"
