"""The audit's findings as a page of plain sentences: what it means, and what to do.

Works on the JSON object of an audit (its keys are described in `finback.audit`), so a page can be written
again from a stored `audit.json`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

SHOWN = 5  # examples of each kind; the JSON holds all
FLAGS = {
    "silent": "are silent: remove them, or record again with more gain",
    "mostly_silent": "are mostly digital silence: cut them to the sound",
    "clipped": "are clipped: the loudest parts are flat and their harmonics are false",
    "offset": "have a constant offset: it is removed before analysis",
    "dropouts": "have gaps of exact zeros: the recorder lost data there",
    "narrow_band": "are empty above part of their band (resampled upwards, compressed or filtered): a model "
    "could tell them by that empty band instead of by the call",
    "quiet": "are very quiet: few bits carry the sound",
}


def lines(found: Mapping[str, Any]) -> list[str]:
    """The whole page; headings are lines in capitals, blank lines part sections."""
    sections = (_recordings, _belief, _untestable, _copies, _conflicts, _quality, _problems, _table)
    page: list[str] = []
    for section in sections:
        part = section(found)
        if part:
            page += [*part, ""]
    return page[:-1]


def _recordings(found: Mapping[str, Any]) -> list[str]:
    hours, known = found["duration_s"] / 3600, found["groups_known"]
    length = f"{hours:.1f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"
    page = [
        "THE RECORDINGS",
        f"{found['n_clips']} clips of {len(found['species'])} species, {length}, "
        f"from {found['n_groups']} groups (a group is a tape, a deployment or a site-day).",
    ]
    if known == 0:
        page.append(
            "No groups were given. Clips that share sound were put together, and every other recording "
            "stands alone; if several files come from one tape or day, tell finback so (a group column, or "
            "--groups), or the figures below are too good."
        )
    elif known < 1:
        page.append(
            f"The group of {_percent(1 - known)} of clips was not given; theirs were found by shared sound."
        )
    return page


def _belief(found: Mapping[str, Any]) -> list[str]:
    random, grouped, used = found["random"], found["grouped"], found["in_use"]
    page = ["CAN A TEST ON THEM BE BELIEVED?"]
    if random and random["group_leak_share"] > 0.05:
        page.append(
            f"Not with clips drawn at random: {_percent(random['group_leak_share'])} of the test clips would "
            "come from a group that was also learnt from. A list of which species is usual on which tape, "
            "which hears nothing, would then be right for "
            f"{_measured(random, 'group_lookup_accuracy')} of clips, and sample rate, duration, loudness and "
            f"bandwidth alone for {_measured(random, 'metadata_accuracy')}."
        )
    elif random:
        page.append(
            "Groups hold few clips here: a random split would leak "
            f"{_percent(random['group_leak_share'])} of test clips. Sample rate, duration, loudness and "
            f"bandwidth alone name {_measured(random, 'metadata_accuracy')} of them."
        )
    if grouped:
        page.append(
            "With whole groups kept apart none leaks; the list is right for "
            f"{_measured(grouped, 'group_lookup_accuracy')} and the technical data for "
            f"{_measured(grouped, 'metadata_accuracy')}. A classifier has to beat these to have heard "
            "anything."
        )
    else:
        page.append(
            "Whole groups cannot be kept apart: no species has clips in two of them. Any accuracy "
            "measured on these recordings alone tells nothing about new ones; record more tapes."
        )
    if used:
        page.append(
            f"The split in use ({used['protocol']}, {used['n_clips']} test clips of {used['n_groups']} "
            f"groups) leaks {_percent(used['group_leak_share'])}; on it the list is right for "
            f"{_measured(used, 'group_lookup_accuracy')}, the technical data for "
            f"{_measured(used, 'metadata_accuracy')}."
        )
    page += [f"Warning: {w}." for w in dict.fromkeys(found["warnings"])]
    page.append(f"Judged are species with {found['min_clips_for_audit']} clips or more, if there are any.")
    return page


def _untestable(found: Mapping[str, Any]) -> list[str]:
    if not found["untestable"]:
        return []
    names = "; ".join(found["untestable"])  # names hold commas: "Beluga, White Whale"
    return [
        "WHAT CANNOT BE TESTED",
        f"{_count(found['untestable'], 'species', 'species')} cannot be judged, since nobody can say whether "
        f"a model knows the animal or its only tape: {names}. They stay in training. One more tape of each "
        "would do.",
    ]


def _copies(found: Mapping[str, Any]) -> list[str]:
    exact, near, merged = found["exact_duplicates"], found["near_duplicates"], found["merged_groups"]
    if not exact and not near:
        return []
    page = ["ONE SOUND TWICE"]
    if exact:
        page.append(f"{_count(exact, 'pair')} of clips with the same samples, e.g. {_examples(exact)}.")
    if near:
        kinds = ", ".join(f"{n} {kind}" for kind, n in Counter(p["kind"] for p in near).most_common())
        page.append(
            f"{_count(near, 'pair')} of clips that share sound ({kinds}), e.g. {_examples(near)}. They are "
            "kept on one side of the split; count them once when you report how much data there is."
        )
    for merge in merged:
        page.append(
            f"Groups {', '.join(merge['groups'])} were given apart and share sound"
            + (f" ({merge['pairs'][0][0]}, {merge['pairs'][0][1]})" if merge["pairs"] else "")
            + ". They are treated as one; check the tape numbers."
        )
    return page


def _conflicts(found: Mapping[str, Any]) -> list[str]:
    conflicts = found["label_conflicts"]
    if not conflicts:
        return []
    page = [
        "ONE SOUND, TWO SPECIES",
        f"{_count(conflicts, 'sound')} stand under two species; one label is wrong:",
    ]
    for c in conflicts[:SHOWN]:
        page.append(
            f"  {c['a']}: {c['message']}"
            if "message" in c
            else f"  {c['a']} ({c['a_species']}) and {c['b']} ({c['b_species']})"
        )
    return page + _more(conflicts)


def _quality(found: Mapping[str, Any]) -> list[str]:
    if not found["quality"]:
        return []
    page = ["THE SOUND ITSELF"]
    for flag, files in sorted(found["quality"].items(), key=lambda item: -len(item[1])):
        shown = ", ".join(files[:3]) + (" ..." if len(files) > 3 else "")
        page.append(f"{_count(files, 'clip')} {FLAGS[flag]} ({shown}).")
    return page


def _problems(found: Mapping[str, Any]) -> list[str]:
    problems = found["problems"]
    if not problems:
        return []
    page = ["PROBLEMS IN FILES AND LABELS"]
    for kind, n in Counter(p["kind"] for p in problems).most_common():
        first = next(p for p in problems if p["kind"] == kind)
        row = "" if first["row"] is None else f" (row {first['row']})"
        example = f"{first['file']}{row}: {first['message']}; {first['repair']}"
        page.append(
            f"{kind.replace('_', ' ')}: {n}, e.g. {example}"
            if n > 1
            else f"{kind.replace('_', ' ')}: {example}"
        )
    return page


def _table(found: Mapping[str, Any]) -> list[str]:
    rows = sorted(found["species"], key=lambda r: (-r["n_clips"], r["species"]))
    width = max([len("species"), *(len(r["species"]) for r in rows)])
    page = [f"{'species':{width}}  {'clips':>6} {'groups':>7}  tested"]
    for r in rows:
        tested = "yes" if r["testable"] else "no"
        page.append(f"{r['species']:{width}}  {r['n_clips']:>6} {r['n_groups']:>7}  {tested}")
    return page


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _measured(figures: Mapping[str, Any], name: str) -> str:
    interval = figures[f"{name}_ci"]
    return _percent(figures[name]) + (
        f" ({100 * interval[0]:.0f}-{100 * interval[1]:.0f})" if interval else ""
    )


def _count(items: Any, one: str, many: str = "") -> str:
    return f"{len(items)} {one if len(items) == 1 else many or one + 's'}"


def _examples(pairs: Any) -> str:
    return "; ".join(f"{p['a']} and {p['b']}" for p in pairs[:2])


def _more(items: Any) -> list[str]:
    return [f"  ... and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
