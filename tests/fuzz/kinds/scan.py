"""Scans, their journals, and the files that a person writes for their tables.

Oracle: a mutant is refused, or named in `errors.csv`, or analysed in full; the whole file beside it has the
same effort and detections as always. A damaged journal is refused, or the tables are those of the whole one.
A mute only takes detections away; measures of found events are shares.
"""

from __future__ import annotations

import csv
import random
import shutil
from pathlib import Path

from fuzz.answers import REFUSED, REMARK, RIGHT, SAME, Nonsense, Said, finback, refusal
from fuzz.damage import damaged_bytes, damaged_json, damaged_text, nasty
from fuzz.kinds.toml import _written as written
from fuzz.stage import FORMATS, Answer, Stage

WHOLE = "20230501_120000.wav"  # in `scan/`, which the stage makes; with sound of all kinds beside it
TABLES = ("events.csv", "effort.csv", "presence-hours.csv", "errors.csv")
SCAN = ("--workers", "1", "--span-minutes", "0.1", "--missing-band", "analyse", "--threshold", "0.1")
MUTE = """
[[mute]]
site = "all"
species = "{species}"
start_utc = 2023-05-01T12:00:00Z
stop_utc = 2023-05-01T12:00:07Z
period_s = 2.0
tolerance_s = 0.6
duration_s = [0.1, 20.0]
low_hz = [0, 4000]
high_hz = [10, 4000]
"""
THRESHOLDS = """
[default]
"{species}" = 0.7
"*" = 0.6

["sea"]
"{species}" = 0.15
"""


def case(stage: Stage, rng: random.Random) -> Answer:
    kind = rng.choices((_sound, _journal, _settings, _truth), (5, 3, 3, 2))[0]
    with stage.work() as folder:
        return kind(stage, folder, rng)


def _sound(stage: Stage, folder: Path, rng: random.Random) -> Answer:
    """A damaged recording beside a whole one."""
    suffix = rng.choice(list(FORMATS))
    site = folder / "site"
    site.mkdir()
    shutil.copy2(stage.folder / "sea" / WHOLE, site)
    data = (stage.folder / "sounds" / suffix).read_bytes()
    mutant = site / f"x.{suffix.rpartition('.')[2]}"
    mutant.write_bytes(damaged_bytes(data, rng, head=80))
    said = finback("scan", str(stage.folder / "run"), str(site), "--out", str(folder / "out"), *SCAN)
    _require_ended(said, (0, 1))
    whole, found = _rows(stage.folder / "scan"), _rows(folder / "out")
    for name in ("events.csv", "effort.csv"):
        if _of(whole[name], WHOLE) != _of(found[name], WHOLE):
            raise Nonsense(f"{name}: other rows of the whole file: {_of(found[name], WHOLE)[:2]}")
    effort, faults = _of(found["effort.csv"], mutant.name), _of(found["errors.csv"], mutant.name)
    for row in effort:
        seconds = {name: float(text) for name, text in row.items() if name.endswith("_s")}
        if not 0 <= seconds["analysed_s"] + seconds["skipped_s"] <= seconds["duration_s"] + 1e-6:
            raise Nonsense(f"effort that does not add up: {row}")
    if any(not row["reason"] or row["reason"].count("\n") for row in faults):
        raise Nonsense(f"no reason: {faults}")
    if said.code == 1 and not faults:
        raise Nonsense(f"exit code 1, and no row of errors.csv: {said.err[-300:]}")
    if not effort and not faults:
        raise Nonsense("the damaged file is in no table")
    detail = [row["reason"] for row in faults]
    return (REFUSED if faults and float(effort[0]["analysed_s"] if effort else 0) == 0 else RIGHT), detail


def _journal(stage: Stage, folder: Path, rng: random.Random) -> Answer:
    """One damaged file in the folder of a scan, then the tables or the scan again."""
    out = folder / "scan"
    shutil.copytree(stage.folder / "scan", out)
    files = sorted(path for path in out.rglob("*") if path.is_file() and path.suffix)
    journal = [path for path in files if path.relative_to(out).parts[0] in ("scan.json", "parts", "files")]
    path = rng.choice(journal if rng.random() < 0.7 else files)
    data = path.read_bytes()
    path.write_bytes(damaged_json(data, rng) if path.suffix == ".json" else damaged_bytes(data, rng))
    again = rng.random() < 0.6
    sea = Path(_rows(stage.folder / "scan")["effort.csv"][0]["file"]).parent  # that of the first worker
    words = ["scan", str(stage.folder / "run"), str(sea), "--out", str(out), *SCAN]
    said = finback(*(words if again else ["tables", str(out), "--threshold", "0.1"]))
    detail = f"{path.relative_to(out)}: {words[0] if again else 'tables'}: {said.err[-300:]}"
    if refusal(said):
        return REFUSED, detail
    if _bytes(out) == _bytes(stage.folder / "scan"):
        return SAME, detail
    if not again and ("damaged" in said.err or path.name == "scan.json"):
        return REMARK, detail
    raise Nonsense(f"other tables after {detail}")


def _settings(stage: Stage, folder: Path, rng: random.Random) -> Answer:
    """A damaged file of mutes, of thresholds, or of a deployment."""
    rows = _rows(stage.folder / "scan")["events.csv"]
    species = rows[0]["species"]
    what = rng.choice(("mute", "thresholds", "deployment"))
    if what == "deployment":
        text = stage.whole("pars", "--template").out.replace("North Atlantic right whale", species)
        text = text.replace('[species."Fin whale"]', "# ").replace("FIWH", "RIWH")
    else:
        text = (MUTE if what == "mute" else THRESHOLDS).format(species=species)
    path = folder / f"{what}.toml"
    path.write_bytes(_damaged_toml(text, rng))
    if what == "deployment":
        said = finback(
            *("pars", str(stage.folder / "scan"), "--deployment", str(path), "--out", str(folder / "out"))
        )
        return (REFUSED if refusal(said) else RIGHT), said.err
    said = finback(
        *("tables", str(stage.folder / "scan"), "--out", str(folder / "out"), f"--{what}", str(path)),
        *("--threshold", "0.1"),
    )
    if refusal(said):
        if path.name not in said.err:
            raise Nonsense(f"the file is not named: {said.err[-300:]}")
        return REFUSED, said.err
    found = _rows(folder / "out")["events.csv"]
    if what == "mute" and any(row not in rows for row in found):
        raise Nonsense("a mute made a detection")
    return (SAME if found == rows else RIGHT), said.err


def _truth(stage: Stage, folder: Path, rng: random.Random) -> Answer:
    """Damaged annotations."""
    source = rng.choice(("events.csv", "raven/all.selections.txt", "events.jsonl"))
    path = folder / f"truth{Path(source).suffix}"
    data = (stage.folder / "scan" / source).read_bytes()
    path.write_bytes(
        damaged_text(data.decode(), rng) if rng.random() < 0.6 else damaged_bytes(data, rng, head=300)
    )
    found = str(stage.folder / "scan" / "events.csv")
    said = finback(
        *("evaluate-detections", str(path), found, "--audio", str(stage.folder / "sea"), "--json"),
        *("--out", str(folder / "out")),
    )
    if refusal(said):
        return REFUSED, said.err
    for name, value in _numbers(said.json):
        if name in ("precision", "recall", "f1", "average_precision") and not 0 <= value <= 1:
            raise Nonsense(f"{name} = {value}")
    return RIGHT, said.err


def _damaged_toml(text: str, rng: random.Random) -> bytes:
    what = rng.randrange(4)
    if what == 0:
        return damaged_bytes(text.encode(), rng)
    if what == 1:
        return damaged_text(text, rng)
    lines = text.splitlines()
    at = rng.choice([i for i, line in enumerate(lines) if " = " in line and not line.startswith("#")])
    lines[at] = f"{lines[at].partition(' = ')[0]} = {written(nasty(rng))}"
    if what == 3:
        lines.insert(
            rng.randrange(len(lines)), rng.choice(("x = 1", "[mute]", "[sites]", '["x"]', "x", lines[at]))
        )
    return "\n".join(lines).encode("utf-8", "replace")


def _require_ended(said: Said, codes: tuple[int, ...]) -> None:
    if said.code not in codes or "Traceback" in said.err or "unforeseen" in said.err:
        raise Nonsense(f"exit code {said.code}: {said.err[-1500:]}")


def _rows(out: Path) -> dict[str, list[dict[str, str]]]:
    found = {}
    for name in TABLES:
        with (out / name).open(encoding="utf-8-sig", newline="") as file:
            found[name] = list(csv.DictReader(file)) if name != "presence-hours.csv" else []
    return found


def _bytes(out: Path) -> list[bytes]:
    return [(out / name).read_bytes() for name in TABLES]


def _of(rows: list[dict[str, str]], name: str) -> list[dict[str, str]]:
    """The rows of one file, without its folder."""
    return [{**row, "file": name} for row in rows if row["file"].endswith("/" + name)]


def _numbers(value: object, name: str = "") -> list[tuple[str, float]]:
    if isinstance(value, dict):
        return [pair for key, own in value.items() for pair in _numbers(own, str(key))]
    if isinstance(value, list):
        return [pair for own in value for pair in _numbers(own, name)]
    return [(name, float(value))] if isinstance(value, int | float) and not isinstance(value, bool) else []
