"""Complaints of the decoder are kept from the terminal; all other text on stderr arrives there."""

from __future__ import annotations

import os

import pytest

from finback.audio import hushed as module
from finback.audio.hushed import hushed


def test_only_complaints_are_kept(capfd: pytest.CaptureFixture[str]) -> None:
    with hushed() as outer:
        os.write(2, b"of another thread\n")
        with hushed() as inner:
            os.write(2, b"[src/libmpg123/layer3.c:1774] error: too large\n")
        os.write(2, b"Note: Trying to resync...\n")
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
    assert inner == ["[src/libmpg123/layer3.c:1774] error: too large"]
    assert outer == [
        "Note: Trying to resync...",
        "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
    ]
    assert capfd.readouterr() == ("", "of another thread\n")


def test_without_room_for_a_temporary_file_nothing_is_kept(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_scratch", full)
    with hushed() as complaints:
        os.write(2, b"Note: something\n")
    assert complaints == []
    assert capfd.readouterr() == ("", "Note: something\n")
