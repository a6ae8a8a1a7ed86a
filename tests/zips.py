"""Zip archives for tests: written, listed and unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from misbehaving import Site

from finback.core.settings import build
from finback.datasets.fetch import archive
from finback.datasets.fetch.bounds import Bounds
from finback.datasets.fetch.errors import PermanentError
from finback.datasets.fetch.listing import Offer, SpeciesFilter
from finback.datasets.fetch.runner import Report, Request, fetch
from finback.datasets.fetch.source import Source


def own(url: str = "https://e.org/a.zip", **labels: object) -> Source:
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "CC0", "terms": "t"}
    listing = {"kind": "zip", "url": url, "files": "(?i)wav$"}
    return build(Source, {**facts, "listing": listing, "labels": labels})


def listed(path: Path, bounds: Bounds | None = None, **labels: object) -> tuple[list[Offer], list[str]]:
    """The files of an archive, and the errors of the others."""
    faults: list[str] = []
    limits = bounds or Bounds()
    with archive.opened(path, limits) as file:
        found = archive.offers(
            own(**labels), file, SpeciesFilter(), limits, lambda name, error: faults.append(str(error))
        )
    return found, faults


def unpacked(path: Path, out: Path, bounds: Bounds | None = None) -> dict[str, str]:
    """Everything unpacked to a folder: the file names, each with its error or ""."""
    limits, told = bounds or Bounds(), {}
    with archive.opened(path, limits) as file:
        for offer in archive.offers(own(), file, SpeciesFilter(), limits):
            try:
                archive.unpack(file, offer, out / offer.file, limits)
                told[offer.file] = ""
            except PermanentError as error:
                told[offer.file] = str(error)
    return told


def write(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def total(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def run(site: Site, out: Path, data: bytes, **more: object) -> Report:
    source = own(site.put("/a.zip", data, kind="application/zip"))
    return fetch(build(Request, {"source": source, "out": out, "rate": 1000, "tries": 1, **more}))
