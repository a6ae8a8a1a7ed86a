"""A folder of recordings and labels, and ways to damage it, for tests of the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from finback.audio.io import write


def rows(stage: dict[str, Path]) -> list[str]:
    return stage["labels"].read_text().splitlines()


def rewrite(stage: dict[str, Path], lines: list[str], encoding: str = "utf-8", newline: str = "\n") -> None:
    stage["labels"].write_bytes((newline.join(lines) + newline).encode(encoding))


def sound(name: str, make: Callable[[Path], None]) -> Callable[[dict[str, Path]], None]:
    """Put a file into the audio folder and label it."""

    def do(stage: dict[str, Path]) -> None:
        make(stage["audio"] / name)
        rewrite(stage, [*rows(stage), f"{name},Killer whale,new"])

    return do


def text(*changes: tuple[str, str]) -> Callable[[dict[str, Path]], None]:
    """Replace text in the labels."""

    def do(stage: dict[str, Path]) -> None:
        content = stage["labels"].read_text()
        for old, new in changes:
            assert old in content
            content = content.replace(old, new)
        stage["labels"].write_text(content)

    return do


def nothing(stage: dict[str, Path]) -> None:
    """Leave everything as it is."""


def truncated_flac(path: Path) -> None:
    whole = next(p for p in sorted(path.parent.iterdir()) if p.suffix == ".flac").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def wave(samples: np.ndarray, rate: int = 16_000, subtype: str = "FLOAT") -> Callable[[Path], None]:
    return lambda path: write(path, samples, rate, subtype)


def nan_wave(path: Path) -> None:
    x = np.zeros(8000, dtype=np.float32)
    write(path, x, 16_000, "FLOAT")
    data = bytearray(path.read_bytes())
    data[-400:-396] = np.float32(np.nan).tobytes()
    path.write_bytes(data)
