"""The audit's findings in plain words: what each means, and what to do.

`sections` makes them from the JSON object of an audit (its keys are described in `audit.py`), so that
they can be told again from a stored `audit.json`; a key that is not there is not spoken of. The report shows
the sections, and `lines` sets them as the page that `finback audit` prints.

The JSON speaks of groups; people read "tape", for whatever was recorded together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from finback.data.audit.clip_findings import Section, conflicts, count, exact, near, problems, quality

SHOWN = 5  # items of each section on the printed page; the JSON holds all
LEAKY = 0.05  # share of test clips from tapes learnt from, above which a random split is no test
UNTESTABLE = "What cannot be tested"  # the report tells it once, with its own table


def sections(found: Mapping[str, Any]) -> list[Section]:
    """What there is to say, the most important first."""
    tellers: Sequence[Callable[[Mapping[str, Any]], Section | None]] = (
        _recordings, _belief, conflicts, _untestable, exact, near, quality, problems,
    )  # fmt: skip
    return [section for tell in tellers if (section := tell(found))]


def lines(found: Mapping[str, Any]) -> list[str]:
    """The printed page: headings in capitals, blank lines between sections, a table of species at the end."""
    page: list[str] = []
    for section in sections(found):
        page += [section.title.upper(), *section.paragraphs]
        page += [f"  {item}" for item in section.items[:SHOWN]]
        left = len(section.items) - SHOWN
        page += [f"  ... and {left} more (all of them with --json)", ""] if left > 0 else [""]
    return [*page, *_table(found.get("species") or ())] if found.get("species") else page[:-1]


def _recordings(found: Mapping[str, Any]) -> Section | None:
    if not {"n_clips", "n_groups", "species", "duration_s"} <= set(found):
        return None
    known = found.get("groups_known", 1)
    said = [
        f"{count(found['n_clips'], 'clip')} of {len(found['species'])} species, "
        f"{_length(found['duration_s'])}, from {count(found['n_groups'], 'tape')} "
        "(a tape here is whatever was recorded together: a tape, a deployment, a site-day)."
    ]
    if known == 0:
        said.append(
            "No tapes were named. Clips that share sound were put together, and every other recording "
            "stands alone; if several files come from one tape or day, tell finback so (a group column, or "
            "--groups), or the figures below are too good."
        )
    elif known < 1:
        said.append(f"The tape of {_percent(1 - known)} of clips was not named; shared sound told of it.")
    return Section("The recordings", tuple(said), grave=known == 0)


def _belief(found: Mapping[str, Any]) -> Section | None:
    random, grouped, used = (found.get(key) or {} for key in ("random", "grouped", "in_use"))
    warnings = [f"Warning: {w}." for w in dict.fromkeys(found.get("warnings") or ())]
    if not {"random", "grouped", "in_use", "warnings"} & set(found):
        return None
    said = [_if_random(random)] if _known(random) else []
    if _known(grouped):
        said.append(
            f"With whole tapes kept apart {_leak(grouped)}; the list is right for "
            f"{_measured(grouped, 'group_lookup_accuracy')} and the technical data for "
            f"{_measured(grouped, 'metadata_only_accuracy')}. A classifier has to beat these to have heard "
            "anything."
        )
    elif "grouped" in found:
        said.append(
            "Whole tapes cannot be kept apart: no species has clips on two of them. Any accuracy measured "
            "on these recordings alone tells nothing about new ones; record more tapes."
        )
    if _known(used):
        clips, tapes = used.get("n_clips"), used.get("n_groups")
        size = f", {count(clips, 'test clip')} of {count(tapes, 'tape')}" if clips and tapes else ""
        said.append(
            f"In the split in use ({used.get('protocol', 'as trained')}{size}) {_leak(used)}; on it the list "
            f"is right for {_measured(used, 'group_lookup_accuracy')}, the technical data for "
            f"{_measured(used, 'metadata_only_accuracy')}."
        )
    if said and "min_clips_for_audit" in found:
        said.append(
            f"Judged are species with {found['min_clips_for_audit']} clips or more, if there are any."
        )
    leaks = any(_known(side) and side["group_leak_share"] > 0 for side in (grouped, used))
    grave = leaks or bool(warnings) or ("grouped" in found and not _known(grouped))
    return Section("Can a test on them be believed?", (*said, *warnings), grave=grave)


def _if_random(random: Mapping[str, Any]) -> str:
    if random["group_leak_share"] > LEAKY:
        return (
            f"Not with clips drawn at random: {_percent(random['group_leak_share'])} of the test clips would "
            "come from a tape that was also learnt from. A list of which species is usual on which tape, "
            "which hears nothing, would then be right for "
            f"{_measured(random, 'group_lookup_accuracy')} of clips, and sample rate, duration, loudness and "
            f"bandwidth alone for {_measured(random, 'metadata_only_accuracy')}."
        )
    return (
        "Tapes hold few clips here: a random split would leak "
        f"{_percent(random['group_leak_share'])} of test clips. Sample rate, duration, loudness and "
        f"bandwidth alone name {_measured(random, 'metadata_only_accuracy')} of them."
    )


def _untestable(found: Mapping[str, Any]) -> Section | None:
    names = list(found.get("untestable", found.get("single_group_species")) or ())
    if not names:
        return None
    said = (
        f"{count(len(names), 'species', 'species')} cannot be judged, since nobody can say whether a model "
        f"knows the animal or its only tape: {'; '.join(names)}. They stay in training. One more tape of "
        "each would do."  # parted by ";": names hold commas, "Beluga, White Whale"
    )
    return Section(UNTESTABLE, (said,))


def _table(species: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = sorted(species, key=lambda r: (-r["n_clips"], r["species"]))
    width = max([len("species"), *(len(r["species"]) for r in rows)])
    page = [f"{'species':{width}}  {'clips':>6} {'tapes':>7}  tested"]
    for r in rows:
        tested = "yes" if r["testable"] else "no"
        page.append(f"{r['species']:{width}}  {r['n_clips']:>6} {r['n_groups']:>7}  {tested}")
    return page


def _known(side: Mapping[str, Any]) -> bool:
    return side.get("group_leak_share") is not None


def _leak(side: Mapping[str, Any]) -> str:
    share = side["group_leak_share"]
    return f"{_percent(share)} of test clips leak" if share > 0 else "none leaks"


def _length(seconds: float) -> str:
    for unit, of in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * of:
            return f"{seconds / of:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _measured(figures: Mapping[str, Any], name: str) -> str:
    value, interval = figures.get(name), figures.get(f"{name}_ci")
    if value is None:
        return "an unknown share"
    return _percent(value) + (f" ({100 * interval[0]:.0f}-{100 * interval[1]:.0f})" if interval else "")
