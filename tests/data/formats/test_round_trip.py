"""Every format of the registry: what is written is read back equal, or is named as lost."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finback.core.types import Event
from finback.data.formats import FORMATS
from finback.data.formats.base import ALL
from finback.data.formats.load import load_format
from finback.data.formats.names import folder_and_name, joined

BOTH = tuple(name for name, info in FORMATS.items() if info.reads and info.writes)
each_format = pytest.mark.parametrize("name", BOTH)


@dataclass(frozen=True)
class Heard:
    """A recording as a table needs it."""

    path: str
    sample_rate: int = 96_000
    n_samples: int = 86_400 * 96_000


# Letters of every script, quotes, tabs, line breaks and what a spreadsheet runs.
characters = st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\t\n\r\"',;=+-@|#\\ ")
text = st.text(characters, max_size=12)
files = st.sampled_from(
    (
        "a.wav",
        "a b.wav",
        "site 1/Ölwal \u200b.flac",
        '"q".wav',
        "=1+1.wav",
        "C:\\rec\\b.wav",
        "/x/y\tz.wav",
        "-a",
    )
)
files |= text.map(lambda name: f"dir/{name}.wav") | st.text(st.sampled_from("a b/\\:."), max_size=8)
DOUBLE = ("dir//a.wav", "//a.wav", "a//", "C:\\a//b.wav", "C:\\a\\\\b.wav", "C:\\rec/b.wav")  # separators
labels = text | st.sampled_from(
    ("Fin whale", "", "=1+1", "@SUM(A1)", "'=x", 'a "b"', "a,b", "a\tb", "a\nb", "#", "-")
)
rates = st.sampled_from((50, 2_000, 44_100, 48_000, 96_000, 384_000, 500_000))
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def maybe(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | values


@st.composite
def event(draw: st.DrawFn) -> Event:
    rate = draw(rates)
    start = draw(st.integers(0, 400 * 86_400 * rate))
    length = draw(st.sampled_from((0, 1)) | st.integers(0, 400 * 86_400 * rate))
    numbers = st.just(0.0) | st.floats(0.001, 250_000)
    shares = st.floats(0, 1)
    return Event(
        file=draw(files),
        start_s=start / rate,
        stop_s=(start + length) / rate,
        label=draw(labels),
        low_hz=draw(maybe(numbers)),
        high_hz=draw(maybe(numbers)),
        channel=draw(maybe(st.integers(0, 31))),
        score=draw(maybe(shares)),
        mean_score=draw(maybe(shares)),
        snr_db=draw(maybe(st.floats(-100, 200))),
        start_time=draw(maybe(moments)),
        stop_time=draw(maybe(moments)),
    )


def held(name: str, given_event: Event) -> Event:
    """The event as far as the format holds it."""
    lost = ALL - FORMATS[name].holds
    empty = {field: "table" if field == "file" else None for field in lost}  # a file that names the table
    kept = replace(given_event, **empty)
    return replace(kept, label=re.sub("[\t\r\n]", " ", kept.label).strip()) if name == "audacity" else kept


def back(name: str, events: list[Event], sounds: list[Heard]) -> tuple[Event, ...]:
    _, module = load_format(name)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"table{FORMATS[name].suffix}"
        module.write(path, events, sounds)
        read = module.read(path)
        assert read.format == name
        assert not [problem for problem in read.problems if not problem.is_note]
        return read.events


@each_format
@settings(max_examples=60, deadline=None)
@given(st.lists(event(), max_size=6), st.booleans())
@example([], True)
@example([Event("a.wav", 1 / 3, 2 / 3, "=1+1", channel=None)] * 2, True)
@example([Event(file, 0.0, 1.0, "x") for file in DOUBLE], True)
def test_a_written_table_is_read_back_equal(name: str, events: list[Event], known: bool) -> None:
    sounds = [Heard(file) for file in sorted({e.file for e in events})] if known else []
    assert back(name, events, sounds) == tuple(held(name, e) for e in events)


@settings(max_examples=300)
@given(files)
@example("C:\\rec/b.wav")
@example("dir//a.wav")
def test_folder_and_name_give_the_path_again(file: str) -> None:
    assert joined(*folder_and_name(file)) == file


@each_format
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_not_known(name: str, number: float) -> None:
    one = Event("table", 0.5, 1.0, "x", 10.0, 20.0, 0, score=number, snr_db=number)
    (read,) = back(name, [one], [])
    assert read == held(name, replace(one, score=None, snr_db=None))
