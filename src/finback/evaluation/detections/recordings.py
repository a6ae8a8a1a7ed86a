"""The recordings of an evaluation: which files of the two tables they are, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from finback.core.errors import InputError
from finback.evaluation.detections.annotated import NONE, WHOLE, Annotated
from finback.evaluation.detections.names import Names, listed, match_names
from finback.evaluation.detections.settings import DetectionSettings
from finback.evaluation.detections.tables import EventTable, FileFacts


@dataclass(frozen=True, slots=True)
class Recordings:
    """R recordings that are evaluated; stated names of others are in neither mapping."""

    names: tuple[str, ...]
    facts: tuple[FileFacts, ...]
    annotated: tuple[Annotated, ...]
    of_true: Mapping[str, int]
    of_found: Mapping[str, int]
    notes: tuple[str, ...]


def find_recordings(true: EventTable, found: EventTable, settings: DetectionSettings) -> Recordings:
    """Match the files of two tables, and choose those that are evaluated.

    Raises `InputError` where no file is in both tables, or where a name could be two files.
    """
    true_names, found_names = _stated(true), _stated(found)
    names = match_names(true_names, found_names)
    notes: list[str] = []
    shared = set(names.of_true.values()) & set(names.of_found.values())
    if names.of_true and names.of_found and not shared:
        names = _one_recording(names, notes)
    in_true, in_found = set(names.of_true.values()), set(names.of_found.values())
    only_true = in_true - in_found
    leave_out = _left_out(true, found, names, settings, notes)
    facts = [FileFacts()] * len(names.shown)
    for table, of in ((true, names.of_true), (found, names.of_found)):
        for name, said in table.files.items():
            facts[of[name]] = facts[of[name]].over(said)
    annotated = _annotated(facts, in_true, settings)
    if only_found := in_found - in_true:
        counted = any(annotated[i].spans for i in only_found)
        notes.append(_only_found(found, names, only_found, counted))
    kept = [i for i in range(len(names.shown)) if not (leave_out and i in only_true)]
    number = {old: new for new, old in enumerate(kept)}
    return Recordings(
        tuple(names.shown[i] for i in kept),
        tuple(facts[i] for i in kept),
        tuple(annotated[i] for i in kept),
        {name: number[i] for name, i in names.of_true.items() if i in number},
        {name: number[i] for name, i in names.of_found.items() if i in number},
        tuple(notes),
    )


def _stated(table: EventTable) -> list[str]:
    return [*{**dict.fromkeys(event.file for event in table.events), **dict.fromkeys(table.files)}]


def _one_recording(names: Names, notes: list[str]) -> Names:
    """The same recording for two tables with one file each, whatever its names."""
    a, b = (sorted(set(of.values())) for of in (names.of_true, names.of_found))
    first, second = names.shown[a[0]], names.shown[b[0]]
    if len(a) > 1 or len(b) > 1:
        raise InputError(
            f"no file of TRUTH is in FOUND: TRUTH has '{first}', FOUND has '{second}'",
            "write the same file names in both tables; folders and extensions may differ",
        )
    if first != second:
        notes.append(
            f"TRUTH names one file '{first}', FOUND one file '{second}': taken as the same recording"
        )
    return Names((second,), dict.fromkeys(names.of_true, 0), dict.fromkeys(names.of_found, 0))


def _left_out(
    true: EventTable, found: EventTable, names: Names, settings: DetectionSettings, notes: list[str]
) -> bool:
    """Whether files that only TRUTH names are left out; the note says what happens to their events."""
    only = {name for name, i in names.of_true.items() if i not in set(names.of_found.values())}
    if not only:
        return False
    events = sum(event.file in only for event in true.events)
    choice = settings.not_analysed or ("leave-out" if found.complete else "missed")
    files = f"{_files(len(only), 'TRUTH', events)} ({listed(only)})"
    if choice == "leave-out":
        why = "not analysed" if found.complete else "not in FOUND"
        notes.append(f"{why}: {files}. Left out, not counted as missed")
    elif found.complete:
        notes.append(f"not analysed: {files}. All their events count as missed, as asked")
    elif events:
        notes.append(
            f"without events in FOUND: {files}. FOUND does not say what was analysed, so they count as "
            "analysed, and their events as missed"
        )
    return choice == "leave-out"


def _only_found(found: EventTable, names: Names, only: set[int], counted: bool) -> str:
    events = sum(names.of_found[event.file] in only for event in found.events)
    shown = listed(names.shown[i] for i in only)
    note = f"not in TRUTH: {_files(len(only), 'FOUND', events)} ({shown})"
    if not events:
        return note
    if counted:
        return f"{note}. All their events count as false alarms; --exhaustive listed leaves them out"
    return f"{note}. Their events do not count: TRUTH is not known to be complete there"


def _files(n: int, table: str, events: int) -> str:
    """`2 files of TRUTH with 1 event`."""
    return f"{n} file{'s' * (n != 1)} of {table} with {events} event{'s' * (events != 1)}"


def _annotated(facts: list[FileFacts], in_true: set[int], settings: DetectionSettings) -> list[Annotated]:
    """Where each recording is annotated in full."""
    whole, none = Annotated(WHOLE), Annotated(NONE)
    if settings.exhaustive == "all":
        return [whole] * len(facts)
    if settings.exhaustive == "none":
        return [none] * len(facts)
    if settings.exhaustive == "listed":
        return [whole if i in in_true else none for i in range(len(facts))]
    stated = {fact.annotated for fact in facts if fact.annotated is not None}
    default = whole if stated <= {whole} else none  # a table with a gap says nothing of other files
    return [default if fact.annotated is None else fact.annotated for fact in facts]
