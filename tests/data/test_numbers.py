"""Numbers as people and programs write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finback.data.numbers import comma_of, number, whole

READ = [
    *[("", None), ("NaN", None), (" n/a ", None), ("12.5", 12.5), ("12,5", 12.5), ("-0,25", -0.25)],
    *[("1e-3", 0.001), (".5", 0.5), ("5.", 5.0), ("+3", 3.0), ("12,500", 12.5), ("1,234.5", 1234.5)],
    *[("1.234,5", 1234.5), ("1 234,5", 1234.5), ("1\u202f234.5", 1234.5), ("1'234.5", 1234.5)],
    *[("1,234,567", 1234567.0), ("\u22120.5", -0.5), ("'12.5", 12.5), ("\uff11\uff12.\uff15", 12.5)],
    *[("\u00a012.5\u00a0", 12.5), ("0:00:30", 30.0), ("1:02:03,5".replace(",", "."), 3723.5)],
    *[("01:23.4", 83.4), ("00:00:12.194", 12.194)],
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_read_exactly(text: str, value: float | None) -> None:
    assert number(text) == value


REFUSED = [
    *("soon", "inf", "-Infinity", "1e308", "-1e300", "1e5000", "9" * 5000, "1_000", "TRUE", "0x10", "1 s"),
    *("12,", ",", ".", "-", "1,000,5", "1.2.3", "0:30", "25:99:99", "1/2", "2024-01-31", "31.12.2024"),
    *("1 2", "12 5", "--1", "1e", "1:2:3:4", "\u00bd", "12.5.", "0.5-0.7"),
]


@pytest.mark.parametrize("text", [text for text in REFUSED if text != "-"])
def test_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a number|is too large") as error:
        number(text)
    assert len(str(error.value)) < 150


def test_a_comma_beside_points_is_not_guessed() -> None:
    assert comma_of(["12,5", "12,500", "3"]) == "decimal"
    assert comma_of(["12,500", "3"]) == "decimal"
    assert comma_of(["1,234.5", "12,500"]) == "thousands"
    assert comma_of(["999.5", "12,500"]) == "unclear"
    assert comma_of(["1,234.5", "0,5"]) == "unclear"
    assert number("12,500", "thousands") == 12500.0
    assert number("0,500", "thousands") == 0.5
    with pytest.raises(ValueError, match="comma could be a decimal point or separate thousands"):
        number("12,500", "unclear")


@pytest.mark.parametrize("text", ["1", " 1 ", "1.0", "1,0", "1e0", "\uff11", "1.000", "'1"])
def test_whole_numbers(text: str) -> None:
    assert whole(text) == 1


@pytest.mark.parametrize("text", ["1.5", "0:00:01", "left", "True", "1e13", "1;2", "9" * 6000])
def test_no_whole_numbers(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a whole number|is not a number|is too large"):
        whole(text)


@given(st.floats(min_value=-1e11, max_value=1e11))
def test_what_python_writes_is_read(value: float) -> None:
    assert number(repr(value)) == value
    assert number(repr(value).replace(".", ",")) == value


@given(st.text(max_size=60))
def test_any_text_is_a_finite_number_or_refused(text: str) -> None:
    try:
        value = number(text)
    except ValueError:
        return
    assert value is None or (math.isfinite(value) and abs(value) <= 1e12)
