"""What a generator keeps of its training recordings: mean spectra of tapes, and lengths of clips.

A tape here is a recording group. `spectra` have one row for each tape that was trained on, in the order of
the tapes in `run.json`; the number of rows is that of the weights that are loaded.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from finback.models.networks.conditions import NO_TAPE

N_LENGTHS = 32  # quantiles of the length of a clip


class Recordings(nn.Module):
    """Tables of tapes and lengths, filled by training."""

    spectra: Tensor
    clips: Tensor
    lengths: Tensor

    def __init__(self, n_classes: int, n_mels: int, n_frames: int) -> None:
        super().__init__()
        self.register_buffer("spectra", torch.zeros(0, n_mels))  # (T, M) units of `Scale`
        self.register_buffer("clips", torch.zeros(0, n_classes))  # (T, K) windows, weighted
        self.register_buffer("lengths", torch.full((n_classes, N_LENGTHS), float(n_frames)))  # frames

    @torch.no_grad()
    def fit(self, spectra: Tensor, tapes: Tensor, labels: Tensor, frames: Tensor, weights: Tensor) -> None:
        """From mean spectra (T, M), and tapes, class ids, true frames and weights (N,) of windows."""
        self.spectra = spectra.to(self.spectra.device)
        self.clips = torch.zeros(len(spectra), len(self.lengths), device=self.spectra.device)
        self.clips.index_put_((tapes, labels), weights.to(self.clips.dtype), accumulate=True)
        at = (torch.arange(N_LENGTHS) + 0.5) / N_LENGTHS
        for k in range(len(self.lengths)):
            if (labels == k).any():
                self.lengths[k] = torch.quantile(frames[labels == k].float(), at)

    def means_or(self, species: Tensor, tapes: Tensor) -> Tensor:
        """(B, M) the mean spectra of the tapes (B,); of the species (B, M) where there is no tape."""
        if not len(self.spectra):
            return species
        return torch.where((tapes == NO_TAPE)[:, None], species, self.spectra[tapes.clamp_min(0)])

    def draw_tape(self, label: int, uniform: float) -> int:
        """A tape of a species, as often as it has clips, for a number from 0 to 1; `NO_TAPE` without any."""
        shares = self.clips[:, label].cumsum(dim=0)
        if not len(shares) or not shares[-1] > 0:
            return NO_TAPE
        return int((shares <= uniform * shares[-1]).sum().clamp_max(len(shares) - 1))

    def draw_length(self, label: int, uniform: float) -> int:
        """The length in frames of a clip of a species, for a number from 0 to 1."""
        return int(self.lengths[label, min(N_LENGTHS - 1, int(uniform * N_LENGTHS))])

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name in ("spectra", "clips"):
            stored = state.get(prefix + name)
            if stored is not None and stored.ndim == 2:
                setattr(self, name, getattr(self, name).new_zeros(len(stored), stored.shape[1]))
        super()._load_from_state_dict(state, prefix, *rest)
