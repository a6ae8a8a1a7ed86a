"""Label tables. Oracle: each row of a table that a simple reader understands is a clip, or is reported."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter

from fuzz.answers import REFUSED, REMARK, RIGHT, Nonsense, finback, refusal
from fuzz.damage import damaged_bytes, damaged_text, nasty
from fuzz.stage import Answer, Stage


def case(stage: Stage, rng: random.Random) -> Answer:
    data = stage.folder / "old" / "data"
    text = (data / "labels.csv").read_text(encoding="utf-8")
    table = _mutant(text, rng)
    with stage.work() as folder:
        path = folder / rng.choice(("labels.csv", "labels.csv", "labels.txt", "labels.tsv"))
        path.write_bytes(table)
        source = rng.choice((("--source", "folder"), (), ("--source", "raven")))
        said = finback("index", "--audio", str(data / "audio"), "--labels", str(path), *source, "--json")
        if refusal(said):
            return REFUSED, said.err
        found = said.json
        lost = _lost(table, found, "raven" in source or path.suffix != ".csv")
        if lost:
            raise Nonsense(f"rows neither read nor reported: {lost[:3]}; problems {found['problems'][:3]}")
        return (REMARK if found["problems"] else RIGHT), found["problems"][:2]


def _mutant(text: str, rng: random.Random) -> bytes:
    what = rng.randrange(6)
    if what == 0:
        return damaged_bytes(text.encode(), rng)
    if what <= 2:
        return damaged_text(text, rng)
    rows = list(csv.reader(io.StringIO(text)))
    for _ in range(rng.choice((1, 2, 5))):
        row = rng.choice(rows[1:] if rng.random() < 0.85 else rows)
        row[rng.randrange(len(row))] = str(nasty(rng))
    if what == 4:
        rng.shuffle(rows)
    if what == 5:
        for row in rows:
            row.append(
                "" if row is not rows[0] else rng.choice(("start", "end", "channel", "group", "x", "file"))
            )
            if row is not rows[0]:
                row[-1] = str(rng.choice((0, 0.1, 0.2, -1, 1e308, "nan", "", "0,1", "1.0", nasty(rng))))
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=rng.choice((",", ",", ";", "\t"))).writerows(rows)
    return out.getvalue().encode("utf-8", "replace")


def _lost(table: bytes, found: dict[str, object], other_layout: bool) -> list[str]:
    """Rows of a plain comma-separated table that are neither clips nor problems."""
    try:
        text = table.decode("utf-8")
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return []
    if other_layout or not rows or not {"file", "species"} <= set(rows[0]) or "\0" in text:
        return []
    reported = Counter(str(p["row"]) for p in found["problems"])  # type: ignore[attr-defined]
    files = {str(p["file"]) for p in found["problems"]}  # type: ignore[attr-defined]
    if found["n_clips"] + len(found["problems"]) >= len(rows):  # type: ignore[arg-type,operator]
        return []
    return [
        str(row)[:200] for i, row in enumerate(rows, 2) if str(i) not in reported and row["file"] not in files
    ]
