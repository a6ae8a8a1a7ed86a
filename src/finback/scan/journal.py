"""The journal of a scan: the results of all spans, each written once, and the files that were found.

    journal = Journal.open(out, header)          # begins it, or goes on
    journal.write_part(results)                  # SpanScores, SpanErrors: one Parquet file
    for sound in Journal.read(out).sounds():     # all windows of a channel of a file, in order
        sound.logits, sound.faults

    scan.json               the header
    parts/3f/NAME.parquet   results of spans
    files/NAME.parquet      files as they were found; of several rows of a path the newest counts

Nothing is removed: results of an older state of a file stay in their parts and are not used any more. A
Parquet file that does not fit its digest is left out and named in `remarks`; its spans are analysed again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from finback.core.storage.files import atomic_path, sync
from finback.core.storage.locks import only_writer
from finback.core.types import Labels
from finback.scan import parts
from finback.scan.header import NAME, JournalHeader
from finback.scan.known import Known, Place
from finback.scan.sounds import WIDEST, cells_of, joined, sections_of
from finback.scan.spans import Cells, FileState, Problem, ScannedFile, ScoredSound, Span

WAIT_S = 60.0  # for another process that begins the same journal
KEPT_TABLES = 64  # parts in memory while sounds are read


class Journal:
    """See the module. Several processes may write into one journal at the same time."""

    def __init__(self, folder: Path, header: JournalHeader) -> None:
        self.folder, self.header = Path(folder), header
        self.labels = Labels(header.labels)
        self.damaged: list[Path] = []
        self._known = Known(header)
        self._seen: set[str] = set()
        self._states: dict[str, tuple[int, FileState]] = {}  # by path, with the generation
        self.refresh()
        self._known.is_open = True
        # Rows of this process are newer than all that were there.
        self._generation = 1 + max((generation for generation, _ in self._states.values()), default=0)

    @classmethod
    def open(cls, folder: Path, header: JournalHeader) -> Journal:
        """Begin a journal, or go on with it.

        Raises `RunError` that lists the keys that differ when it was begun with another header, `WriteError`
        when the folder cannot be written to.
        """
        folder = Path(folder)
        with only_writer(folder, WAIT_S):
            if (folder / NAME).is_file():
                JournalHeader.read(folder).require_same(header, folder)
            else:
                header.write(folder)
        return cls.read(folder)

    @classmethod
    def read(cls, folder: Path) -> Journal:
        """A journal that was begun. Raises `RunError` when there is none, or its header is damaged."""
        return cls(Path(folder), JournalHeader.read(Path(folder)))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is damaged in the journal."""
        return tuple(
            f"{path}: damaged, and not used; the same finback scan analyses its sound again"
            for path in self.damaged
        )

    def refresh(self, unit: str = "") -> None:
        """Read what other processes wrote since; only the results of one unit where it is named."""
        for path in _found(self.folder / "parts" / unit[:2] if unit else self.folder / "parts"):
            self._take(path, self._take_part)
        if not unit:
            for path in _found(self.folder / "files"):
                self._take(path, self._take_states)

    def write_part(self, results: Sequence[parts.Result], unit: str = "") -> str:
        """Write results as one part; its name. `unit` names the bundle of spans that they are of.

        Raises `WriteError`; then there is no part.
        """
        spans = [result.span for result in results]
        unit = unit or unit_key(spans)
        name = write_results(self.folder, results, unit, self.attempts(spans))
        self._take(part_path(self.folder, name), self._take_part)
        return name

    def attempts(self, spans: Iterable[Span]) -> tuple[int, ...]:
        """How often each of the spans could not be analysed."""
        return tuple(self._known.attempts(span) for span in spans)

    def record(self, states: Iterable[FileState]) -> None:
        """Write how files were found, as far as the journal does not know it yet."""
        news = [s for s in states if self._states.get(s.file.path, (0, None))[1] != s]
        if news:
            data = parts.encoded(parts.listed(news, self._generation))
            path = self.folder / "files" / f"{self._generation:06}-{parts.digest_of(data)}.parquet"
            _write(path, data)
            self._take(path, self._take_states)

    def finished(self, spans: Iterable[Span]) -> list[bool]:
        """Whether all windows of a span were analysed, in the state that its file has now."""
        return [not self.remaining(span) for span in spans]

    def remaining(self, span: Span, retry: bool = True) -> list[Span]:
        """The parts of a span that were not analysed yet, in the state that its file has now.

        Without `retry` those that failed since the journal was opened are left out too.
        """
        return self._known.remaining(span, retry)

    def state(self, path: str) -> FileState | None:
        """A file as it was found last; None when the journal does not know it."""
        return self._states[path][1] if path in self._states else None

    def files(self) -> list[FileState]:
        """All files that were found, sorted by path; each in its newest state."""
        unlisted = {path: FileState(self._known.newest(path)) for path in self._known.paths()}
        newest = unlisted | {path: state for path, (_, state) in self._states.items()}
        return [newest[path] for path in sorted(newest)]

    def sounds(self, paths: Collection[str] | None = None) -> Iterator[ScoredSound]:
        """What was analysed (in these files), sorted by path and channel; memory is that of one file."""
        tables = lru_cache(maxsize=KEPT_TABLES)(self._table)
        for state in self.files():
            if paths is not None and state.file.path not in paths:
                continue
            for channel, segments in self._known.analysed(state.file):
                yield joined(state.file, channel, self.labels, segments, tables)

    def sections(
        self, paths: Collection[str] | None = None, embeddings: bool = False
    ) -> Iterator[tuple[ScannedFile, Iterator[ScoredSound]]]:
        """(file, its sound in sections) for each channel of a file; memory is that of a section."""
        tables = lru_cache(maxsize=KEPT_TABLES)(self._table)
        for state in self.files():
            if paths is not None and state.file.path not in paths:
                continue
            for channel, segments in self._known.analysed(state.file):
                yield (
                    state.file,
                    (
                        joined(state.file, channel, self.labels, own, tables, embeddings)
                        for own in sections_of(segments, len(self.labels) + WIDEST * embeddings)
                    ),
                )

    def cells(self, file: ScannedFile) -> Iterator[tuple[int | None, Cells]]:
        """(channel, what was analysed of it) of a file, sorted by channel."""
        tables = lru_cache(maxsize=KEPT_TABLES)(self._faults)
        for channel, segments in self._known.analysed(file):
            yield channel, cells_of(segments, tables)

    def errors(self) -> list[Problem]:
        """What could not be analysed, sorted by path, channel and place."""
        found = []
        for state in self.files():
            if state.reason:
                n = state.file.n_samples
                found.append(Problem(state.file, None, 0, n, state.reason, state.was_skipped))
            found += self._known.problems(state.file)
        return found

    def _table(self, path: Path) -> pa.Table:
        return parts.table_of(path.read_bytes())

    def _faults(self, path: Path) -> pa.Table:
        return parts.table_of(path.read_bytes(), ["faults"])

    def _take(self, path: Path, use: Callable[[Path, bytes], None]) -> None:
        """Use a Parquet file that was not seen yet, if it is whole."""
        name = f"{path.parent.name}/{path.name}"
        if name in self._seen and path not in self.damaged:
            return
        self._seen.add(name)
        data = parts.read_whole(path)
        if data is None:
            self.damaged += [path] if path not in self.damaged else []
            return
        if path in self.damaged:
            self.damaged.remove(path)
        use(path, data)

    def _take_part(self, path: Path, data: bytes) -> None:
        rows = parts.table_of(data, parts.KEYS).to_pylist()
        files: dict[tuple[bytes, int, int, str, str], ScannedFile] = {}
        for number, row in enumerate(rows):
            key = (row["path"], row["size"], row["modified_ns"], row["digest"], row["about"])
            file = files.setdefault(key, parts.file_of(row)) if key not in files else files[key]
            self._known.add(parts.span_of(row, file), Place(path, number), row["attempt"], row["error"])

    def _take_states(self, path: Path, data: bytes) -> None:
        for generation, state in parts.states_of(parts.table_of(data)):
            old = self._states.get(state.file.path)
            if old is None or (generation, _order(state)) > (old[0], _order(old[1])):
                self._states[state.file.path] = generation, state


def write_results(
    folder: Path, results: Sequence[parts.Result], unit: str, attempts: Sequence[int] = ()
) -> str:
    """Write the results of a unit as a part of the journal in `folder`; its name.

    `attempts` says of each result how often its span failed before. For workers, which know no more of the
    journal than its folder. Raises `WriteError`; then there is no part.
    """
    before = attempts or (0,) * len(results)
    tries = {result.span: n for result, n in zip(results, before, strict=True)}
    data = parts.encoded(parts.part_of(results, tries))
    path = part_path(folder, f"{unit}-{parts.digest_of(data)}.parquet")
    _write(path, data)
    return path.name


def part_path(folder: Path, name: str) -> Path:
    """Where a part of that name lies."""
    return folder / "parts" / name[:2] / name


def unit_key(spans: Sequence[Span]) -> str:
    """12 hex digits that name a bundle of spans, whatever state their files have."""
    digest = hashlib.blake2b(digest_size=6)
    for span in spans:
        digest.update(os.fsencode(span.file.path))
        digest.update(f"\0{span.channel} {span.start} {span.first} {span.last}\0".encode())
    return digest.hexdigest()


def _order(state: FileState) -> tuple[int, int, str, str]:
    """Which of two states of one generation counts: that of the larger file, then of the newer one."""
    return (state.file.size, state.file.modified_ns, state.file.digest, state.reason)


def _found(folder: Path) -> list[Path]:
    """The Parquet files below a folder, in the order of their names."""
    found: list[Path] = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found += _found(Path(entry.path))
            elif entry.name.endswith(".parquet") and not entry.name.startswith("."):
                found.append(Path(entry.path))
    return sorted(found)


def _write(path: Path, data: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    with suppress(OSError):  # the new name outlasts a power cut
        sync(path.parent, os.O_RDONLY)
