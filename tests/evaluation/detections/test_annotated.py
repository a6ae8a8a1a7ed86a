"""What people write into a column `exhaustive`, understood or said not to be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from finback.evaluation.detections.annotated import NONE, WHOLE, Spans, covered_s, read_spans

START = datetime(2022, 9, 25, 22, 35, 10, tzinfo=UTC)
INF = float("inf")


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("yes", WHOLE),
        (" Yes ", WHOLE),
        ("TRUE", WHOLE),
        ("1", WHOLE),
        ("no", NONE),
        ("", NONE),
        ("false", NONE),
        ("no: about 5 of 26 pulses unlabelled (13.1-14.5 s and the last two)", NONE),
        ("0-60", ((0, 60),)),
        ("only 0-60 s", ((0, 60),)),
        ("only inside 5.5 to 60 s and 80-90 s", ((5.5, 60), (80, 90))),
        ("80-90; 10-20, 15-30", ((10, 30), (80, 90))),
        ("up to 60 s", ((0, 60),)),
        ("yes up to 60 s", ((0, 60),)),
        ("yes except one louder call at 2.0-2.9 s", ((0, 2.0), (2.9, INF))),
        ("yes except 0-2 s", ((2, INF),)),
        ("only inside 22:35:15-22:35:36 and 22:36:04-22:36:25 UTC", ((5, 26), (54, 75))),
        ("22:30:00-22:35:12", ((0, 2),)),
        ("23:59:50-00:00:10 UTC", ((5080, 5100),)),
    ],
)
def test_spans_that_are_understood(text: str, spans: Spans) -> None:
    assert read_spans(text, START) == spans


@pytest.mark.parametrize(
    "text",
    [
        "high_swoops yes up to 60 s; pulses only up to 26 s",
        "maybe",
        "yes except the last two",
        "9-3",
        "0.5",
    ],
)
def test_what_is_not_understood_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"not understood|before it starts"):
        read_spans(text)


def test_times_of_day_need_the_start_of_the_file() -> None:
    with pytest.raises(ValueError, match="start time of the file is unknown"):
        read_spans("22:35:15-22:35:36 UTC")


def test_covered_seconds_are_within_the_file() -> None:
    assert covered_s(WHOLE, 90.0) == 90
    assert covered_s(((10.0, 20.0), (80.0, 100.0)), 90.0) == 20
    assert covered_s(NONE, 90.0) == 0
