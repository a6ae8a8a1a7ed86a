"""All settings of a run in one frozen object, resolved and saved.

Settings come from, in this order: the preset of the model family, the preset or TOML file, the `fixed` table
of the preset of the family (such as the sample rate of a pretrained network), `--set`. Later values replace
earlier ones. Under `model`, a table with the name of a family is for that family only (`--set
model.lstm.hidden=64`), so one settings file can serve several families.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from finback.core.errors import SettingsError
from finback.core.memory import computer_memory, gigabytes
from finback.core.settings import (
    DEFAULT_PRESET,
    Frozen,
    build,
    load_family,
    load_preset,
    merge,
    parse_overrides,
)
from finback.data.rare import RareSettings
from finback.data.splits.split import SplitSettings
from finback.features.spec import FeatureSpec
from finback.models import FAMILIES, check_chosen
from finback.training.augment.spectrum_settings import SpectrumSettings
from finback.training.augment.wave_settings import WaveSettings
from finback.training.generative_settings import (
    DiffusionSettings,
    GenerateSettings,
    VaeSettings,
    VocoderSettings,
)
from finback.training.loop_settings import TrainingSettings
from finback.training.unknown_settings import UnknownSettings

BYTES_PER_VALUE = 64  # of a batch, in training: the features, their augmentations, the first layers


class Settings(Frozen):
    """Sections as in the preset files; `model` holds the hyper-parameters of the family."""

    features: FeatureSpec = FeatureSpec()
    rare: RareSettings = RareSettings()
    split: SplitSettings = SplitSettings()
    training: TrainingSettings = TrainingSettings()
    augment: SpectrumSettings = SpectrumSettings()
    wave: WaveSettings = WaveSettings()
    unknown: UnknownSettings = UnknownSettings()
    generate: GenerateSettings = GenerateSettings()
    vae: VaeSettings = VaeSettings()
    diffusion: DiffusionSettings = DiffusionSettings()
    vocoder: VocoderSettings = VocoderSettings()
    model: dict[str, int | float | str] = Field(default_factory=dict)


def resolve(
    preset: str = DEFAULT_PRESET, overrides: Iterable[str] = (), family: str = "", **sections: Any
) -> Settings:
    """Settings from a preset (or a TOML file), whole sections given by options, and `key=value` pairs.

    Raises `SettingsError` on an unknown key, a wrong value, or a model table of an unknown family.
    """
    settings = resolve_shared(preset, overrides, family, **sections)
    if family:
        check_chosen(family, settings.model)
    return settings


def resolve_shared(
    preset: str = DEFAULT_PRESET, overrides: Iterable[str] = (), family: str = "", **sections: Any
) -> Settings:
    """The same where several families share the `overrides`: some hyper-parameters may be those of others."""
    wanted = load_family(family)
    fixed = wanted.pop("fixed", {})
    values = merge(merge(wanted, load_preset(preset)), fixed)
    values = merge(values, {k: v for k, v in sections.items() if v})
    values = merge(values, parse_overrides(overrides))
    settings = build(Settings, {**values, "model": _of_family(values.get("model", {}), family)})
    _check_batch(settings)
    return settings


def _check_batch(settings: Settings) -> None:
    """Raises `SettingsError` when the features of one batch do not fit into this computer's memory."""
    spec, size = settings.features, settings.training.batch_size
    needs = size * max(spec.clip_samples, spec.n_mels * spec.n_frames) * BYTES_PER_VALUE
    if needs > computer_memory():
        raise SettingsError(
            f"setting training.batch_size = {size}: a batch needs about {gigabytes(needs)} of memory, "
            f"and this computer has {gigabytes(computer_memory())}",
            "give a smaller batch_size, or shorter clips",
        )


def _of_family(model: Any, family: str) -> Any:
    """The model section with the values of the table of this family, without those of other families."""
    if not isinstance(model, Mapping):
        return model
    tables = {name: table for name, table in model.items() if isinstance(table, Mapping)}
    if unknown := sorted(set(tables) - set(FAMILIES)):
        raise SettingsError(
            f"setting model.{unknown[0]}: no model family of that name",
            "there are: " + ", ".join(sorted(FAMILIES)),
        )
    return {**{k: v for k, v in model.items() if k not in tables}, **tables.get(family, {})}
