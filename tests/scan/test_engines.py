"""Worker processes: the same tables as one process, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scanned import file_of, header, spans_of
from sounds import sound

from finback.core.errors import FinbackError, RunError
from finback.scan.engines import local
from finback.scan.engines.contract import Done, Job
from finback.scan.engines.local import LocalEngine
from finback.scan.journal import Journal
from finback.scan.plan import Unit
from finback.scan.scan import scan
from finback.scan.settings import ScanSettings

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")
TABLES = ("effort.csv", "errors.csv")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    for i in range(12):
        sound(folder / f"{i:02}.wav", 1 + 3 * (i % 4), 8000)
    (folder / "bad.wav").write_bytes(b"bad")
    return folder


def tables(out: Path) -> list[bytes]:
    return [(out / name).read_bytes() for name in TABLES]


def test_workers_write_what_one_process_writes(trained: Path, site: Path, tmp_path: Path) -> None:
    one = scan(trained, site, tmp_path / "one", workers=1, span_minutes=0.05)
    two = scan(trained, site, tmp_path / "two", workers=2, span_minutes=0.05)
    assert tables(one.out) == tables(two.out)
    assert sorted(p.name for p in one.out.rglob("*.parquet")) == sorted(
        p.name for p in two.out.rglob("*.parquet")
    )


def test_a_killed_worker_costs_time_only(
    trained: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = scan(trained, site, tmp_path / "one", workers=1)
    killed: list[int] = []
    give = local.WorkerProcess.give

    def give_and_kill(self: local.WorkerProcess, unit: Unit) -> bool:
        given = give(self, unit)
        if len(killed) < 2 and self.process.pid:
            killed.append(self.process.pid)
            os.kill(self.process.pid, signal.SIGKILL)
        return given

    monkeypatch.setattr(local.WorkerProcess, "give", give_and_kill)
    two = scan(trained, site, tmp_path / "two", workers=2, span_minutes=0.3)
    assert len(killed) == 2
    assert tables(one.out) == tables(two.out)


class FakeProcess:
    """A worker that dies on the spans of some files, or before it has loaded a model."""

    deadly: tuple[str, ...] = ()
    never_starts = False
    n_started = 0

    def __init__(self, job: Job) -> None:
        FakeProcess.n_started += 1
        self.job, self.process = job, self
        self.pid = FakeProcess.n_started
        self.read, self.write = os.pipe()
        os.write(self.write, b"x")
        self.next: Any = None if self.never_starts else header()

    @property
    def sentinels(self) -> list[int]:
        return [self.read]

    def give(self, unit: Unit) -> bool:
        os.write(self.write, b"x")
        dies = any(span.file.path in self.deadly for span in unit.spans)
        self.next = None if dies else Done(unit, (f"{unit.key}-{len(unit.spans)}",))
        return True

    def answer(self) -> Any:
        os.read(self.read, 1)
        return self.next

    def end(self) -> str:
        os.close(self.read)
        os.close(self.write)
        return "SIGSEGV"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeProcess]:
    class Fake(FakeProcess):
        pass

    FakeProcess.n_started = 0
    monkeypatch.setattr(local, "WorkerProcess", Fake)
    return Fake


def units(*names: str) -> list[Unit]:
    spans = tuple(spans_of(header(), file_of(name, 3))[0] for name in names)
    return [Unit("ab12cd34ef56", spans), Unit("bb12cd34ef56", spans_of_one("z.wav"))]


def spans_of_one(name: str) -> tuple[Any, ...]:
    return tuple(spans_of(header(), file_of(name, 3)))


@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_a_span_that_kills_twice_is_an_error_of_that_span(
    fake: type[FakeProcess], tmp_path: Path, n_workers: int
) -> None:
    fake.deadly = ("b.wav",)
    journal = Journal.open(tmp_path, header())
    with LocalEngine(Job("tiny", "cpu", str(tmp_path), ScanSettings()), n_workers) as engine:
        done = {d.unit.key[0]: d for d in engine.map(units("a.wav", "b.wav", "c.wav"))}
    assert (done["a"].n_failed, done["b"].n_failed) == (1, 0)
    assert len(done["a"].parts) == 3
    journal.refresh()
    (problem,) = journal.errors()
    assert problem.file.path == "b.wav"
    assert "ended 2 times (SIGSEGV)" in problem.reason
    assert (problem.start, problem.stop) == (0, 4000)


def test_workers_that_never_start_end_the_scan(fake: type[FakeProcess], tmp_path: Path) -> None:
    fake.never_starts = True
    with pytest.raises(FinbackError, match="before they have loaded the model"):
        LocalEngine(Job("tiny", "cpu", str(tmp_path), ScanSettings()), 2)
    assert fake.n_started == 3


def test_an_engine_asks_again_when_there_is_nothing_now(fake: type[FakeProcess], tmp_path: Path) -> None:
    one, other = units("a.wav")
    with LocalEngine(Job("tiny", "cpu", str(tmp_path), ScanSettings()), 2) as engine:
        done = list(engine.map([None, one, None, None, other, None]))
    assert {d.unit.key for d in done} == {one.key, other.key}


def test_no_more_workers_than_work(fake: type[FakeProcess], tmp_path: Path) -> None:
    many = [replace(units("a.wav")[0], key=f"{i:012}") for i in range(20)]
    with LocalEngine(Job("tiny", "cpu", str(tmp_path), ScanSettings()), 3) as engine:
        assert len(list(engine.map(many))) == 20
    assert fake.n_started == 3


def test_an_error_of_a_worker_reaches_the_caller_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such run folder"):
        LocalEngine(Job("no-such-model", "cpu", str(tmp_path), ScanSettings()), 2)


def start(*words: object, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "finback", "scan", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def wait_for_parts(out: Path, n: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while len(list(out.rglob("parts/*/[!.]*.parquet"))) < n:
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_a_script_without_a_main_guard(trained: Path, site: Path, tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "import sys\nfrom finback.scan.scan import scan\nprint('begun')\n"
        "result = scan(sys.argv[1], sys.argv[2], sys.argv[3], workers=2)\nprint(result.outcome.n_files)\n"
    )
    words = [sys.executable, script, trained, site, tmp_path / "out"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["begun", "12"], done.stderr


@pytest.mark.parametrize(("number", "code", "workers"), [(signal.SIGINT, 130, 2), (signal.SIGTERM, 143, 1)])
def test_an_interrupted_scan_goes_on(
    trained: Path, tmp_path: Path, number: int, code: int, workers: int
) -> None:
    folder = tmp_path / "site"
    for i in range(60):
        sound(folder / f"{i:02}.wav", 30, 8000)
    words = (trained, folder, "--out", tmp_path / "out", "--span-minutes", 0.2, "--workers", workers)
    process = start(*words, "--hop", 0.05)
    wait_for_parts(tmp_path / "out", 2, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert "run the same command again to continue" in said
    assert "Traceback" not in said
    n = len(list((tmp_path / "out").rglob("parts/*/[!.]*.parquet")))
    assert 2 <= n < 150
    assert not (tmp_path / "out" / "claims").exists()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
def test_workers_end_with_the_first_process(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    for i in range(40):
        sound(folder / f"{i:02}.wav", 30, 8000)
    mark = f"mark-{os.urandom(6).hex()}"
    words = (trained, folder, "--out", tmp_path / "out", "--span-minutes", 0.2, "--workers", 2)
    process = start(*words, "--hop", 0.05, env={**os.environ, "FINBACK_MARK": mark})
    wait_for_parts(tmp_path / "out", 2, process)
    assert len(marked(mark)) >= 3
    process.kill()
    process.communicate()
    end = time.monotonic() + 60
    while marked(mark):
        assert time.monotonic() < end
        time.sleep(0.1)


def marked(mark: str) -> list[int]:
    """Processes whose environment holds a mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found
