"""Sources are data: every bundled source is complete, and mistakes in a user's source are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from finback.core.errors import InputError
from finback.datasets.fetch.source import ByHand, Pages, Zip, load, names

OWN = """
name = "harbour"
title = "Porpoises"
homepage = "https://example.org/"
licence = "CC BY 4.0"
terms = "Use them."
[listing]
kind = "files"
files = [{url = "https://example.org/a.wav", species = "Harbour porpoise"}]
"""


@pytest.mark.parametrize("name", names())
def test_every_source_says_what_a_user_must_know(name: str) -> None:
    source = load(name)
    assert source.name == name
    assert source.title
    assert source.terms.strip()
    assert source.size != "not known"
    assert source.untried, "none of them could be tried against the real site"
    assert all(load(other).name == other for other in source.instead)
    if not isinstance(source.listing, ByHand):
        assert source.terms_url
        assert source.citation


def test_the_watkins_patterns_take_cuts_and_nothing_else() -> None:
    source = load("watkins")
    assert isinstance(source.listing, Pages)
    assert source.listing.pages is not None
    site = "https://whoicf2.whoi.edu/science/B/whalesounds"
    assert source.listing.pages.search(f"{site}/bestOf.cfm?code=BD15F")
    assert not source.listing.pages.search(f"{site}/fullCuts.cfm?SP=BE7A&YR=97")
    assert source.listing.files.search(f"{site}/WhaleSounds/6301900Y.wav")
    assert not source.listing.files.search(f"{site}/WHOI-92-31.pdf")
    assert source.labels.group is not None
    assert source.labels.group.search("6301900Y.wav")[1] == "63019"
    assert not source.labels.group.search("20240131_whale.wav")


def test_the_archive_of_the_cuts_states_its_checksum() -> None:
    listing = load("watkins-archive").listing
    assert isinstance(listing, Zip)
    assert listing.checksum == "md5:afef4877fb0b91c9952a68e436707179"
    assert listing.bytes == 882137083


def test_a_source_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "harbour.toml"
    path.write_text(OWN)
    assert load(str(path)).listing.kind == "files"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('licence = "CC BY 4.0"\n', "", "licence"),
        ('kind = "files"', 'kind = "ftp"', "kind"),
        ("https://example.org/a.wav", "ftp://example.org/a.wav", "not an address"),
        ("terms =", "termz =", "termz"),
        ('species = "Harbour porpoise"', 'checksum = "md5:12"', "32"),
        ("[listing]", "[listing", "not valid TOML"),
        ('name = "harbour"', 'name = "../harbour"', "name"),
        ("[listing]", "[labels]\nspecies = '([a-z]+)'\n[listing]", "P<species>"),
        ("[listing]", "[labels]\nspecies = '(?P<species>['\n[listing]", "not a valid regex"),
        ("[listing]", "[labels]\ngroup = '['\n[listing]", "regular expression"),
        ("[listing]", f"a = {'[' * 9000}\n[listing]", "nested"),
        ("[listing]", f"{'a.' * 50_000}a = 1\n[listing]", "dots"),
        ("[listing]", "a = " + "9" * 5000 + "\n[listing]", "digits"),
        ("[listing]", f"#{'x' * 5_000_000}\n[listing]", "at most"),
        ("https://example.org/a.wav", "https://me:secret@example.org/a.wav", "password"),
    ],
)
def test_mistakes_in_a_source_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "harbour.toml"
    assert old in OWN
    path.write_text(OWN.replace(old, new))
    with pytest.raises(InputError, match=r"harbour\.toml") as caught:
        load(str(path))
    assert message in str(caught.value)


def test_an_unknown_name_tells_the_names() -> None:
    with pytest.raises(InputError, match="watkins-archive"):
        load("watkin")
    with pytest.raises(InputError, match="no such file"):
        load("nowhere.toml")


def test_the_sources_of_the_docs_are_sources(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "fetching.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, re.S)
    kinds = set()
    for block in blocks:
        path = tmp_path / "own.toml"
        path.write_text(block)
        kinds.add(load(str(path)).listing.kind)
    assert kinds == {"pages", "files", "zip", "zenodo"}
