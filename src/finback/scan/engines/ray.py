"""The engine on Ray: actors with one model each, on this machine or on a cluster (`--engine ray`).

Actors read the recordings and write the parts themselves, so all machines of a cluster must see the
recordings, the model and the folder of the journal under the same names. What passes through Ray is small:
spans in, names of finished parts out. Ray starts an actor again when its process dies or its machine is lost.
Ray's own second tries of a task are off: here deaths are counted, so that one span cannot kill without end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from finback.core.errors import FinbackError, RunError, SettingsError
from finback.core.extras import install as install_line
from finback.core.progress import Log
from finback.scan.engines.contract import POLL_S, Done, Job
from finback.scan.engines.pieces import Piece
from finback.scan.engines.pool import Pool
from finback.scan.header import JournalHeader
from finback.scan.plan import Unit

INSTALL = install_line("ray")
# Actors that end before they have loaded the model, one after the other, for so long (s): one that starts
# again after its death gives the same errors at first.
MOST_STARTS, STARTS_S = 3, 60.0
STORE_BYTES = 80_000_000  # of Ray's object store on this machine: near the least that Ray takes
WAIT_S = 60.0  # for a first actor, before the user is told


@dataclass(frozen=True, slots=True)
class RayOptions:
    """How many actors, where, and the share of a GPU of each. `address`: "" starts a Ray on this machine."""

    n_workers: int | None = None  # None: one for each core (or share of a GPU) of the cluster
    address: str = ""
    num_gpus: float | None = None  # None: 1 for --device cuda, 0 for cpu


class _Actor:
    """In a process of Ray, which runs `__init__` again after a restart: the model is loaded when needed."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.worker: Any = None

    def process(self) -> int:
        """The number of the process."""
        return os.getpid()

    def load(self) -> JournalHeader | FinbackError:
        """Load the model, unless it is loaded."""
        from finback.scan.engines.worker import Worker  # imports torch

        try:
            self.worker = self.worker or Worker(self.job)
            return self.worker.header
        except FinbackError as error:
            return error

    def analyse(self, unit: Unit) -> tuple[tuple[str, ...], int] | FinbackError:
        """Names of the parts that were written, and how many spans failed."""
        header = self.load()
        if isinstance(header, FinbackError):
            return header
        try:
            done = self.worker.analyse(unit)
        except FinbackError as error:
            return error
        return done.parts, done.n_failed


class RayEngine(Pool):
    """A context manager. Raises `SettingsError` without ray or room for it, `RunError` without a model."""

    def __init__(self, job: Job, options: RayOptions, log: Log = lambda text: None) -> None:
        super().__init__(job)
        self.options, self.log = options, log
        self.ray = _started(options)
        self._idle: list[Any] = []
        self._busy: dict[
            Any, tuple[Any, Piece | None]
        ] = {}  # result -> actor, piece; None: it loads the model
        self._failed_starts, self._failing_since = 0, 0.0
        self._header: JournalHeader | None = None
        with ExitStack() as stack:
            stack.callback(self.close)
            self._start()
            self.header: JournalHeader = self._first_header()
            stack.pop_all()

    def close(self) -> None:
        """End all actors at once; finished parts stay. A Ray that was running before goes on."""
        for actor in [*self._idle, *(actor for actor, _ in self._busy.values())]:
            self.ray.kill(actor)
        self._idle, self._busy = [], {}
        self.ray.shutdown()

    def _has_room(self) -> bool:
        return len(self.pieces) < len(self._idle)

    def _hand_out(self) -> None:
        while self.pieces and self._idle:
            actor, piece = self._idle.pop(), self.pieces.pop()
            self._busy[actor.analyse.remote(piece.unit)] = actor, piece

    def _is_analysing(self) -> bool:
        return any(piece for _, piece in self._busy.values())

    def _start(self) -> None:
        """Ask Ray for the actors; it may take a while until a cluster has room for all."""
        gpus = _gpus(self.job, self.options)
        n = self.options.n_workers or _n_places(self.ray, gpus)
        actor = self.ray.remote(_Actor)
        options = {"num_cpus": 1, "num_gpus": gpus, "max_restarts": -1, "max_task_retries": 0}
        for _ in range(n):
            new = actor.options(**options).remote(self.job)
            self._busy[new.load.remote()] = new, None

    def _first_header(self) -> JournalHeader:
        """Wait until an actor has loaded the model."""
        told = False
        while self._header is None:
            for _ in self._answers(WAIT_S):
                raise AssertionError("an answer without a unit")
            if self._header is None and not told:
                self.log("waits for Ray, which has no room for an actor or still starts it")
                told = True
        return self._header

    def _answers(self, timeout_s: float | None) -> Iterator[Done]:
        """Wait for actors, and take what they say."""
        if not self._busy:
            time.sleep(timeout_s or POLL_S)
            return
        ready, _ = self.ray.wait(list(self._busy), num_returns=1, timeout=timeout_s)
        for result in ready:
            actor, piece = self._busy.pop(result)
            try:
                answer = self.ray.get(result)
            except self.ray.exceptions.RayError as error:
                how = _words(error)
                if piece is None:
                    self._count_failed_start(how)
                self._busy[actor.load.remote()] = actor, None
                if piece is not None:
                    yield from self.pieces.died(piece, how)
                continue
            if isinstance(answer, FinbackError):
                raise answer
            if isinstance(answer, JournalHeader):
                self._take_header(answer)
            elif piece is not None:
                self._failed_starts = 0
                parts, n_failed = answer
                yield from self.pieces.finished(piece, Done(piece.unit, tuple(parts), n_failed))
            self._idle.append(actor)

    def _take_header(self, header: JournalHeader) -> None:
        self._failed_starts = 0
        if self._header not in (None, header):
            raise RunError(
                f"{self.job.model}: the machines of the cluster have different models or versions of finback",
                "install one version everywhere, and give a model that all machines share",
            )
        self._header = header

    def _count_failed_start(self, how: str) -> None:
        now = time.monotonic()
        self._failing_since = now if not self._failed_starts else self._failing_since
        self._failed_starts += 1
        time.sleep(POLL_S)
        if self._failed_starts >= MOST_STARTS and now - self._failing_since > STARTS_S:
            raise FinbackError(
                f"{self.job.model}: actors end before they have loaded the model ({how})",
                "free some memory, or give fewer --workers",
            )


def _started(options: RayOptions) -> Any:
    """The package ray, connected. Raises `SettingsError`."""
    if find_spec("ray") is None:
        raise SettingsError("--engine ray needs the package ray, which is not installed", INSTALL)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if not options.address:
        # Ray listens on all networks otherwise. The name is historical: it stands for "this machine only".
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray
    from ray._private import worker as printing

    # Ray prints the death of an actor to stdout, where --json is, and has no public way to stop it.
    printing._worker_logs_enabled = False
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    if options.address:
        try:
            ray.init(address=options.address, ignore_reinit_error=True, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise SettingsError(
                f"--ray-address {options.address}: no Ray there ({str(error).splitlines()[0][:150]})",
                "give auto on a machine of the cluster, host:port, or ray://host:10001",
            ) from error
        return ray
    ray.init(
        num_cpus=options.n_workers or n_cores(),
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        **quiet,
    )
    return ray


def n_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus(job: Job, options: RayOptions) -> float:
    """The share of a GPU of each actor."""
    return float(job.device != "cpu") if options.num_gpus is None else options.num_gpus


def _n_places(ray: Any, gpus: float) -> int:
    """How many actors the cluster has room for. Raises `SettingsError` when it has none."""
    resources = ray.cluster_resources()
    n = int(resources.get("CPU", 0))
    if gpus:
        n = min(n, int(resources.get("GPU", 0) / gpus + 1e-9))
    if n < 1:
        there = f"{resources.get('CPU', 0):g} CPUs and {resources.get('GPU', 0):g} GPUs"
        raise SettingsError(f"Ray has no room for an actor: there are {there}", "give fewer --num-gpus")
    return n


def _words(error: Exception) -> str:
    """How an actor ended, on one short line."""
    name = type(error).__name__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if name in ("ActorDiedError", "ActorUnavailableError", "RayActorError"):
        return "its process ended"
    return f"{name}: {lines[-1][:150]}" if lines else name
