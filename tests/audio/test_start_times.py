"""When a recording began: metadata of many recorders, written here byte by byte, and their order."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from start_time_chunks import LIVE, RATE, audiomoth, bext, guano, info, ixml, opened, riff, wamd

from finback.audio import io
from finback.audio.start_times import with_start
from finback.audio.time_options import TimeOptions, time_options

EIGHT = datetime(2023, 11, 16, 22, 52, tzinfo=UTC)  # the same in Melbourne (UTC+11)
NEW_YORK = time_options(zone="America/New_York")
MINUTE = datetime(2023, 12, 14, 21, 15, tzinfo=UTC)
KNOWN = {
    "AudioMoth, UTC": (audiomoth("21:15:00 14/12/2023"), MINUTE),
    "AudioMoth, UTC-5": (audiomoth("21:15:00 14/12/2023", "(UTC-5) "), MINUTE + timedelta(hours=5)),
    "AudioMoth, UTC+5:30": (audiomoth("21:15:00 14/12/2023", "(UTC+5:30) "), MINUTE - timedelta(hours=5.5)),
    "AudioMoth, UTC-02:30": (audiomoth("21:15:00 14/12/2023", "(UTC-02:30) "), MINUTE + timedelta(hours=2.5)),
    "AudioMoth, first firmware": (audiomoth("21:15:00 14/12/2023", ""), MINUTE),
    "AudioMoth, milliseconds": (audiomoth("21:15:00.250 14/12/2023"), MINUTE.replace(microsecond=250_000)),
    "GUANO, offset": (guano("2023-12-14T21:15:00+11:00"), MINUTE - timedelta(hours=11)),
    "GUANO, Z": (guano("2023-12-14T21:15:00.5Z"), MINUTE.replace(microsecond=500_000)),
    "GUANO, a space": (guano("2023-12-14 21:15:00-03:30"), MINUTE + timedelta(hours=3.5)),
    "Wildlife Acoustics": (wamd("2023-12-14 21:15:00-8:00"), MINUTE + timedelta(hours=8)),
    "INFO date": (info(ICRD="2023-12-14T21:15:00+00"), MINUTE),
}  # fmt: skip
LOCAL = {
    "GUANO": guano("2023-12-14T21:15:00"),
    "Wildlife Acoustics": wamd("2023-12-14 21:15:00"),
    "bext": bext("2023-12-14", "21:15:00"),
    "bext, samples": bext("2023-12-14", "21:15:00", (21 * 3600 + 15 * 60) * RATE),
    "iXML": ixml("2023-12-14", "21-15-00"),
    "INFO date": info(ICRD="2023-12-14 21:15:00"),
}


@pytest.mark.parametrize("before", [True, False], ids=["before the samples", "after the samples"])
@pytest.mark.parametrize("case", KNOWN)
def test_a_stated_zone_gives_utc(tmp_path: Path, case: str, before: bool) -> None:
    chunk, when = KNOWN[case]
    recording = opened(tmp_path, riff(chunk, before=before))
    assert (recording.start_time, recording.start_time_remark) == (when, "")
    assert recording.start_time_source == case.split(",")[0].replace("AudioMoth", "AudioMoth comment")


@pytest.mark.parametrize("case", LOCAL)
def test_a_local_time_without_a_zone_is_unknown_until_the_zone_is_given(tmp_path: Path, case: str) -> None:
    recording = opened(tmp_path, riff(LOCAL[case]))
    assert recording.start_time is None
    assert recording.start_time_source == "a local time without a zone"
    assert recording.start_time_remark.endswith("give its zone with --time-zone")
    assert opened(tmp_path, riff(LOCAL[case]), options=NEW_YORK).start_time == MINUTE + timedelta(hours=5)


def test_a_local_name_beside_a_stated_zone_is_no_contradiction(tmp_path: Path) -> None:
    recording = opened(tmp_path, riff(guano("2023-11-17T09:52:00+11:00")), LIVE)
    assert (recording.start_time, recording.start_time_remark) == (EIGHT, "")
    assert opened(tmp_path, riff(guano("2023-11-17T09:52:00+11:00")), LIVE, NEW_YORK).start_time == EIGHT


def test_a_name_that_repeats_a_local_time_is_not_utc(tmp_path: Path) -> None:
    assert opened(tmp_path, riff(), LIVE).start_time == datetime(2023, 11, 17, 9, 52, tzinfo=UTC)
    assert opened(tmp_path, riff(guano("2023-11-17T09:52:00")), LIVE).start_time is None


def test_a_name_and_an_export_date_hours_apart_are_unknown(tmp_path: Path) -> None:
    """One of them is local time, and nothing says which."""
    assert opened(tmp_path, riff(bext("2023-11-17", "09:52:03")), LIVE).start_time is not None
    recording = opened(tmp_path, riff(bext("2023-11-16", "22:52:00")), LIVE)
    assert (recording.start_time, recording.start_time_source) == (None, "a local time without a zone")
    later = opened(tmp_path, riff(bext("2024-02-01", "10:11:12")), LIVE)  # exported by an editor
    assert later.start_time == datetime(2023, 11, 17, 9, 52, tzinfo=UTC)
    assert "bext says 2024-02-01 10:11:12" in later.start_time_remark


def test_sources_that_disagree_are_named(tmp_path: Path) -> None:
    recording = opened(tmp_path, riff(guano("2021-01-02T03:04:05+11:00")), LIVE)
    assert recording.start_time == datetime(2021, 1, 1, 16, 4, 5, tzinfo=UTC)
    assert (
        "GUANO says 2021-01-02 03:04:05 UTC+11:00, the file name says 2023-11-17"
        in recording.start_time_remark
    )
    both = opened(tmp_path, riff(guano("2021-01-02T03:04:05Z"), audiomoth("21:15:00 14/12/2023")))
    assert (both.start_time, both.start_time_source) == (None, "sources disagree")
    near = opened(tmp_path, riff(guano("2023-11-17T09:52:04Z")), LIVE)
    assert near.start_time_remark == ""  # 4 s: clocks are read at slightly different moments


def test_a_split_file_repeats_the_time_of_the_first(tmp_path: Path) -> None:
    """Samples since midnight and the origination time differ; no one says which is the start."""
    recording = opened(tmp_path, riff(bext("2023-12-14", "21:15:00", 80_000 * RATE)), options=NEW_YORK)
    assert (recording.start_time, recording.start_time_source) == (None, "sources disagree")


@pytest.mark.parametrize(
    "name",
    [
        *("19700101_000554.WAV", "19700412_101010.wav", "19800101_000000.wav", "SITE_19800106_121212.wav"),
        *("19791130_000000.wav", "X_19700101_001408.wav"),
        *("20000101_001000.wav", "20010101_000000.wav", "20100101_003000.wav", "20990101_120000.wav"),
    ],
)
def test_a_clock_that_was_never_set_is_no_time(tmp_path: Path, name: str) -> None:
    recording = opened(tmp_path, riff(), name)
    assert recording.start_time is None
    assert recording.start_time_source in ("the clock was never set", "the time is in the future")
    assert name[-19:-15] in recording.start_time_remark
    text = f"00:00:01 {name[-13:-11]}/{name[-15:-13]}/{name[-19:-15]}"
    assert opened(tmp_path, riff(audiomoth(text, "(UTC-5) "))).start_time is None


def test_no_recorder_wrote_these_fields_before_2000(tmp_path: Path) -> None:
    assert (
        opened(tmp_path, riff(guano("1996-05-05T05:05:05Z"))).start_time_source == "the clock was never set"
    )
    tape = opened(tmp_path, riff(), "tape_19960505_050505.wav")  # a tape may be dated by its name
    assert tape.start_time == datetime(1996, 5, 5, 5, 5, 5, tzinfo=UTC)


def test_an_old_audiomoth_whose_clock_was_never_set(tmp_path: Path) -> None:
    recording = opened(tmp_path, riff(), "00000A05.WAV")  # seconds since 1970
    assert (recording.start_time, recording.start_time_source) == (None, "the clock was never set")


def test_a_clock_never_set_does_not_hide_a_right_time(tmp_path: Path) -> None:
    recording = opened(tmp_path, riff(guano("2023-11-17T09:52:00Z")), "19700101_000554.WAV")
    assert recording.start_time == datetime(2023, 11, 17, 9, 52, tzinfo=UTC)
    assert "1970-01-01 00:05:54: the clock was never set" in recording.start_time_remark


def test_a_harp_whose_clock_was_never_set_has_no_schedule(tmp_path: Path) -> None:
    recording = opened(tmp_path, riff())
    for when, kept in ((datetime(2000, 1, 1, 3, tzinfo=UTC), 0), (datetime(2009, 3, 29, tzinfo=UTC), 2)):
        timed = with_start(recording, ((0, when), (99, when + timedelta(hours=1))), {}, TimeOptions())
        assert len(timed.schedule) == kept
        assert timed.start_time == (when if kept else None)


def test_a_time_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    recording = opened(tmp_path, riff(guano("2023-13-45T09:52:00")))
    assert recording.start_time is None
    assert "the time in the GUANO cannot be read" in recording.start_time_remark
    assert opened(tmp_path, riff(guano(""))).start_time_remark == ""


def test_daylight_saving_time(tmp_path: Path) -> None:
    summer = opened(tmp_path, riff(), "SITE_20230704_120000.wav", NEW_YORK)
    winter = opened(tmp_path, riff(), "SITE_20230104_120000.wav", NEW_YORK)
    assert summer.start_time == datetime(2023, 7, 4, 16, tzinfo=UTC)
    assert winter.start_time == datetime(2023, 1, 4, 17, tzinfo=UTC)
    for name, what in (("SITE_20230312_023000.wav", "does not exist"), ("SITE_20231105_013000.wav", "twice")):
        recording = opened(tmp_path, riff(), name, NEW_YORK)
        assert recording.start_time is None
        assert what in recording.start_time_remark


def test_a_soundtrap_log_beside_the_file(tmp_path: Path) -> None:
    log = '<ST><PROC_EVENT><WavFileHandler SamplingStartTimeUTC="2021-06-10T03:36:54"/></PROC_EVENT></ST>'
    (tmp_path / "67416073.210610033655.log.xml").write_text(log)
    recording = opened(tmp_path, riff(), "67416073.210610033655.wav")
    assert recording.start_time == datetime(2021, 6, 10, 3, 36, 54, tzinfo=UTC)
    assert (recording.start_time_source, recording.start_time_remark) == ("SoundTrap log", "")
    (tmp_path / "67416073.210610033655.log.xml").write_bytes(b"\xff\0" * 100)
    assert opened(tmp_path, riff(), "67416073.210610033655.wav").start_time_source.startswith("file name")


def flac_with(folder: Path, *blocks: tuple[int, bytes]) -> bytes:
    io.write(folder / "plain.flac", np.zeros(RATE), RATE)
    content = (folder / "plain.flac").read_bytes()
    added = b"".join(bytes([kind]) + len(data).to_bytes(3, "big") + data for kind, data in blocks)
    first = bytes([content[4] & 0x7F])  # the stream's own block is no longer the last
    return b"fLaC" + first + content[5:42] + added + content[42:]


def vorbis(*comments: str) -> tuple[int, bytes]:
    texts = [c.encode() for c in comments]
    parts = [struct.pack("<I", 0), struct.pack("<I", len(texts))]
    return 4, b"".join(parts + [struct.pack("<I", len(t)) + t for t in texts])


def test_flac(tmp_path: Path) -> None:
    comment = "Recorded at 21:15:00 14/12/2023 (UTC-5) by AudioMoth 24F3 at medium gain"
    name, text = guano("2023-12-14T21:15:00-05:00")
    foreign = (2, b"riff" + name + struct.pack("<I", len(text)) + text)
    for block in (
        vorbis("TITLE=x", "RecordingStart=2023-12-14T21:15:00-05:00"),
        vorbis(f"COMMENT={comment}"),
        vorbis("DATE=2023-12-14T21:15:00-0500"),
        foreign,
    ):
        recording = opened(tmp_path, flac_with(tmp_path, block), "a.flac")
        assert recording.start_time == MINUTE + timedelta(hours=5)
    assert opened(tmp_path, flac_with(tmp_path, vorbis("DATE=2023")), "a.flac").start_time is None


@pytest.mark.parametrize("suffix", ["ogg", "aiff", "mp3"])
def test_tags_that_the_decoder_gives(tmp_path: Path, suffix: str) -> None:
    import soundfile

    if suffix.upper() not in soundfile.available_formats():
        pytest.skip("not in this libsndfile")
    with soundfile.SoundFile(tmp_path / f"a.{suffix}", "w", 44_100, 1) as file:
        file.comment = "Recorded at 21:15:00 14/12/2023 (UTC-5) by AudioMoth 24F3 at medium gain"
        file.write(np.zeros(44_100))
    assert io.open_recording(tmp_path / f"a.{suffix}").start_time == MINUTE + timedelta(hours=5)


def test_advice_for_a_name_that_was_not_read(tmp_path: Path) -> None:
    for name, advice in (
        ("CAT_090329_121500.wav", "; give its form with --time-pattern"),
        ("SITE_20200623_000152_3.0s_6.0s.wav", "this very file, give its form with --time-pattern"),
        ("SITE_20200623.wav", "no repair is needed if times do not matter"),
    ):
        assert opened(tmp_path, riff(), name).start_time_remark.endswith(advice)
