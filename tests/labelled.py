"""Four recordings, and what `finback.data.index` makes of a labels table for them."""

from __future__ import annotations

from pathlib import Path

from sounds import table

from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest


def indexed(tmp_path: Path, text: str, **options) -> Manifest:
    labels = table(tmp_path / "labels.csv", text)
    return index(IndexRequest(audio=tmp_path / "audio", labels=labels, **options))


def kinds(manifest: Manifest) -> list[tuple[str, int | None]]:
    return [(problem.kind, problem.row) for problem in manifest.problems]


REST = "b.wav,Fin Whale\nc.flac,Fin Whale\nd.wav,Walrus\n"
