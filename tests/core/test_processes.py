"""New processes leave Ctrl-C to the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no server of processes on Windows")


def test_ctrl_c_while_the_server_imports_its_modules(tmp_path: Path) -> None:
    began, ended = tmp_path / "began", tmp_path / "ended"
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        f"pathlib.Path({str(began)!r}).touch()\ntime.sleep(1)\npathlib.Path({str(ended)!r}).touch()\n"
    )
    program = (
        "import os, time\nfrom finback.core.processes import start_server\n"
        "start_server(['slow'])\n"
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('told')\n"
        f"    while not os.path.exists({str(ended)!r}):\n        time.sleep(0.01)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
    )
    while not began.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)
    assert said == ("told\n", "")
    assert ended.exists()
