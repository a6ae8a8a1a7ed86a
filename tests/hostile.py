"""A quick client and sources for sites that attack."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from misbehaving import Site, wav

from finback.core.settings import build
from finback.datasets.fetch.bounds import Bounds
from finback.datasets.fetch.runner import Report, Request, fetch
from finback.datasets.fetch.source import Source
from finback.datasets.fetch.web import RequestLimits, Web

DATA = wav(n=40_000)
SMALL = Bounds(max_file_gb=0.001)  # 1 MB
MIB = b"\0" * (1 << 20)
BOUNDED_S = 30  # a busy machine needs several seconds; what is not bounded takes minutes


def web_of(bounds: Bounds = SMALL, **limits: float) -> Web:
    quick = {"rate": 1000, "tries": 2, "backoff_s": 0.01, "timeout_s": 1, "window_s": 0.4, "page_s": 1.5}
    given = {**quick, **limits}
    return Web(RequestLimits(**given), lambda text: None, threading.Event(), bounds)  # type: ignore[arg-type]


def own(site: Site, files: dict[str, str]) -> Source:
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "CC0", "terms": "Take it."}
    listed = [{"url": site.url + path, "species": species} for path, species in files.items()]
    return build(Source, {**facts, "listing": {"kind": "files", "files": listed}})


def run(source: Source, out: Path, **more: Any) -> Report:
    quick = {"rate": 1000, "backoff_s": 0.01, "tries": 2, "timeout_s": 1}
    return fetch(build(Request, {"source": source, "out": out, **quick, **more}))
