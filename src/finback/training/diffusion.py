"""Training a diffusion model: noised log-mels of clips, and the network learns to take the noise away.

Loss and noise levels as in EDM (Karras et al. 2022, arXiv 2206.00364, section 5): the logarithm of the noise
level is normal, the error is weighted so that every level counts alike. The species is left out now and then,
so that one network can be asked with and without it (classifier-free guidance, Ho & Salimans 2022).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from finback.models.generator import Generator
from finback.training.generative_settings import DiffusionSettings
from finback.training.inputs import Inputs
from finback.training.sampling import draw_weights
from finback.training.settings import TrainingSettings
from finback.types import Clip, Labels

VALIDATION_DRAWS = 256


class DiffusionTask:
    """Denoising score matching over log-mels. Every species is drawn equally often."""

    score = ""  # nothing is chosen by validation: the last average is the model

    def __init__(
        self,
        model: Generator,
        inputs: Inputs,
        labels: Labels,
        training: TrainingSettings,
        own: DiffusionSettings,
        val: Sequence[Clip] = (),
    ) -> None:
        self.model: nn.Module = model
        self.inputs = inputs
        self.labels = labels
        self.training = training
        self.own = own
        self.targets = labels.targets(inputs.clips)
        self.steps_per_epoch = max(1, -(-len(inputs.clips) // training.batch_size))
        self._weights = draw_weights(inputs.clips, self.targets, training)
