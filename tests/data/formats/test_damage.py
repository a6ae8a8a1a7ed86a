"""A damaged table gives events, or one line that names the file; never another error."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from finback.core.errors import InputError
from finback.core.types import Event
from finback.data.formats import FORMATS
from finback.data.formats.load import load_format
from finback.data.formats.recognise import read_annotations

WRITTEN = tuple(name for name, info in FORMATS.items() if info.writes)
DAY = datetime(2024, 1, 31, tzinfo=UTC)
EVENTS = [
    Event(
        "site/a.wav", 0.5, 1.25, "Fin whale", 15, 30.5, 0, 0.97, 0.9, 12.5, datetime(2024, 1, 31, tzinfo=UTC)
    ),
    Event("b c.wav", 3.0, 3.0, '=1+1 "x"'),
]


def damaged(data: bytes, rng: random.Random) -> bytes:
    kind = rng.randrange(4)
    at = rng.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9))) + data[at:]
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(changed)


@pytest.mark.parametrize("name", WRITTEN)
def test_damaged_tables_are_read_or_refused(name: str, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    load_format(name)[1].write(whole, EVENTS)
    rng = random.Random(0)
    refused = 0
    for i in range(150):
        path = tmp_path / f"{i}{FORMATS[name].suffix}"
        path.write_bytes(damaged(whole.read_bytes(), rng))
        for format in ("auto", name):
            try:
                read = read_annotations(path, format)
            except InputError as error:
                refused += 1
                assert path.name in str(error)  # noqa: PT017
            else:
                assert all(event.stop_s >= event.start_s for event in read.events)
    assert refused < 300
