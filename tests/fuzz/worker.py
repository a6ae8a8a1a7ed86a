"""One process that runs mutants, named by lines `KIND SEED` on stdin; a line of JSON answers each.

Importing finback costs seconds, so a worker lives for many mutants. The runner ends it when a mutant hangs.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import re
import resource
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from fuzz.answers import Nonsense, Unforeseen
from fuzz.stage import Stage

KINDS = (
    "audio",
    "table",
    "toml",
    "options",
    "runs",
    "weights",
    "cache",
    "onnx",
    "backbone",
    "arrays",
    "generated",
    "archive",
    "scan",
)
ADDRESS_SPACE = 6 << 30  # bytes more than after the imports; a mutant that asks for more gets MemoryError


def run(stage: Stage, kind: str, seed: int) -> dict[str, Any]:
    """One mutant: how it ended, what it said, seconds of this processor, and the peak of memory."""
    case = importlib.import_module(f"fuzz.kinds.{kind}").case
    _reset_peak()
    started = time.process_time()
    try:
        ended, detail = case(stage, random.Random(f"{kind}:{seed}"))
    except Nonsense as error:
        ended, detail = "nonsense", str(error)
    except Unforeseen as error:
        ended, detail = "traceback", str(error)
    except Exception:
        ended, detail = "traceback", traceback.format_exc()[-3000:]
    used = time.process_time() - started
    return {"ended": ended, "detail": str(detail)[:3000], "cpu_s": round(used, 2), "peak_mb": _peak_mb()}


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak_mb() -> int:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    found = re.search(r"VmHWM:\s+(\d+)", text)
    return int(found[1]) // 1024 if found else 0


def _limit_memory() -> None:
    found = re.search(r"VmSize:\s+(\d+)", Path("/proc/self/status").read_text())
    size = (int(found[1]) << 10 if found else 0) + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def main() -> None:
    folder = Path(sys.argv[1])
    os.environ |= {"FINBACK_CACHE": str(folder / "cache"), "FINBACK_STATE": str(folder / "state")}
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)  # what C libraries print
    os.dup2(quiet, 2)
    import torch

    import finback.cli.app
    import finback.evaluation.evaluate
    import finback.models.predict  # noqa: F401

    torch.set_num_threads(1)
    stage = Stage(folder)
    if sys.platform == "linux":
        _limit_memory()
    os.chdir(folder)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        kind, seed = line.split()
        print(json.dumps(run(stage, kind, int(seed))), file=answers, flush=True)


if __name__ == "__main__":
    main()
