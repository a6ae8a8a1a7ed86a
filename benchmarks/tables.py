"""Write the stored results (`stored.py`) into README and docs: every figure there can be measured again.

    python benchmarks/tables.py            # fill all pages
    python benchmarks/tables.py --check    # only say which pages differ; exit code 1 if any does

A page marks the place of a table and of a single figure by comments, which no reader sees:

    <!-- stored-table carry-over/recipes -->

    | recipe | ...

    <!-- end -->

    the reference has <!-- stored-value carry-over/watkins.birdnet .2f -->0.54<!-- end --> on new tapes

Everything between the comments is replaced. A format of Python may follow the key (`.2f`, `.0%`); without
one, a number with decimals has three of them. An interval is written as `0.41 to 0.63`. A value must not
begin a line, because the line would then be no paragraph.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stored import RESULTS, Stored, Table, load

from finback.core.storage.files import write_atomic

ROOT = Path(__file__).parents[1]
DEFAULT = ".3f"
MARK = re.compile(r"(<!-- stored-(table|value) ([a-z0-9-]+)/(\S+)(?: (\S+))? -->)(.*?)(<!-- end -->)", re.S)


def pages(root: Path = ROOT) -> list[Path]:
    """README and all pages of the docs."""
    return [root / "README.md", *sorted((root / "docs").glob("**/*.md"))]


def filled(text: str, results: Path = RESULTS) -> str:
    """The text of a page with the stored figures. Raises `ValueError` where a mark names none, or is open."""
    if len(re.findall(r"<!-- stored-(?:table|value) ", text)) != len(MARK.findall(text)):
        raise ValueError("a table or a value is not closed by <!-- end -->, or has no name like result/key")
    return MARK.sub(lambda found: _replaced(found, results), text)


def _replaced(found: re.Match[str], results: Path) -> str:
    opening, kind, name, key, form, _, closing = found.groups()
    result = load(name, results)
    if kind == "table":
        return f"{opening}\n\n{markdown(_of(result, 'tables', name, key), form or DEFAULT)}\n\n{closing}"
    if found.start() == 0 or found.string[found.start() - 1] == "\n":
        raise ValueError(f"value {name}/{key} begins a line; put a word before it")
    return f"{opening}{cell(_of(result, 'values', name, key), form or DEFAULT)}{closing}"


def _of(result: Stored, part: str, name: str, key: str) -> Any:
    known = getattr(result, part)
    if key not in known:
        raise ValueError(f"{name}.json has no {part[:-1]} '{key}'; it has: {', '.join(known) or 'none'}")
    return known[key]


def markdown(table: Table, form: str = DEFAULT) -> str:
    """The table in Markdown."""
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    return "\n".join("| " + " | ".join(cell(value, form) for value in row) + " |" for row in rows)


def cell(value: Any, form: str = DEFAULT) -> str:
    """A cell: text as it is, a dash for nothing, a number in its format, an interval in parentheses."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value.replace("|", "\\|")
    if isinstance(value, dict):
        return f"{cell(value['value'], form)} ({cell([value['low'], value['high']], form)})"
    if isinstance(value, Sequence):
        return " to ".join(cell(end, form) for end in value)
    return str(value) if isinstance(value, int) and form == DEFAULT else format(value, form)


def main() -> None:
    check = "--check" in sys.argv[1:]
    differing = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        try:
            new = filled(text)
        except (ValueError, FileNotFoundError) as error:
            sys.exit(f"{page.relative_to(ROOT)}: {error}")
        if new != text:
            differing.append(str(page.relative_to(ROOT)))
            if not check:
                write_atomic(page, new)
    print("\n".join(differing) or "all pages have the stored results")
    sys.exit(1 if check and differing else 0)


if __name__ == "__main__":
    main()
