"""Lists of a site that attacks: pages and records are bounded, and one bad entry does not end the others."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fetched import peak_mb
from hostile import run, web_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from misbehaving import Site, wav

from finback.core.settings import build
from finback.datasets.fetch.bounds import Bounds
from finback.datasets.fetch.errors import PermanentError
from finback.datasets.fetch.listing import SpeciesFilter, offers
from finback.datasets.fetch.source import Source

JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "key": JUNK,
        "size": JUNK,
        "checksum": JUNK,
        "links": JUNK | st.fixed_dictionaries({"self": JUNK}),
    },
)


def test_what_a_page_may_list(site: Site) -> None:
    page = "".join(f'<a href="/s/{i}.wav">{i}</a>' for i in range(2000))
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "l", "terms": "t"}
    listing = {"kind": "pages", "start": site.put("/list.html", page), "files": "wav$"}
    source = build(Source, {**facts, "listing": listing})
    assert len(offers(source, web_of(page_s=30), SpeciesFilter())) == 2000
    with pytest.raises(PermanentError, match="--max-files"):
        offers(source, web_of(Bounds(max_files=1999), page_s=30), SpeciesFilter())
    listing |= {"pages": "wav$"}
    with pytest.raises(PermanentError, match="--max-files"):
        offers(build(Source, {**facts, "listing": listing}), web_of(Bounds(max_files=1999)), SpeciesFilter())


def zenodo(site: Site, record: object, **labels: object) -> tuple[list[str], list[str]]:
    """The files of a record, and the errors."""
    body = record if isinstance(record, str) else json.dumps(record)
    site.put("/api/records/12", body, kind="application/json")
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "l", "terms": "t"}
    listing = {"kind": "zenodo", "record": 12, "files": ".", "site": site.url}
    source = build(Source, {**facts, "listing": listing, "labels": labels})
    faults: list[str] = []
    found = offers(
        source, web_of(), SpeciesFilter(), fault=lambda name, error: faults.append(f"{name}: {error}")
    )
    return [offer.file for offer in found], faults


@pytest.mark.parametrize(
    "body", ["[" * 200_000, '{"files": ' + "9" * 5000 + "}", "\xff", "NaN", '"x"', "", "{}"]
)
def test_what_is_no_list_of_files(site: Site, body: str) -> None:
    with pytest.raises(PermanentError, match=r"not JSON|not a list"):
        zenodo(site, body)


def test_one_bad_entry_of_a_record_does_not_end_the_others(site: Site) -> None:
    def entry(key: Any, url: Any = None, size: Any = 3, **more: Any) -> dict[str, Any]:
        return {"key": key, "size": size, "links": {"self": url or f"{site.url}/{key}"}, **more}

    good = entry("good.wav")
    bad = [
        entry("a.wav", "file:///etc/passwd"),
        entry("b.wav", "http://u:p@h/b.wav"),
        entry("c.wav", "http://h/" + "c" * 5000),
        entry("d.wav", size=-1),
        entry("e.wav", size=1e300),
        entry("f.wav", size=10**30),
        entry("g.wav", checksum="md5:nonsense"),
        entry("h.wav", f"{site.url}/\ud800"),
        entry({"x": []}),
        entry("GOOD.WAV"),
        "words",
        None,
        {"key": "i.wav"},
    ]
    found, faults = zenodo(site, {"files": [good, *bad]})
    assert found == ["good.wav"]
    assert len(faults) == len(bad)
    assert all(fault.isprintable() for fault in faults)


@given(JUNK | st.fixed_dictionaries({"files": JUNK | st.lists(ENTRY | JUNK, max_size=4)}))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_record_breaks_it(site: Site, record: object) -> None:
    with suppress(PermanentError):
        zenodo(site, record, species="(?P<species>[a-z]+)?", folders=True)


def test_the_memory_of_a_list_of_nothing(site: Site) -> None:
    """Each empty list of JSON has two bytes, and fifty in memory."""
    body = '{"files": [' + "[]," * 1_300_000 + "[]]}"

    def work() -> None:
        with pytest.raises(PermanentError, match="--max-files"):
            zenodo(site, body)
        with pytest.raises(PermanentError, match="too long"):
            zenodo(site, body + " " * 1_000_000)

    assert peak_mb(work) < 200


def test_formulas_and_escapes_in_a_listing(site: Site, tmp_path: Path) -> None:
    """What a spreadsheet runs is text in the tables, what a terminal obeys is no name."""
    page = '<a href="/=cmd.wav">x</a><a href="/a.wav">\x1b[2J</a>'
    site.put("/=cmd.wav", wav(1))
    site.put("/a.wav", wav(2))
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "=l", "terms": "t"}
    listing = {"kind": "pages", "start": site.put("/list.html", page), "files": "wav$"}
    source = build(Source, {**facts, "listing": listing, "labels": {"species": "link"}})
    report = run(source, tmp_path)
    assert report.new == 1
    assert "is no name" in report.failed[0][1]
    for name in ("labels.csv", "fetched.csv"):
        rows = list(csv.reader(io.StringIO((tmp_path / name).read_text())))
        assert not [value for row in rows[1:] for value in row if value.startswith(("=", "+", "-", "@"))], (
            name
        )
    assert run(source, tmp_path).had == 1
    assert (tmp_path / "labels.csv").read_text().count("cmd.wav") == 1
