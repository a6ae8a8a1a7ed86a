"""The findings of an audit as text: what each finding means, and what to do.

`sections` makes the text from the JSON object of an audit (its keys are described in `audit.py`), so that it
can also be made from a stored `audit.json`; a key that is missing there has no text. The report shows the
sections, and `lines` lays them out as the page that `finback audit` prints.

The text explains the term "recording group" in its first paragraph, and then says "group".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from finback.data.audit.clip_findings import Section, conflicts, count, exact, near, problems, quality

SHOWN = 5  # items of each section on the printed page; the JSON contains all
LEAKY = 0.05  # with a larger share of test clips from groups in training, a random split is not a valid test
UNTESTABLE = "What cannot be tested"  # the report has a table for this section


def sections(audit: Mapping[str, Any]) -> list[Section]:
    """The sections of an audit's JSON object, the most important first."""
    makers: Sequence[Callable[[Mapping[str, Any]], Section | None]] = (
        _recordings, _trust, conflicts, _untestable, exact, near, quality, problems,
    )  # fmt: skip
    return [section for make in makers if (section := make(audit))]


def lines(audit: Mapping[str, Any]) -> list[str]:
    """The lines of the printed page: headings in capitals, blank lines between sections, last a table of
    species."""
    page: list[str] = []
    for section in sections(audit):
        page += [section.title.upper(), *section.paragraphs]
        page += [f"  {item}" for item in section.items[:SHOWN]]
        left = len(section.items) - SHOWN
        page += [f"  ... and {left} more ", ""] if left > 0 else [""]
    return [*page, *_table(audit.get("species") or ())] if audit.get("species") else page[:-1]


def _recordings(audit: Mapping[str, Any]) -> Section | None:
    if not {"n_clips", "n_groups", "species", "duration_s"} <= set(audit):
        return None
    known = audit.get("groups_known", 1)
    text = [
        f"{count(audit['n_clips'], 'clip')} of {len(audit['species'])} species, "
        f"{_length(audit['duration_s'])}, from {count(audit['n_groups'], 'recording group')}. "
        "A recording group is a tape, a deployment or a site-day."
    ]
    if known == 0:
        text.append(
            "The labels do not name the groups. Clips that share sound were put into one group, and every "
            "other recording is a group of its own. If several files come from one tape or one day, name "
            "their groups (a group column, or --groups); otherwise the figures below are too high."
        )
    elif known < 1:
        text.append(
            f"The labels do not name the group of {_percent(1 - known)} of the clips. These clips were put "
            "into one group with the clips whose sound they share; the others are groups of their own."
        )
    return Section("The recordings", tuple(text), serious=known == 0)


def _trust(audit: Mapping[str, Any]) -> Section | None:
    random, grouped, used = (audit.get(key) or {} for key in ("random", "grouped", "in_use"))
    warnings = [f"Warning: {w}." for w in dict.fromkeys(audit.get("warnings") or ())]
    if not {"random", "grouped", "in_use", "warnings"} & set(audit):
        return None
    text = [_if_random(random)] if _known(random) else []
    if _known(grouped):
        text.append(
            f"When whole groups are kept in one set, {_leak(grouped)}. The group lookup then classifies "
            f"{_measured(grouped, 'group_lookup_accuracy')} correctly and the file metadata "
            f"{_measured(grouped, 'metadata_accuracy')}. A classifier must score higher than both to "
            "show that it uses the sound."
        )
    elif "grouped" in audit:
        text.append(
            "Whole groups cannot be kept in one set: no species has clips from two groups. An accuracy that "
            "is measured on these recordings alone says nothing about new recordings. Add more groups."
        )
    if _known(used):
        clips, groups = used.get("n_clips"), used.get("n_groups")
        size = f", {count(clips, 'test clip')} of {count(groups, 'group')}" if clips and groups else ""
        text.append(
            f"In the split in use ({used.get('protocol', 'as trained')}{size}), {_leak(used)}. Here the "
            f"group lookup classifies {_measured(used, 'group_lookup_accuracy')} correctly and the file "
            f"metadata {_measured(used, 'metadata_accuracy')}."
        )
    if text and "min_clips_for_audit" in audit:
        text.append(_evaluated(audit))
    leaks = any(_known(figures) and figures["group_leak_share"] > 0 for figures in (grouped, used))
    serious = leaks or bool(warnings) or ("grouped" in audit and not _known(grouped))
    return Section("Is a test result on these recordings trustworthy?", (*text, *warnings), serious=serious)


def _evaluated(audit: Mapping[str, Any]) -> str:
    least, species = audit["min_clips_for_audit"], audit.get("species")
    if species and all(row["n_clips"] < least for row in species):
        return f"No species has {least} clips, so all species were evaluated."
    return f"Only species with at least {least} clips were evaluated."


def _if_random(random: Mapping[str, Any]) -> str:
    if random["group_leak_share"] > LEAKY:
        return (
            f"Not with a random split of the clips: {_percent(random['group_leak_share'])} of the test "
            "clips would be from a group that is also in training. Two baselines that use no audio would "
            "then do well. Group lookup (the most frequent species of each group) would classify "
            f"{_measured(random, 'group_lookup_accuracy')} of the clips correctly. File metadata (sample "
            "rate, duration, level, noise floor and bandwidth) would classify "
            f"{_measured(random, 'metadata_accuracy')} correctly."
        )
    return (
        "The groups have few clips: with a random split of the clips, "
        f"{_percent(random['group_leak_share'])} of the test clips would be from a group that is also in "
        "training. File metadata (sample rate, duration, level, noise floor and bandwidth) would classify "
        f"{_measured(random, 'metadata_accuracy')} correctly."
    )


def _untestable(audit: Mapping[str, Any]) -> Section | None:
    names = list(audit.get("untestable", audit.get("single_group_species")) or ())
    if not names:
        return None
    comes = "it comes from one group" if len(names) == 1 else "each comes from one group only"
    text = (
        f"{count(len(names), 'species', 'species')} cannot be evaluated: {comes}, so a "
        "correct answer may mean that the model recognises the group and not the species. One more group of "
        "each species makes a test possible. These species stay in the training set: "
        f"{'; '.join(names)}."
    )  # separated by ";": a name may contain a comma, as in "Beluga, White Whale"
    return Section(UNTESTABLE, (text,))


def _table(species: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = sorted(species, key=lambda r: (-r["n_clips"], r["species"]))
    width = max([len("species"), *(len(r["species"]) for r in rows)])
    page = [f"{'species':{width}}  {'clips':>6} {'groups':>7}  tested"]
    for r in rows:
        tested = "yes" if r["testable"] else "no"
        page.append(f"{r['species']:{width}}  {r['n_clips']:>6} {r['n_groups']:>7}  {tested}")
    return page


def _known(figures: Mapping[str, Any]) -> bool:
    return figures.get("group_leak_share") is not None


def _leak(figures: Mapping[str, Any]) -> str:
    share = figures["group_leak_share"]
    return f"{_percent(share)} of the test clips leak" if share > 0 else "no test clip leaks"


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
