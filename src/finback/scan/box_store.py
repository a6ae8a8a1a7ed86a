"""Boxes of events, measured once and kept in the folder of the journal.

    found = BoxStore(folder).measured(events, top_hz=11_025.0, workers=2)
    found.events, found.notes

    boxes/NAME.parquet      boxes; the name ends with a digest of the bytes, as that of a part of the journal

A box is known by the state of its file, the place of the event and the version of the measurement. So tables
can be made again without the sound, with the same numbers. An event whose sound is not there, or has changed
since the scan, has no box, and a note says so. Who measures, and in how many processes, changes nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from finback.core.errors import WriteError
from finback.core.progress import Progress, no_progress
from finback.core.storage.files import atomic_path
from finback.scan import parts
from finback.scan.box_work import Job, bundles, measured
from finback.scan.boxes import VERSION, Request
from finback.scan.found_events import Box, FoundEvent

FOLDER = "boxes"
SCHEMA = pa.schema(
    [("key", pa.binary(16)), ("start", pa.int64()), ("stop", pa.int64())]
    + [(name, pa.float64()) for name in ("low_hz", "high_hz", "snr_db")]
)


@dataclass(frozen=True, slots=True)
class Measured:
    """The events, with boxes as far as these are known, and what could not be measured."""

    events: list[FoundEvent]
    notes: tuple[str, ...]


class BoxStore:
    """The boxes in the folder of a journal; see the module."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder) / FOLDER
        self._known: dict[bytes, Box] = {}
        self._unkept = ""  # why new boxes could not be stored
        for path in sorted(self.folder.glob("*.parquet")):
            data = parts.read_whole(path)
            if data is not None:  # a damaged one is measured again
                self._take(parts.table_of(data))

    def measured(
        self,
        events: Sequence[FoundEvent],
        top_hz: float,
        workers: int = 1,
        progress: Progress = no_progress,
    ) -> Measured:
        """The events with their boxes; those that are not known yet are measured, and stored."""
        jobs = [_job(event, top_hz) for event in events]
        keys = [key_of(job) for job in jobs]
        new = {key: job for key, job in zip(keys, jobs, strict=True) if key not in self._known}
        new_keys, failed = list(new), dict[str, str]()
        work = bundles(list(new.values()))
        for found in progress(measured(work, workers), "measuring boxes", len(work)):
            self._keep({new_keys[i]: box for i, box in found if isinstance(box, Box)})
            failed |= {new[new_keys[i]].file.path: why for i, why in found if isinstance(why, str)}
        boxes = [self._known.get(key) for key in keys]
        missing = sum(box is None for box in boxes)
        notes = [] if not missing else [_note(missing, failed)]
        notes += [self._unkept] if self._unkept else []
        with_boxes = [replace(event, box=box) for event, box in zip(events, boxes, strict=True)]
        return Measured(with_boxes, tuple(notes))

    def _keep(self, fresh: dict[bytes, Box]) -> None:
        self._known |= fresh
        if not fresh:
            return
        rows = [(k, b.start, b.stop, b.low_hz, b.high_hz, b.snr_db) for k, b in sorted(fresh.items())]
        columns = dict(zip(SCHEMA.names, map(list, zip(*rows, strict=True)), strict=True))
        data = parts.encoded(pa.table(columns, schema=SCHEMA))
        path = self.folder / f"boxes-{parts.digest_of(data)}.parquet"
        try:
            with atomic_path(path) as temporary:
                temporary.write_bytes(data)
        except WriteError as error:  # the journal may be read only
            self._unkept = f"boxes are measured again the next time: {error}"

    def _take(self, table: pa.Table) -> None:
        if table.schema.equals(SCHEMA):
            for row in table.to_pylist():
                key = row.pop("key")
                self._known[key] = Box(**row)


def key_of(job: Job) -> bytes:
    """16 bytes that name the measurement."""
    file = job.file
    digest = hashlib.blake2b(os.fsencode(file.path), digest_size=16)
    digest.update(repr((VERSION, file.size, file.modified_ns, file.digest, job.request)).encode())
    return digest.digest()


def _job(event: FoundEvent, top_hz: float) -> Job:
    place = (event.start, event.stop, event.reach, event.others, event.stretch)
    return Job(event.file, Request(event.file.sample_rate, event.channel, *place, top_hz))


def _note(missing: int, failed: dict[str, str]) -> str:
    first = next(iter(failed.values()), "")
    more = f" and {len(failed) - 1} more files" if len(failed) > 1 else ""
    what = "events have" if missing > 1 else "event has"
    return (
        f"{missing:,} {what} no measured box ({first}{more}), and the times of the scores; "
        "bring the recordings back to where they were, and make the tables again"
    )
