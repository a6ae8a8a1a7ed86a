"""An arm of a synthetic study: one way to train, with or without synthetic clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from finback.training.augment.spectrum_settings import SpectrumSettings
from finback.training.augment.wave_settings import WaveSettings
from finback.training.settings import Settings

NONE, CLASSIC = "none", "classic"
TAPE_TRANSFER = "tape-transfer"  # real clips of the species, transferred to other tapes: no generator
PRETRAIN = "pretrain-"  # before the name of a generator: its samples come first, then the real clips alone
OFF: dict[str, Any] = {
    name: 0 for name, field in SpectrumSettings.model_fields.items() if isinstance(field.default, int | float)
}
# Words of version 0.1.0 in names of folders and in run.json. They stay, so that its studies can be resumed.
OLD_WORDS = {TAPE_TRANSFER: "moved", "tape transfer": "moved", "filtered": "judged"}


@dataclass(frozen=True)
class Arm:
    """An augmentation, and where additional synthetic examples come from."""

    augmentation: str  # none or classic
    generator: str = ""  # a family of generators, or `tape-transfer`; "": real clips only
    ratio: float = 0.0  # synthetic to real clips
    target_clips: int = 0  # instead: real and synthetic clips together
    tape_transfer: float = 0.0  # share of synthetic examples transferred to another tape
    filtered: bool = False  # whether the fold's classifier filters the samples
    pretrained: bool = False  # the samples are trained on first, and the real clips alone after them

    @property
    def name(self) -> str:
        """For people: `classic + vae x 1, filtered`."""
        if not self.generator:
            return self.augmentation
        amount = f"to {self.target_clips}" if self.target_clips else f"x {self.ratio:g}"
        transfer = self.tape_transfer and self.generator != TAPE_TRANSFER
        also = f", tape transfer {self.tape_transfer:g}" if transfer else ""
        filtered = ", filtered" if self.filtered else ""
        how = " after" if self.pretrained else " +"
        return f"{self.augmentation}{how} {self.generator} {amount}{also}{filtered}"

    @property
    def key(self) -> str:
        """The name that identifies the arm in `run.json` and in names of folders."""
        key = self.name
        for word, old in OLD_WORDS.items():
            key = key.replace(word, old)
        return key

    @property
    def folder(self) -> str:
        return "-".join(self.key.replace("+", "").replace(",", "").split())

    def n_synthetic(self, n_real: int) -> int:
        """How many synthetic examples are added to a species with `n_real` training clips."""
        if self.target_clips:
            return max(0, self.target_clips - n_real)
        return round(self.ratio * n_real)

    def apply(self, settings: Settings) -> Settings:
        """The settings of the classifier, with or without augmentation."""
        if self.augmentation == CLASSIC:
            return settings
        training = settings.training.model_copy(update={"mixup": 0.0, "cutmix": 0.0, "copies": 0})
        off = {"augment": SpectrumSettings(**OFF), "wave": WaveSettings(), "training": training}
        return settings.model_copy(update=off)
