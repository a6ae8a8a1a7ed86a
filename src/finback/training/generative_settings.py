"""Settings of generators and vocoders, in addition to those of every training."""

from __future__ import annotations

from pydantic import Field

from finback.core.settings import Frozen


class GenerateSettings(Frozen):
    """Settings of all generators."""

    held_out: float = Field(0.1, ge=0, lt=1)  # share of the training set that is held out, to detect copies


class VaeSettings(Frozen):
    """The objective of the VAE."""

    kl_weight: float = Field(
        1.0, ge=0, le=1e6
    )  # weight of the KL divergence against the reconstruction error
    free_bits: float = Field(0.1, ge=0, le=1e6)  # nats of KL divergence of a latent that are not penalised
    roll: float = Field(1.0, ge=0, le=1)  # largest circular shift in time, share of the window
    shift_bands: int = Field(2, ge=0, le=4096)  # largest shift in frequency, in mel bands
    eq_db: float = Field(6.0, ge=0, le=200)  # deviation of the random equaliser, in dB
    noise: float = Field(0.25, ge=0, le=1)  # share of clips whose noise floor is raised


class DiffusionSettings(Frozen):
    """The objective of the diffusion model, in the units of `models.networks.generator.Scale`."""

    sigma_mean: float = Field(-0.4, ge=-20, le=20)  # mean of the logarithm of the noise levels in training
    sigma_spread: float = Field(1.4, gt=0, le=10)
    sigma_data: float = Field(1.0, gt=0, le=1000)  # deviation of the data, which `Scale` sets to 1
    label_dropout: float = Field(0.1, ge=0, lt=1)  # share of examples without the species
    tape_dropout: float = Field(0.3, ge=0, lt=1)  # share of the others without the recording group
    shift: float = Field(
        1.0, ge=0, le=1
    )  # share of clips that are rolled in time by a random number of frames


class VocoderSettings(Frozen):
    """The objective of the neural vocoder."""

    segment_frames: int = Field(48, ge=0, le=65_536)  # frames per training example; 0 = all of the window
    rounds: int = Field(2, ge=0, le=1000)  # of Griffin-Lim in training; predictions use model.rounds
    log_magnitude: float = Field(1.0, ge=0, le=1e6)  # weights of the losses: nepers, at four resolutions
    convergence: float = Field(1.0, ge=0, le=1e6)  # share of the magnitude, at four resolutions
    magnitude: float = Field(1.0, ge=0, le=1e6)  # nepers, of the predicted magnitude
    mel: float = Field(0.05, ge=0, le=1e6)  # dB, of the bands
