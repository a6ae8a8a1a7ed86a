"""Classes of two tables: labels are compared without regard to case, spaces and underscores.

`--map truth=found` says that two labels are one class. Chains of them join. A table without labels has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from finback.core.errors import InputError
from finback.core.types import Event

ANY = "event"  # the one class of tables without labels
UNLABELLED = "(no label)"  # events without a label in a table with labels


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes, sorted; which class each label of the two tables is; and notes for the reader."""

    names: tuple[str, ...]
    of_true: Mapping[str, int]  # by the label as stated
    of_found: Mapping[str, int]
    notes: tuple[str, ...] = ()


def plain(label: str) -> str:
    """The label as it is compared."""
    return "".join(label.replace("_", " ").split()).casefold()


def find_classes(
    true: Sequence[Event], found: Sequence[Event], same: Mapping[str, str], only: Sequence[str] = ()
) -> Classes:
    """The classes of two tables; `same`: label of TRUTH -> label of FOUND; `only`: the classes wanted.

    Labels of other classes are in neither mapping. Raises `InputError` for labels that are not there, and for
    tables that share no class.
    """
    true_labels, found_labels = ({e.label: None for e in events} for events in (true, found))
    _check_map(same, true_labels, found_labels)
    if one := _one_class(true_labels, found_labels):
        return _of_one_class(one, true_labels, found_labels, only)
    joined = _Joined()
    for a, b in same.items():
        joined.join(plain(a), plain(b))
    shown: dict[str, str] = {}  # class -> its name: as in TRUTH, else as in FOUND
    for label in (*sorted(true_labels), *sorted(found_labels)):
        shown.setdefault(joined.root(plain(label)), label or UNLABELLED)
    wanted = _wanted(only, shown, joined)
    names = tuple(sorted(shown[root] for root in wanted))
    position = {root: names.index(shown[root]) for root in wanted}
    of_true, of_found = (
        {label: position[root] for label in labels if (root := joined.root(plain(label))) in position}
        for labels in (true_labels, found_labels)
    )
    if of_true and of_found and not set(of_true.values()) & set(of_found.values()):
        a, b = sorted(of_true)[0], sorted(of_found)[0]
        raise InputError(
            f"no label of TRUTH ({_listed(of_true)}) is in FOUND ({_listed(of_found)})",
            f'say which are the same: --map "{a}={b}"',
        )
    return Classes(names, of_true, of_found, tuple(_notes(names, of_true, of_found)))


def _of_one_class(
    one: tuple[str, tuple[str, ...]], true: Iterable[str], found: Iterable[str], only: Sequence[str]
) -> Classes:
    """All labels, or those that are wanted, as one class."""
    name, notes = one
    wanted = {plain(label) for label in only}
    unknown = wanted - {plain(label) for label in (*true, *found)}
    if unknown:
        label = next(label for label in only if plain(label) in unknown)
        raise InputError(_no_such_class(label), f"there are: {_listed((*true, *found))}")
    of_true, of_found = (
        {label: 0 for label in labels if not wanted or plain(label) in wanted or not plain(label)}
        for labels in (true, found)
    )
    return Classes((only[0] if len(wanted) == 1 else name,), of_true, of_found, notes)


def _no_such_class(label: str) -> str:
    return f"--labels names '{label}', which is in neither table"


def _one_class(true: Iterable[str], found: Iterable[str]) -> tuple[str, tuple[str, ...]] | None:
    """The one class where one of the tables has no labels, and a note; None where both have some."""
    named = [sorted({label for label in labels if plain(label)}) for labels in (true, found)]
    several = named[0] or named[1]
    if all(named) or (several and not (list(true) and list(found))) or not (list(true) or list(found)):
        return None
    if not several:
        return ANY, ()
    which = "FOUND" if named[0] else "TRUTH"
    name = several[0] if len({plain(label) for label in several}) == 1 else ANY
    return name, (f"{which} has no labels, so all events are of one class, '{name}'",)


def _check_map(same: Mapping[str, str], true: Iterable[str], found: Iterable[str]) -> None:
    for side, labels, given in (("TRUTH", true, same.keys()), ("FOUND", found, same.values())):
        known = {plain(label) for label in labels}
        for label in given:
            if known and plain(label) not in known:
                raise InputError(
                    f"--map names the label '{label}', which is not in {side} (it has: {_listed(labels)})",
                    "write TRUTH's label, then =, then FOUND's label",
                )


def _wanted(only: Sequence[str], shown: Mapping[str, str], joined: _Joined) -> list[str]:
    if not only:
        return list(shown)
    wanted = {joined.root(plain(label)): label for label in only}
    for root, label in wanted.items():
        if root not in shown:
            raise InputError(
                _no_such_class(label),
                f"there are: {_listed(shown.values())}",
            )
    return list(wanted)


def _notes(names: Sequence[str], true: Mapping[str, int], found: Mapping[str, int]) -> Iterable[str]:
    only_true = [names[i] for i in sorted(set(true.values()) - set(found.values()))]
    only_found = [names[i] for i in sorted(set(found.values()) - set(true.values()))]
    if only_true and found:
        yield f"in TRUTH only: {_listed(only_true)}. All their events count as missed"
    if only_found and true:
        yield (
            f"in FOUND only: {_listed(only_found)}. All their events count as false alarms; "
            "--labels chooses classes"
        )


def _listed(labels: Iterable[str], most: int = 6) -> str:
    names = sorted(set(labels))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"'{name}'" for name in names[:most]) + more


class _Joined:
    """Labels that are one class (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, label: str) -> str:
        while (parent := self._parent.get(label, label)) != label:
            label = parent
        return label

    def join(self, a: str, b: str) -> None:
        first, second = sorted((self.root(a), self.root(b)))
        if first != second:
            self._parent[second] = first
