"""Every command that writes, killed, told to end or without space at some of its writes, then run again.

The result is that of a run that was never disturbed. `make sweep` tries many more moments, also with a second
process at the same folder.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from interrupting import Trouble
from sweeping import COMMANDS, Bench, disturbed, prepare, reference

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks of a server")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, tiny: str) -> Bench:
    return prepare(tmp_path_factory.mktemp("sweep") / "bench", tiny)


LONG = (
    "train folds",
    "run",
    "compare",
    "compare data sets",
)  # disturbed once; their parts are disturbed more often


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disturbed_command_run_again_gives_the_same(name: str, bench: Bench, tmp_path: Path) -> None:
    expected = reference(bench, name, tmp_path / "place")
    n = expected.n_writes
    troubles = [
        Trouble("kill", n // 2),
        Trouble("kill", n - 1),
        Trouble("term", n // 2),
        Trouble("full", n // 2),
    ]
    for trouble in troubles[: 1 if name in LONG else 4]:
        assert not disturbed(bench, name, tmp_path / "place", trouble, expected)


def test_the_sweep_sees_a_difference(bench: Bench, tmp_path: Path) -> None:
    expected = reference(bench, "split", tmp_path / "place")
    other = replace(expected, result={**expected.result, "split.csv": "another digest"})
    assert "other results" in disturbed(bench, "split", tmp_path / "place", Trouble("kill", 1), other)
    with pytest.raises(RuntimeError, match="no such"):
        reference(Bench(tmp_path, "none.toml"), "train", tmp_path / "place")
