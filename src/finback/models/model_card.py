"""The model card of a run: what it is, what it learnt from, what was measured, what it must not be used for.

Every figure is read from the run folder; what was not measured is said to be so. The headings follow Mitchell
et al. 2019, Model Cards for Model Reporting.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finback import models
from finback.core.files import read_json
from finback.core.renames import current_audit
from finback.core.run_info import RunInfo
from finback.core.runs import RunFolder
from finback.core.settings import build
from finback.features.frontends import LogMelFrontEnd, front_end_class
from finback.features.spec import FeatureSpec

USES = {
    "classifier": "Names marine-mammal species in clips of sound, with calibrated probabilities.",
    "ensemble": "Names marine-mammal species in clips of sound, with calibrated probabilities.",
    "generator": "Makes log-mel spectrograms of a species by name; a vocoder makes sound of them.",
    "vocoder": "Makes sound of log-mel spectrograms.",
}
LIMITS = {
    "classifier": (
        "A sound of none of its species is given one of their names all the same.",
        "Probabilities were calibrated on tapes like those of its training; a new site may need its own.",
    ),
    "generator": (
        "What it makes is not a recording: no animal was there. It may only be trained on, never judged by.",
        "It knows the species by few tapes, and their hum, band limit and noise with them.",
    ),
    "vocoder": ("Phases are guessed: fine timing within a frame is not that of the recording.",),
}
NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "macro_f1_multi_group": "macro-F1 over the species with several tapes",
    "ece": "expected calibration error",
}
LIMITS["ensemble"] = LIMITS["classifier"]


def card(run: RunFolder) -> str:
    """Markdown."""
    info = run.info
    kind = info.kind
    parts = [
        f"# {info.family or kind}: a finback {kind}",
        USES[kind],
        "## What it is",
        _bullets(
            {
                "parameters": None if info.n_parameters is None else f"{info.n_parameters:,}",
                "members": ", ".join(m["family"] for m in info.members) or None,
                "networks": f"{info.n_folds}, one a fold, averaged" if info.n_folds else None,
                "hears": _hears(info),
                "species": ", ".join(f"*{name}*" for name in info.labels),
                "made by": f"`{without_paths(str(info.command))}`" if info.command else None,
                "seed": info.seed,
                "finback": info.finback,
            }
        ),
        "## What it learnt from",
        _bullets(
            {
                "recordings": None if info.n_clips is None else f"{info.source}, {info.n_clips} clips",
                "terms": info.licence,
                "cite": info.citation,
                "parted by": _parted(info),
            }
        ),
        "## What was measured",
        _bullets(_figures(run))
        or "Nothing yet: `finback evaluate` measures a classifier, `finback audit` a generator or vocoder.",
        "## Limits",
        "\n".join(f"- {line}" for line in LIMITS[kind]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def without_paths(command: str) -> str:
    """The command with every absolute path cut to its last two parts."""

    def short(word: str) -> str:
        return "/".join(Path(word).parts[-2:]) if word.startswith("/") else word

    return shlex.join(short(word) for word in shlex.split(command))


def _hears(info: RunInfo) -> str:
    spec, family = info.spec, info.family
    front_end = models.family(family).input if family in models.CLASSIFIERS else LogMelFrontEnd.name
    return front_end_class(front_end).describe(build(FeatureSpec, spec))


def _bullets(rows: dict[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in rows.items() if value not in (None, ""))


def _parted(info: RunInfo) -> str | None:
    split = info.split
    if not isinstance(split, dict):
        return None
    whole = "whole tapes on one side" if split["by"] == "group" else "clip by clip, which leaks tapes"
    sides = ", ".join(f"{n} {side}" for side, n in split["clips"].items())
    return f"{whole} ({sides})"


def _figures(run: RunFolder) -> dict[str, str]:
    """Headline figures that the folder holds, by name."""
    found: dict[str, str] = {}
    if run.metrics.is_file():
        metrics = read_json(run.metrics)
        for key in NAMES:
            if metrics.get(key) is not None:
                low, high = metrics.get(f"{key}_ci") or (None, None)
                within = f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else ""
                found[f"{NAMES[key]} on tapes not trained on"] = f"{metrics[key]:.3f}{within}"
    if run.generator_audit.is_file():
        found |= _audited(current_audit(read_json(run.generator_audit)))
    if run.vocoder_audit.is_file():
        found |= _vocoded(current_audit(read_json(run.vocoder_audit)))
    return found


def _vocoded(audit: dict[str, Any]) -> dict[str, str]:
    """What `finback audit` found of a vocoder, each figure beside those that need no training."""
    own, *others = audit["vocoders"]
    rows = audit["vocoders"]
    where = f"{audit['n_windows']} windows of {audit['n_groups']} tapes not trained on"
    return {"windows": where} | {
        key: f"{rows[own][key]:.3f} (" + ", ".join(f"{name} {rows[name][key]:.3f}" for name in others) + ")"
        for key in audit["measures"]
    }


def _audited(audit: dict[str, Any]) -> dict[str, str]:
    """What `finback audit` found, each figure beside that of real clips; nothing where clips were too few."""
    mine = next(iter(audit["generators"]))
    right = {side: row["accuracy"] for side, row in audit["recognised"].items()}
    found = {"named right by a classifier": _beside(right, mine)}
    for table in audit["distances"]:
        if mine in table["rows"]:
            space = table["space"].replace("_", " ")
            row, where = table["rows"][mine], f"{table['reference']} clips, embedding of {space}"
            found[f"distance to {where}"] = f"KAD {row['kad']:.1f}, coverage {row['coverage']:.2f}"
    near = {side: row["below_pair"] for side, row in audit["copying"]["logmel"]["rows"].items()}
    found["nearer to a training clip than clips of two tapes are to each other"] = _beside(near, mine)
    return {name: text for name, text in found.items() if text}


def _beside(shares: Mapping[str, float | None], mine: str) -> str:
    """A share of samples, and the same of real clips; "" where there is none of samples."""
    if shares.get(mine) is None:
        return ""
    sides = {
        mine: "of samples",
        "held_out": "of real clips of the same tapes",
        "unseen": "of real clips of other tapes",
    }
    known = ((shares.get(side), what) for side, what in sides.items())
    return ", ".join(f"{share:.2f} {what}" for share, what in known if share is not None)
