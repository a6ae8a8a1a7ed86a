"""The work of measuring boxes: events in bundles, in this process or in several.

    for result in measured(jobs, workers=2):         # Results: [(index of the job, box or reason), ...]

Bundles hold the events of some minutes of sound, in the order of time. So sound that several events need is
decoded and analysed once, and a dense recording is shared out among processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from finback.core.errors import AudioError
from finback.core.processes import end_with_the_first_process, plain_start
from finback.scan.boxes import Request, measure_in_order
from finback.scan.found_events import Box
from finback.scan.spans import ScannedFile

BUNDLE_S = 600.0  # of sound at 48 kHz, or as many samples
BUNDLE_EVENTS = 2000
OPEN_S = 1.0  # a file costs as much as so much sound
FEWEST_BUNDLES = 4  # for fewer it is not worth it to start processes


@dataclass(frozen=True, slots=True)
class Job:
    """An event to measure, and the file as it was scanned."""

    file: ScannedFile
    request: Request


Bundle = list[tuple[int, Job]]  # with the index of the job
Results = list[tuple[int, Box | str]]  # the box, or in one line why there is none


def bundles(jobs: Sequence[Job]) -> list[Bundle]:
    """The jobs in the order of file, channel and time, in bundles of about `BUNDLE_S` of sound."""
    found: list[Bundle] = []
    seconds, last, read_to = 0.0, ("", -1), 0
    for i in sorted(range(len(jobs)), key=lambda i: _order(jobs[i])):
        job = jobs[i]
        start, stop = job.request.around
        sound = (job.file.path, -1 if job.request.channel is None else job.request.channel)
        if sound != last:
            last, read_to, seconds = sound, 0, seconds + OPEN_S
        new = max(0, stop - max(start, read_to)) / 48_000
        if not found or seconds + new > BUNDLE_S or len(found[-1]) >= BUNDLE_EVENTS:
            found.append([])
            seconds, new = 0.0, (stop - start) / 48_000
        found[-1].append((i, job))
        seconds, read_to = seconds + new, max(read_to, stop)
    return found


def measured(work: Sequence[Bundle], workers: int = 1) -> Iterator[Results]:
    """The boxes of each bundle, in order; who measures them, and in how many processes, changes nothing."""
    done = 0
    if workers > 1 and len(work) >= FEWEST_BUNDLES:
        with suppress(BrokenProcessPool):  # a process was killed: the rest is measured here
            for found in _in_processes(work, min(workers, len(work))):
                done += 1
                yield found
    for bundle in work[done:]:
        yield measure_bundle(bundle)


def _in_processes(work: Sequence[Bundle], workers: int) -> Iterator[Results]:
    pool = new_pool(workers)
    try:
        with plain_start():
            futures = [pool.submit(measure_bundle, bundle) for bundle in work]
        for future in futures:
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def new_pool(workers: int) -> ProcessPoolExecutor:
    """New processes, not forks of the engine's server: they need no torch, 100 MB in each."""
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """Runs in each process. When one is killed, the pool ends the others by SIGTERM: they may wait for a lock
    that the dead one had."""
    end_with_the_first_process()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def measure_bundle(bundle: Bundle) -> Results:
    """The box of each event, or in one line why there is none."""
    found: Results = []
    for file, jobs in groupby(bundle, key=lambda each: each[1].file):
        own = list(jobs)
        fault = _fault(file)
        if fault:
            found += [(i, fault) for i, _ in own]
            continue
        results = measure_in_order(file.secret_url or file.path, [job.request for _, job in own])
        for (i, _), result in zip(own, results, strict=True):
            found.append((i, result.problem if isinstance(result, AudioError) else result))
    return found


def _order(job: Job) -> tuple[str, int, tuple[int, int], float, tuple[int, int]]:
    request = job.request
    channel = -1 if request.channel is None else request.channel
    return job.file.path, channel, request.stretch, request.top_hz, request.around


def _fault(file: ScannedFile) -> str:
    """Why a file is not the one that was scanned; "" when it is. Remote files are not asked."""
    if "://" in file.path:
        return ""
    try:
        status = os.stat(file.path)
    except OSError as error:
        return f"{file.path}: {error.strerror or error}"
    if status.st_size != file.size or (file.modified_ns and status.st_mtime_ns != file.modified_ns):
        return f"{file.path}: changed since the scan"
    return ""
