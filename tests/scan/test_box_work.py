"""Processes that measure boxes."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from finback.core.processes import plain_start
from finback.scan.box_work import new_pool


@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
def test_a_killed_idle_process_does_not_stop_the_scan() -> None:
    """An idle process of a pool holds a lock; the others would wait for it for ever."""
    pool = new_pool(2)
    with plain_start():
        quick = pool.submit(os.getpid)
        slow = pool.submit(time.sleep, 3600)
    idle = quick.result()
    busy = next(process for pid, process in pool._processes.items() if pid != idle)
    os.kill(idle, signal.SIGKILL)
    with pytest.raises(BrokenProcessPool):
        slow.result()
    pool.shutdown()
    assert busy.exitcode == -signal.SIGTERM
