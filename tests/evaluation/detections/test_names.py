"""Names of one recording in two tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.core.errors import InputError
from finback.evaluation.detections.names import match_names


@pytest.mark.parametrize(
    ("true", "found"),
    [
        ("a.wav", "a.wav"),
        ("a", "/data/site1/A.FLAC"),
        ("site1/a.wav", "C:\\data\\site1\\a.wav"),
        ("../more/audio/a.flac", "/x/more/audio/a.flac"),
        ("s3://bucket/site1/a.flac", "site1/a.wav"),
        ("rec.1.wav", "rec.1.flac"),
        ("a.x.wav", "a.wav"),
    ],
)
def test_ends_of_paths_that_agree_are_one_recording(true: str, found: str) -> None:
    names = match_names([true], [found])
    assert len(names.shown) == 1
    assert names.of_true[true] == names.of_found[found]


def test_folders_that_differ_are_other_recordings() -> None:
    names = match_names(["site1/a.wav"], ["site2/a.wav"])
    assert len(names.shown) == 2


def test_a_name_that_can_be_two_files_is_refused() -> None:
    with pytest.raises(InputError, match=r"'a.wav' can be '1/a.wav' or '2/a.wav' of FOUND"):
        match_names(["a.wav"], ["1/a.wav", "2/a.wav"])
    with pytest.raises(InputError, match="one in FOUND, which names no folder"):
        match_names(["1/a.wav", "2/a.wav"], ["a.wav"])
    assert len(match_names(["1/a.wav", "2/a.wav"], ["2/a.wav", "1/a.wav"]).shown) == 2


names_of = st.lists(st.sampled_from([f"{d}{n}" for d in ("", "x/", "y/", "x/y/") for n in "ab"]), max_size=5)


@given(names_of, names_of)
def test_every_name_is_a_recording_or_the_pair_is_refused(true: list[str], found: list[str]) -> None:
    try:
        names = match_names(true, found)
    except InputError:
        return
    assert set(names.of_true) == set(true)
    assert set(names.of_found) == set(found)
    assert {*names.of_true.values(), *names.of_found.values()} == set(range(len(names.shown)))
    again = match_names(true[::-1], found[::-1])
    assert (again.shown, again.of_true, again.of_found) == (names.shown, names.of_true, names.of_found)
