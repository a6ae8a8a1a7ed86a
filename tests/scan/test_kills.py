"""A scan of files of all kinds, killed with -9 at random and joined by others: the tables are those of a scan
that nobody disturbed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sounds import sound

from finback.scan.scan import scan

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9")
KILLS = int(os.environ.get("FINBACK_KILLS", "2"))  # ten for a long test


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of its own for a test in which files grow."""
    return made(tmp_path)


@pytest.fixture(scope="module")
def still(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A site that nobody changes, and a scan of it that nobody disturbed."""
    site = made(tmp_path_factory.mktemp("still"))
    whole = scan(trained, site, site.parent / "whole", workers=1, hop_s=0.2, span_minutes=0.05)
    return site, whole.out


def made(place: Path) -> Path:
    """Small files: sounds, corrupt, empty, of 100 samples, at 500 kHz, growing, a name without a file."""
    folder = place / "site"
    for i in range(30):
        sound(folder / f"{i:03}.wav", 1 + i % 5, (8000, 16_000, 22_050)[i % 3])
    for i in range(4):
        sound(folder / f"click-{i}.wav", 100 / 500_000, 500_000)
        (folder / f"empty-{i}.wav").write_bytes(b"")
        (folder / f"corrupt-{i}.wav").write_bytes(b"RIFF\0\0\0\0WAVEfmt " + bytes(range(200)))
        whole = (folder / f"00{i}.wav").read_bytes()
        (folder / f"growing-{i}.wav").write_bytes(whole[:40] + b"\0\0\0\0" + whole[44:9000])
        (folder / f"cut-{i}.wav").write_bytes(whole[: len(whole) // 2])
    names = [str(path) for path in sorted(folder.iterdir())] + [str(folder / "vanished.wav")]
    (place / "names.txt").write_text("\n".join(names))
    return place / "names.txt"


def grow(site: Path) -> None:
    """The recorder goes on."""
    for path in sorted((site.parent / "site").glob("growing-*.wav")):
        with open(path, "ab") as file:
            file.write(bytes(range(256)) * 100)


def start(model: Path, site: Path, out: Path, workers: int) -> subprocess.Popen[str]:
    words = ("scan", model, site, "--out", out, "--workers", workers, "--span-minutes", 0.05, "--hop", 0.2)
    command = [sys.executable, "-m", "finback", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def tables(out: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(out.glob("*.csv"))]


def parts(out: Path) -> int:
    return len(list(out.glob("parts/*/[!.]*.parquet")))


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_random(trained: Path, site: Path, tmp_path: Path, workers: int) -> None:
    rng = random.Random(workers)
    out = tmp_path / "out"
    for i in range(KILLS):
        process = start(trained, site, out, workers)
        until = parts(out) + rng.randint(1, 6)
        while parts(out) < until and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        process.communicate()
        if i == 0:
            grow(site)
    process = start(trained, site, out, workers)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1, said
    whole = scan(trained, site, tmp_path / "whole", workers=1, hop_s=0.2)
    assert tables(out) == tables(whole.out)
    assert not (out / "claims").exists()
    reasons = (out / "errors.csv").read_text()
    assert sum("empty-" in row for row in reasons.splitlines()) == 4
    assert "vanished.wav,,,,,no such file" in reasons


def test_joined_processes(trained: Path, still: tuple[Path, Path], tmp_path: Path) -> None:
    site, whole = still
    out = tmp_path / "out"
    both = [start(trained, site, out, 1) for _ in range(2)]
    said = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [1, 1], said
    assert tables(out) == tables(whole)
    assert parts(out) == parts(whole)  # no unit was analysed twice in another way
    assert not (out / "claims").exists()


def test_one_of_two_joined_processes_is_killed(
    trained: Path, still: tuple[Path, Path], tmp_path: Path
) -> None:
    site, whole = still
    out = tmp_path / "out"
    first, second = (start(trained, site, out, 1) for _ in range(2))
    while parts(out) < 2 and first.poll() is None:
        time.sleep(0.01)
    first.kill()
    first.communicate()
    _, said = second.communicate(timeout=300)
    assert second.returncode == 1, said
    assert tables(out) == tables(whole)
