"""Which files a source offers, and what they are called."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from misbehaving import SOUNDS, Site, moved, status, watkins_like, wav, web_page

from finback.core.errors import FinbackError, InputError
from finback.core.settings import build
from finback.datasets.fetch.errors import PermanentError, TemporaryError
from finback.datasets.fetch.listing import Offer, SpeciesFilter, limited, offers
from finback.datasets.fetch.names import name_of
from finback.datasets.fetch.source import Source, at_address, load
from finback.datasets.fetch.web import RequestLimits, Web

CLIPS = {
    "Beluga, White Whale": {"7201500A.wav": wav(1), "7201500B.wav": wav(2)},
    "Walrus": {"61025001.wav": wav(3), "7201500B.wav": wav(2)},  # one cut of two species
}


@pytest.fixture
def web() -> Web:
    return Web(RequestLimits(rate=1000, tries=2, backoff_s=0.01), lambda text: None, threading.Event())


def watkins(site: Site) -> Source:
    return at_address(load("watkins"), watkins_like(site, CLIPS))


def own(listing: dict[str, Any], **labels: Any) -> Source:
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "l", "terms": "t"}
    return build(Source, {**facts, "listing": listing, "labels": labels})


def test_the_pages_of_the_watkins_source(site: Site, web: Web) -> None:
    faults: list[str] = []
    found = offers(watkins(site), web, SpeciesFilter(), fault=lambda url, error: faults.append(url))
    base = f"{site.url}{SOUNDS}/WhaleSounds"
    beluga, walrus = "Beluga, White Whale", "Walrus"
    assert found == [
        Offer(f"{base}/7201500A.wav", "7201500A.wav", (beluga,), "72015", crawl=True),
        Offer(f"{base}/7201500B.wav", "7201500B.wav", (beluga, walrus), "72015", crawl=True),
        Offer(f"{base}/61025001.wav", "61025001.wav", (walrus,), "61025", crawl=True),
    ]
    assert len(faults) == 25  # pages without a file are reported and do not stop the work


def test_pages_of_other_species_are_not_asked_for(site: Site, web: Web) -> None:
    found = offers(watkins(site), web, SpeciesFilter(["  walrus "]))
    assert [offer.file for offer in found] == ["61025001.wav", "7201500B.wav"]
    assert [path for path, _, _ in site.log if "bestOf" in path] == [f"{SOUNDS}/bestOf.cfm?code=AA1B"]


def test_an_unknown_species_is_told_what_there_is(site: Site, web: Web) -> None:
    with pytest.raises(InputError, match=r"has no 'Dodo'.*Walrus"):
        offers(watkins(site), web, SpeciesFilter(["Dodo"]))


def test_a_list_that_is_not_what_it_was(site: Site, web: Web) -> None:
    source = at_address(load("watkins"), watkins_like(site, CLIPS, others=3))
    with pytest.raises(PermanentError, match="5 links to species pages, at least 20"):
        offers(source, web, SpeciesFilter())
    site.spoil(f"{SOUNDS}/index.cfm", web_page(), status(404), status(500), status(500))
    for error in (PermanentError, PermanentError, TemporaryError):
        with pytest.raises(error):
            offers(source, web, SpeciesFilter())


def test_a_list_that_moved_is_read_where_it_is_now(site: Site, web: Web) -> None:
    with Site() as old:
        old.spoil(f"{SOUNDS}/index.cfm", moved(watkins_like(site, CLIPS)))
        source = at_address(load("watkins"), f"{old.url}{SOUNDS}/index.cfm")
        assert offers(source, web, SpeciesFilter(["Walrus"]))[0].url.startswith(site.url)


def test_one_page_that_fails_does_not_hide_the_others(site: Site, web: Web) -> None:
    source = watkins(site)
    site.spoil(f"{SOUNDS}/bestOf.cfm?code=AA0B", status(404))
    faults: list[FinbackError] = []
    found = offers(
        source, web, SpeciesFilter(["Walrus", "Beluga, White Whale"]), fault=lambda u, e: faults.append(e)
    )
    assert {offer.file for offer in found} == {"61025001.wav", "7201500B.wav"}
    assert len(faults) == 1


def test_one_page_of_files_with_species_in_their_addresses(site: Site, web: Web) -> None:
    page = "".join(
        f'<a href="{path}">get</a>' for path in ("Blue_whale/a.wav", "Fin_whale/b.WAV", "read.txt")
    )
    url = site.put("/list.html", page)
    source = own(
        {"kind": "pages", "start": url, "files": r"(?i)\.wav$"},
        species="/(?P<species>[^/]+)/[^/]+$",
        rename={"Fin whale": "Finback whale"},
        folders=True,
    )
    found = offers(source, web, SpeciesFilter())
    assert [(o.file, o.species) for o in found] == [
        ("Blue whale/a.wav", ("Blue whale",)),
        ("Finback whale/b.WAV", ("Finback whale",)),
    ]


def test_of_two_files_that_would_be_one_the_second_is_named(site: Site, web: Web) -> None:
    url = site.put("/list.html", '<a href="x/a.wav">1</a><a href="y/A.wav">2</a><a href="y/b.wav">3</a>')
    faults: list[str] = []
    source = own({"kind": "pages", "start": url, "files": "wav$"})
    found = offers(source, web, SpeciesFilter(), fault=lambda name, error: faults.append(str(error)))
    assert [offer.file for offer in found] == ["a.wav", "b.wav"]
    assert len(faults) == 1
    assert "folders = true" in faults[0]


def test_a_fixed_list(web: Web) -> None:
    files = [
        {"url": "https://e.org/1?id=7", "file": "one.wav", "species": "Walrus", "group": "g", "bytes": 5},
        {"url": "https://e.org/two.wav", "checksum": "MD5:" + "A" * 32},
    ]
    one, two = offers(own({"kind": "files", "files": files}), web, SpeciesFilter())
    assert one == Offer("https://e.org/1?id=7", "one.wav", ("Walrus",), "g", None, 5, trusted=True)
    assert two == Offer("https://e.org/two.wav", "two.wav", (), "", "md5:" + "a" * 32, trusted=True)


def test_a_zenodo_record(site: Site, web: Web) -> None:
    def file(key: str) -> dict[str, Any]:
        checksum = f"md5:{'0' * 32}"
        return {"key": key, "size": 3, "checksum": checksum, "links": {"self": f"{site.url}/{key}/content"}}

    record = {"files": [file("Minke_01.wav"), file("notes.pdf")]}
    site.put("/api/records/12", json.dumps(record), kind="application/json")
    listing = {"kind": "zenodo", "record": 12, "files": "wav$", "site": site.url}
    source = own(listing, species="^(?P<species>[A-Za-z]+)_", group=r"_(\d+)")
    assert offers(source, web, SpeciesFilter()) == [
        Offer(f"{site.url}/Minke_01.wav/content", "Minke_01.wav", ("Minke",), "01", "md5:" + "0" * 32, 3)
    ]
    for broken in ({"files": [{"key": "a.wav"}]}, {"message": "gone"}, {"files": []}):
        site.put("/api/records/12", json.dumps(broken), kind="application/json")
        with pytest.raises(PermanentError):
            offers(source, web, SpeciesFilter())


def test_at_most_so_many_of_each_species() -> None:
    found = [Offer(f"u{i}", f"{i}", (species,)) for i, species in enumerate("aababbc")]
    assert [offer.file for offer in limited(found, 2)] == ["0", "1", "2", "4", "6"]
    assert limited(found, None) == found


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://e.org/x/a%20b.wav?x=1", "a b.wav"),
        ("https://e.org/x/..%2f..%2fetc%2fpasswd", "passwd"),
        ("https://e.org/x/a%3Ab%5C.wav", "a_b_-d999fad15a.wav"),
        ("https://e.org/", "file"),
        ("https://e.org/..", "file"),
    ],
)
def test_names_that_any_disk_takes(address: str, name: str) -> None:
    assert name_of(address) == name
