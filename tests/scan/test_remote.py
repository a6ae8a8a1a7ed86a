"""Scans of recordings at addresses give the tables of the same recordings here, and keep no secret."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from misbehaving import Site, cut, status
from sounds import sound

pytest.importorskip("aiohttp", reason="needs finback[remote]")

import fsspec

from finback.audio.remote import store
from finback.core.errors import AudioError
from finback.scan.scan import Scan, scan

SECRET = "X-Amz-Signature=5ecret&X-Amz-Expires=60"
NAMES = ("20230501_120000.wav", "20230502_120000.flac", "20230503_120000.wav")


@pytest.fixture(scope="module")
def model(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(trained, tmp_path_factory.mktemp("far") / "run"))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for i, name in enumerate(NAMES):
        sound(folder / name, 40 + 9 * i, 16_000, seed=i)
    return folder


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    store._store.cache_clear()
    monkeypatch.setattr(store, "WAITS_S", (0.0, 0.01))


@pytest.fixture
def site(recordings: Path) -> Iterator[Site]:
    with Site() as site:
        for name in NAMES:
            site.put(
                f"/{name}?{SECRET}", (recordings / name).read_bytes(), date="Mon, 01 May 2023 12:00:00 GMT"
            )
        yield site


def tables(result: Scan, root: str) -> list[str]:
    """The tables, with names of files alone."""
    return [
        path.read_text(encoding="utf-8").replace(root, "")
        for path in (result.out / "effort.csv", result.out / "errors.csv")
    ]


def test_a_scan_of_addresses_equals_a_local_one_and_keeps_no_secret(
    model: Path, recordings: Path, site: Site, tmp_path: Path
) -> None:
    here = scan(model, recordings, tmp_path / "here", workers=1)
    addresses = [f"{site.url}/{name}?{SECRET}" for name in NAMES]
    site.spoil(f"/{NAMES[0]}?{SECRET}", cut(500), status(500))
    there = scan(model, addresses, tmp_path / "there", workers=2, span_minutes=0.2)
    assert tables(there, site.url + "/") == tables(here, f"{recordings}/")
    assert not [p for p in there.out.rglob("*") if p.is_file() and b"5ecret" in p.read_bytes()]
    n_parts = len(list((there.out / "parts").rglob("*.parquet")))
    renewed = [address.replace("5ecret", "an0ther") for address in addresses]  # signatures run out
    for name in NAMES:
        site.resources[f"/{name}?{SECRET.replace('5ecret', 'an0ther')}"] = site.resources[f"/{name}?{SECRET}"]
    again = scan(model, renewed, tmp_path / "there", workers=1)
    assert tables(again, site.url + "/") == tables(here, f"{recordings}/")
    assert len(list((again.out / "parts").rglob("*.parquet"))) == n_parts


def test_a_file_that_changes_during_the_scan_is_an_error_of_its_spans(
    model: Path, recordings: Path, site: Site, tmp_path: Path
) -> None:
    path = f"/{NAMES[0]}?{SECRET}"
    body = site.resources[path].body

    def change(pace: object) -> None:
        site.put(path, body[:44] + body[:43:-1])

    result = scan(model, f"{site.url}{path}", tmp_path / "out", workers=1, span_minutes=0.1, progress=change)
    errors = (result.out / "errors.csv").read_text(encoding="utf-8")
    assert "changed" in errors
    assert "5ecret" not in errors
    assert result.outcome.code == 1


def test_a_folder_in_a_bucket_is_scanned(model: Path, recordings: Path, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    for name in NAMES:
        memory.pipe(f"memory://scanned/{name}", (recordings / name).read_bytes())
    here = scan(model, recordings, tmp_path / "here", workers=1)
    there = scan(model, "memory://scanned", tmp_path / "there", workers=1)
    assert tables(there, "memory://scanned/") == tables(here, f"{recordings}/")
    memory.pipe("memory://scanned/20230504_120000.wav", (recordings / NAMES[0]).read_bytes())
    more = scan(model, "memory://scanned", tmp_path / "there", workers=1)
    assert "20230504_120000.wav" in (more.out / "effort.csv").read_text(encoding="utf-8")
    with pytest.raises(AudioError, match="does not list its files"):
        scan(model, "https://host.org/site/", tmp_path / "out", workers=1)
