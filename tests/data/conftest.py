"""Recordings for tables of labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from sounds import sound


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """Four recordings of 1 s at 2 kHz, the last in stereo."""
    for name in ("a.wav", "b.wav", "c.flac"):
        sound(tmp_path / "audio" / name, 1.0)
    sound(tmp_path / "audio" / "d.wav", 1.0, channels=2)
    return tmp_path / "audio"
