"""The real command, killed while it trains and run again, ends as if it was never stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from forked import forked

from finback.core.runs.files import CHECKPOINT, LOG, WEIGHTS


def thirty_epochs(simulated: Path, tiny: str, out: Path) -> list[str]:
    data = ["--audio", str(simulated / "audio"), "--labels", str(simulated / "labels.csv")]
    choice = ["--preset", tiny, "--set", "training.epochs=30", "--device", "cpu", "--out", str(out)]
    return ["train", "cnn2d", *data, *choice]


@pytest.fixture(scope="module")
def whole(simulated: Path, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped."""
    out = tmp_path_factory.mktemp("loop") / "whole"
    assert forked(thirty_epochs(simulated, tiny, out), out.parent).returncode == 0
    return out


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_dead_at_a_random_moment(
    simulated: Path, tiny: str, tmp_path: Path, whole: Path, seed: int
) -> None:
    """Killed with -9 at a random moment: bit for bit the weights and the log of the whole run."""
    words = thirty_epochs(simulated, tiny, tmp_path / "cut")
    command = [sys.executable, "-m", "finback", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (tmp_path / "cut" / CHECKPOINT).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(np.random.default_rng(seed).uniform(0, 0.8))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert forked(words, tmp_path).returncode == 0
    assert (tmp_path / "cut" / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    assert (tmp_path / "cut" / LOG).read_text() == (whole / LOG).read_text()
