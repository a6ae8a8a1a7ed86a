"""Arms, folds and settings: who is compared, and on what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from pydantic import Field

from finback import models
from finback.core.errors import SettingsError, SpecMismatchError
from finback.core.settings import DEFAULT_PRESET, Frozen
from finback.core.types import Clip, Split
from finback.data.dataset import Dataset
from finback.features.frontends import front_end_class
from finback.generation.generator import Sampling
from finback.training.augment.spectrum import SpectrumSettings
from finback.training.augment.wave_settings import WaveSettings
from finback.training.plan import Plan
from finback.training.settings import Settings, resolve

NONE, CLASSIC = "none", "classic"
MOVED = "moved"  # real clips of the species, moved to other tapes: no generator
STILL: dict[str, Any] = dict.fromkeys(SpectrumSettings.model_fields, 0)


class GainSettings(Frozen):
    """How synthetic examples are made and added."""

    below: int = Field(25, ge=1)  # species with fewer real clips get synthetic ones
    ratios: tuple[float, ...] = (1.0,)  # synthetic to real
    fill: int = Field(0, ge=0)  # instead: up to so many, real and synthetic together
    over: Literal["classic", "none"] = "classic"  # the augmentation that synthetic examples come on top of
    thin: int = Field(0, ge=0)  # keep at most so many real clips of a species in training; 0 = all
    judge: bool = False  # keep only what the fold's own classifier, trained without them, names right
    tries: int = Field(4, ge=1)  # samples made for one kept, at most, where there is a judge
    moved: float = Field(0.0, ge=0, le=1)  # share of synthetic examples moved to another tape at hand


@dataclass(frozen=True)
class Arm:
    """One way of training: an augmentation, and whose examples come on top."""

    over: str  # none or classic
    maker: str = ""  # a generator's family, or `moved`; "" = real clips only
    ratio: float = 0.0
    fill: int = 0
    moved: float = 0.0
    judged: bool = False

    @property
    def name(self) -> str:
        if not self.maker:
            return self.over
        much = f"to {self.fill}" if self.fill else f"x {self.ratio:g}"
        also = f", moved {self.moved:g}" if self.moved and self.maker != MOVED else ""
        return f"{self.over} + {self.maker} {much}{also}" + (", judged" if self.judged else "")

    @property
    def folder(self) -> str:
        return "-".join(self.name.replace("+", "").replace(",", "").split())

    def wanted(self, n_real: int) -> int:
        """How many synthetic examples a species gets that has `n_real` clips to learn from."""
        return max(0, self.fill - n_real) if self.fill else round(self.ratio * n_real)

    def settings(self, settings: Settings) -> Settings:
        """The classifier's, with or without augmentation."""
        if self.over == CLASSIC:
            return settings
        training = settings.training.model_copy(update={"mixup": 0.0, "cutmix": 0.0})
        still = {"augment": SpectrumSettings(**STILL), "wave": WaveSettings(), "training": training}
        return settings.model_copy(update=still)


@dataclass(frozen=True)
class Gain:
    """What to compare and how; everything that is not data."""

    family: str
    settings: Settings  # of the classifier
    generators: Mapping[str, Settings]
    arms: tuple[Arm, ...]
    options: GainSettings = field(default_factory=GainSettings)
    sampling: Sampling = field(default_factory=Sampling)
    seeds: tuple[int, ...] = (0,)
    folds: tuple[int, ...] = ()  # only these; all if empty
    hours: float = 0.0  # nothing new is begun that would not end by then; 0 = all is done
    device: str = "auto"
    command: str = ""

    @property
    def baseline(self) -> Arm:
        """The arm that synthetic examples are added to."""
        return next(arm for arm in self.arms if not arm.maker and arm.over == self.options.over)

    def classifier(self, arm: Arm, seed: int) -> Plan:
        split = self.settings.split.model_copy(update={"seed": seed})
        its = arm.settings(self.settings).model_copy(update={"split": split})
        return Plan(self.family, its, seed, self.device, self.command)

    def generator(self, name: str, seed: int) -> Plan:
        return Plan(name, self.generators[name], seed, self.device, self.command)


@dataclass(frozen=True)
class Fold:
    """One fold of one seed; validation has joined training."""

    seed: int
    number: int
    of: int
    split: Split
    real: Mapping[str, int] = field(default_factory=dict)  # clips to learn from, by species

    def few(self, below: int) -> dict[str, int]:
        """The species with fewer clips to learn from, and how many."""
        return {name: n for name, n in sorted(self.real.items()) if n < below}


def plan(
    names: Sequence[str],
    family: str = "cnn2d",
    preset: str = DEFAULT_PRESET,
    overrides: Sequence[str] = (),
    generator_overrides: Sequence[str] = (),
    n_folds: int = 5,
    options: GainSettings | None = None,
    **other: Any,
) -> Gain:
    """Settle arms and settings; `other` goes to `Gain`.

    `names` are `none`, `classic`, `moved` and families of generators. A `generator_overrides` pair is for all
    generators, or for one as `vae:training.epochs=20`; features follow the classifier's. Raises
    `SettingsError`, `SpecMismatchError`.
    """
    options = options or GainSettings()
    names = list(dict.fromkeys(names))
    known = [NONE, CLASSIC, MOVED, *models.GENERATORS]
    for name in names:
        if name not in known:
            raise SettingsError(f"--synthetic {name}: no such arm", "there are: " + ", ".join(known))
    settings = resolve(preset, overrides, family, split={"folds": n_folds})
    _check(family, settings, options)
    features = [pair for pair in overrides if pair.strip().startswith("features.")]
    generators = {}
    for name in names:
        if name not in models.GENERATORS:
            continue
        own = [*features, "generate.held_out=0", *_own(generator_overrides, name, names)]
        generators[name] = resolve(preset, own, name)
        if generators[name].features != settings.features:
            raise SpecMismatchError(f"{name} would make other features than {family} hears", "set them alike")
    arms = [Arm(name) for name in (NONE, CLASSIC) if name in names or name == options.over]
    for name in names:
        if name in (NONE, CLASSIC):
            continue
        moved = 1.0 if name == MOVED else options.moved
        made = Arm(options.over, name, moved=moved, judged=options.judge and name != MOVED)
        amounts = [{"fill": options.fill}] if options.fill else [{"ratio": r} for r in options.ratios]
        arms += [replace(made, **amount) for amount in amounts]
    return Gain(family, settings, generators, tuple(arms), options, **other)


def _check(family: str, settings: Settings, options: GainSettings) -> None:
    model = models.create(family, settings.features, 2, **settings.model)
    if not front_end_class(model.input).is_spectrogram:
        raise SettingsError(
            f"--synthetic with {family}, which takes in {model.input}",
            "take a family that takes in log-mels: cnn2d",
        )
    if settings.wave.on:
        raise SettingsError(
            "wave augmentation with --synthetic: generated log-mels have no wave", "leave wave.* out"
        )
    if settings.split.by == "clip" or settings.split.folds < 2:
        raise SettingsError("--synthetic is judged on unseen tapes", "give --folds 2 or more, by group")
    if settings.rare.how == "prototype":
        raise SettingsError("rare.how = 'prototype' with --synthetic", "take keep or drop")
    if not options.fill and not all(r > 0 for r in options.ratios):
        raise SettingsError(f"--ratio {options.ratios}: not above 0", "give e.g. 0.5,1,2")


def _own(overrides: Sequence[str], name: str, names: Sequence[str]) -> list[str]:
    """The pairs that are for this generator, without its name."""
    found = []
    for pair in overrides:
        to, colon, rest = pair.partition(":")
        if colon and "=" not in to:
            if to not in names:
                raise SettingsError(f"--generator-set {pair}: {to} takes no part", "name one of the arms")
            found += [rest] if to == name else []
        else:
            found.append(pair)
    return found


def folds_of(job: Gain, dataset: Dataset) -> tuple[Fold, ...]:
    """Every fold of every seed that is asked for, fold by fold, seeds first to have an early answer."""
    found = []
    for seed in job.seeds:
        settings = job.classifier(job.baseline, seed).settings
        for result in dataset.make_splits(settings.split):
            number = result.fold or 0
            if job.folds and number not in job.folds:
                continue
            split = _thinned(result.split, job.options.thin, [seed, number, 11])
            real = dict(Counter(c.label or "" for c in split.train))
            found.append(Fold(seed, number, job.settings.split.folds, split, real))
    if not found:
        raise SettingsError(f"--only-folds {job.folds}: no such fold", "they are counted from 0")
    return tuple(found)


def _thinned(split: Split, most: int, seed: list[int]) -> Split:
    """Validation joins training, of which at most so many clips a species stay; the others are set aside."""
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
