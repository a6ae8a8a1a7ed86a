"""Mutes: which events they choose, and files of them."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from found import START, event
from hypothesis import given
from hypothesis import strategies as st

from finback.core.errors import SettingsError
from finback.scan.mutes import Mute, mutes_text, read_mutes

LABELS = ("Fin whale", "Humpback whale", "noise")
GOOD = '[[mute]]\nsite = "all"\nspecies = "fin-whale"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[mute]]\nsite = "all"\nspecies = "Fin wale"',
            r"mute 1: unknown species 'Fin wale'; did you mean 'Fin whale'",
        ),
        (
            '[[mute]]\nsite = "s1"\nspecies = "Fin whale"',
            r"unknown site 's1'; the sites are: all; give --sites-by-folder",
        ),
        (GOOD + GOOD + "perod_s = 3", r"mute 2: unknown .*'perod_s', did you mean 'period_s'"),
        ("[mutes]\nsite = 1", r"unknown key 'mutes'; write each mute under \[\[mute\]\]"),
        ("mute = 3", "is no list of tables"),
        ("[[mute]", "not valid TOML"),
        ('[[mute]]\nspecies = "Fin whale"', "mute 1: site"),
        (GOOD + "period_s = 30", "period_s and tolerance_s are given together"),
        (GOOD + "period_s = 30\ntolerance_s = 20", "every event is on the beat"),
        (GOOD + "period_s = -1\ntolerance_s = 1", "period_s = -1"),
        (GOOD + "start_utc = 2009-03-29T12:00:00", "give a moment with its zone"),
        (GOOD + "start_utc = 2009", "give a moment with its zone"),
        (GOOD + "start_utc = 2009-03-29T12:00:00Z\nstop_utc = 2009-03-29T11:00:00Z", "stop_utc is not after"),
        (GOOD + "duration_s = [3, 1]", "give the least and the most"),
        (GOOD + "low_hz = [nan, 1]", "low_hz"),
    ],
)
def test_a_wrong_mute_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mutes.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message) as caught:
        read_mutes(path, LABELS, ["/d/h.wav"], lambda _: "all")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    with pytest.raises(SettingsError, match="no such file; check the path of --mute"):
        read_mutes(tmp_path / "none.toml", LABELS, [], lambda _: "all")


def test_what_is_not_known_is_not_muted() -> None:
    plain = event("/d/h.wav", 60.0)
    sites = ["all"]
    mute = Mute(site="all", species="Fin whale", low_hz=(90, 110), start_utc=START)
    assert mute.chosen([plain], sites) == [0]
    assert mute.chosen([plain], ["other"]) == []
    assert mute.chosen([replace(plain, label="Humpback whale")], sites) == []
    assert mute.chosen([replace(plain, box=None)], sites) == []
    assert mute.chosen([replace(plain, file=replace(plain.file, start_time=None))], sites) == []
    assert mute.model_copy(update={"start_utc": START + timedelta(seconds=61)}).chosen([plain], sites) == []
    assert mute.model_copy(update={"stop_utc": START + timedelta(seconds=60)}).chosen([plain], sites) == []
    assert mute.model_copy(update={"duration_s": (1.5, 3.0)}).chosen([plain], sites) == []
    assert Mute(site="all", species="Fin whale").chosen([replace(plain, box=None)], sites) == [0]


@given(site=st.text(min_size=1, max_size=30).filter(lambda s: max(s) < "\ud800" or min(s) > "\udfff"))
def test_a_file_of_mutes_comes_back(site: str) -> None:
    mute = Mute(
        site=site,
        species='A "whale"\\',
        start_utc=START,
        stop_utc=START + timedelta(days=1, microseconds=5),
        period_s=30.0123,
        tolerance_s=0.6,
        duration_s=(0.0, 2.25),
        high_hz=(100.0, 20_000.0),
    )
    values = tomllib.loads(mutes_text([mute], [["one\nline = 1"]], ["head"]))["mute"]
    assert [Mute.model_validate(one) for one in values] == [mute]
