"""Signals are held back until work is saved; ignored ones stay ignored; a second one acts at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from finback.core.signals import ENDING, acting, held_signals


@pytest.fixture(autouse=True)
def _handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ENDING}
    for number in ENDING:
        signal.signal(number, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def work(steps: list[int], *numbers: int, deliver: bool = True) -> None:
    """Nine steps; the signals come in the fourth."""
    with held_signals() as held:
        for step in range(9):
            if step == 3:
                for number in numbers:
                    signal.raise_signal(number)
            steps.append(step)
            if held.number and deliver:
                held.deliver()
        if not deliver:
            raise OSError("after which a study would go on with the next candidate")


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_waits_until_it_is_delivered(number: int) -> None:
    steps: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        work(steps, number)
    assert steps == [0, 1, 2, 3]
    assert signal.getsignal(number) is signal.default_int_handler


def test_what_was_not_delivered_comes_at_the_end() -> None:
    steps: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        work(steps, signal.SIGTERM, deliver=False)
    assert len(steps) == 9


def test_a_second_signal_acts_at_once() -> None:
    steps: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        work(steps, signal.SIGTERM, signal.SIGTERM)
    assert steps == [0, 1, 2]


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with held_signals() as held:
        signal.raise_signal(signal.SIGTERM)
        assert not held.number


def test_work_goes_on_where_a_handler_of_the_caller_only_takes_a_note() -> None:
    notes = []
    signal.signal(signal.SIGTERM, lambda number, frame: notes.append(number))
    with held_signals() as held:
        signal.raise_signal(signal.SIGTERM)
        held.deliver()
        notes.append(0)
    assert notes == [signal.SIGTERM, 0]


def test_other_threads_leave_signals_alone() -> None:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(acting()))
    thread.start()
    thread.join()
    assert found == [{}]
