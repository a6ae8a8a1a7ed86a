"""The model card of a run: the model, its training data, the measurements and the limits.

Every figure is read from the run folder. The card says what was not measured. The headings follow Mitchell
et al. 2019, Model Cards for Model Reporting.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from finback import models
from finback.core.errors import RunError
from finback.core.runs.audit_documents import GeneratorAuditFile, VocoderAuditFile
from finback.core.runs.documents import MetricsFile, read_audit, read_document
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.runs.trained_on import caution, of_one_group, trained_on
from finback.core.settings import build
from finback.core.storage.files import RESTORE
from finback.core.text import markdown, markdown_code
from finback.features.frontends import LogMelFrontEnd, front_end_class
from finback.features.spec import FeatureSpec
from finback.models.scoring import LONGER_CLIPS

USES = {
    "classifier": "Names marine-mammal species in clips of sound, with calibrated probabilities.",
    "ensemble": "Names marine-mammal species in clips of sound, with calibrated probabilities.",
    "generator": "Generates log-mel spectrograms of a species by name; a vocoder turns them into sound.",
    "vocoder": "Turns log-mel spectrograms into sound.",
}
MAKES_SOUND = "Generates calls of a species by name, as sound over a background, with the truth of each call."
ANY_SOUND = "It names one of its species for every sound, also for a sound of none of them."
GATED = 'It answers "none of these" to noise. A species that it does not have often gets the name of another.'
LIMITS = {
    "classifier": (
        "Probabilities were calibrated on tapes like those of its training set. A new site may differ.",
    ),
    "generator": (
        "Generated clips are not recordings of animals. They may be used for training, never for testing.",
        "It was trained on few tapes, and reproduces their hum, band limit and noise.",
    ),
    "vocoder": ("Phases are estimated: the fine timing within a frame is not that of the recording.",),
}
NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "macro_f1_multi_group": "macro-F1 over the species with several tapes",
    "ece": "expected calibration error",
}
TEST_SOUNDS = ("tone_modulation", "tone_jitter_hz", "click_width_ms", "click_pre_echo")
BACKBONES = {"birdnet": "BirdNET", "yamnet": "YAMNet"}
BASELINE, REAL = "stationary-gaussian", ("train", "held_out", "unseen")
OF = {
    BASELINE: "of noise without calls (the baseline)",
    "train": "of training clips",
    "held_out": "of real clips of the same tapes",
    "unseen": "of real clips of other tapes",
}
BY_REFERENCE = {
    "recognised": ("recognised by a classifier on {}", 2),
    "recognised_by_unseen": ("the same, trained on other tapes", 2),
    "kad_unseen": ("KAD to clips of other tapes, {}", 1),
    "real_made_auc": ("told from real clips, AUC (0.5: not at all)", 2),
    "substitution": ("accuracy on other tapes, taught by samples over taught by clips", 2),
}
LIMITS["ensemble"] = LIMITS["classifier"]


def card(run: RunFolder) -> str:
    """The model card of a run folder, in Markdown."""
    info = run.info
    kind = info.kind
    if kind not in USES:
        raise RunError(f"{run.run_json}: of kind '{kind}', which has no model card", RESTORE)
    parts = [
        f"# {markdown(info.family or kind)}: a finback {kind}",
        MAKES_SOUND if _makes_sound(info) else USES[kind],
        "## What it is",
        _bullets(
            {
                "parameters": None if info.n_parameters is None else f"{info.n_parameters:,}",
                "members": ", ".join(markdown(str(m["family"])) for m in info.members) or None,
                "networks": f"{info.n_folds}, one a fold, averaged" if info.n_folds else None,
                "input": _input(info),
                "licence of the pretrained weights": "; ".join(models.licences(info.families)) or None,
                "longer clips": LONGER_CLIPS if kind in ("classifier", "ensemble") else None,
                "species": ", ".join(f"*{markdown(name)}*" for name in info.labels),
                "command": markdown_code(without_paths(str(info.command))) if info.command else None,
                "seed": info.seed,
                "finback": info.finback,
            }
        ),
        "## Training data",
        _bullets(
            {
                "recordings": None
                if info.n_clips is None
                else f"{markdown(info.source or '')}, {info.n_clips} clips{_n_trained_on(run)}",
                "terms": markdown(info.licence or ""),
                "cite": markdown(info.citation or ""),
                "split": _split(info),
            }
        ),
        "## What was measured",
        _bullets(_figures(run))
        or "Nothing yet: `finback evaluate` measures a classifier, `finback audit` a generator or vocoder.",
        "## Limits",
        "\n".join(f"- {line}" for line in _limits(run)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _makes_sound(info: RunInfo) -> bool:
    """Whether it is a generator that needs no vocoder."""
    return info.family in models.GENERATORS and models.family(info.family).way == "waves"


def _n_trained_on(run: RunFolder) -> str:
    """Of a generator or vocoder: how many of the clips it was trained on."""
    rows = run.training_rows(include_validation=False) if run.info.kind in ("generator", "vocoder") else []
    return f", {len(rows)} of them training clips" if rows else ""


def _limits(run: RunFolder) -> tuple[str, ...]:
    if run.info.kind == "generator":
        line = caution(of_one_group(trained_on(run)))
        return (*LIMITS["generator"], *([markdown(line)] if line else []))
    if run.info.kind not in ("classifier", "ensemble"):
        return LIMITS[run.info.kind]
    return (GATED if _has_gate(run) else ANY_SOUND, *LIMITS[run.info.kind])


def _has_gate(run: RunFolder) -> bool:
    """Of an ensemble: all members have one."""
    members = [run.member(i) for i in range(len(run.info.members))]
    return all(_has_gate(one) for one in members) if members else all(part.info.gate for part in run.parts)


def without_paths(command: str) -> str:
    """The command with every absolute path cut to its last two parts, also in `--audio=/home/me/clips`."""

    def short(word: str) -> str:
        option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        return f"{option}{equals}{short_path(value)}"

    try:
        words = shlex.split(command)
    except ValueError:  # a run folder from elsewhere can hold any text, for example one quote
        words = command.split()
    return shlex.join(short(word) for word in words)


def short_path(text: str) -> str:
    """The last two parts of an absolute path, or of one that begins with `..` or `~`; other text as it is."""
    path = PureWindowsPath(text) if re.match(r"[A-Za-z]:[\\/]|\\", text) else PurePosixPath(text)
    is_long = path.is_absolute() or path.parts[:1] in (("..",), ("~",))
    return "/".join([part for part in path.parts if part != path.anchor][-2:]) if is_long else text


def _input(info: RunInfo) -> str:
    spec, family = info.spec, info.family
    front_end = models.family(family).input if family in models.CLASSIFIERS else LogMelFrontEnd.name
    return front_end_class(front_end).describe(build(FeatureSpec, spec))


def _bullets(rows: dict[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in rows.items() if value not in (None, ""))


def _split(info: RunInfo) -> str | None:
    split = info.split
    if not isinstance(split, dict):
        return None
    by_group = split.get("by", "group") == "group"
    whole = "whole recording groups in one set" if by_group else "clip by clip: tapes are in several sets"
    counts = ", ".join(f"{n} {markdown(subset)}" for subset, n in split.get("clips", {}).items())
    return f"{whole} ({counts})"


def _figures(run: RunFolder) -> dict[str, str]:
    """Headline figures that the folder holds, by name."""
    found: dict[str, str] = {}
    if run.metrics.is_file():
        metrics = read_document(run.metrics, MetricsFile)
        if folds := metrics.get("n_folds"):
            found["tested"] = f"the recipe, in {folds} folds of whole tapes; this model was trained on all"
        for key in NAMES:
            if metrics.get(key) is not None:
                low, high = metrics.get(f"{key}_ci") or (None, None)
                within = f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else ""
                found[f"{NAMES[key]} on tapes not trained on"] = f"{metrics[key]:.3f}{within}"
    if run.generator_audit.is_file():
        audit = read_audit(run.generator_audit, GeneratorAuditFile)
        found |= _twin(audit) | _audited(audit)
    if run.vocoder_audit.is_file():
        audit = read_audit(run.vocoder_audit, VocoderAuditFile)
        found |= _twin(audit) | _vocoded(audit)
    return found


def _twin(audit: dict[str, Any]) -> dict[str, str]:
    """Whether the audit is that of a twin."""
    if not (twin := audit.get("twin")):
        return {}
    clips = f"trained on {twin['n_train']} clips, without the tapes of {twin['n_left_out']}"
    return {"tested": f"a twin with the same settings, {clips}; this model was trained on all tapes"}


def _vocoded(audit: dict[str, Any]) -> dict[str, str]:
    """The audit of a vocoder: each figure with those of the methods that need no training."""
    own, *others = audit["vocoders"]
    rows = audit["vocoders"]
    where = f"{audit['n_windows']} windows of {audit['n_groups']} tapes not trained on"
    found = {"windows": where}
    tests = audit.get("test_sounds", {})
    for key, measured in [(k, rows) for k in audit["measures"]] + [(k, tests) for k in TEST_SOUNDS]:
        values = {name: measured.get(name, {}).get(key) for name in (own, *others)}
        shown = {name: f"{value:.3f}" for name, value in values.items() if value is not None}
        if own in shown:
            found[key] = f"{shown.pop(own)} (" + ", ".join(f"{n} {v}" for n, v in shown.items()) + ")"
    return found


def _audited(audit: dict[str, Any]) -> dict[str, str]:
    """The audit of a generator: each figure with that of real clips; nothing where clips were too few."""
    mine = next(iter(audit["generators"]))
    right = {subset: row["accuracy"] for subset, row in audit["recognised"].items()}
    found = _by_references(audit, mine)
    found["recognised by a classifier of the same log-mels, which flatters"] = _with_real(right, mine)
    for table in audit["distances"]:
        if mine in table["rows"]:
            space = table["space"].replace("_", " ")
            row, where = table["rows"][mine], f"{table['reference']} clips, embedding of {space}"
            if row["kad"] is not None and row["coverage"] is not None:
                found[f"distance to {where}"] = f"KAD {row['kad']:.1f}, coverage {row['coverage']:.2f}"
    near = {subset: row["below_pair"] for subset, row in audit["copying"]["logmel"]["rows"].items()}
    found["nearer to a training clip than clips of two tapes are to each other"] = _with_real(near, mine)
    if whitened := audit["copying"].get("whitened"):
        near = {subset: row["below_nearest"] for subset, row in whitened["rows"].items()}
        what = "near copies without the colour of the tape (nearer than 1 % of clips are to another tape)"
        found[what] = _with_real(near, mine)
    return {name: text for name, text in found.items() if text}


def _by_references(audit: dict[str, Any], mine: str) -> dict[str, str]:
    """Figures of the classifiers that others trained; none in an audit of an earlier version."""
    found: dict[str, str] = {}
    for embedding, own in list(audit.get("reference_embeddings", {}).items())[:1]:
        rows, name = own["rows"], BACKBONES.get(embedding, embedding)
        for key, (what, digits) in BY_REFERENCE.items():
            values = {row: rows.get(row, {}).get(key) for row in (mine, BASELINE, *REAL)}
            of = {**OF, mine: "of samples"}
            shown = [f"{v:.{digits}f} {of[row]}" for row, v in values.items() if v is not None]
            if values[mine] is not None:
                found[what.format(name)] = ", ".join(shown)
    row = audit.get("coherence", {}).get(mine)
    if row and row.get("within"):
        what = "species whose share of variance common to all bands is within 20 % of that of real clips"
        found[what] = f"{row['within']['common_share']} of {row['n_species']}"
    return found


def _with_real(shares: Mapping[str, float | None], mine: str) -> str:
    """A share of samples, and the same of real clips; "" where there is none of samples."""
    if shares.get(mine) is None:
        return ""
    subsets = {
        mine: "of samples",
        "held_out": "of real clips of the same tapes",
        "unseen": "of real clips of other tapes",
    }
    known = ((shares.get(subset), what) for subset, what in subsets.items())
    return ", ".join(f"{share:.2f} {what}" for share, what in known if share is not None)
