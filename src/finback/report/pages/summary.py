"""Numbers in a biologist's words: the headline, what can be tested, and what to beware of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finback.data.splits.settings import BY_CLIP
from finback.report.pages.run_data import RunData

NO_AUDIO_BASELINES = ("metadata_only_accuracy", "group_lookup_accuracy")
FEW_TAPES = 5  # fewer on the whole test side and an interval is itself a guess
DEFINITIONS = {
    "accuracy": ("Accuracy", "share of test clips named rightly"),
    "macro_f1": ("Macro-F1", "mean of the species' F1; a species without test clips counts 0"),
    "macro_f1_multi_group": (
        "Macro-F1 where fair",
        "the same over species with several tapes, which alone can be tested fairly",
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
class SpeciesRow:
    name: str
    n_clips: int | None  # in the whole data set; None when the manifest is missing
    n_tapes: int | None
    test: Mapping[str, Any]  # its entry of per_species
    why_untested: str = ""

    @property
    def noisy(self) -> bool:
        return bool(self.test.get("noisy"))


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


def no_audio_baselines(audit: Mapping[str, Any] | None, by_clip: bool) -> tuple[str, Mapping[str, Any]]:
    """Which baselines stand beside the model, `in_use` or `grouped`, and their figures ({} for none).

    Those of the very split that the model was judged on, where there are any.
    """
    audit = audit or {}
    for key in ("in_use",) if by_clip else ("in_use", "grouped"):
        side = audit.get(key) or {}
        if any(side.get(name) is not None for name in NO_AUDIO_BASELINES):
            return key, side
    return "", {}


def verdict(metrics: Mapping[str, Any], audit: Mapping[str, Any] | None, by_clip: bool) -> str:
    """Whether the model beats what can be had without hearing anything; "" when that cannot be said."""
    key, side = no_audio_baselines(audit, by_clip)
    scores = [side[name] for name in NO_AUDIO_BASELINES if side.get(name) is not None]
    accuracy, ends = metrics.get("accuracy"), metrics.get("accuracy_ci")
    if by_clip or accuracy is None or not scores:
        return ""
    text = f"The model names {percent(accuracy)} of the test clips rightly. "
    where = "on the same split" if key == "in_use" else "on other splits by tape"
    unheard = f"the {percent(max(scores))} that can be had {where} without hearing anything"
    if (ends[0] if ends else accuracy) > max(scores):
        return f"{text}That is clearly more than {unheard}."
    return f"{text}That is not clearly more than {unheard}: do not take it for knowledge of the animals yet."


def baselines_caption(audit: Mapping[str, Any] | None, by_clip: bool) -> str:
    """On what the baselines beside the model were judged; "" when there are none."""
    key, side = no_audio_baselines(audit, by_clip)
    if not key:
        return ""
    of = f" ({side['n_clips']} test clips of {side['n_groups']} tapes)" if side.get("n_clips") else ""
    least = (audit or {}).get("min_clips_for_audit")
    only = f", species with {least} clips or more" if least else ""
    split = "the split in use" if key == "in_use" else "splits by tape made for the audit, not the one in use"
    return f"The hatched bars beside the model are of {split}{of}{only}."


def warnings(run: RunData) -> list[str]:
    """What a reader must know before any figure; each once, even where every fold says it."""
    found = [_sentence(text) for split in run.splits for text in split.get("warnings") or ()]
    if run.by_clip and not any("by clip" in text for text in found):
        found.insert(0, _sentence(BY_CLIP))
    metrics = run.metrics or {}
    n_clips, n_tapes = metrics.get("n_clips", 0), metrics.get("n_groups", 0)
    if not run.by_clip and n_clips > 1 and n_tapes == n_clips:
        found.append(
            "Every test clip counts as a tape of its own, which usually means that the tapes are not known. "
            "If several clips were cut from one recording, these figures are too good: name the tapes "
            "(--groups)."
        )
    elif 0 < n_tapes < FEW_TAPES:
        found.append(f"The test side has only {_count(n_tapes, 'tape')}: the intervals are rough.")
    reasons = [info.not_calibrated for info in run.members if info.not_calibrated]
    found += [f"Scores are not calibrated: {reason}." for reason in reasons]
    return list(dict.fromkeys(found))


def ensemble_rows(run: RunData) -> list[dict[str, Any]]:
    """One row per member: where it came from, its family, and its weight in each fold."""
    folds = [info.members for info in run.members]
    return [
        {
            "origin": member.get("origin"),
            "family": member.get("family"),
            "weights": [fold[i].get("weight") for fold in folds if i < len(fold)],
        }
        for i, member in enumerate(run.ensemble)
    ]


def species_rows(run: RunData) -> list[SpeciesRow]:
    """One row per label: how much there is of it, how it was judged, and why it was not if it was not."""
    clips: Counter[str] = Counter()
    tapes: dict[str, set[str]] = defaultdict(set)
    for clip in run.manifest.clips if run.manifest else ():
        clips[clip.label or ""] += 1
        tapes[clip.label or ""].add(clip.group_key)
    for row in () if run.manifest else run.split:
        clips[row["species"]] += 1
        tapes[row["species"]].add(row["group"] or row["file"])
    table = (run.metrics or {}).get("per_species") or {}
    rows = []
    for name in run.labels:
        test = table.get(name) or {}
        why = "" if test.get("n_clips") else _why_untested(run, name, len(tapes[name]))
        n_clips, n_tapes = (clips[name], len(tapes[name])) if clips else (None, None)
        rows.append(SpeciesRow(name, n_clips, n_tapes, test, why))
    return rows


def _why_untested(run: RunData, name: str, n_tapes: int) -> str:
    for split in run.splits:
        if reason := (split.get("untestable") or {}).get(name):
            return str(reason)
    return "it has a single tape; trained on only" if n_tapes == 1 else "no clip on the test side"


def _sentence(text: Any) -> str:
    text = str(text).strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
