"""What is told to the training of generators and vocoders, beside what every training is told."""

from __future__ import annotations

from pydantic import Field

from finback.config import Frozen


class GenerateSettings(Frozen):
    """The same for every generator."""

    held_out: float = Field(0.1, ge=0, lt=1)  # share of the training side kept from it, to tell copying by


class VaeSettings(Frozen):
    """The objective of the VAE."""

    kl_weight: float = Field(1.0, ge=0)
    kl_warmup: float = Field(0.2, ge=0, le=1)  # share of the steps over which the KL weight rises
    free_bits: float = Field(0.0, ge=0)  # nats per latent that cost nothing


class DiffusionSettings(Frozen):
    """The objective of the diffusion model, in the units of `models.generator.Scale`."""

    sigma_mean: float = -0.4  # of the logarithm of the noise level drawn in training
    sigma_spread: float = Field(1.4, gt=0)
    sigma_data: float = Field(1.0, gt=0)  # deviation of the data: `Scale` makes it 1
    label_dropout: float = Field(0.1, ge=0, lt=1)  # how often the species is not told
    shift: float = Field(1.0, ge=0, le=1)  # how often a clip is rolled in time by a random number of frames


class VocoderSettings(Frozen):
    """The objective of the neural vocoder."""

    segment_frames: int = Field(0, ge=0)  # frames per training example; 0 = all of the window
