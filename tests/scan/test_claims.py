"""Claims: one of several processes has a unit, and an ended or silent one loses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from finback.core.errors import WriteError
from finback.scan.claims import Claims, host


def test_one_has_a_unit_until_it_gives_it_back(tmp_path: Path) -> None:
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        assert one.take("ab12")
        assert not other.take("ab12")
        assert other.take("cd34")
        one.give_back("ab12")
        assert other.take("ab12")
        assert (one.others, other.others) == (1, 1)
    assert not (tmp_path / "claims").exists()


def test_units_are_free_after_a_block(tmp_path: Path) -> None:
    with Claims(tmp_path) as other:
        with Claims(tmp_path) as one:
            assert one.take("ab12")
        assert other.take("ab12")


def test_of_many_that_try_one_succeeds(tmp_path: Path) -> None:
    members = [Claims(tmp_path) for _ in range(8)]
    won: list[str] = []
    for member in members:
        member.__enter__()

    def compete(member: Claims) -> None:
        for i in range(20):
            if member.take(f"unit-{i:02}"):
                won.append(f"unit-{i:02}")

    threads = [threading.Thread(target=compete, args=(member,)) for member in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [f"unit-{i:02}" for i in range(20)]
    for member in members:
        member.__exit__(None, None, None)


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_killed_process_loses_its_claims_at_once(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from finback.scan.claims import Claims\n"
        "claims = Claims(Path(sys.argv[1])); claims.__enter__(); claims.take('ab12')\n"
        "print('taken', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"taken\n"
    with Claims(tmp_path) as claims:
        assert not claims.take("ab12")
        assert claims.others == 1
        process.kill()
        process.wait()
        process.stdout.close()
        assert claims.others == 0
        assert claims.take("ab12")
    assert not (tmp_path / "claims").exists()


def other_machine(folder: Path, member: str, age_s: float) -> None:
    """Files of a process elsewhere, that was silent for so long."""
    path = folder / "claims" / member
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"host": "elsewhere", "process": 1, "started": ""}))
    os.utime(path, (time.time() - age_s,) * 2)
    (folder / "claims" / "ab12").write_text(member)


def test_a_silent_process_elsewhere_loses_its_claims(tmp_path: Path) -> None:
    other_machine(tmp_path, "member-1", age_s=100)
    with Claims(tmp_path, stale_s=180) as claims:
        assert not claims.take("ab12")
    with Claims(tmp_path, stale_s=50) as claims:
        assert claims.take("ab12")


def test_a_living_process_touches_its_file(tmp_path: Path) -> None:
    with Claims(tmp_path, stale_s=0.3) as one:
        one.take("ab12")
        path = tmp_path / "claims" / one.member
        about = json.loads(path.read_text())
        path.write_text(json.dumps({**about, "host": "elsewhere"}))
        long_ago = time.time() - 1000
        os.utime(path, (long_ago, long_ago))
        end = time.monotonic() + 60
        while path.stat().st_mtime < long_ago + 500:
            assert time.monotonic() < end
            time.sleep(0.01)
        with Claims(tmp_path, stale_s=180) as other:
            assert not other.take("ab12")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"member-/../../x", b"nobody"])
def test_a_damaged_claim_is_taken_over_after_a_while(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "claims" / "ab12"
    path.parent.mkdir()
    path.write_bytes(content)
    os.utime(path, (time.time() - 100,) * 2)
    with Claims(tmp_path, stale_s=50) as claims:
        assert claims.take("ab12")


def test_a_number_of_a_process_that_was_given_again(tmp_path: Path) -> None:
    path = tmp_path / "claims" / "member-1"
    path.parent.mkdir()
    path.write_text(json.dumps({"host": host(), "process": os.getpid(), "started": "another time"}))
    (tmp_path / "claims" / "ab12").write_text("member-1")
    with Claims(tmp_path) as claims:
        assert claims.take("ab12") == os.path.exists("/proc/self/stat")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WriteError, match="claims"):
        Claims(tmp_path).__enter__()
