"""Start times of any zone, any bytes and any name: properties, damage, patterns, and wrong options."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from start_time_chunks import LIVE, RATE, audiomoth, bext, guano, info, ixml, opened, riff, wamd

from finback.audio import io
from finback.audio.statements import iso
from finback.audio.time_options import time_options
from finback.core.errors import InputError

offsets = st.integers(-14 * 60, 14 * 60)

times = st.datetimes(datetime(2002, 1, 2), datetime(2026, 1, 1)).filter(
    lambda t: (t.year, t.month, t.day) != (2010, 1, 1) and 3 <= t.day <= 28
)

one_folder = [HealthCheck.function_scoped_fixture]

each_folder = settings(max_examples=60, suppress_health_check=one_folder, deadline=None)


@each_folder
@given(when=times, minutes=offsets, kind=st.sampled_from(["guano", "wamd", "audiomoth", "date"]))
def test_any_offset_gives_the_moment_back(tmp_path: Path, when: datetime, minutes: int, kind: str) -> None:
    when = when.replace(microsecond=0)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    offset = f"{sign}{hours:02d}:{rest:02d}"
    chunk = {
        "guano": guano(f"{when.isoformat()}{offset}"),
        "wamd": wamd(f"{when:%Y-%m-%d %H:%M:%S}{offset}"),
        "audiomoth": audiomoth(f"{when:%H:%M:%S %d/%m/%Y}", f"(UTC{offset}) "),
        "date": info(ICRD=f"{when.isoformat()}{offset}"),
    }[kind]
    recording = opened(tmp_path, riff(chunk), f"X_{when:%Y%m%d_%H%M%S}.wav")
    assert recording.start_time == (when - timedelta(minutes=minutes)).replace(tzinfo=UTC)
    assert recording.start_time_remark == ""


ZONES = [
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/Lisbon",
    "Pacific/Apia",
    "UTC-5",
]


@given(when=times, zone=st.sampled_from(ZONES))
def test_any_zone_round_trip(when: datetime, zone: str) -> None:
    """Local time in a zone: the moments that are found are shown by clocks there as that time."""
    from finback.audio.time_options import zone_of

    moments = time_options(zone=zone).in_zone(when)
    assert len(moments) <= 2
    assert all(m.astimezone(zone_of(zone)).replace(tzinfo=None, fold=0) == when for m in moments)
    shown = when.replace(tzinfo=UTC).astimezone(zone_of(zone)).replace(tzinfo=None, fold=0)
    assert when.replace(tzinfo=UTC) in time_options(zone=zone).in_zone(shown)


everything = riff(
    *(audiomoth("21:15:00 14/12/2023"), guano("2023-12-14T21:15:00Z"), wamd("2023-12-14 21:15:00+00:00")),
    *(bext("2023-12-14", "21:15:00"), ixml("2023-12-14", "21:15:00")),
)


@settings(max_examples=300, suppress_health_check=one_folder, deadline=None)
@given(at=st.integers(36, 1400), junk=st.binary(min_size=1, max_size=12))
def test_damaged_metadata_never_raises(tmp_path: Path, at: int, junk: bytes) -> None:
    """The header and the samples are whole, so the file opens; the time is unknown, or one that is there."""
    content = everything[:at] + junk + everything[at + len(junk) :]
    from finback.audio.metadata import statements

    (tmp_path / "a.wav").write_bytes(content)
    for statement in statements(tmp_path / "a.wav", RATE, {}):
        assert statement.source


@given(st.binary(max_size=300))
def test_the_readers_take_any_bytes(data: bytes) -> None:
    from finback.audio import metadata, riff
    from finback.audio import statements as texts

    for read in (texts.guano, texts.wamd, texts.ixml, texts.soundtrap_log):
        list(read(data))
    list(texts.bext(data + bytes(346), 0))
    list(metadata._vorbis(data))
    list(riff.inner(data))


@given(st.text(max_size=60) | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([+-]\d\d:?\d\d|Z)?"))
def test_any_text_is_a_time_or_none(text: str) -> None:
    when = iso(text)
    assert when is None or 1900 <= when.year <= 2199


def test_a_text_made_to_keep_a_reader_busy(tmp_path: Path) -> None:
    """Blanks, repeated tags and names without end: every pattern reads them in one go."""
    from finback.audio import statements as texts
    from finback.audio.timestamps import named_time

    blanks = b" " * (1 << 20)
    assert list(texts.ixml(b"<BWF_ORIGINATION_DATE>" + blanks)) == []
    assert list(texts.soundtrap_log(b"SamplingStartTimeUTC" + blanks)) == []
    assert list(texts.guano(b"Timestamp:" + blanks)) == []
    for piece in ("_a", "_UTC-5", "_ch1", "_", "-12Hz", "_123456", "("):
        assert named_time(f"20200623_000152{piece * (280 // len(piece))}!.wav").when is None


def test_an_endless_row_of_chunks_ends(tmp_path: Path) -> None:
    many = [(b"junk", b"")] * 5000
    assert opened(tmp_path, riff(*many, guano("2023-12-14T21:15:00Z"), before=False)).start_time is None


@pytest.mark.parametrize(
    ("pattern", "name", "when"),
    [
        ("%y%m%d_%H%M%S", "CAT_230504_195202.wav", datetime(2023, 5, 4, 19, 52, 2, tzinfo=UTC)),
        ("%d%m%y_%H%M", "CAT_040523_1952_x.wav", datetime(2023, 5, 4, 19, 52, tzinfo=UTC)),
        ("%Y-%j-%H.%M.%S", "obs-2023-124-19.52.02.flac", datetime(2023, 5, 4, 19, 52, 2, tzinfo=UTC)),
        ("%d%b%Y_%I%M%p", "04May2023_0752PM.wav", datetime(2023, 5, 4, 19, 52, tzinfo=UTC)),
        ("%y%m%d-%H%M%S.%f", "230504-195202.038.wav", datetime(2023, 5, 4, 19, 52, 2, 38_000, tzinfo=UTC)),
        ("%Y%m%d%H%M%z", "x202305041452-0500.wav", datetime(2023, 5, 4, 19, 52, tzinfo=UTC)),
        (
            "%Y%m%d_%H%M%S",
            "20100101_000000.wav",
            datetime(2010, 1, 1, tzinfo=UTC),
        ),  # was asked for
    ],
)
def test_a_pattern_finds_its_time_anywhere_in_the_name(
    tmp_path: Path, pattern: str, name: str, when: datetime
) -> None:
    io.write(tmp_path / "a.flac", np.zeros(RATE), RATE)
    content = riff() if name.endswith(".wav") else (tmp_path / "a.flac").read_bytes()
    recording = opened(tmp_path, content, name, time_options(pattern))
    assert recording.start_time == when
    assert recording.start_time_source.startswith("file name, by the pattern")


def test_what_a_pattern_does_not_find(tmp_path: Path) -> None:
    named = time_options("%y%m%d_%H%M%S").named
    assert named("CAT_1230504_195202.wav") is None  # not inside a longer number
    assert named("CAT_231304_195202.wav") is None  # no such month
    assert named("230504_195202_230505_195202.wav") is None  # two times
    assert named("a.wav") is None
    # Another name is read as without a pattern; 1970 stays what it is.
    assert opened(tmp_path, riff(), LIVE, time_options("%y-%m-%d-%H-%M")).start_time is not None
    assert opened(tmp_path, riff(), "19700101_000554.wav", time_options("%Y%m%d_%H%M%S")).start_time is None


@pytest.mark.parametrize(
    ("pattern", "zone", "message"),
    [
        ("%H%M%S", None, "without a year"),
        ("%Y%m%d", None, "without an hour"),
        ("%Y%m%d_%H", None, "without minutes"),
        ("%Y%m%d_%H%M%Q", None, "no field %Q"),
        ("%Y%m%d_%H%M%", None, "no field %"),
        ("%Y%m%d_%H%M_%Z", None, "no field %Z"),
        ("%Y%m%d_%H%M_%d", None, "%d twice"),
        ("yymmdd", None, "without a year"),
        ("%Y%m%d_%H%M" + "x" * 400, None, "longer than 300"),
        (None, "America/New_Yorc", "did you mean America/New_York"),
        (None, "CST", "no such time zone"),
        (None, "America", "no such time zone"),
        (None, "../../etc/passwd", "no such time zone"),
        (None, "localtime", "no such time zone"),
        (None, "", "no such time zone"),
        (None, "UTC+25", "no such time zone"),
        (None, "x\0y", "no such time zone"),
    ],
)
def test_wrong_options_are_refused(pattern: str | None, zone: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        time_options(pattern, zone)


@pytest.mark.parametrize(
    "zone", ["UTC", "utc", "Z", "UTC-5", "UTC+5:30", "GMT+1", "+0530", "-05:00", "Asia/Tokyo"]
)
def test_zones(zone: str) -> None:
    assert len(time_options(zone=zone).in_zone(datetime(2023, 5, 4))) == 1
