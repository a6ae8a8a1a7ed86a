"""CITATION.cff has what Citation File Format 1.2.0 requires, and the version of the code."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from finback.core.version import __version__

ROOT = Path(__file__).parents[2]


def test_the_citation_is_valid_and_of_this_version() -> None:
    yaml = pytest.importorskip("yaml")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    assert cited["cff-version"] == "1.2.0"
    assert cited["type"] == "software"
    assert all({"name"} <= set(author) or {"family-names"} <= set(author) for author in cited["authors"])
    assert cited["version"] == __version__
    assert isinstance(cited["date-released"], date)
    assert cited.get("repository-code", "https://").startswith("https://")
    assert "example" not in cited.get("repository-code", "")
