"""All files of one command together have a limit, whatever their number, their order and the threads."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from misbehaving import Site, cut, drip, raw, response, wav

from finback.core.settings import build
from finback.datasets.fetch.bounds import Bounds, Total
from finback.datasets.fetch.errors import FetchAborted
from finback.datasets.fetch.runner import Report, Request, fetch
from finback.datasets.fetch.source import Source

DATA = wav(n=40_000)
SIZE = len(DATA)
FACTS = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "CC0", "terms": "t"}


def own(site: Site, n: int) -> Source:
    for i in range(n):
        site.put(f"/{i}.wav", DATA)
    files = [{"url": f"{site.url}/{i}.wav", "species": "Walrus"} for i in range(n)]
    return build(Source, {**FACTS, "listing": {"kind": "files", "files": files}})


def run(source: Source, out: Path, most: float, **more: Any) -> Report:
    """Fetch with a limit in bytes."""
    quick = {"rate": 1000, "backoff_s": 0.01, "tries": 2, "timeout_s": 5}
    bounds = {"max_total_gb": most / 1e9}
    return fetch(build(Request, {"source": source, "out": out, "bounds": bounds, **quick, **more}))


def there(out: Path) -> int:
    return len(list((out / "audio").glob("*.wav")))


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_the_files_that_fit_are_fetched_and_no_other(site: Site, tmp_path: Path, jobs: int) -> None:
    source = own(site, 5)
    for n in (2, 4):
        with pytest.raises(FetchAborted, match="continue, or give a larger --max-total-gb"):
            run(source, tmp_path, 2.9 * SIZE, jobs=jobs)
        assert there(tmp_path) == n
    report = run(source, tmp_path, 2.9 * SIZE, jobs=jobs)
    assert (report.had, report.new, report.bytes) == (4, 1, SIZE)


def test_the_limit_itself_is_allowed(site: Site, tmp_path: Path) -> None:
    assert run(own(site, 3), tmp_path, 3 * SIZE).new == 3


@pytest.mark.parametrize("jobs", [1, 4])
def test_files_without_a_stated_length(site: Site, tmp_path: Path, jobs: int) -> None:
    source = own(site, 5)
    for i in range(5):
        site.spoil(f"/{i}.wav", raw(response({"Content-Type": "audio/x-wav"}), DATA))
    with pytest.raises(FetchAborted, match="--max-total-gb"):
        run(source, tmp_path, 2.9 * SIZE, jobs=jobs)
    assert there(tmp_path) == 2


def test_a_second_try_and_a_file_that_is_not_kept_do_not_count(site: Site, tmp_path: Path) -> None:
    source = own(site, 3)
    site.spoil("/0.wav", cut(SIZE // 2))  # then it goes on
    site.spoil("/1.wav", *[cut(SIZE // 2)] * 2)  # and here nothing is left
    site.resources["/1.wav"].ranges = False
    report = run(source, tmp_path, 2 * SIZE, jobs=1)
    assert (report.new, [name for name, _ in report.failed]) == (2, ["1.wav"])


def test_a_file_that_was_begun_is_received_to_its_end(site: Site, tmp_path: Path) -> None:
    """Otherwise the same command could go on for ever without one file."""
    source = own(site, 2)
    site.spoil("/0.wav", drip(SIZE // 4, 0.1))
    site.spoil("/1.wav", drip(SIZE // 4, 0.1))
    with pytest.raises(FetchAborted):
        run(source, tmp_path, 1.5 * SIZE, jobs=2)
    assert there(tmp_path) == 1


def test_a_file_over_the_limit_is_named(site: Site, tmp_path: Path) -> None:
    with pytest.raises(FetchAborted, match="GB; give a larger --max-total-gb"):
        run(own(site, 1), tmp_path, SIZE // 2)
    assert there(tmp_path) == 0


def test_the_files_of_an_archive(site: Site, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(4):
            archive.writestr(f"{i}.wav", DATA)
    url = site.put("/a.zip", packed.getvalue(), kind="application/zip")
    source = build(Source, {**FACTS, "listing": {"kind": "zip", "url": url, "files": "wav$"}})
    with pytest.raises(FetchAborted, match="--max-total-gb"):
        run(source, tmp_path, 2.9 * SIZE)
    assert there(tmp_path) == 2


def test_what_was_dropped_makes_room() -> None:
    total = Total(Bounds(max_total_gb=1e-6))
    total.hold("a", 400)
    total.hold("a", 600)
    total.hold("b", 400)
    total.drop("a")
    total.drop("never held")
    total.hold("c", 600)
    with pytest.raises(FetchAborted):
        total.hold("b", 401)
    assert total.reached is not None
