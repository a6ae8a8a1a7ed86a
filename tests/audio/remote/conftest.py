"""Sound files for a web site of this machine, and short waits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from remote_sounds import KINDS, RATE, SECONDS


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    noise = np.random.default_rng(1).standard_normal((SECONDS * RATE, 2)).astype(np.float32)
    noise = (0.1 * noise).clip(-1, 1)
    for name, (kind, subtype, channels) in KINDS.items():
        soundfile.write(folder / name, noise[:, :channels], RATE, subtype, format=kind)
    return folder


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept from another test, and waits are short."""
    from finback.audio.remote import store, web  # not above: the conftest loads without finback[remote]

    store._store.cache_clear()
    monkeypatch.setattr(store, "FRESH_S", 0.0)
    monkeypatch.setattr(store, "WAITS_S", (0.0, 0.01, 0.01))
    monkeypatch.setattr(web, "READ_S", 0.5)
