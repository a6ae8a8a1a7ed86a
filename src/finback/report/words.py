"""Numbers in a biologist's words: the headline, what can be tested, what the audit found, what to beware of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finback.report.read import RunData

LISTED = 12  # of a long list of findings so many are shown at once, the rest behind a fold
DEFINITIONS = {
    "accuracy": ("Accuracy", "share of test clips named rightly"),
    "macro_f1": ("Macro-F1", "mean of the species' F1; a species without test clips counts 0"),
    "macro_f1_multi_group": (
        "Macro-F1, more than one tape",
        "the same over species that can be tested fairly",
    ),
    "balanced_accuracy": (
        "Balanced accuracy",
        "mean share found per tested species, rare ones as heavy as common",
    ),
    "macro_auc": ("Macro AUC", "chance that a species' clip scores above another's, mean over species"),
    "average_precision": (
        "Average precision",
        "how clean the top of each species' ranking is, mean over species",
    ),
    "top3_accuracy": ("Top 3", "share of test clips whose species is among the first three"),
    "ece": ("Calibration error", "mean gap between how sure it says it is and how often it is right"),
}


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    value: str
    interval: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the audit looked at. `bad` marks what needs the reader's attention."""

    title: str
    text: str
    items: tuple[str, ...] = ()
    bad: bool = False


@dataclass(frozen=True, slots=True)
class SpeciesRow:
    name: str
    n_clips: int | None  # in the whole data set; None when the manifest is missing
    n_tapes: int | None
    test: Mapping[str, Any]  # its entry of per_species
    why_untested: str = ""


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def cards(metrics: Mapping[str, Any]) -> list[Card]:
    """Each figure that the run has, with its interval, in the order of the definitions."""
    found = []
    for key, (name, meaning) in DEFINITIONS.items():
        if metrics.get(key) is not None:
            ends = metrics.get(f"{key}_ci")
            interval = f"{100 * ends[0]:.1f} to {100 * ends[1]:.1f} %" if ends else "no interval: one tape"
            found.append(Card(name, percent(metrics[key]), interval, meaning))
    return found


def verdict(metrics: Mapping[str, Any], audit: Mapping[str, Any] | None, by_clip: bool) -> str:
    """One sentence: does the model beat what can be had without hearing anything?"""
    side = (audit or {}).get("random" if by_clip else "grouped") or {}
    deaf = max(
        (v for k in ("metadata_accuracy", "group_lookup_accuracy") if (v := side.get(k)) is not None),
        default=None,
    )
    accuracy, ends = metrics.get("accuracy"), metrics.get("accuracy_ci")
    if accuracy is None or deaf is None:
        return ""
    low = ends[0] if ends else accuracy
    if low > deaf:
        return (
            f"The model names {percent(accuracy)} of the test clips rightly, clearly more than the {percent(deaf)} "
            "that can be had from the tapes' technical marks without hearing anything."
        )
    return (
        f"The model names {percent(accuracy)} of the test clips rightly. That is not clearly more than the "
        f"{percent(deaf)} that can be had without hearing anything: do not take it for knowledge of the animals yet."
    )


def warnings(run: RunData, by_clip: bool) -> list[str]:
    """What a reader must know before any figure."""
    found = []
    if by_clip:
        found.append(
            "This run was split clip by clip (--by clip), so clips of one tape stand on both sides. Its figures "
            "measure how well tapes are recognised and say little about recordings made elsewhere."
        )
    found += [
        str(text) for text in run.facts.get("warnings") or () if not (by_clip and "clip" in str(text).lower())
    ]
    metrics = run.metrics or {}
    if not by_clip and metrics.get("n_clips", 0) > 1 and metrics.get("n_groups") == metrics.get("n_clips"):
        found.append(
            "Every test clip is its own tape, which usually means that the tapes are not known. If several clips "
            "were cut from one recording, these figures are too good: give the tapes with --groups."
        )
    elif 0 < metrics.get("n_groups", 0) < 5:
        found.append(
            f"The test side has only {_count(metrics['n_groups'], 'tape')}: the intervals are rough."
        )
    why = run.facts.get("temperature_note") or ""
    if why:
        found.append(f"Scores are not calibrated: {why}.")
    return found


def species_rows(run: RunData) -> list[SpeciesRow]:
    """One row per label: how much there is of it, how it was judged, and why it was not if it was not."""
    clips: dict[str, int] = defaultdict(int)
    tapes: dict[str, set[str]] = defaultdict(set)
    for clip in run.manifest.clips if run.manifest else ():
        clips[clip.label or ""] += 1
        tapes[clip.label or ""].add(clip.group or clip.recording.id)
    for row in run.split if not any(t for t in tapes.values()) else ():
        clips[row["species"]] += 1
        tapes[row["species"]].add(row["group"] or row["file"])
    known = bool(clips)
    reasons = run.facts.get("untestable") or {}
    table = (run.metrics or {}).get("per_species", {})
    rows = []
    for name in run.labels:
        test = table.get(name, {})
        why = ""
        if not test.get("n_clips"):
            one = known and len(tapes[name]) == 1
            why = reasons.get(name) or (
                "it has a single tape; trained on only" if one else "no clip on the test side"
            )
        rows.append(
            SpeciesRow(name, clips[name] if known else None, len(tapes[name]) if known else None, test, why)
        )
    return rows


def findings(audit: Mapping[str, Any]) -> list[Finding]:
    """The audit's findings, the grave ones marked."""
    found = []
    random, grouped = audit.get("random") or {}, audit.get("grouped") or {}
    if random.get("group_leak_share") is not None:
        found.append(_leak(random, grouped))
    lists = (
        (
            "label_conflicts",
            "One sound, two species",
            "The same sound stands under two species: one label is wrong.",
        ),
        (
            "exact_duplicates",
            "Exact duplicates",
            "The same file contents more than once: one of them is enough.",
        ),
        (
            "near_duplicates",
            "Near duplicates",
            "The same sound at another rate or gain, or an excerpt of it.",
        ),
        (
            "single_group_species",
            "Species on a single tape",
            "They cannot be both learnt from and judged fairly.",
        ),
    )
    for key, title, text in lists:
        if key in audit:
            items = tuple(in_words(item) for item in audit[key] or ())
            found.append(
                Finding(
                    f"{title}: {len(items) or 'none'}",
                    text if items else "",
                    items,
                    key == "label_conflicts" and bool(items),
                )
            )
    if "problems" in audit:
        items = tuple(in_words(item) for item in audit["problems"] or ())
        text = "Files and rows that were left out or need a look." if items else ""
        found.append(Finding(f"Problems with files and labels: {len(items) or 'none'}", text, items))
    return found


def _leak(random: Mapping[str, Any], grouped: Mapping[str, Any]) -> Finding:
    share = random["group_leak_share"]
    text = f"If clips were drawn at random, {percent(share, 0)} of the test clips would come from a tape that was trained on."
    if random.get("group_lookup_accuracy") is not None:
        text += f" Merely looking up the tape would then name {percent(random['group_lookup_accuracy'], 0)} of them rightly"
        if random.get("metadata_accuracy") is not None:
            text += f", and sample rate, length, level and bandwidth alone {percent(random['metadata_accuracy'], 0)}"
        text += ", without hearing a single animal."
    if grouped.get("group_leak_share") is not None:
        text += f" Split by tape, {percent(grouped['group_leak_share'], 0)} leak"
        marks = [
            f"{what} {percent(grouped[key], 0)}"
            for key, what in (
                ("group_lookup_accuracy", "tape lookup is right on"),
                ("metadata_accuracy", "the technical marks on"),
            )
            if grouped.get(key) is not None
        ]
        text += f"; {' and '.join(marks)}." if marks else "."
    return Finding("Would a random split be honest?", text, bad=bool(grouped.get("group_leak_share")))


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
        return ", ".join(
            f"{str(k).replace('_', ' ')} {in_words(v)}" for k, v in item.items() if v not in (None, "", [])
        )
    if isinstance(item, Sequence) and not isinstance(item, str):
        return " = ".join(in_words(part) for part in item)
    return f"{item:.3g}" if isinstance(item, float) else str(item)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
