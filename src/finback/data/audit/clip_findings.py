"""What the audit found clip by clip: labels that contradict, copies, overlaps, poor sound, damaged files.

Each function takes the JSON object of an audit and tells one `Section` of it, None where there is nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# The gravest first: what a clip is called in a list, and what becomes of it.
FLAGS = {
    "silent": ("silent", "are silent: remove them, or record again with more gain"),
    "mostly_silent": ("mostly silent", "are mostly digital silence: cut them to the sound"),
    "clipped": ("clipped", "are clipped: the loudest parts are flat and their harmonics are false"),
    "dropouts": ("dropouts", "have gaps of exact zeros: the recorder lost data there"),
    "narrow_band": (
        "empty band",
        "are empty above part of their band (resampled upwards, compressed or filtered): a model could tell "
        "them by that empty band instead of by the call",
    ),
    "quiet": ("very quiet", "are very quiet: few bits carry the sound"),
    "offset": ("constant offset", "have a constant offset: it is removed before analysis"),
}
# How b is heard in a: one such pair, several.
KINDS = {
    "copy": ("copy", "copies"),
    "gain": ("copy at another level", "copies at another level"),
    "rate": ("copy at another sample rate", "copies at another sample rate"),
    "excerpt": ("excerpt", "excerpts"),
    "overlap": ("overlap", "overlaps"),
}
# Kinds of problems that have a section of their own where its key is there.
TOLD = {"merged_groups": "shared_sound", "label_conflicts": "two_species"}


@dataclass(frozen=True, slots=True)
class Section:
    """One thing the audit looked at. `grave` marks what makes figures wrong unless it is mended."""

    title: str  # in sentence case
    paragraphs: tuple[str, ...]
    items: tuple[str, ...] = ()  # one line each, all of them: who shows them folds them
    grave: bool = False


def conflicts(found: Mapping[str, Any]) -> Section | None:
    pairs = found.get("label_conflicts")
    if not pairs:
        return None
    stand = "sound stands" if len(pairs) == 1 else "sounds stand"
    said = f"{len(pairs)} {stand} under two species; one label is wrong."
    items = tuple(
        f"{_where(c)}: {c['message']}"
        if "message" in c
        else f"{_name(c, 'a')} and {_name(c, 'b')}{_labels(c)}"
        for c in pairs
    )
    return Section("One sound, two species", (said,), items, grave=True)


def exact(found: Mapping[str, Any]) -> Section | None:
    pairs = found.get("exact_duplicates")
    if not pairs:
        return None
    said = f"{count(len(pairs), 'pair')} of clips with the same samples. One of each is enough."
    items = tuple(f"{_name(p, 'b')} and {_name(p, 'a')}{_labels(p)}" for p in pairs)
    return Section("The same clip twice", (said,), items)


def near(found: Mapping[str, Any]) -> Section | None:
    pairs, merged = found.get("near_duplicates") or (), found.get("merged_groups") or ()
    if not pairs and not merged:
        return None
    said = []
    if pairs:
        tally = Counter(str(p.get("kind", "copy")) for p in pairs).most_common()
        kinds = ", ".join(count(n, *KINDS.get(kind, (kind, kind))) for kind, n in tally)
        said.append(
            f"{count(len(pairs), 'pair')} of clips that share sound ({kinds}). They are kept on one side of "
            "the split; count them once when you report how much data there is."
        )
    for merge in merged:
        pair = f", {merge['pairs'][0][0]} and {merge['pairs'][0][1]}" if merge["pairs"] else ""
        said.append(
            f"Tapes {' and '.join(merge['groups'])} were given apart and share sound{pair}. They are treated "
            "as one; check the tape numbers."
        )
    return Section("Clips that share sound", tuple(said), tuple(map(_pair, pairs)))


def _pair(p: Mapping[str, Any]) -> str:
    """In the JSON b is heard in a, from `offset_s` on: before the start of a, a is heard in b."""
    kind, offset = p.get("kind", "copy"), p.get("offset_s")
    inner, outer = ("a", "b") if offset is not None and offset < 0 else ("b", "a")
    inside = kind in ("excerpt", "overlap") and offset is not None
    facts = [KINDS.get(kind, (kind,))[0]]
    facts += [f"from {abs(offset or 0):.2f} s"] if inside else []
    facts += [f"similarity {p['similarity']:.2f}"] if p.get("similarity") is not None else []
    joined = f"{_name(p, inner)} {'in' if inside else 'and'} {_name(p, outer)}"
    return f"{joined}: {', '.join(facts)}{_labels(p, inner, outer)}"


def _name(pair: Mapping[str, Any], role: str) -> str:
    start = pair.get(f"{role}_start_s")
    return f"{pair[role]} at {start:.2f} s" if start else str(pair[role])


def _labels(pair: Mapping[str, Any], first: str = "a", second: str = "b") -> str:
    one, other = pair.get(f"{first}_species"), pair.get(f"{second}_species")
    if one == other:
        return f" ({one})" if one else ""
    return f" (labels differ: {one or 'none'}; {other or 'none'})"


def quality(found: Mapping[str, Any]) -> Section | None:
    flagged = {flag: files for flag, files in (found.get("quality") or {}).items() if files}
    if not flagged:
        return None
    order = [flag for flag in FLAGS if flag in flagged]
    said = tuple(f"{count(len(flagged[flag]), 'clip')} {FLAGS[flag][1]}." for flag in order)
    of: dict[str, list[str]] = {}
    for flag in order:
        for file in flagged[flag]:
            of.setdefault(file, []).append(FLAGS[flag][0])
    items = [(", ".join(names), file) for file, names in of.items()]
    return Section("The sound itself", said, tuple(f"{file}: {names}" for names, file in _mixed(items)))


def problems(found: Mapping[str, Any]) -> Section | None:
    told = {kind for key, kind in TOLD.items() if key in found}
    twice = {pair[role] for pair in found.get("exact_duplicates") or () for role in "ab"}
    left = [
        p
        for p in found.get("problems") or ()
        if p.get("kind") not in told and not (p.get("kind") == "duplicate_sound" and p.get("file") in twice)
    ]
    if not left:
        return None
    named = [(str(p.get("kind", "problem")).replace("_", " "), p) for p in left]
    tally = Counter(kind for kind, _ in named).most_common()
    said = "; ".join(f"{kind}: {n}" for kind, n in tally) + "."
    items = tuple(
        f"{_where(p)}: {p['message']}" + (f"; {p['repair']}" if p.get("repair") else "")
        for _, p in _mixed(named)
    )
    return Section("Problems in files and labels", (said[0].upper() + said[1:],), items)


def _mixed(items: Sequence[tuple[Hashable, Any]]) -> list[tuple[Any, Any]]:
    """(kind, thing) with the first of each kind in front, so that a list cut short shows every kind."""
    seen: set[Hashable] = set()
    first = [not (kind in seen or seen.add(kind)) for kind, _ in items]  # type: ignore[func-returns-value]
    return [items[i] for i in sorted(range(len(items)), key=lambda i: not first[i])]


def _where(problem: Mapping[str, Any]) -> str:
    file, row = problem.get("file", problem.get("a", "")), problem.get("row")
    return f"{file} (row {row})" if row is not None else str(file)


def count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"
