"""The audit in a biologist's words: would a random split be honest, and what is wrong with the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finback.report.words import percent

LISTED = 12  # of a long list of findings so many are shown at once, the rest behind a fold


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the audit looked at. `bad` marks what needs the reader's attention."""

    title: str
    text: str
    items: tuple[str, ...] = ()
    bad: bool = False


LISTS = (
    ("label_conflicts", "One sound, two species", "One sound stands under two species: one label is wrong."),
    ("exact_duplicates", "Exact duplicates", "The same file contents more than once: one of them is enough."),
    ("near_duplicates", "Near duplicates", "The same sound at another rate or gain, or an excerpt of it."),
    (
        "single_group_species",
        "Species on a single tape",
        "They cannot be both learnt from and judged fairly.",
    ),
    ("problems", "Problems with files and labels", "What was left out or needs a look."),
)


def findings(audit: Mapping[str, Any]) -> list[Finding]:
    """The audit's findings, the grave ones marked."""
    found = []
    random, by_tape = audit.get("random") or {}, audit.get("grouped") or {}
    if random.get("group_leak_share") is not None:
        text = _if_random(random) + _if_by_tape(by_tape)
        found.append(
            Finding("Would a random split be honest?", text, bad=bool(by_tape.get("group_leak_share")))
        )
    for key, title, text in LISTS:
        if audit.get(key) is None:
            continue
        items = tuple(in_words(item) for item in audit[key])
        bad = bool(items) and key == "label_conflicts"
        found.append(Finding(f"{title}: {len(items) or 'none'}", text if items else "", items, bad))
    return found


def _if_random(side: Mapping[str, Any]) -> str:
    share, lookup, marks = (
        side.get(key) for key in ("group_leak_share", "group_lookup_accuracy", "metadata_accuracy")
    )
    text = f"If clips were drawn at random, {percent(share, 0)} of the test clips would come from a tape"
    text += " that was trained on."
    if lookup is not None:
        text += f" Merely looking up the tape would then name {percent(lookup, 0)} of them rightly"
        if marks is not None:
            text += f", and sample rate, length, level and bandwidth alone {percent(marks, 0)}"
        text += ", without hearing a single animal."
    return text


def _if_by_tape(side: Mapping[str, Any]) -> str:
    if side.get("group_leak_share") is None:
        return ""
    text = f" Split by tape, {percent(side['group_leak_share'], 0)} leak"
    marks = [
        f"{what} {percent(side[key], 0)}"
        for key, what in (
            ("group_lookup_accuracy", "looking up the tape is right on"),
            ("metadata_accuracy", "the technical marks are right on"),
        )
        if side.get(key) is not None
    ]
    return f"{text}; {' and '.join(marks)}." if marks else f"{text}."


def in_words(item: Any) -> str:
    """A finding as one line, whether it is written as text, a pair, or an object with named parts."""
    if isinstance(item, Mapping):
        if item.get("message"):
            where = item.get("file") or ""
            text = (
                f"{where}: {item['message']}"
                if where and str(where) not in str(item["message"])
                else str(item["message"])
            )
            return text + (f" → {item['repair']}" if item.get("repair") else "")
        rest = {k: v for k, v in item.items() if k not in ("a", "b")}
        if len(rest) + 2 == len(item):
            return f"{in_words(item['a'])} = {in_words(item['b'])}" + (f" ({in_words(rest)})" if rest else "")
        return ", ".join(
            f"{str(k).replace('_', ' ')} {in_words(v)}" for k, v in item.items() if v not in (None, "", [])
        )
    if isinstance(item, Sequence) and not isinstance(item, str):
        return " = ".join(in_words(part) for part in item)
    return f"{item:.3g}" if isinstance(item, float) else str(item)
