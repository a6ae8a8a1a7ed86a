"""Ctrl-C at any moment of a scan: no claim and no worker is left, and no signal is lost."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from scanned import file_of, header, spans_of
from sounds import sound

from finback.core import signals
from finback.scan import claims, scan, work
from finback.scan.engines import local, process
from finback.scan.engines.contract import Done, Job, Units
from finback.scan.files import find
from finback.scan.journal import Journal
from finback.scan.plan import Unit
from finback.scan.settings import ScanSettings

TRACED = {module.__file__ for module in (signals, claims, scan, work)}


class Instant:
    """An engine that answers at once, and writes nothing."""

    header = header()

    def map(self, units: Units) -> Iterator[Done]:
        for unit in units:
            assert unit is not None
            yield Done(unit, ())

    def close(self) -> None:
        """There is nothing to end."""


class InterruptAt:
    """Sends Ctrl-C before the n-th step of the traced modules; 0: never. Counts the steps."""

    def __init__(self, n: int) -> None:
        self.n, self.count = n, 0

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in TRACED:
            return None
        frame.f_trace_opcodes = frame.f_code.co_name == "_worked"  # where the block begins and ends
        self.count += 1
        if self.count == self.n:
            sys.settrace(None)
            signal.raise_signal(signal.SIGINT)  # acts here, unless it is held
        return self


def interrupted(n: int, site: Path, out: Path) -> tuple[int, bool]:
    """Scan with Ctrl-C before step n: the number of steps, and whether the scan was interrupted."""
    journal, found = Journal.open(out, header()), find([str(site)])
    tracer = InterruptAt(n)
    sys.settrace(tracer)
    try:
        scan._worked(Instant(), journal, found, scan.ScanOptions())
    except KeyboardInterrupt:
        return tracer.count, True
    finally:
        sys.settrace(None)
    return tracer.count, False


@pytest.mark.skipif(sys.gettrace() is not None, reason="under a debugger, or a tool that measures coverage")
def test_no_moment_leaves_a_claim_or_loses_the_signal(tmp_path: Path) -> None:
    for i in range(2):
        sound(tmp_path / "site" / f"{i}.wav", 3, 1000)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        n_steps, was_interrupted = interrupted(0, tmp_path / "site", tmp_path / "0")
        assert not was_interrupted
        assert n_steps > 300
        for n in range(1, n_steps + 1):
            out = tmp_path / str(n)
            count, was_interrupted = interrupted(n, tmp_path / "site", out)
            assert was_interrupted or count < n, n  # threads that open files make a step more or less
            assert not (out / "claims").exists(), n
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_worker_that_is_between_two_places_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal may come while the answer of a worker is read."""
    ended: list[object] = []

    class Waiting:
        """A worker that has loaded the model and answers nothing else."""

        def __init__(self, job: Job) -> None:
            self.process, self.answers = self, [header()]
            self.pid, (self.read, self.write) = 1, os.pipe()
            os.write(self.write, b"x")

        @property
        def sentinels(self) -> list[int]:
            return [self.read]

        def give(self, unit: Unit) -> bool:
            return True

        def answer(self) -> Any:
            if not self.answers:
                raise KeyboardInterrupt
            return self.answers.pop()

        def end(self) -> str:
            ended.append(self)
            os.close(self.read)
            os.close(self.write)
            return ""

    monkeypatch.setattr(local, "WorkerProcess", Waiting)
    unit = Unit("ab12cd34ef56", tuple(spans_of(header(), file_of("a.wav"))))
    with (
        pytest.raises(KeyboardInterrupt),
        local.LocalEngine(Job("m", "cpu", ".", ScanSettings()), 1) as engine,
    ):
        list(engine.map([unit]))
    assert len(ended) == 1


def test_a_worker_that_nobody_listens_to_ends_in_silence() -> None:
    here, there = Pipe()
    here.close()
    with process._told(there):
        there.send("an answer")
