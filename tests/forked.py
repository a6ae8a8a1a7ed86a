"""Commands of finback in forks of one server that has imported finback, for tests of what a command does.

    done = forked(["index", "--audio", "clips"], folder)      # Done(returncode=0, stdout="...", stderr="...")

A command in a new process needs seconds of processor time for imports before it begins its work. A fork of a
server that has imported finback and computed nothing begins at once. Tests of imports, of several processes
and of the installed command start processes of their own.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRELOADED = [
    "forked",
    "finback.cli.app",
    "torch",
    "finback.evaluation.pipeline",
    "finback.evaluation.compare",
    "finback.report.pages.common",
]


@dataclass(frozen=True)
class Done:
    """Exit code (negative: the signal that killed it), and what was printed."""

    returncode: int
    stdout: str
    stderr: str


def server() -> Any:
    """The context of `multiprocessing` whose processes are forks of the server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def forked(words: Sequence[object], folder: Path, timeout_s: float = 600.0) -> Done:
    """Run `finback WORDS` in a folder, with the environment of this process and on one thread.

    Raises `TimeoutError` for a command that hangs, after ending it.
    """
    with tempfile.TemporaryDirectory() as place:
        printed = [os.path.join(place, name) for name in ("stdout", "stderr")]
        what = ([str(word) for word in words], str(folder), dict(os.environ), printed)
        process = server().Process(target=_child, args=what)
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{words} took longer than {timeout_s} s")
        stdout, stderr = (Path(path).read_text(encoding="utf-8") for path in printed)
        return Done(process.exitcode, stdout, stderr)


def _child(words: list[str], folder: str, environment: Mapping[str, str], printed: Sequence[str]) -> None:
    for number, path in zip((1, 2), printed, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["finback", *words]
    import torch

    from finback.cli import main

    torch.set_num_threads(1)

    main()
