"""Every percentage and decimal in the text of README and docs is stored, or its origin is listed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST = tomllib.loads(Path(__file__).with_name("figures_by_hand.toml").read_text(encoding="utf-8"))
LIST_NAME = "tests/docs/figures_by_hand.toml"
PAGES = [
    "README.md",
    *sorted(
        p.relative_to(ROOT).as_posix() for p in ROOT.glob("docs/**/*.md") if p.parent.name != "decisions"
    ),
]
STORED = re.compile(r"<!-- stored-(table|value) .*?<!-- end -->", re.S)
CODE = re.compile(r"^( *)(```|~~~).*?^\1\2 *$|`[^`\n]+`|\]\([^)]*\)", re.S | re.M)
FIGURE = re.compile(r"(?<![\w./-])(?:\d+(?:\.\d+)? ?%|\d+\.\d+)(?![\w/]|\.\d)")
LEVEL = re.compile(r"95\s%\s(?:confidence\s)?intervals?|95\s%\sover")  # the level of all intervals


def figures(text: str) -> set[str]:
    """The percentages and decimals of a page that no stored result writes, without those of code."""
    return set(FIGURE.findall(LEVEL.sub("", CODE.sub("", STORED.sub("", text)))))


@pytest.mark.parametrize("page", PAGES)
def test_a_figure_is_stored_or_its_origin_is_listed(page: str) -> None:
    listed = LIST.get(page, {})
    if listed.get("made by a command"):
        return
    known = [figure for of_reason in listed.values() for figure in of_reason]
    found = figures((ROOT / page).read_text(encoding="utf-8"))
    new = sorted(found - set(known))
    assert not new, f"{page}: store {', '.join(new)} (benchmarks/stored.py), or list where they come from"
    gone = sorted(set(known) - found)
    assert not gone, f"{page} has no {', '.join(gone)} any more: take them off {LIST_NAME}"
    assert len(known) == len(set(known)), f"{LIST_NAME}: a figure of {page} is listed twice"


def test_the_list_names_pages_and_reasons() -> None:
    assert set(LIST) <= set(PAGES)
    for page, reasons in LIST.items():
        for reason in reasons:
            assert len(reason) > 5, f"{page}: {reason}"
            if reason.startswith("measured"):  # then the page itself says with what, or when
                text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
                assert re.search(r"measured once|benchmarks/|decisions/", text), page


def test_figures_are_found() -> None:
    text = "It has 63 % (95 % interval 0.5 to 0.7), <!-- stored-value a/b -->0.123<!-- end --> and `0.9`.\n"
    assert figures(text) == {"63 %", "0.5", "0.7"}
    assert figures("```\n0.4\n```\n[of 12 %](a-0.3.md)\n") == {"12 %"}
