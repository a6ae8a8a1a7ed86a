"""Arms, folds and settings of a synthetic study: what is compared, and on which clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from finback import models
from finback.core.errors import SettingsError, SpecMismatchError
from finback.core.runs.files import SCORES
from finback.core.runs.folder import RunFolder
from finback.core.settings import DEFAULT_PRESET, Frozen
from finback.core.types import Clip, Split
from finback.data.dataset import Dataset
from finback.evaluation.study import RUNS, PlannedRun, StudyOptions
from finback.evaluation.synthetic_study.arm import CLASSIC, NONE, PRETRAIN, TAPE_TRANSFER, Arm
from finback.features.frontends import front_end_class
from finback.generation.generator import Sampling
from finback.training.plan import Plan
from finback.training.settings import Settings, resolve


class SyntheticSettings(Frozen):
    """How synthetic examples are generated and added."""

    low_data_below: int = Field(
        25, ge=1, le=1_000_000_000
    )  # species with fewer training clips get synthetic ones
    ratios: tuple[float, ...] = (1.0,)  # synthetic to real clips
    target_clips: int = Field(0, ge=0, le=1_000_000)  # instead: real and synthetic clips together, at most
    augmentation: Literal["classic", "none"] = "classic"  # in the baseline and in arms with synthetic clips
    max_real_clips: int = Field(
        0, ge=0, le=1_000_000_000
    )  # real training clips of a species, at most; 0: no limit
    filter: bool = False  # keep only samples that the fold's own classifier assigns to their species
    max_attempts: int = Field(
        4, ge=1, le=10_000
    )  # samples generated for one that is kept, at most, with the filter
    tape_transfer: float = Field(0.0, ge=0, le=1)  # share of synthetic examples transferred to another tape
    only_folds: tuple[int, ...] = ()  # the folds to train, counted from 0; all if empty
    generators: Path | None = None  # folder of generators that studies share; None: in that of the study


@dataclass(frozen=True)
class SyntheticStudy:
    """What to compare and how; everything that is not data."""

    family: str
    classifier: Settings
    generators: Mapping[str, Settings]
    arms: tuple[Arm, ...]
    settings: SyntheticSettings = field(default_factory=SyntheticSettings)
    sampling: Sampling = field(default_factory=Sampling)
    options: StudyOptions = field(default_factory=StudyOptions)

    @property
    def baseline(self) -> Arm:
        """The arm that synthetic examples are added to."""
        return next(a for a in self.arms if not a.generator and a.augmentation == self.settings.augmentation)

    def classifier_plan(self, arm: Arm, seed: int) -> Plan:
        split = self.classifier.split.model_copy(update={"seed": seed})
        settings = arm.apply(self.classifier).model_copy(update={"split": split})
        return Plan(self.family, settings, seed, self.options.device, self.options.command)

    def generator_plan(self, name: str, seed: int) -> Plan:
        return Plan(name, self.generators[name], seed, self.options.device, self.options.command)

    def most_synthetic(self, generator: str, n_real: int) -> int:
        """The largest number of synthetic clips that an arm with this generator adds to `n_real` clips."""
        return max(arm.n_synthetic(n_real) for arm in self.arms if arm.generator == generator)


@dataclass(frozen=True)
class Fold:
    """One fold of one seed; the validation clips have joined the training set."""

    seed: int
    number: int
    n_folds: int
    split: Split
    training_clips: Mapping[str, int] = field(default_factory=dict)  # real ones, by species

    def low_data(self, below: int) -> dict[str, int]:
        """The species with fewer training clips than `below`, and how many they have."""
        return {name: n for name, n in sorted(self.training_clips.items()) if n < below}


@dataclass(frozen=True, kw_only=True)
class ArmRun(PlannedRun):
    """One arm in one fold."""

    evaluated = SCORES
    arm: Arm
    fold: Fold


def planned_runs(study: SyntheticStudy, folds: Sequence[Fold], out: Path) -> tuple[ArmRun, ...]:
    """All runs, fold by fold, so that the arms that are finished can be compared."""
    return tuple(
        ArmRun(
            candidate=arm.name,
            name=f"{arm.name}, seed {fold.seed}, fold {fold.number}",
            folder=fold_folder(out, arm, fold),
            arm=arm,
            fold=fold,
        )
        for fold in folds
        for arm in study.arms
    )


def arm_folder(out: Path, arm: Arm, seed: int) -> Path:
    return out / RUNS / f"{arm.folder}-seed{seed}"


def fold_folder(out: Path, arm: Arm, fold: Fold) -> Path:
    return RunFolder(arm_folder(out, arm, fold.seed)).fold(fold.number).path


def plan(
    names: Sequence[str],
    family: str = "cnn2d",
    preset: str = DEFAULT_PRESET,
    overrides: Sequence[str] = (),
    generator_overrides: Sequence[str] = (),
    settings: SyntheticSettings | None = None,
    sampling: Sampling | None = None,
    options: StudyOptions | None = None,
) -> SyntheticStudy:
    """Choose the arms and resolve their settings.

    `names` are `none`, `classic`, `tape-transfer`, families of generators, and `pretrain-` with a family of
    generators. A pair of `generator_overrides` is for all generators, or for one as in
    `vae:training.epochs=20`. Generators have the features of a classifier of log-mels. Raises
    `SettingsError`, `SpecMismatchError`.
    """
    settings, options = settings or SyntheticSettings(), options or StudyOptions()
    names = list(dict.fromkeys(names))
    known = [NONE, CLASSIC, TAPE_TRANSFER, *models.GENERATORS, *(PRETRAIN + g for g in models.GENERATORS)]
    for name in names:
        if name not in known:
            raise SettingsError(f"--synthetic {name}: no such arm", "the arms are: " + ", ".join(known))
    classifier = resolve(preset, overrides, family, split={"folds": options.n_folds})
    takes_logmels = _check(family, classifier, settings, names)
    features = [pair for pair in overrides if takes_logmels and pair.strip().startswith("features.")]
    generators = {}
    for name in dict.fromkeys(name.removeprefix(PRETRAIN) for name in names):
        if name not in models.GENERATORS:
            continue
        own = [*features, "generate.held_out=0", *_own(generator_overrides, name, names)]
        generators[name] = resolve(preset, own, name)
        if takes_logmels and generators[name].features != classifier.features:
            raise SpecMismatchError(
                f"{name} would generate other features than {family} takes as input",
                "give both the same settings",
            )
    arms = _arms(names, settings)
    return SyntheticStudy(family, classifier, generators, arms, settings, sampling or Sampling(), options)


def _arms(names: Sequence[str], settings: SyntheticSettings) -> tuple[Arm, ...]:
    """Arms of real clips first, the baseline among them; then each source of synthetic clips."""
    arms = [Arm(name) for name in (NONE, CLASSIC) if name in names or name == settings.augmentation]
    for name in names:
        if name in (NONE, CLASSIC):
            continue
        share = 1.0 if name == TAPE_TRANSFER else settings.tape_transfer
        filtered, first = settings.filter and name != TAPE_TRANSFER, name.startswith(PRETRAIN)
        generator = name.removeprefix(PRETRAIN)
        arm = Arm(settings.augmentation, generator, tape_transfer=share, filtered=filtered, pretrained=first)
        if settings.target_clips:
            arms.append(replace(arm, target_clips=settings.target_clips))
        else:
            arms += [replace(arm, ratio=ratio) for ratio in settings.ratios]
    return tuple(arms)


def _check(family: str, classifier: Settings, settings: SyntheticSettings, names: Sequence[str]) -> bool:
    """Whether the classifier takes log-mels; other classifiers get samples as sound."""
    model = models.create(family, classifier.features, 2, **classifier.model)
    takes_logmels = front_end_class(model.input).is_spectrogram
    if not takes_logmels and (settings.filter or settings.tape_transfer or TAPE_TRANSFER in names):
        raise SettingsError(
            f"--filter or tape transfer with {family}: both work on log-mels, and its input is {model.input}",
            "leave them out, or choose a family whose input is log-mels, such as cnn2d",
        )
    first = [name for name in names if name.startswith(PRETRAIN)]
    if first and model.stages == ("fit",):
        raise SettingsError(
            f"--synthetic {first[0]} with {family}: its head is fitted in one step",
            f"add the samples to the clips ({first[0].removeprefix(PRETRAIN)}), or choose a network: cnn2d",
        )
    if settings.filter and settings.generators is not None:
        raise SettingsError(
            "--filter with --generators: which samples are kept depends on the classifier of the study",
            "leave one of them out",
        )
    if classifier.wave.on:
        raise SettingsError(
            "wave augmentation with --synthetic: generated log-mels have no wave",
            "leave the wave.* settings out",
        )
    if classifier.split.by == "clip" or classifier.split.folds < 2:
        raise SettingsError(
            "--synthetic is evaluated on held-out recording groups", "give --folds 2 or more, by group"
        )
    if classifier.rare.how == "prototype":
        raise SettingsError("rare.how = 'prototype' with --synthetic", "choose keep or drop")
    if not settings.target_clips and not all(r > 0 for r in settings.ratios):
        raise SettingsError(f"--ratio {settings.ratios}: not above 0", "give e.g. 0.5,1,2")
    return takes_logmels


def _own(overrides: Sequence[str], name: str, names: Sequence[str]) -> list[str]:
    """The pairs that are for this generator, without its name."""
    own = []
    for pair in overrides:
        to, colon, rest = pair.partition(":")
        if colon and "=" not in to:
            if to not in [one.removeprefix(PRETRAIN) for one in names]:
                raise SettingsError(
                    f"--generator-set {pair}: {to} is not one of the arms", "name a generator of --synthetic"
                )
            own += [rest] if to == name else []
        else:
            own.append(pair)
    return own


def folds_of(study: SyntheticStudy, dataset: Dataset) -> tuple[Fold, ...]:
    """Every fold of every seed to be trained, seed by seed."""
    only, n_folds = study.settings.only_folds, study.options.n_folds
    folds = []
    for seed in study.options.seeds:
        settings = study.classifier_plan(study.baseline, seed).settings
        for result in dataset.make_splits(settings.split):
            number = result.fold or 0
            if only and number not in only:
                continue
            split = _limited(result.split, study.settings.max_real_clips, [seed, number, 11])
            counts: dict[str, Any] = dict(Counter(c.label or "" for c in split.train))
            folds.append(Fold(seed, number, n_folds, split, counts))
    if not folds:
        raise SettingsError(f"--only-folds {only}: no such fold", f"folds are 0 to {n_folds - 1}")
    return tuple(folds)


def _limited(split: Split, most: int, seed: list[int]) -> Split:
    """Validation joins training, with at most `most` clips of each species; the others are set aside."""
    rng = np.random.default_rng(seed)
    clips: list[Clip] = sorted((*split.train, *split.val), key=lambda c: c.key)
    kept: Counter[str] = Counter()
    train: list[Clip] = []
    aside = list(split.set_aside)
    for i in rng.permutation(len(clips)):
        name = clips[i].label or ""
        kept[name] += 1
        (train if not most or kept[name] <= most else aside).append(clips[i])
    by_key = sorted(train, key=lambda c: c.key)
    return Split(tuple(by_key), test=split.test, by=split.by, set_aside=tuple(aside))
