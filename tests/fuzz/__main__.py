"""`python -m fuzz`: see the package."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from fuzz.runner import BAD, cases, fuzz
from fuzz.worker import KINDS

# Mutants of each kind in `make fuzz`.
COUNTS = {
    **{"audio": 400, "table": 300, "toml": 200, "options": 100, "runs": 500, "weights": 120},
    **{"cache": 80, "onnx": 100, "backbone": 100, "arrays": 80, "generated": 60, "archive": 60, "scan": 300},
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--case", help="one mutant, for example runs:17")
    parser.add_argument("--kinds", default=",".join(KINDS), help="kinds, separated by commas")
    parser.add_argument("--n", type=int, help="mutants of each kind")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--table", type=Path, help="write the table into this Markdown file")
    given = parser.parse_args()
    if given.case:
        kind, _, seed = given.case.partition(":")
        wanted = [(kind, int(seed))]
    else:
        wanted = list(cases({k: given.n or COUNTS[k] for k in given.kinds.split(",")}, given.first))
    started = time.monotonic()
    tally = fuzz(
        wanted, min(given.workers, len(wanted)), lambda text: print(text, file=sys.stderr, flush=True)
    )
    for case, ended, detail in tally.bad:
        print(f"\n{case}: {ended}\n{detail}")
    table = tally.table()
    print(f"\n{table}\n\n{len(wanted)} mutants in {time.monotonic() - started:.0f} s")
    if given.table:
        text = given.table.read_text(encoding="utf-8")
        head, begin, rest = text.partition("<!-- table -->\n")
        _, end, tail = rest.partition("<!-- end -->")
        given.table.write_text(f"{head}{begin}{table}\n{end}{tail}", encoding="utf-8")
    return 1 if any(ended in BAD for _, ended, _ in tally.bad) else 0


if __name__ == "__main__":
    sys.exit(main())
