"""The findings of an audit about single clips: contradicting labels, copies, overlaps, poor sound, damaged
files.

Each function makes one `Section` from the JSON object of an audit, or None where there is no such finding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Flag of `quality.flags`, the most serious first: its name in a list, and what it means.
FLAGS = {
    "silent": ("silent", "There is no sound. Leave these clips out of the labels, or record with more gain."),
    "mostly_silent": (
        "mostly silent",
        "More than half is digital silence. Cut the clips to the part with sound.",
    ),
    "clipped": ("clipped", "The peaks are cut off, which adds harmonics that the animal did not make."),
    "dropouts": ("dropouts", "There are gaps of exact zeros: the recorder lost data."),
    "narrow_band": (
        "empty band",
        "There is no energy in the upper part of the frequency band (the file was resampled upwards, "
        "compressed or filtered). A model could use the missing frequency band, and not the call, to "
        "identify the species.",
    ),
    "quiet": ("very quiet", "Only a few bits carry the sound."),
    "offset": ("constant offset", "The mean of the samples is not 0. finback subtracts it before analysis."),
}
# What the pair (a, b) is: singular, plural.
KINDS = {
    "copy": ("copy", "copies"),
    "gain": ("copy at another level", "copies at another level"),
    "rate": ("copy at another sample rate", "copies at another sample rate"),
    "excerpt": ("excerpt", "excerpts"),
    "overlap": ("overlap", "overlaps"),
}
# Kinds of problems that have their own section if this key is present.
OWN_SECTION = {"merged_groups": "shared_sound", "label_conflicts": "two_species"}


@dataclass(frozen=True, slots=True)
class Section:
    """One subject of the audit. `serious`: figures on these recordings are wrong until this is repaired."""

    title: str  # in sentence case
    paragraphs: tuple[str, ...]
    items: tuple[str, ...] = ()  # a line for each, all of them; a page may fold them
    serious: bool = False


def conflicts(audit: Mapping[str, Any]) -> Section | None:
    """Equal sounds that are labelled as different species."""
    pairs = audit.get("label_conflicts")
    if not pairs:
        return None
    have = "sound has" if len(pairs) == 1 else "sounds have"
    text = f"{len(pairs)} {have} labels of two species. One of the two labels is wrong: correct it."
    items = tuple(
        f"{_where(c)}: {c['message']}"
        if "message" in c
        else f"{_name(c, 'a')} and {_name(c, 'b')}{_labels(c)}"
        for c in pairs
    )
    return Section("One sound, two species", (text,), items, serious=True)


def exact(audit: Mapping[str, Any]) -> Section | None:
    """Clips with equal samples."""
    pairs = audit.get("exact_duplicates")
    if not pairs:
        return None
    text = f"{count(len(pairs), 'pair')} of clips with equal samples. Count each pair as one clip."
    items = tuple(f"{_name(p, 'b')} and {_name(p, 'a')}{_labels(p)}" for p in pairs)
    return Section("The same clip twice", (text,), items)


def near(audit: Mapping[str, Any]) -> Section | None:
    """Clips that share sound, and groups that were merged because their clips do."""
    pairs, merged = audit.get("near_duplicates") or (), audit.get("merged_groups") or ()
    if not pairs and not merged:
        return None
    text = []
    if pairs:
        tally = Counter(str(p.get("kind", "copy")) for p in pairs).most_common()
        kinds = ", ".join(count(n, *KINDS.get(kind, (kind, kind))) for kind, n in tally)
        text.append(
            f"{count(len(pairs), 'pair')} of clips that share sound ({kinds}). finback keeps both clips of "
            "a pair in the same set. Count each pair once when you report the amount of data."
        )
    for merge in merged:
        pair = f", {merge['pairs'][0][0]} and {merge['pairs'][0][1]}" if merge["pairs"] else ""
        text.append(
            f"Groups {' and '.join(merge['groups'])} have different names but share sound{pair}. finback "
            "uses them as one group. Check the names of the groups."
        )
    return Section("Clips that share sound", tuple(text), tuple(map(_pair, pairs)))


def _pair(p: Mapping[str, Any]) -> str:
    """A line for a pair. In the JSON the sound of b begins `offset_s` after the start of a; if that is
    negative, the sound of a begins within b."""
    kind, offset = p.get("kind", "copy"), p.get("offset_s")
    inner, outer = ("a", "b") if offset is not None and offset < 0 else ("b", "a")
    inside = kind in ("excerpt", "overlap") and offset is not None
    details = [KINDS.get(kind, (kind,))[0]]
    details += [f"from {abs(offset or 0):.2f} s"] if inside else []
    details += [f"similarity {p['similarity']:.2f}"] if p.get("similarity") is not None else []
    joined = f"{_name(p, inner)} {'in' if inside else 'and'} {_name(p, outer)}"
    return f"{joined}: {', '.join(details)}{_labels(p, inner, outer)}"


def _name(pair: Mapping[str, Any], role: str) -> str:
    start = pair.get(f"{role}_start_s")
    return f"{pair[role]} at {start:.2f} s" if start else str(pair[role])


def _labels(pair: Mapping[str, Any], first: str = "a", second: str = "b") -> str:
    one, other = pair.get(f"{first}_species"), pair.get(f"{second}_species")
    if one == other:
        return f" ({one})" if one else ""
    return f" (labels differ: {one or 'none'}; {other or 'none'})"


def quality(audit: Mapping[str, Any]) -> Section | None:
    """Clips with poor sound, by flag."""
    flagged = {flag: files for flag, files in (audit.get("quality") or {}).items() if files}
    if not flagged:
        return None
    order = [flag for flag in FLAGS if flag in flagged]
    text = tuple(
        f"{FLAGS[flag][0].capitalize()}: {count(len(flagged[flag]), 'clip')}. {FLAGS[flag][1]}"
        for flag in order
    )
    of: dict[str, list[str]] = {}
    for flag in order:
        for file in flagged[flag]:
            of.setdefault(file, []).append(FLAGS[flag][0])
    items = [(", ".join(names), file) for file, names in of.items()]
    return Section("Sound quality", text, tuple(f"{file}: {names}" for names, file in _mixed(items)))


def problems(audit: Mapping[str, Any]) -> Section | None:
    """Problems of files and labels that have no section of their own."""
    elsewhere = {kind for key, kind in OWN_SECTION.items() if key in audit}
    twice = {pair[role] for pair in audit.get("exact_duplicates") or () for role in "ab"}
    left = [
        p
        for p in audit.get("problems") or ()
        if p.get("kind") not in elsewhere
        and not (p.get("kind") == "duplicate_sound" and p.get("file") in twice)
    ]
    if not left:
        return None
    named = [(str(p.get("kind", "problem")).replace("_", " "), p) for p in left]
    tally = Counter(kind for kind, _ in named).most_common()
    text = "; ".join(f"{kind}: {n}" for kind, n in tally) + "."
    items = tuple(
        f"{_where(p)}: {p['message']}" + (f"; {p['repair']}" if p.get("repair") else "")
        for _, p in _mixed(named)
    )
    return Section("Problems in files and labels", (text[0].upper() + text[1:],), items)


def _mixed(items: Sequence[tuple[Hashable, Any]]) -> list[tuple[Any, Any]]:
    """The pairs (kind, item), the first item of each kind first, so that a shortened list shows every
    kind."""
    seen: set[Hashable] = set()
    first = [not (kind in seen or seen.add(kind)) for kind, _ in items]  # type: ignore[func-returns-value]
    return [items[i] for i in sorted(range(len(items)), key=lambda i: not first[i])]


def _where(problem: Mapping[str, Any]) -> str:
    file, row = problem.get("file", problem.get("a", "")), problem.get("row")
    return f"{file} (row {row})" if row is not None else str(file)


def count(n: int, one: str, many: str = "") -> str:
    """A number and its noun: `count(2, "clip")` is "2 clips"."""
    return f"{n} {one if n == 1 else many or one + 's'}"
