"""How a model is trained, in one frozen object."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from finback.core.settings import Frozen


class TrainingSettings(Frozen):
    """Settings of the loop; the same for every kind of model."""

    epochs: int = Field(30, ge=1, le=1_000_000)
    batch_size: int = Field(32, ge=2, le=65_536)
    learning_rate: float = Field(1e-3, gt=0, le=100)
    weight_decay: float = Field(0.05, ge=0, le=1000)
    warmup: float = Field(0.1, ge=0, lt=1)  # share of the steps in which the learning rate rises
    clip_gradient: float = Field(1.0, gt=0, le=1e9)  # largest norm
    ema_half_life: float = Field(
        2.0, gt=0, le=1e6
    )  # epochs after which the weight of a step in the average is halved
    patience: int = Field(20, ge=1, le=1_000_000)  # epochs without a better validation score before stopping
    # How rare species get more weight; "tapes" also draws the recording groups of a species equally often.
    balance: Literal["none", "sampling", "tapes", "logits"] = "sampling"
    full_share: int = Field(
        1, ge=1, le=1_000_000_000
    )  # number of clips from which a species is drawn as often as the others
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    mixup: float = Field(0.2, ge=0, le=1000)  # Beta(a, a) of the mixing weight; 0 = off
    domain: Literal["none", "adversarial", "group-dro"] = "none"  # training that is robust to groups
    domain_weight: float = Field(
        0.1, ge=0, le=1000
    )  # of the reversed gradient, or the rate of the group weights
    contrast_epochs: int = Field(30, ge=1, le=1_000_000)  # of contrastive pre-training
    temperature: float = Field(0.1, ge=1e-3, le=1000)  # of the contrastive loss
    positives: Literal["species", "tapes", "clip"] = (
        "tapes"  # same species; same species in another group; the clip itself
    )
    freeze_encoder: bool = False  # train only the head after contrastive pre-training
    cutmix: float = Field(
        0.0, ge=0, le=1000
    )  # Beta(a, a) of the share of time that stays; with mixup, each in half of the batches
    # Augmented copies of each clip that a head fitted in closed form is also fitted to; they cost time.
    copies: int = Field(0, ge=0, le=20)
    refit: bool = True  # train again on the training and validation sets, for the selected number of epochs
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    checkpoint_s: float = Field(30.0, ge=0, le=1e9)  # seconds between checkpoints
    tensorboard: bool = False  # also log to a tensorboard/ folder in the run; needs finback[tensorboard]
