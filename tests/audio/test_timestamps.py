"""Start times from file names: one line a recorder, and names that must not be guessed at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.audio.timestamps import SEVERAL_MEANINGS, ZONES, named_time, start_time

JUNE = datetime(2020, 6, 23, 0, 1, 52, tzinfo=UTC)
MARCH = datetime(2009, 3, 29, 12, 15, tzinfo=UTC)
KNOWN = {
    "AudioMoth": ("20200623_000152.WAV", JUNE),
    "AudioMoth, triggered": ("20200623_000152T.WAV", JUNE),
    "AudioMoth, with its id": ("24F319055FDF2F5B_20200623_000152.WAV", JUNE),
    "AudioMoth, hex": ("5EF14670.WAV", JUNE),
    "AudioMoth, hex, renamed": ("5EF14670.wav", JUNE),
    "AudioMoth, hex, five digits first": ("5993616C.WAV", datetime(2017, 8, 15, 21, 2, 36, tzinfo=UTC)),
    "SoundTrap": ("5146.200623000152.wav", JUNE),
    "SoundTrap, decimated": ("1677738025.200623000152.d24.d8.wav", JUNE),
    "HARP": ("SOCAL_xx_090329_121500.x.wav", MARCH),
    "HARP, decimated": ("SOCAL26H_090329_121500.d100.x.wav", MARCH),
    "HARP, flac": ("GofAK_CB_090329_121500.x.flac", MARCH),
    "Icelisten": ("DUB_20200623_000152_885.wav", JUNE.replace(microsecond=885_000)),
    "Cornell, NOPP": ("NOPP6_20090329_121500.wav", MARCH),
    "Cornell, NOPP, eastern": ("NOPP6_EST_20090329_121500.wav", MARCH.replace(hour=17)),
    "Wildlife Acoustics": ("SITE-A_20200623_000152.wav", JUNE),
    "Wildlife Acoustics, channels": ("SITE_0+1_20200623_000152.wav", JUNE),
    "Wildlife Acoustics, GPS": ("SITE_20200623$000152.wav", JUNE),
    "Wildlife Acoustics SMART": ("M1_20200623_000152_000885.wav", JUNE.replace(microsecond=885)),
    "PAMGuard": ("PAM_20200623_000152_885.wav", JUNE.replace(microsecond=885_000)),
    "PAMGuard, no milliseconds": ("PAM_20200623_000152.wav", JUNE),
    "icListen": ("SBW1234_20200623_000152.wav", JUNE),
    "AMAR": ("AMAR173.4.20200623T000152Z.wav", JUNE),
    "Ocean Networks Canada": ("ICLISTENHF1251_20200623T000152.885Z.wav", JUNE.replace(microsecond=885_000)),
    "Swift": ("S1057_20200622_200152-0400.wav", JUNE),
    "OOI": ("OO-HYEA2--YDH-2020-06-23T00:01:52.000885.flac", JUNE.replace(microsecond=885)),
    "ISO": ("2020-06-23T00-01-52Z.wav", JUNE),
    "ISO, no zone": ("2020-06-23T00-01-52.wav", JUNE),
    "ISO, offset": ("2020-06-23T02-01-52+02-00.wav", JUNE),
    "ISO, underscores": ("site_2020-06-23_00-01-52.wav", JUNE),
    "ISO, compact": ("20200623T000152Z.wav", JUNE),
    "zone in words": ("buoy_20200622_170152_PDT.wav", JUNE),
    "offset in words": ("buoy_20200623_020152_UTC+2.wav", JUNE),
    "UTC named": ("buoy_UTC_20200623_000152.wav", JUNE),
    "half an hour": ("buoy_20200623_093152_ACST.wav", JUNE),
    "channel after": ("buoy_20200623_000152_ch2.wav", JUNE),
    "a name after": ("20200623_000152_humpback.wav", JUNE),
    "WISPR glider": ("WISPR_200623_000152.wav", JUNE),
    "Seaglider": ("sg001_SITE_Jun2020_200623-000152.038.wav", JUNE),
    "SoundTrap, with its site": ("SITE_5146.200623000152.wav", JUNE),
    "SanctSound": ("SanctSound_CI01_01_671379494_200623000152.wav", JUNE),
    "Loggerhead": ("20200623T000152_4158460917157908_2.0.wav", JUNE),
    "MARS": ("MARS-20200623T000152Z-16kHz.wav", JUNE),
    "RTSys": ("channelA_2020-06-23_00-01-52.wav", JUNE),
    "Frontier Labs": ("20200623T100152+1000_REC [-27.38 +152.87].flac", JUNE),
    "fourteen digits": ("20200623000152.wav", JUNE),
    "points and bars": ("2020.06.23__00.01.52.wav", JUNE),
    "another day in UTC": ("NOPP6_EST_20091231_200000.wav", datetime(2010, 1, 1, 1, tzinfo=UTC)),
}
UNKNOWN = {
    "no time": "Blue_whale.wav",
    "Watkins record": "6102500A.wav",
    "Watkins record, flac": "61025001.flac",
    "Watkins record, all hex": "5801200F.wav",
    "a date alone": "20200623.WAV",
    "hex before AudioMoth": "0E3F9A00.WAV",
    "no such month": "20201323_000152.WAV",
    "no such day": "SITE_20210229_000152.wav",
    "no such hour": "SITE_20200623_240152.wav",
    "no such minute": "SITE_20200623_006052.wav",
    "no such second": "2020-06-23T00-01-61Z.wav",
    "impossible SoundTrap": "5146.201323000152.wav",
    "impossible HARP": "SOCAL_xx_091329_121500.x.wav",
    "six digits, not HARP": "CAT_090329_121500.wav",
    "a serial number": "20200623_0001525.wav",
    "digits before": "120200623_000152.wav",
    "no such offset": "2020-06-23T02-01-52+99-00.wav",
    "serial number and time": "SITE_671379494_200623000152.wav",
    "glider of another kind": "sx001_200623-000152.038.wav",
    "zone of several meanings": "buoy_CST_20200623_000152.wav",
    "local time": "SITE_20200623_000152_local.wav",
    "two zones": "NOPP_EST_20200623_000152_UTC.wav",
    "excerpt by seconds": "SITE_20200623_000152_3.0s_6.0s.wav",
    "excerpt by name": "SITE_20200623_000152_clip.wav",
    "from a time to a time": "SITE_20200623_000152_20200623_001152.wav",
    "right-whale challenge": "20090328_000000_002s3ms_TRAIN0_0.aif",
    "nothing": "",
}


@pytest.mark.parametrize("recorder", KNOWN)
def test_known(recorder: str) -> None:
    name, when = KNOWN[recorder]
    for path in (name, Path("/some folder/20110101_000000") / name):
        got = start_time(path)
        assert got == when
        assert got.tzinfo is UTC


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_is_not_guessed(case: str) -> None:
    assert start_time(UNKNOWN[case]) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("CAT_090329_121500.wav", "a form that is not known"),
        ("20200623.WAV", "a date without a time of day"),
        ("SITE_20200623_000152_3.0s_6.0s.wav", "an excerpt"),
        ("SITE_20210229_000152.wav", "no date and time"),
        ("NOPP_EST_20200623_000152_UTC.wav", "two time zones"),
        ("Blue_whale_123456.wav", ""),
        ("6102500A.wav", ""),
    ],
)
def test_why_a_name_is_not_read(name: str, why: str) -> None:
    unsure = named_time(name).unsure
    assert why in unsure
    assert bool(why) == bool(unsure)


@given(st.datetimes(datetime(1950, 1, 1), datetime(2099, 12, 30)))
def test_every_time_of_every_year(when: datetime) -> None:
    when = when.replace(microsecond=0, tzinfo=UTC)
    assert start_time(f"SITE_{when:%Y%m%d_%H%M%S}.wav") == when
    assert start_time(f"{when:%Y-%m-%dT%H-%M-%SZ}.flac") == when


@settings(max_examples=50)
@given(st.text(max_size=60) | st.from_regex(r"[A-Z]{0,4}_?[0-9]{8}_[0-9]{6}[_.A-Za-z0-9+-]{0,20}"))
def test_any_name_is_taken_without_complaint(name: str) -> None:
    got = start_time(name.replace("\0", ""))
    assert got is None or got.tzinfo is UTC


def test_a_zone_has_one_meaning_or_is_not_used() -> None:
    assert not SEVERAL_MEANINGS & set(ZONES)
    assert all(-12 <= hours <= 14 for hours in ZONES.values())


def test_no_watkins_record_has_a_time() -> None:
    """Ids are year, tape and cut: eight characters that may all be hex digits."""
    for year in range(50, 70):
        for cut in ("00A", "01C", "001", "B0F"):
            assert start_time(f"{year}025{cut}.wav") is None


@pytest.mark.real
def test_real_names(real_data: Path, watkins: Path) -> None:
    known = {p.name for p in (real_data / "recordings").iterdir() if start_time(p)}
    assert known == {"DUB_20200623_000152_885.wav", "NOPP6_EST_20090329_121500.wav"}
    assert not any(start_time(p) for p in (watkins / "audio").iterdir())
