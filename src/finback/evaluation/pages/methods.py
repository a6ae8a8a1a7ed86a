"""The methods of a run in sentences for a paper, from the facts that the run folder holds.

A sentence is left out where its fact is not stored. Nothing is taken from the defaults of this version: a run
of another version may have been made otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finback import models
from finback.core.errors import FinbackError
from finback.core.runs.documents import read_document
from finback.core.runs.files import RunFiles
from finback.core.runs.info import RunInfo
from finback.core.runs.left_out import LeftOutFile
from finback.core.text import counted
from finback.evaluation.pages.run_data import RunData
from finback.features.frontends import front_end_class
from finback.report.pages.common import percent
from finback.report.pages.summary import NO_AUDIO_BASELINES, no_audio_baselines

SUBSETS = {"train": "training", "val": "validation", "test": "test"}
SCALES = {
    "db": "in dB",
    "pcen": "after per-channel energy normalisation (PCEN)",
    "power": "as power (linear)",
}


def methods(run: RunData) -> list[str]:
    """Paragraphs: data and split, features and model, evaluation, software."""
    info = run.parts[0] if run.parts else run.info
    parts = (
        [*_data(run), *_split(run)],
        [*_features(info), *_model(run, info), *_training(run, info), *_calibration(run)],
        _evaluation(run),
        _software(run),
    )
    return [" ".join(sentences) for sentences in parts if sentences]


def _data(run: RunData) -> list[str]:
    info, sentences = run.info, []
    clips = run.manifest.clips if run.manifest else ()
    if clips:
        n_groups = len({clip.group_key for clip in clips})
        where = f"from {counted(n_groups, 'recording group')}"
        if n_groups == len(clips) > 1:
            where = "whose recording groups are not known, so that each counts as a group of its own"
        n_species = len({clip.label for clip in clips})
        sentences.append(f"We used {counted(len(clips), 'labelled clip')} of {n_species} species {where}.")
    elif info.n_clips:
        sentences.append(f"We used {counted(info.n_clips, 'labelled clip')} of {len(info.labels)} species.")
    how, below, rare = (info.rare.get(key) for key in ("how", "below", "species"))
    if rare and how in ("drop", "bucket", "prototype"):
        done = {
            "drop": "were left out",
            "bucket": "were put together as one class",
            "prototype": "were not trained on; their mean embeddings became rows of the last layer",
        }[how]
        sentences.append(f"The {len(rare)} species with fewer than {below} clips {done}.")
    return sentences


def _split(run: RunData) -> list[str]:
    splits = run.splits
    if not splits:
        return []
    clips: list[dict[str, int]] = [split.get("clips") or {} for split in splits]
    if run.by_clip:
        sentences = [
            "Clips were split at random, without regard to recording groups. Clips of one group are "
            "therefore in the training set and in the test set, and the results are too high for new "
            "recordings."
        ]
    else:
        sentences = [
            "Clips were split by recording group (for example a tape or a deployment), so that all clips of "
            "a group are in one set."
        ]
    if len(splits) > 1:
        test = sum(one.get("test", 0) for one in clips)
        sentences.append(
            f"In a cross-validation of {len(splits)} folds, each fold had a training, a validation and a "
            f"test set; the test sets together hold {counted(test, 'clip')}, each tested by a model that was "
            f"not trained on {'it' if run.by_clip else 'its group'}."
        )
    else:
        sizes = [f"{clips[0][key]:,} {name}" for key, name in SUBSETS.items() if clips[0].get(key)]
        which = "The sets of the final model" if (run.metrics or {}).get("n_folds") else "The sets"
        sentences.append(f"{which} have {_and(sizes)} clips.")
    synthetic = max((split.get("synthetic") or 0 for split in splits), default=0)
    if synthetic:
        sentences.append(f"{counted(synthetic, 'generated clip')} were added to the training set only.")
    return sentences


def _features(info: RunInfo) -> list[str]:
    spec, input_name = info.spec, _input_of(info)
    if not spec or not input_name:
        return []
    rate, samples = spec.get("sample_rate"), spec.get("clip_samples")
    if not rate or not samples:
        return []
    seconds = f"{samples / rate:.3g} s"
    sentences = [f"Sound was resampled to {rate:,} Hz and cut into windows of {seconds}."]
    if input_name == "logmel" and {"n_fft", "hop", "n_mels", "n_frames", "scale"} <= set(spec):
        top = spec.get("f_max") or rate / 2
        sentences.append(
            f"The input is a mel spectrogram of {spec['n_mels']} bands from {spec['f_min']:g} to {top:,g} "
            f"Hz and {spec['n_frames']} frames (window of {spec['n_fft']} samples, hop of {spec['hop']} "
            f"samples), {SCALES.get(spec['scale'], spec['scale'])}."
        )
    elif input_name == "wave":
        sentences.append("The input is the waveform.")
    else:
        version = f" (version {info.backbone_version})" if info.backbone_version else ""
        sentences.append(
            f"The input of the classifier is the vector of the fixed front end {input_name}{version}."
        )
    return sentences


def _input_of(info: RunInfo) -> str:
    if info.family not in models.CLASSIFIERS:
        return ""
    try:
        return front_end_class(models.family(info.family).input).name
    except FinbackError:
        return ""


def _model(run: RunData, info: RunInfo) -> list[str]:
    if run.ensemble:
        names = [str(member.get("family")) for member in run.ensemble]
        mean = run.info.settings.get("how", "mean") == "mean"
        how = "with equal weights" if mean else "with weights that were fitted on the validation sets"
        return [f"The model is an ensemble: it combines the answers of {_and(names)} {how}."]
    if info.family not in models.CLASSIFIERS:
        return [f"The model is of the family {info.family}."] if info.family else []
    about = (models.family(info.family).__doc__ or "").strip().splitlines()[0].rstrip(".")
    size = f", with {info.n_parameters:,} parameters" if info.n_parameters else ""
    return [f"The classifier is {info.family} ({about[:1].lower() + about[1:]}){size}."]


def _training(run: RunData, info: RunInfo) -> list[str]:
    training = info.settings.get("training") or {}
    if run.ensemble or info.family not in models.CLASSIFIERS or not training:
        return []
    stages = models.family(info.family).stages
    both = (
        "the training and validation sets together" if info.refit_epochs is not None else "the training set"
    )
    if stages == ("fit",):
        copies = training.get("copies")
        more = f", with {copies} augmented copies of each clip" if copies else ""
        return [f"It was fitted to {both}{more}."]
    sentences = []
    if "contrast" in stages:
        sentences.append(
            f"Its encoder was first trained for {training['contrast_epochs']} epochs with a contrastive loss."
        )
    sentences.append(
        f"The network was trained with AdamW (learning rate {training['learning_rate']:g}, weight decay "
        f"{training['weight_decay']:g}, batches of {training['batch_size']}) for at most "
        f"{training['epochs']} epochs; the weights are an exponential average over the steps."
    )
    if info.best is not None:
        sentences.append("The number of epochs was chosen by the macro-F1 on the validation set.")
    if info.refit_epochs is not None:
        sentences.append(f"The network was then trained again on {both} for that number of epochs.")
    changed = [name for name in ("mixup", "cutmix") if training.get(name)]
    augment = info.settings.get("augment") or {}
    if any(value for value in augment.values() if isinstance(value, int | float)):
        changed.insert(0, "changes of the spectrograms (shifts, masks, equalisation, noise)")
    if changed:
        sentences.append(f"Training clips were augmented with {_and(changed)}.")
    return sentences


def _calibration(run: RunData) -> list[str]:
    found = [part for part in run.parts if part.temperature is not None]
    fitted = [part.temperature for part in found if part.temperature and not part.not_calibrated]
    if not found:
        return []
    if not fitted:
        return ["The probabilities were not calibrated."]
    low, high = f"{min(fitted):.2f}", f"{max(fitted):.2f}"
    which = (
        f"one temperature ({low})" if len(found) == 1 else f"a temperature for each fold ({low} to {high})"
    )
    on = {
        "cross-fitted": " to groups that were left out of copies of the model",
        "validation": " to the validation set",
    }.get(_how_left_out(run), "")
    return [f"Probabilities were calibrated by {which}, fitted{on}."]


def _how_left_out(run: RunData) -> str:
    """How the groups were left out that the temperature was fitted to; "" where that is not stored."""
    for folder in (run.path, run.path / "folds" / "0"):
        try:
            return str(read_document(RunFiles(folder).left_out, LeftOutFile)["how"])
        except (FinbackError, OSError):
            continue
    return ""


def _evaluation(run: RunData) -> list[str]:
    metrics = run.metrics
    if not metrics or not metrics.get("n_clips"):
        return []
    where = f"{counted(metrics['n_clips'], 'test clip')} of {counted(metrics['n_groups'], 'recording group')}"
    names = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1",
             "macro_auc": "macro AUC", "ece": "expected calibration error"}  # fmt: skip
    values = [
        f"{name} {percent(metrics[key])}{_within(metrics.get(f'{key}_ci'))}"
        for key, name in names.items()
        if metrics.get(key) is not None
    ]
    sentences = [f"On {where}, the results are: {_and(values)}."]
    sentences += _tested_in_folds(metrics)
    if any(metrics.get(f"{key}_ci") for key in names):
        sentences.append("The 95 % intervals are from a bootstrap that draws whole recording groups.")
    untested = sum(not row["n_clips"] for row in metrics["per_species"].values())
    if untested:
        sentences.append(f"{untested} species had no test clip and count as 0 in the macro-F1.")
    _, figures = no_audio_baselines(run.audit, run.by_clip)
    best = [figures[name] for name in NO_AUDIO_BASELINES if figures.get(name) is not None]
    if best:
        sentences.append(f"The best baseline that uses no audio reached an accuracy of {percent(max(best))}.")
    return sentences


def _tested_in_folds(metrics: Mapping[str, Any]) -> list[str]:
    """Of a model that was trained on everything: how its method was tested, and chosen where it was."""
    folds, sentences = metrics.get("n_folds"), []
    if not folds:
        return []
    choice = metrics.get("choice") or {}
    compared = list(choice.get("losses") or {})
    if len(compared) > 1:
        chosen = sorted(set(choice.get("folds") or ()))
        sentences.append(
            f"In each of {folds} folds, one of the families {_and(compared)} was chosen by its mean negative "
            "log-likelihood on recording groups that were left out of the training part; the test groups of "
            f"the fold took no part in this choice (chosen: {_and(chosen)})."
        )
    sentences.append(
        f"The results are those of the method in {folds} folds, each tested on groups that its model was not "
        "trained on. The final model was then trained on the clips of all folds."
    )
    return sentences


def _within(ends: Sequence[float] | None) -> str:
    return f" ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})" if ends else ""


def _software(run: RunData) -> list[str]:
    info = run.info
    if not info.finback:
        return []
    commit = f", commit {info.git_commit}" if info.git_commit else ""
    libraries = [f"{name} {version}" for name, version in info.versions.items()]
    with_them = f" with {_and(libraries)}" if libraries else ""
    seed = "" if info.seed is None else f" The seed was {info.seed}."
    sentences = [f"All work was done with finback {info.finback}{commit}{with_them}.{seed}"]
    source = run.manifest.source if run.manifest else None
    citation, licence = (source.citation, source.licence) if source else (info.citation, info.licence)
    if citation and licence != "unknown":  # else it is a reminder, not a citation
        sentences.append(f"Recordings: {citation}")
    if licences := models.licences(info.families):
        sentences.append(f"Licence of the pretrained weights: {'; '.join(licences)}.")
    return sentences


def _and(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
