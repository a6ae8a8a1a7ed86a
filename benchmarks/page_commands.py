"""The commands that a page shows, and what they print when they are run one after another.

A reader types the lines of a page in an empty folder. `steps(page)` finds them, and `run(steps, folder)` does
the same: it saves the files that the page gives, runs each line, and keeps what it prints.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
README_PART = "## From nothing to a scan"
# The pages whose commands are run as they stand: from nothing, in an empty folder.
RUN = {
    "readme": README,
    "tutorial": ROOT / "docs" / "tutorials" / "simulated.md",
    "detector": ROOT / "docs" / "tutorials" / "detector.md",
}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "110"}
BLOCK = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)


@dataclass(frozen=True)
class Step:
    """A file to save (`file`, its text), or a command and what the page says that it prints."""

    command: str = ""
    shown: str = ""
    file: str = ""
    text: str = ""


def steps(page: Path) -> list[Step]:
    """What a reader of the page does, in order."""
    text = page.read_text(encoding="utf-8")
    if page == README:
        first, second = BLOCK.findall(text.partition(README_PART)[2].partition("\n## ")[0])[:2]
        lines = [line for line in first[2].splitlines() if line.startswith("finback ")]
        return [Step(line, second[2] if line.startswith("finback scan ") else "") for line in lines]
    found: list[Step] = []
    for language, file, block in BLOCK.findall(text):
        if file:
            found.append(Step(file=file, text=block))
        elif language == "console":
            found += _of_console(block)
    return found


def _of_console(block: str) -> list[Step]:
    parts = re.split(r"^\$ (.*)$", block.replace("\\\n", " "), flags=re.M)
    return [Step(" ".join(line.split()), shown) for line, shown in zip(parts[1::2], parts[2::2], strict=True)]


def commands(page: Path) -> list[str]:
    """The commands of a page."""
    return [step.command for step in steps(page) if step.command]


def run(todo: list[Step], folder: Path) -> list[tuple[str, str]]:
    """Each command and all that it prints. Ends the program where one fails."""
    printed = []
    for step in todo:
        if step.file:
            (folder / step.file).write_text(step.text, encoding="utf-8")
            continue
        print(f"$ {step.command}", flush=True)
        line = re.sub(r"\bfinback\b", f"{sys.executable} -m finback", step.command, count=1)
        done = subprocess.run(line, shell=True, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{step.command}\n{done.stderr[-2000:]}")
        printed.append((step.command, _lines(done.stdout, done.stderr)))
    return printed


def _lines(out: str, err: str) -> str:
    """What was printed, without progress: its seconds differ each time."""
    kept = [line.rstrip() for line in (*err.splitlines(), *out.splitlines())]
    return "\n".join(line for line in kept if line and not re.search(r"\d s\b|/s\b|\r", line))


def missing(shown: str, printed: str) -> list[str]:
    """The parts of what a page shows that were not printed; "..." stands for anything."""
    flat = " ".join(printed.split())
    parts = [" ".join(part.split()) for part in re.split(r"^\.\.\.$", shown, flags=re.M)]
    return [part for part in parts if part not in flat]
