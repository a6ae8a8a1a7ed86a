"""How many packages of finback one command passes through: a short walk is easy to follow."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from typer.testing import CliRunner

import finback
from finback.cli.app import app

SOURCE = Path(finback.__file__).parent


@contextmanager
def packages() -> Iterator[set[str]]:
    """The top-level packages whose functions run meanwhile. Bodies of modules and classes do not count."""
    passed: set[str] = set()

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_flags & inspect.CO_OPTIMIZED:
            path = Path(code.co_filename)
            if SOURCE in path.parents:
                passed.add(path.relative_to(SOURCE).parts[0].removesuffix(".py"))

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield passed
    finally:
        sys.setprofile(before)


def run(*words: object) -> set[str]:
    with packages() as passed:
        result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return passed


def test_generate_passes_through_ten_packages_at_most(generator_run: Path, tmp_path: Path) -> None:
    passed = run("generate", generator_run, "killer whale", "-n", 1, "--device", "cpu", "--out", tmp_path)
    assert {"cli", "generation", "models", "features", "audio", "core"} <= passed
    assert len(passed) <= 10
    assert not passed & {"training", "evaluation", "datasets"}


def test_predict_passes_through_five_packages_at_most(trained: Path, simulated: Path) -> None:
    clip = next((simulated / "audio").glob("*.flac"))
    passed = run("predict", trained, clip, "--device", "cpu")
    assert passed <= {"cli", "models", "features", "audio", "core"}
