"""Keys that run folders of older versions have under other names.

A run folder outlives the version that wrote it. Every reader of its JSON files passes them through `current`,
so that the rest of the program knows one name for each thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Old key -> key of today, wherever it stands in run.json, metrics.json, audit.json, leaderboard.json ...
RENAMED: dict[str, str] = {
    # run.json, generated.json
    "teachers": "provenance",
    "embedder": "backbone_version",
    # audit.json
    "metadata_only_accuracy": "metadata_accuracy",
    "metadata_only_accuracy_ci": "metadata_accuracy_ci",
    # leaderboard.json
    "deaf": "no_audio_baselines",
    "by_tape": "grouped",
}
# The same for the settings in generated.json.
GENERATED_RENAMED: dict[str, str] = {**RENAMED, "judge": "reference_classifier"}
# The same for generator_audit.json, vocoder_audit.json and reconstruction.json, which name sets of clips.
AUDIT_RENAMED: dict[str, str] = {
    "learnt": "train",
    "held": "held_out",
    "val": "validation",
    "judge": "reference_classifier",
    "heard": "seen_in_training",
    "marks": "thresholds",
    "side": "subset",
}
# Settings ("section.key") that only older versions have, each with the default of the older version.
# With that default a setting changed nothing, so it is dropped from `settings`, and if it is of `features`,
# from `spec`. With another value it is kept: whoever compares or validates the settings then names it.
REMOVED_SETTINGS: dict[str, Any] = {}
SET_NAMES = ("reference", "space", "side", "subset")  # keys whose values are such names
# The same for keys that mean this in one kind of file only; whoever reads that file gives the table.
SYNTHETIC_STUDY: dict[str, str] = {  # synthetic_study.json, gain.json in version 0.1.0
    "below": "low_data_below",
    "thin": "max_real_clips",
    "of_folds": "n_folds",
    "few": "low_data_species",
    "learnt_from": "training_clips",
    "maker": "generator",
    "over": "augmentation",
    "fill": "target_clips",
    "moved": "tape_transfer",
    "judged": "filtered",
    "refused": "rejected_share",
    "few_f1": "low_data_f1",
    "few_f1_ci": "low_data_f1_ci",
    "few_recall": "low_data_recall",
    "scarce_recall": "low_data_recall_by_fold",
    "gain_recall": "recall_difference",
    "gain_f1": "f1_difference",
}
RUN: dict[str, str] = {  # run.json
    **RENAMED,
    "made": "n_generated",
    "refused": "n_rejected",
}
LEADERBOARD: dict[str, str] = {"random": "random_split"}  # a family in leaderboard.json
# Modules of a network in the names of tensors: "blocks.0.told.bias" is "blocks.0.modulation.bias" today.
RENAMED_MODULES: dict[str, str] = {
    "told": "modulation",  # models.networks.denoiser.Block
    "tapes": "group_head",  # training.losses.GroupAware, in checkpoints only
}


# Settings of the features in 0.1.0 that are settings of the model today.
MOVED_TO_MODEL = ("onnx_file", "onnx_output")


def with_moved_settings(run: Any) -> Any:
    """The object of a run.json, its settings where they belong today."""
    if not isinstance(run, dict):
        return run
    features = [part for part in (run.get("spec"), _section(run, "features")) if isinstance(part, dict)]
    moved = {key: part[key] for part in features for key in MOVED_TO_MODEL if part.get(key)}
    kept = {
        "spec": _without(run.get("spec"), MOVED_TO_MODEL),
        "settings": _without(run.get("settings"), ()),
    }
    if isinstance(kept["settings"], dict):
        sections = {
            "features": _without(_section(run, "features"), MOVED_TO_MODEL),
            "model": {**(_section(run, "model") or {}), **moved},
        }
        kept["settings"] |= {name: part for name, part in sections.items() if name in kept["settings"]}
    return {**run, **{key: part for key, part in kept.items() if key in run}}


def _section(run: Mapping[str, Any], name: str) -> Any:
    settings = run.get("settings")
    return settings.get(name) if isinstance(settings, dict) else None


def _without(part: Any, keys: Sequence[str]) -> Any:
    return {k: v for k, v in part.items() if k not in keys} if isinstance(part, dict) else part


def current(value: Any, names: Mapping[str, str] = RENAMED) -> Any:
    """The same JSON value with today's keys, at every depth. A key of today wins over its old name."""
    return _renamed(value, names)


def current_generated(value: Any) -> Any:
    """The same for the JSON value of a generated.json."""
    return _renamed(value, GENERATED_RENAMED)


def current_audit(value: Any) -> Any:
    """The same for the JSON value of an audit, where the values of `SET_NAMES` have today's names too."""
    return _renamed(value, AUDIT_RENAMED, SET_NAMES)


def without_removed_settings(info: Any) -> Any:
    """The object of a run.json without the settings of `REMOVED_SETTINGS` that have the default they had."""
    if not isinstance(info, dict):
        return info
    settings, spec = info.get("settings"), info.get("spec")
    if isinstance(settings, dict):
        info = {**info, "settings": {name: _without_default(part, name) for name, part in settings.items()}}
    return {**info, "spec": _without_default(spec, "features")} if isinstance(spec, dict) else info


def _without_default(values: Any, section: str) -> Any:
    if not isinstance(values, dict):
        return values
    removed = {
        key.partition(".")[2]: v for key, v in REMOVED_SETTINGS.items() if key.startswith(f"{section}.")
    }
    return {key: v for key, v in values.items() if key not in removed or v != removed[key]}


def _renamed(value: Any, names: Mapping[str, str], named: Sequence[str] = ()) -> Any:
    if isinstance(value, list):
        return [_renamed(v, names, named) for v in value]
    if not isinstance(value, dict):
        return value
    return {
        names.get(key, key): names.get(v, v)
        if key in named and isinstance(v, str)
        else _renamed(v, names, named)
        for key, v in value.items()
        if names.get(key) not in value
    }
