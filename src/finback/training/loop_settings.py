"""How a model is trained, in one frozen object."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from finback.core.settings import Frozen


class TrainingSettings(Frozen):
    """Settings of the loop; the same for every kind of model."""

    epochs: int = Field(30, ge=1)
    batch_size: int = Field(32, ge=2)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    warmup: float = Field(0.1, ge=0, lt=1)  # share of the steps with rising learning rate
    clip_gradient: float = Field(1.0, gt=0)  # largest norm
    ema_half_life: float = Field(2.0, gt=0)  # epochs after which a weight counts half
    patience: int = Field(20, ge=1)  # epochs without a better validation score before stopping
    # How rare species are made up for; "tapes" draws the tapes within a species equally often too.
    balance: Literal["none", "sampling", "tapes", "logits"] = "sampling"
    full_share: int = Field(1, ge=1)  # clips from which on a species is drawn as often as any other
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    mixup: float = Field(0.2, ge=0)  # Beta(a, a) of the mixing weight; 0 = off
    domain: Literal["none", "adversarial", "group-dro"] = "none"  # what fights the knowledge of tapes
    domain_weight: float = Field(0.1, ge=0)  # of the reversed gradient, or the rate of the tapes' weights
    contrast_epochs: int = Field(30, ge=1)  # of a family that is pre-trained by contrast
    temperature: float = Field(0.1, gt=0)  # of the contrastive loss
    positives: Literal["species", "tapes", "clip"] = (
        "tapes"  # drawn together: species, across tapes only, itself
    )
    freeze_encoder: bool = False  # after contrast, train the head alone
    cutmix: float = Field(
        0.0, ge=0
    )  # Beta(a, a) of the share of time kept; with mixup, each for half the batches
    refit: bool = True  # once validation has chosen the epochs, train again on training + validation
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    checkpoint_s: float = Field(30.0, ge=0)  # seconds between checkpoints
    tensorboard: bool = False  # also log to a tensorboard/ folder in the run; needs finback[tensorboard]
