"""Settings of generators and vocoders, in addition to those of every training."""

from __future__ import annotations

from pydantic import Field

from finback.core.settings import Frozen


class GenerateSettings(Frozen):
    """The same for every generator."""

    held_out: float = Field(0.1, ge=0, lt=1)  # share of the training side kept from it, to tell copying by


class VaeSettings(Frozen):
    """The objective of the VAE."""

    kl_weight: float = Field(1.0, ge=0)  # of the latents' surprise against the picture's error
    free_bits: float = Field(0.1, ge=0)  # nats that a latent may tell at no cost
    roll: float = Field(1.0, ge=0, le=1)  # largest circular shift in time, share of the window
    shift_bands: int = Field(2, ge=0)  # largest shift in frequency, in mel bands
    eq_db: float = Field(6.0, ge=0)  # deviation of the random equaliser, in dB
    noise: float = Field(0.25, ge=0, le=1)  # share of clips whose noise floor is raised


class DiffusionSettings(Frozen):
    """The objective of the diffusion model, in the units of `models.generator.Scale`."""

    sigma_mean: float = -0.4  # of the logarithm of the noise level drawn in training
    sigma_spread: float = Field(1.4, gt=0)
    sigma_data: float = Field(1.0, gt=0)  # deviation of the data: `Scale` makes it 1
    label_dropout: float = Field(0.1, ge=0, lt=1)  # share of examples without their species
    shift: float = Field(1.0, ge=0, le=1)  # how often a clip is rolled in time by a random number of frames


class VocoderSettings(Frozen):
    """The objective of the neural vocoder."""

    segment_frames: int = Field(48, ge=0)  # frames per training example; 0 = all of the window
    rounds: int = Field(2, ge=0)  # of Griffin-Lim in training; in use there are model.rounds
    log_magnitude: float = Field(1.0, ge=0)  # weights of the losses: nepers, at four resolutions
    convergence: float = Field(1.0, ge=0)  # share of the magnitude, at four resolutions
    magnitude: float = Field(1.0, ge=0)  # nepers, of what the network meant
    mel: float = Field(0.05, ge=0)  # dB, of the bands
