"""Rows of a linear head for species that it was not trained on, from a few of their embeddings.

Qi, Brown & Lowe 2018, "Low-Shot Learning with Imprinted Weights", CVPR, section 3: a new class's weights are
the normalised mean of its examples' normalised embeddings, so that the new logit is a similarity to that
prototype. Their network is trained with normalised rows and embeddings. This one is not, so two steps are
added: similarities are computed relative to the centre of the common species, because embeddings after a ReLU
have similar directions, and they are scaled to the learned logits:

    d_k = unit(mean over clips i of k of unit(z_i - c))    direction of a prototype, c the centre
    s_k(z) = d_k . (z - c)                                  its similarity
    l_k(z) = l(z) + a s_k(z)                                its logit, l(z) the mean learned logit of z

A common species has both a prototype and a learned logit. The factor a predicts l_j(z) - l(z) from s_j(z) by
least squares, over all pairs of a common clip and a common species; all species have equal weight. (Both
sides are 0 on average, so no constant is needed.) The logit of a rare species is then as large as that of a
common species with the same similarity; if similarity predicts little, a is small. All steps are linear in z,
so the result is a row of the head, and nothing else in the model changes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

ABSENT = -30.0  # re the mean logit, of a rare species without any clip: it is never predicted


def imprinted(
    z: Tensor, y: Tensor, weight: Tensor, bias: Tensor, rare: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Rows (R, D) and biases (R,) for the class ids `rare`, in their order.

    `z` (N, D) are embeddings of training clips of classes `y` (N,), common and rare; `weight` (K, D) and
    `bias` (K,) the head that was trained on the common ones. A rare class without a clip is never predicted.
    Raises `ValueError` with fewer than two common classes among `y`.
    """
    z, weight, bias = z.double(), weight.double(), bias.double()
    common = [k for k in sorted(set(y.tolist())) if k not in set(rare)]
    if len(common) < 2:
        raise ValueError(f"{len(common)} common classes: similarities cannot be scaled")
    centre = torch.stack([z[y == k].mean(dim=0) for k in common]).mean(dim=0)  # (D,) each species once
    outward = normalize(z - centre, dim=1)  # (N, D)

    def direction(k: int) -> Tensor:
        return normalize(outward[y == k].mean(dim=0), dim=0)  # (D,)

    near = (z - centre) @ torch.stack([direction(k) for k in common]).T  # (N, C) similarities
    learned = z @ weight[common].T + bias[common]  # (N, C)
    own = (y[:, None] == torch.tensor(common)).double()  # (N, C)
    share = (own / own.sum(dim=0)).sum(dim=1, keepdim=True)  # (N, 1), 0 for a rare clip
    spread = (share * near.square()).sum()
    together = (share * near * (learned - learned.mean(dim=1, keepdim=True))).sum()
    a = torch.clamp(together / spread, min=0) if spread > 1e-12 else torch.zeros_like(spread)
    mean_row, mean_bias = weight[common].mean(dim=0), bias[common].mean()
    rows, biases = [], []
    for k in rare:
        seen = bool((y == k).any())
        d = a * direction(k) if seen else torch.zeros_like(centre)
        rows.append(mean_row + d)
        biases.append(mean_bias + (-d @ centre if seen else ABSENT))
    return torch.stack(rows).float(), torch.stack(biases).float()
