"""All settings of a run in one frozen object: preset, then TOML file, then `--set`, resolved and saved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from finback.augment.spectrum import SpectrumSettings
from finback.config import DEFAULT_PRESET, Frozen, build, load_preset, merge, parse_overrides
from finback.data.split import SplitSettings
from finback.features.spec import FeatureSpec
from finback.training.settings import TrainingSettings


class Settings(Frozen):
    """Sections as in the preset files; `model` holds the family's own hyper-parameters."""

    features: FeatureSpec = FeatureSpec()
    split: SplitSettings = SplitSettings()
    training: TrainingSettings = TrainingSettings()
    augment: SpectrumSettings = SpectrumSettings()
    model: dict[str, int | float | str] = Field(default_factory=dict)


def resolve(preset: str = DEFAULT_PRESET, overrides: Iterable[str] = (), **sections: Any) -> Settings:
    """Settings from a preset (or a TOML file), whole sections given by options, and `key=value` pairs."""
    values = merge(load_preset(preset), {k: v for k, v in sections.items() if v})
    return build(Settings, merge(values, parse_overrides(overrides)))
