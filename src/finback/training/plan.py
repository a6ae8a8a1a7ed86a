"""The plan of a training, and the description of its run.

    plan = Plan("cnn2d", settings, seed=0)
    describe(plan, dataset)     # what run.json will hold, before any work is done

`describe` is the same for classifiers, generators and vocoders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from finback import models
from finback.core.errors import SettingsError
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import Json, RunInfo
from finback.core.settings import build
from finback.data.dataset import Dataset, require_dataset
from finback.data.rare import RareSettings
from finback.features import playback
from finback.features.extract import Extractor
from finback.models.device_names import check_device
from finback.models.model_files import resumed_settings, stored_settings
from finback.training.settings import Settings, resolve


@dataclass(frozen=True)
class Plan:
    """Model family, settings and seed of a training: everything except the data."""

    family: str
    settings: Settings
    seed: int = 0
    device: str = "auto"
    command: str = ""


def resumed(plan: Plan, out: Path) -> Plan:
    """The plan for training in `out`: user files that no longer exist are replaced by the copies in `out`.

    A training that a version without augmented copies began ends as it would have ended there.
    """
    settings = plan.settings
    training = settings.training
    if RunFiles(out).run_json.is_file() and RunFolder.open(out).info.setting("training", "copies") is None:
        training = training.model_copy(update={"copies": 0})
    model = resumed_settings(plan.family, settings.model, out)
    return replace(plan, settings=settings.model_copy(update={"model": model, "training": training}))


def resumed_generator(plan: Plan, out: Path) -> Plan:
    """The plan for training in `out`: a diffusion model that an older version began ends as it would there.

    Such a run names no start of its network. It keeps its own settings of the network, the noise levels and
    the loop, unless the command changes those of the family.
    """
    files = RunFiles(out)
    if plan.family != "diffusion" or not files.run_json.is_file():
        return plan
    info = RunFolder.open(out).info
    begun = info.settings.get("model", {})
    if info.family != plan.family or "start" in begun:
        return plan
    preset = resolve(family=plan.family)
    settings, own = plan.settings, {"model": begun}
    if settings.model != preset.model:
        return plan
    for section in ("diffusion", "training"):
        if getattr(settings, section) == getattr(preset, section):
            own[section] = build(type(getattr(settings, section)), info.settings.get(section, {}))
    return replace(plan, settings=settings.model_copy(update=own))


def with_speeds(plan: Plan, dataset: Dataset) -> Plan:
    """The plan with numbers in place of `features.playback = "auto"`, from the rates of the recordings."""
    features = playback.resolved(plan.settings.features, dataset.clips)
    return replace(plan, settings=plan.settings.model_copy(update={"features": features}))


def describe(plan: Plan, dataset: Dataset, arm: Json | None = None) -> RunInfo:
    """What run.json says of the run: model, settings and data.

    `arm`: in a study of synthetic clips, the clips that are added to the real ones.

    Raises `ManifestError` when `dataset` is no `Dataset`, `SettingsError` when the settings do not fit the
    family, the device or the data.
    """
    require_dataset(dataset, "training")
    settings = plan.settings
    if dataset.rare != settings.rare:
        raise SettingsError(
            f"clips prepared with {_policy(dataset.rare)} for settings with {_policy(settings.rare)}",
            "prepare the clips with the policy of the settings: prepare(manifest, duplicates, settings.rare)",
        )
    check_device(plan.device)
    model = models.create(plan.family, settings.features, len(dataset.labels), **settings.model)
    backbone_version = Extractor.for_model(model).front_end.version
    return RunInfo(
        kind=models.kind(plan.family),
        family=plan.family,
        labels=dataset.labels.names,
        spec=settings.features.model_dump(mode="json"),
        **({"backbone_version": backbone_version} if backbone_version else {}),
        settings={
            **settings.model_dump(mode="json"),
            "model": stored_settings(plan.family, settings.model),
        },
        defaults={**Settings().model_dump(mode="json"), "model": models.hyperparameters(plan.family)},
        seed=plan.seed,
        command=plan.command,
        data_fingerprint=dataset.fingerprint,
        source=dataset.source.name,
        licence=dataset.source.licence,
        citation=dataset.source.citation,
        n_clips=len(dataset.clips),
        multi_group=tuple(dataset.multi_group),
        rare={**dataset.rare.model_dump(), "species": dict(dataset.rare_species)},
        **({"arm": arm} if arm else {}),
    )


def _policy(rare: RareSettings) -> str:
    return f"rare.how = '{rare.how}' (below {rare.below} clips)"
