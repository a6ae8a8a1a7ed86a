"""The tables of a scan in a folder: all new ones or none, and nothing that a person changed is overwritten.

    with new_tables(out, about) as (hidden, notes):
        ...                                # write hidden/events.csv, hidden/raven/a.selections.txt and so on
    notes                                  # what was set aside

`tables.json` lists the tables with digests, and the settings that they were made with. A table that was
changed since finback wrote it (a selection table that was edited in Raven) is not overwritten: it is renamed
to `NAME.kept-1.txt`. Tables of a format folder (`raven/`) that belong to no recording any more, and that
nobody changed, go when the others of that folder are replaced; all others stay.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from finback.core.errors import InputError, RunError
from finback.core.settings import build
from finback.core.storage.files import read_json, sync_folder, write_json
from finback.core.storage.folders import hidden_folder
from finback.scan.header import NAME as JOURNAL
from finback.scan.table_settings import TableSettings

MANIFEST = "tables.json"
WAIT_S = 3600.0  # for another process that writes the tables
SHOWN = 3


def check_tables_folder(out: Path) -> None:
    """Raises `InputError` when `out` holds other things under the names of our tables."""
    if (out / MANIFEST).exists() or (out / JOURNAL).exists():
        return
    for name in ("events.csv", "effort.csv", "run.json"):
        if (out / name).exists():
            raise InputError(f"{out}: holds another {name}, and no tables of a scan", "give another --out")


def last_settings(out: Path) -> TableSettings | None:
    """The settings that the tables of a folder were last written with; None when there are no tables.

    Raises `RunError` when `tables.json` is damaged, `SettingsError` when it holds other settings.
    """
    if not (out / MANIFEST).exists():
        return None
    values = read_json(out / MANIFEST)
    settings = values.get("settings") if isinstance(values, dict) else None
    return build(TableSettings, settings if isinstance(settings, dict) else {})


@contextmanager
def new_tables(out: Path, about: Mapping[str, Any]) -> Iterator[tuple[Path, list[str]]]:
    """Yield a hidden folder, whose files become those of `out` on success, and a list of notes to be filled.

    Raises `InputError` as `check_tables_folder`, `LockError` and `WriteError`.
    """
    check_tables_folder(out)
    notes: list[str] = []
    with hidden_folder(out, WAIT_S) as hidden:
        yield hidden, notes
        sync_folder(hidden, at_once=True)  # 100,000 selection tables one by one take minutes
        notes += _publish(hidden, out, about)


def _publish(hidden: Path, out: Path, about: Mapping[str, Any]) -> list[str]:
    """Move the tables into place; what was set aside."""
    new = {_name(path, hidden): _digest(path) for path in sorted(hidden.rglob("*")) if path.is_file()}
    known = _known(out)
    folders = {name.split("/")[0] for name in new if "/" in name}
    # A process killed from here on leaves both digests of each table, so that the next one knows its own.
    before = {name: sorted(digests) for name, digests in known.items()}
    write_json(out / MANIFEST, {**about, "files": new, "before": before})
    kept = []
    for name, digest in new.items():
        target = out / name
        if target.exists():
            there = _digest(target)
            if there == digest:
                continue
            if there not in known.get(name, ()):
                kept.append(_set_aside(target))
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(hidden / name, target)
    for name, digests in known.items():
        old = out / name
        if name not in new and name.split("/")[0] in folders and old.is_file() and _digest(old) in digests:
            old.unlink()
    others = {n: d for n, d in known.items() if n not in new and (out / n).is_file()}
    rest = {name: sorted(digests) for name, digests in others.items()}
    write_json(out / MANIFEST, {**about, "files": new, **({"before": rest} if rest else {})})
    return [*_notes_on_kept(kept), *_notes_on_older(sorted(rest), out)]


def _notes_on_kept(kept: list[Path]) -> list[str]:
    if not kept:
        return []
    shown = ", ".join(str(path) for path in kept[:SHOWN]) + (", ..." if len(kept) > SHOWN else "")
    return [
        f"{len(kept):,} tables were changed since finback wrote them, and are kept under new names: {shown}"
    ]


def _notes_on_older(older: list[str], out: Path) -> list[str]:
    if not older:
        return []
    shown = ", ".join(older[:SHOWN]) + (", ..." if len(older) > SHOWN else "")
    return [f"{out}: {len(older):,} tables are of an earlier step, and were not made again: {shown}"]


def _set_aside(path: Path) -> Path:
    number = 1
    while (free := path.with_name(f"{path.stem}.kept-{number}{path.suffix}")).exists():
        number += 1
    os.rename(path, free)
    return free


def _known(out: Path) -> dict[str, set[str]]:
    """The digests that each table of earlier steps may have."""
    known: dict[str, set[str]] = {}
    with suppress(RunError):  # none, or damaged: then no table counts as our own
        values = read_json(out / MANIFEST)
        for name, digest in _texts(values, "files"):
            known.setdefault(name, set()).add(digest)
        for name, digest in _texts(values, "before"):
            known.setdefault(name, set()).add(digest)
    return known


def _texts(values: Any, key: str) -> Iterator[tuple[str, str]]:
    found = values.get(key) if isinstance(values, dict) else None
    for name, digests in found.items() if isinstance(found, dict) else ():
        if name.startswith("/") or ".." in name.split("/") or "\\" in name:
            continue  # not of ours
        for digest in digests if isinstance(digests, list) else [digests]:
            if isinstance(digest, str):
                yield name, digest


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _digest(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=12)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
