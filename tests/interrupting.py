"""Commands of finback that are killed, told to end, or meet a full disk at a chosen write.

    sweep = Sweep(folder)
    whole = sweep.run(["simulate", folder / "out"])                # Outcome(code=0, n_writes=70, ...)
    cut = sweep.run(["simulate", folder / "out"], Trouble("kill", at=35))

A command runs in a process of its own. An audit hook counts what changes below the folder: files opened for
writing, renamed, made. At the n-th of them the process kills itself with -9 (`kill`), gets SIGTERM (`term`),
or every later attempt to make a file finds no space (`full`). So each state that a kill can leave on disk is
reached on purpose, and again with the same number. The processes are forks of one server that has imported
finback and computed nothing, so that a run takes as long as its work.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forked import server

from finback.core.storage.temporaries import is_temporary

OURS = (".finback.lock",)  # of no meaning once the process has ended
TIMED = ("training_s", "clips_per_s")  # measured times: never the same on purpose


@dataclass(frozen=True)
class Trouble:
    """What happens at the `at`-th write: nothing, `kill`, `term` or `full`."""

    kind: str = ""
    at: int = 0


NONE = Trouble()


@dataclass(frozen=True)
class Outcome:
    """Exit code (negative: the signal that killed it), number of writes, and what was printed."""

    code: int
    n_writes: int
    printed: str


@dataclass
class Sweep:
    """Runs commands that write below `folder`; their cache is there too."""

    folder: Path
    timeout_s: float = 120.0
    _context: Any = field(default_factory=server)

    def start(self, arguments: Sequence[object], trouble: Trouble = NONE) -> tuple[Any, Any, Path]:
        """Start a command; its process, its counter of writes, and the file of what it prints."""
        counter = self._context.Value("i", 0)
        log = self.folder.with_name(f"{self.folder.name}-{os.urandom(6).hex()}.log")
        words = [str(a) for a in arguments]
        process = self._context.Process(
            target=_child, args=(words, str(self.folder), trouble, counter, str(log))
        )
        process.start()
        return process, counter, log

    def run(self, arguments: Sequence[object], trouble: Trouble = NONE) -> Outcome:
        """Run a command to its end."""
        return self.end(*self.start(arguments, trouble))

    def end(self, process: Any, counter: Any, log: Path) -> Outcome:
        """Wait for a command. Raises `TimeoutError` for one that hangs, after ending it."""
        process.join(self.timeout_s)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(log.read_text(encoding="utf-8"))
        return Outcome(process.exitcode, counter.value, log.read_text(encoding="utf-8"))


def _child(arguments: list[str], folder: str, trouble: Trouble, counter: Any, log: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ["FINBACK_CACHE"] = os.path.join(folder, "cache")
    os.environ["FINBACK_BACKBONES"] = os.path.join(folder, "out")
    sys.argv = ["finback", *arguments]
    os.chdir(os.path.dirname(folder))
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def watch(event: str, values: tuple[Any, ...]) -> None:
        if event == "open":
            makes = isinstance(values[2], int) and bool(values[2] & writes)
            changes = makes and bool(values[2] & (os.O_CREAT | os.O_TRUNC | os.O_WRONLY))
        else:
            makes, changes = event == "os.mkdir", event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir")
        if not (makes or changes) or not isinstance(values[0], str | os.PathLike):
            return
        path = os.path.abspath(os.fspath(values[0]))
        if not path.startswith(folder + os.sep) or os.path.basename(path) in OURS:
            return
        counter.value += 1
        if trouble.kind == "kill" and counter.value == trouble.at:
            os.kill(os.getpid(), signal.SIGKILL)
        if trouble.kind == "term" and counter.value == trouble.at:
            os.kill(os.getpid(), signal.SIGTERM)
        if trouble.kind == "full" and counter.value >= trouble.at and makes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    from finback.cli import main

    sys.addaudithook(watch)
    main()


def snapshot(folder: Path) -> dict[str, str]:
    """What a folder holds: a digest of each file, and of a JSON file each of its values."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or path.name in OURS or is_temporary(path.name):
            continue
        if path.suffix == ".json":
            leaves = _leaves(json.loads(path.read_text("utf-8")))
            found |= {f"{name}: {key}": value for key, value in leaves if not key.endswith(TIMED)}
        else:
            found[name] = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
    return found


def _leaves(value: Any, key: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in _leaves(inner, f"{key}/{name}")]
    return [(key, json.dumps(value))]


def differing(one: dict[str, str], two: dict[str, str]) -> set[str]:
    """Entries that only one of two snapshots has, or that differ."""
    return {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}
