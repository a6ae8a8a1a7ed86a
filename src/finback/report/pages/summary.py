"""The results in plain words: figures with their meaning, the verdict, and the no-audio baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finback.report.pages.common import count, percent

NO_AUDIO_BASELINES = (
    "metadata_accuracy",
    "group_lookup_accuracy",
)  # keys of audit.json: they use no audio
FEW_GROUPS = 5  # with fewer in the whole test set, an interval is itself a rough estimate
UNKNOWN_GROUPS = (
    "The recording groups are not known, so every recording counts as a group of its own (recordings that "
    "share sound count as one). If several clips come from one tape, deployment or day, these figures are "
    "too high: name the groups with --groups."
)
DEFINITIONS = {
    "accuracy": ("Accuracy", "share of test clips that are classified correctly"),
    "macro_f1": ("Macro-F1", "mean F1 over all species; a species without test clips counts as 0"),
    "macro_f1_multi_group": (
        "Macro-F1 (species with at least two groups)",
        "mean F1 over the species that can be tested on groups not used in training",
    ),
    "balanced_accuracy": (
        "Balanced accuracy",
        "mean recall over the tested species (each species has equal weight)",
    ),
    "macro_auc": (
        "Macro AUC",
        "probability that a clip of a species scores higher than other clips, mean over species",
    ),
    "average_precision": (
        "Average precision",
        "area under the precision-recall curve, mean over species",
    ),
    "top3_accuracy": ("Top-3 accuracy", "share of test clips whose species is among the first three"),
    "ece": (
        "Calibration error",
        "mean difference between predicted probability and observed accuracy; lower is better",
    ),
}


@dataclass(frozen=True, slots=True)
class Card:
    """One figure of the headline: its name, value, 95 % interval, and meaning."""

    name: str
    value: str
    interval: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do after a run, as a sentence, and the command that does it ("" where there is none)."""

    text: str
    command: str = ""

    def to_json(self) -> dict[str, str | None]:
        """Plain values; no command is null."""
        return {"text": self.text, "command": self.command or None}


def are_groups_unknown(metrics: Mapping[str, Any], audit: Mapping[str, Any] | None) -> bool:
    """Whether no label gives a group, or every test clip counts as one: then clips of one tape may be on
    both sides of the split.
    """
    n_clips, n_groups = metrics.get("n_clips", 0), metrics.get("n_groups", 0)
    return (audit or {}).get("groups_known", 1) == 0 or 1 < n_clips == n_groups


def cards(metrics: Mapping[str, Any]) -> list[Card]:
    """Each figure that the run has, with its interval, in the order of the definitions."""
    shown = []
    for key, (name, meaning) in DEFINITIONS.items():
        if metrics.get(key) is not None:
            ends = metrics.get(f"{key}_ci")
            interval = f"{100 * ends[0]:.1f} to {100 * ends[1]:.1f} %" if ends else "no interval: one group"
            shown.append(Card(name, percent(metrics[key]), interval, meaning))
    return shown


def no_audio_baselines(audit: Mapping[str, Any] | None, by_clip: bool) -> tuple[str, Mapping[str, Any]]:
    """The split that the model is compared on, `in_use` or `grouped`, and the figures of its baselines.

    The split that the model was tested on, where the audit has it. "" and {} without any baseline.
    """
    audit = audit or {}
    for key in ("in_use",) if by_clip else ("in_use", "grouped"):
        figures = audit.get(key) or {}
        if any(figures.get(name) is not None for name in NO_AUDIO_BASELINES):
            return key, figures
    return "", {}


def is_above_baselines(
    metrics: Mapping[str, Any], audit: Mapping[str, Any] | None, by_clip: bool
) -> bool | None:
    """Whether the interval of the accuracy lies above every baseline that uses no audio.

    None where that cannot be decided.
    """
    _, figures = no_audio_baselines(audit, by_clip)
    baselines = [figures[name] for name in NO_AUDIO_BASELINES if figures.get(name) is not None]
    accuracy, ends = metrics.get("accuracy"), metrics.get("accuracy_ci")
    if by_clip or accuracy is None or not baselines:
        return None
    return bool((ends[0] if ends else accuracy) > max(baselines))


def verdict(metrics: Mapping[str, Any], audit: Mapping[str, Any] | None, by_clip: bool) -> str:
    """Whether the model is better than baselines that use no audio; "" where that cannot be decided."""
    above = is_above_baselines(metrics, audit, by_clip)
    if above is None:
        return ""
    key, figures = no_audio_baselines(audit, by_clip)
    best = percent(max(figures[name] for name in NO_AUDIO_BASELINES if figures.get(name) is not None))
    where = "on the same split" if key == "in_use" else "on other splits by group"
    text = f"The model classifies {percent(metrics['accuracy'])} of the test clips correctly. "
    if above:
        return (
            f"{text}This is clearly more than the best baseline that uses no audio, which reaches {best} "
            f"{where}."
        )
    return (
        f"{text}This is not clearly more than the best baseline that uses no audio, which reaches {best} "
        f"{where}: this result does not yet show that the model recognises the animals."
    )


def opening(
    metrics: Mapping[str, Any], audit: Mapping[str, Any] | None, by_clip: bool, has_test_set: bool = True
) -> str:
    """What a report begins with: how well the model works, and how far this can be trusted."""
    accuracy = metrics.get("accuracy")
    if accuracy is None:
        why = "no clips were kept for a test" if not has_test_set else "it has not been evaluated"
        return f"How well this model works is not known: {why}."
    correct = f"The model classifies {percent(accuracy)} of the test clips correctly"
    if by_clip:
        return (
            f"{correct}, on a split by clip. Clips of one recording can be in the training set and in the "
            "test set, so this says little about new recordings."
        )
    text = verdict(metrics, audit, by_clip) or (
        f"{correct}. No baseline without audio was measured on this split, so it is not known how much of "
        "this the sound of the animals explains."
    )
    return " ".join([text, *_reliance(metrics)])


def _reliance(metrics: Mapping[str, Any]) -> list[str]:
    """How far the figures of a test can be trusted: the interval, and how many species have few clips."""
    n_groups, ends = metrics.get("n_groups", 0), metrics.get("accuracy_ci")
    found = ["There is no interval: all test clips are of one group."]
    if ends:
        found = [
            f"With other groups, the accuracy could have been {100 * ends[0]:.0f} to {100 * ends[1]:.0f} % "
            f"(95 % interval over {count(n_groups, 'group')})."
        ]
    tested = [row for row in (metrics.get("per_species") or {}).values() if row.get("n_clips")]
    few = sum(bool(row.get("noisy")) for row in tested)
    if few:
        which = f"all {few}" if few == len(tested) else f"{few} of {len(tested)}"
        found.append(
            f"The figures of {which} tested species are rough: fewer than 10 clips or 3 groups of them were "
            "tested."
        )
    return found


def baselines_caption(audit: Mapping[str, Any] | None, by_clip: bool) -> str:
    """The split on which the baselines were tested; "" where there are none."""
    key, figures = no_audio_baselines(audit, by_clip)
    if not key:
        return ""
    clips = ""
    if figures.get("n_clips"):
        clips = f" ({figures['n_clips']} test clips of {figures['n_groups']} groups)"
    least = (audit or {}).get("min_clips_for_audit")
    only = f", for species with at least {least} clips" if least else ""
    if key == "in_use":
        return f"The hatched bars next to the model were measured on the split in use{clips}{only}."
    return (
        f"The hatched bars next to the model were measured on splits by group that were made for the "
        f"audit{clips}{only}, not on the split in use."
    )
