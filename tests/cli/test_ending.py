"""A scheduler's SIGTERM and a closed terminal's SIGHUP end the real command after a checkpoint."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from forked import forked

from finback.cli import main
from finback.cli.ending import GO_ON, what_now
from finback.core.runs.files import CHECKPOINT, LOG, WEIGHTS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def train(simulated: Path, tiny: str, out: Path) -> list[str]:
    data = ["--audio", str(simulated / "audio"), "--labels", str(simulated / "labels.csv")]
    often = ["--set", "training.epochs=40", "--set", "training.checkpoint_s=1000"]
    choice = ["--preset", tiny, *often, "--device", "cpu", "--out", str(out)]
    return ["train", "cnn2d", *data, *choice]


@pytest.fixture(scope="module")
def whole(simulated: Path, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ending") / "whole"
    assert forked(train(simulated, tiny, out), out.parent).returncode == 0
    return out


def started(words: list[str], out: Path, **options: Any) -> subprocess.Popen[str]:
    """The command, when it has trained for some epochs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "finback", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        **options,
    )  # type: ignore[call-overload]
    deadline = time.monotonic() + 120
    while not (out / LOG).exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_training_ends_after_a_checkpoint_and_goes_on(
    simulated: Path, tiny: str, tmp_path: Path, whole: Path, name: str, code: int
) -> None:
    words = train(simulated, tiny, tmp_path / "cut")
    process = started(words, tmp_path / "cut")
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors.splitlines()[-1] == f"finback: ended by {name}; run the same command again to continue"
    assert "Traceback" not in errors
    assert (tmp_path / "cut" / CHECKPOINT).exists()
    assert forked(words, tmp_path).returncode == 0
    assert (tmp_path / "cut" / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    assert (tmp_path / "cut" / LOG).read_text() == (whole / LOG).read_text()


def test_nohup_goes_on(simulated: Path, tiny: str, tmp_path: Path, whole: Path) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = started(train(simulated, tiny, tmp_path / "run"), tmp_path / "run", preexec_fn=ignore)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert (tmp_path / "run" / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()


def test_ctrl_c_while_python_makes_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python hides it in a `RuntimeError`, which is what an import may end with."""

    class Interrupts:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr("finback.cli.app.app", lambda **how: type("Made", (), {"field": Interrupts()}))
    monkeypatch.setattr(sys, "argv", ["finback", "models"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130


def test_only_commands_that_keep_their_work_continue() -> None:
    for name in GO_ON:
        page = (Path(__file__).parents[2] / "docs" / "commands" / f"finback-{name}.md").read_text()
        assert "continue" in page or "goes on" in page or "same command" in page, name
    assert what_now(["--debug", "run", "--out", "predict"]).endswith("to continue")
    assert what_now(["predict", "run", "train"]) == "the same command starts from the beginning"
    assert what_now([]) == "the same command starts from the beginning"
