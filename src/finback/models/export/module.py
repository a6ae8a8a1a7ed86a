"""A run as one module: from waves of the length of one window to calibrated probabilities.

    module = ExportedModel(predictor.root)
    probabilities, clip = module(waves)  # (B, T) -> (B, K), (1, K)

`probabilities` are those of each window. `clip` treats all windows as those of one clip, as
`Predictor.scores` does: each classifier averages its logits over the windows, then temperature and
combination are applied.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.features.frontends import front_end_class
from finback.features.spec import ONE_SPEED
from finback.metrics.combination import FLOOR, Combination
from finback.models.export.frontend import GRAPHS
from finback.models.export.traceable import traceable
from finback.models.tree import Leaf, Node


class ExportedModel(nn.Module):
    """Front end, classifiers, temperatures, combination. Raises `SettingsError` as `refuse` does."""

    def __init__(self, root: Leaf | Node) -> None:
        super().__init__()
        refuse(root)
        first = root.leaves[0]
        self.front_end = GRAPHS[first.model.input](first.spec)
        self.answer = _answer(root)
        self.eval()

    def forward(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        x = self.front_end(waves)
        logits = self.answer.logits(x)  # (B, E, K)
        together = logits.mean(dim=0, keepdim=True)  # (1, E, K)
        return self.answer(logits).softmax(dim=1), self.answer(together).softmax(dim=1)


class One(nn.Module):
    """A single classifier: `logits` (B, 1, K) of its input, `forward` calibrates them, (B, K)."""

    temperature: Tensor

    def __init__(self, leaf: Leaf) -> None:
        super().__init__()
        self.model = traceable(leaf.model)
        self.size: int = 1
        # A tensor: for a plain number the exporter adds a cast, and onnxruntime warns about it.
        self.register_buffer("temperature", torch.tensor(leaf.temperature), persistent=False)

    def logits(self, x: Tensor) -> Tensor:
        return self.model(x)[:, None]

    def forward(self, logits: Tensor) -> Tensor:
        return logits[:, 0] / self.temperature


class Several(nn.Module):
    """The same for a node of the tree of a run, depth first."""

    temperature: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(self, node: Node) -> None:
        super().__init__()
        parts = [_answer(child) for child in node.children]
        self.parts = nn.ModuleList(parts)
        self.sizes = [part.size for part in parts]
        self.combination: Combination = node.combination
        self.register_buffer("temperature", torch.tensor(node.temperature), persistent=False)
        self.size: int = sum(self.sizes)
        how, weights = node.combination.how, node.combination.weights
        share = weights if how != "mean" else (1.0 / len(weights),) * len(weights)
        self.register_buffer("weights", torch.tensor(share)[:, None, None], persistent=False)  # (C, 1, 1)
        self.register_buffer("bias", torch.tensor(node.combination.bias or (0.0,)), persistent=False)

    def logits(self, x: Tensor) -> Tensor:
        return torch.cat([part.logits(x) for part in self.parts], dim=1)  # type: ignore[operator]

    def forward(self, logits: Tensor) -> Tensor:
        shares = zip(self.parts, torch.split(logits, self.sizes, dim=1), strict=True)
        answers = [part(share) for part, share in shares]
        if self.combination.how == "stack":
            logs = torch.stack([a.log_softmax(dim=1).clamp_min(LOG_FLOOR) for a in answers])  # (C, B, K)
            mixed = ((self.weights * logs).sum(dim=0) + self.bias).log_softmax(dim=1)
        else:
            mean = (self.weights * torch.stack([a.softmax(dim=1) for a in answers])).sum(dim=0)
            mixed = mean.clamp_min(FLOOR).log()
        return mixed / self.temperature


LOG_FLOOR = float(torch.tensor(FLOOR, dtype=torch.float64).log())


def _answer(part: Leaf | Node) -> One | Several:
    return One(part) if isinstance(part, Leaf) else Several(part)


REPAIR = "export a run of cnn2d, transformer, cnn1d or mfcc-plda, or watkins-small, or use finback predict"


def refuse(root: Leaf | Node) -> None:
    """Raises `SettingsError`, naming family and repair, unless the run can be one graph over waves."""
    leaves = root.leaves
    kinds = sorted({leaf.model.input for leaf in leaves})
    for kind in kinds:
        if reason := front_end_class(kind).no_graph:
            raise SettingsError(
                f"a run on {kind} features cannot be exported: {reason}",
                REPAIR,
            )
    for reason in (leaf.model.no_graph for leaf in leaves if leaf.model.no_graph):
        raise SettingsError(f"this run cannot be exported: {reason}", REPAIR)
    if len({leaf.features_key for leaf in leaves}) > 1:
        raise SettingsError(
            f"an ensemble whose members use different features ({', '.join(kinds)}) or windows",
            "export its members one by one: each is a run folder under members/",
        )
    if leaves[0].spec.speeds != ONE_SPEED:
        raise SettingsError(
            f"features.playback = {list(leaves[0].spec.speeds)} needs the recording at its own rate, "
            "and a graph gets waves at one rate",
            "train with --set features.playback=[1.0] to export, or use finback predict",
        )
    if leaves[0].spec.background != "none":
        raise SettingsError(
            "features.background = 'median' needs the recording around a window, which a graph does not get",
            "train with --set features.background=none to export",
        )
