"""One file over a line that fails in every way we could think of."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import FileIO
from pathlib import Path

import pytest
from misbehaving import Site, cut, drip, hang, moved, refuse, status, wav

from finback.datasets.fetch.download import FetchedFile, WantedFile, download
from finback.datasets.fetch.errors import Cancelled, FetchAborted, PermanentError, TemporaryError
from finback.datasets.fetch.part import Part
from finback.datasets.fetch.web import RequestLimits, Web

DATA = wav(n=40_000)  # 80 kB
Fetch = Callable[..., FetchedFile]


def only(path: Path, data: bytes) -> None:
    """The file is there whole, and nothing else is."""
    assert path.read_bytes() == data
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def ranges(site: Site, path: str = "/a.wav") -> list[str | None]:
    return [headers.get("range") for headers in site.asked(path)]


def test_a_file_arrives(site: Site, web: Web, here: Path) -> None:
    got = download(WantedFile(site.put("/a.wav", DATA), here), web)
    only(here, DATA)
    assert (got.bytes, got.note) == (len(DATA), "")
    assert got.sha256 == hashlib.sha256(DATA).hexdigest()
    (asked,) = site.asked("/a.wav")
    assert asked["user-agent"].startswith("finback/")
    assert asked["accept-encoding"] == "identity"


def test_a_cut_line_is_gone_on_with_where_it_broke(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    site.spoil("/a.wav", cut(30_000), cut(20_000))
    download(WantedFile(url, here), web)
    only(here, DATA)
    assert ranges(site) == [None, "bytes=30000-", "bytes=50000-"]
    first, *others = site.asked("/a.wav")
    assert "if-range" not in first
    assert {headers["if-range"] for headers in others} == {site.resources["/a.wav"].etag}


def test_tries_that_gain_something_are_not_counted(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    site.spoil("/a.wav", *[cut(10_000)] * 7)  # more often than `tries`
    download(WantedFile(url, here), web)
    only(here, DATA)


def test_a_part_is_gone_on_with_by_a_later_run(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    site.spoil("/a.wav", cut(30_000), refuse, refuse, refuse, refuse)
    with pytest.raises(TemporaryError, match="connection was lost"):
        download(WantedFile(url, here), web)
    assert not here.exists()
    assert here.with_name("a.wav.part").read_bytes() == DATA[:30_000]
    download(WantedFile(url, here), web)
    only(here, DATA)
    assert ranges(site)[-1] == "bytes=30000-"


def test_a_whole_part_that_was_not_renamed_is_asked_for_no_byte(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    site.spoil("/a.wav", cut(30_000), *[refuse] * 4)
    with pytest.raises(TemporaryError):
        download(WantedFile(url, here), web)
    here.with_name("a.wav.part").write_bytes(DATA)  # kill -9 came just before the renaming
    download(WantedFile(url, here), web)
    only(here, DATA)
    assert ranges(site)[-1] == f"bytes={len(DATA)}-"


@pytest.mark.parametrize("named", ["etag", "date", "weak"])
def test_a_file_that_changed_is_fetched_anew(site: Site, web: Web, here: Path, named: str) -> None:
    dates = [format_datetime(datetime(2020, 1, day, tzinfo=UTC), usegmt=True) for day in (1, 2)]
    facts = {
        "etag": [{"etag": '"one"'}, {"etag": '"two"'}],
        "date": [{"etag": "", "date": date} for date in dates],
        "weak": [{"etag": 'W/"one"'}, {"etag": 'W/"one"'}],  # says "much the same", which is not enough
    }[named]
    site.put("/a.wav", DATA, **facts[0])
    site.spoil("/a.wav", cut(30_000), *[refuse] * 4)
    wanted = WantedFile(site.url + "/a.wav", here)
    with pytest.raises(TemporaryError):
        download(wanted, web)
    newer = wav(seed=7, n=40_000)
    site.put("/a.wav", newer, **facts[1])
    download(wanted, web)
    only(here, newer)


def test_a_changed_file_is_noticed_although_the_server_ignores_if_range(
    site: Site, web: Web, here: Path
) -> None:
    site.put("/a.wav", DATA, etag='"one"')
    site.spoil("/a.wav", cut(30_000), *[refuse] * 4)
    wanted = WantedFile(site.url + "/a.wav", here)
    with pytest.raises(TemporaryError):
        download(wanted, web)
    newer = wav(seed=7, n=40_000)
    rest = {"Content-Range": f"bytes 30000-{len(newer) - 1}/{len(newer)}", "ETag": '"two"'}
    site.put("/a.wav", newer, etag='"two"')
    site.spoil("/a.wav", lambda handler, r: _answer(handler, 206, newer[30_000:], rest))
    download(wanted, web)
    only(here, newer)


def _answer(handler: object, code: int, body: bytes, headers: dict[str, str]) -> None:
    from misbehaving import answer

    answer(handler, code, body, headers)  # type: ignore[arg-type]


def test_a_server_without_versions_or_ranges_sends_all_of_it(site: Site, web: Web, here: Path) -> None:
    site.put("/a.wav", DATA, etag="")
    site.spoil("/a.wav", cut(30_000))
    download(WantedFile(site.url + "/a.wav", here), web)
    only(here, DATA)
    assert ranges(site) == [None, None]
    other = here.with_name("b.wav")
    site.put("/b.wav", DATA, ranges=False)
    site.spoil("/b.wav", cut(30_000))
    download(WantedFile(site.url + "/b.wav", other), web)
    assert other.read_bytes() == DATA
    assert ranges(site, "/b.wav") == [None, "bytes=30000-"]


def test_a_busy_server_is_waited_for(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    site.spoil("/a.wav", status(500), status(503, Retry_After="1"), status(429, Retry_After=soon))
    download(WantedFile(url, here), web)
    only(here, DATA)
    times = [at for path, _, at in site.log if path == "/a.wav"]
    assert times[2] - times[1] >= 1


def test_a_server_that_asks_to_wait_long_is_left_alone(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    site.spoil("/a.wav", status(503, Retry_After="3600"))
    with pytest.raises(TemporaryError, match="60 min"):
        download(WantedFile(url, here), web)
    assert len(site.asked("/a.wav")) == 1


def test_a_server_that_stays_broken_is_given_up(site: Site, web: Web, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    site.spoil("/a.wav", *[status(500)] * 9)
    with pytest.raises(TemporaryError, match="500"):
        download(WantedFile(url, here), web)
    assert len(site.asked("/a.wav")) == web.limits.tries


def test_a_silent_server_is_given_up(site: Site, here: Path) -> None:
    web = Web(
        RequestLimits(rate=1000, tries=2, backoff_s=0.01, timeout_s=0.2), lambda text: None, threading.Event()
    )
    url = site.put("/a.wav", DATA)
    site.spoil("/a.wav", hang(0.6), hang(0.6))
    with pytest.raises(TemporaryError, match="no answer"):
        download(WantedFile(url, here), web)


@pytest.mark.parametrize(
    ("code", "said"), [(404, "not found"), (410, "removed"), (403, "programs"), (401, "log-in")]
)
def test_what_is_not_given_is_not_asked_for_twice(
    site: Site, web: Web, here: Path, code: int, said: str
) -> None:
    site.spoil("/a.wav", status(code))
    with pytest.raises(PermanentError, match=said):
        download(WantedFile(site.url + "/a.wav", here), web)
    assert len(site.asked("/a.wav")) == 1
    assert not list(here.parent.glob("*"))


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_file_that_moved_is_followed_and_gone_on_with_there(
    site: Site, web: Web, here: Path, code: int
) -> None:
    said: list[str] = []
    web._say = said.append
    with Site() as other:
        there = other.put("/new/a.wav", DATA)
        other.spoil("/new/a.wav", cut(30_000))
        site.spoil("/a.wav", moved(there, code), moved(there, code))
        got = download(WantedFile(site.url + "/a.wav", here), web)
        only(here, DATA)
        assert got.url == there
        assert ranges(other, "/new/a.wav") == [None, "bytes=30000-"]
    assert len(said) == 1
    assert "redirects to" in said[0]


def test_a_circle_of_addresses_is_noticed(site: Site, web: Web, here: Path) -> None:
    site.spoil("/a.wav", *[moved("/a.wav")] * 40)
    with pytest.raises(PermanentError, match="circle"):
        download(WantedFile(site.url + "/a.wav", here), web)


def test_a_full_disk_stops_the_work(
    site: Site, web: Web, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    monkeypatch.setattr(Part, "begin", lambda part, url, version: FileIO(full, "wb"))
    with pytest.raises(FetchAborted, match="disk is full"):
        download(WantedFile(site.put("/a.wav", DATA), here), web)
    assert not here.exists()


def test_a_file_larger_than_the_disk_is_not_begun(site: Site, web: Web, here: Path) -> None:
    huge = 10**14
    site.put("/a.wav", DATA)
    headers = {"Content-Length": str(huge)}
    site.spoil("/a.wav", *[lambda handler, r: _answer(handler, 200, b"", headers)] * 2)
    with pytest.raises(PermanentError, match=r"5\.0 GB.*--max-file-gb"):
        download(WantedFile(site.url + "/a.wav", here), web)
    with pytest.raises(PermanentError, match="MB are free"):
        download(WantedFile(site.url + "/a.wav", here, bytes=huge, trusted=True), web)
    assert not list(here.parent.glob("*"))


def test_work_that_is_called_off_keeps_its_part(site: Site, web: Web, here: Path) -> None:
    site.put("/a.wav", DATA)
    site.spoil("/a.wav", drip(4000, 0.02))
    threading.Timer(0.2, web.stop.set).start()
    with pytest.raises(Cancelled):
        download(WantedFile(site.url + "/a.wav", here), web)
    part = here.with_name("a.wav.part").read_bytes()
    assert 0 < len(part) < len(DATA)
    assert DATA.startswith(part)


def test_a_folder_that_cannot_be_written(site: Site, web: Web, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PermanentError, match="does not take this name or folder"):
        download(WantedFile(site.put("/a.wav", DATA), tmp_path / "file" / "a.wav"), web)


def test_a_host_that_is_not_there(web: Web, here: Path) -> None:
    with Site() as gone:
        url = gone.url
    with pytest.raises(TemporaryError, match="connection was refused"):
        download(WantedFile(url + "/a.wav", here), web)
    with pytest.raises(TemporaryError, match="no such host"):
        download(WantedFile("http://nowhere.invalid/a.wav", here), web)
