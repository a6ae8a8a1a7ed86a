"""Heads that are fitted, not trained by gradient: logistic regression, a support vector machine, a forest.

    head = Logistic(c=0.01)
    head.fit(x, y, weights)      # (N, D), (N,) class ids below n_classes, (N,)
    logits = head(x)             # (B, D) -> (B, K)

scikit-learn fits; the result is stored in plain tensors. So a fitted head is saved in `weights.safetensors`
like any network, needs no pickle, and works on any device. Shapes are known only after fitting, so loading
takes the shapes of the file. The weight of each example is divided by the total of its class, so all classes
have equal weight. A class without an example gets a very low, finite logit.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from torch import Tensor, nn

from finback.core.errors import RunError
from finback.models.networks.cross_fit import left_out_logits
from finback.models.networks.prototypes import imprinted

ABSENT = -30.0  # logit of a class without training clips: a probability of 1e-13 if the other logit is 0
LEAST = 1e-7  # smallest share of a class in a forest, so that its logarithm is finite


class Head(nn.Module):
    """(B, D) -> logits (B, K). It has buffers only, no parameters that are trained by gradient."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.n_classes = n_classes

    def fit(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> None:
        """Fit to vectors (N, D) with class ids (N,) of at least two classes and weights (N,) above 0.

        `groups` (N,) are ids of recording groups (tapes, deployments, site-days); most heads ignore them.
        """
        raise TypeError(f"{type(self).__name__} does not define fit")

    def fit_with_copies(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray, real: np.ndarray
    ) -> None:
        """As `fit`. `real` (N,) is False for augmented copies: these decide no temperature of a head."""
        self.fit(x, y, weights, groups)

    def left_out(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        groups: np.ndarray,
        real: np.ndarray | None = None,
    ) -> np.ndarray:
        """(N, K) logits of each example by heads not fitted to its group; NaN where none can.

        `real` (N,): as in `fit_with_copies`; None: all. Copies get no logits.
        """
        return left_out_logits(lambda: deepcopy(self), x, y, weights, groups, real)

    def forward(self, x: Tensor) -> Tensor:
        """Raises `RunError` when nothing was fitted."""
        raise TypeError(f"{type(self).__name__} does not define forward")

    @property
    def n_values(self) -> int:
        """The number of fitted values, which stands for the number of parameters."""
        return sum(b.numel() for b in self.buffers())

    def _name(self, **kinds: torch.dtype) -> None:
        """Empty buffers that `fit` or a file will fill."""
        for name, kind in kinds.items():
            self.register_buffer(name, torch.empty(0, dtype=kind))

    def _keep(self, **arrays: np.ndarray) -> None:
        for name, array in arrays.items():
            old = self.get_buffer(name)
            setattr(self, name, torch.as_tensor(np.ascontiguousarray(array), dtype=old.dtype).to(old.device))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name, old in list(self.named_buffers(recurse=False)):
            if prefix + name in state_dict:
                setattr(self, name, old.new_empty(state_dict[prefix + name].shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _check_fitted(self, some: Tensor) -> None:
        if not some.numel():
            raise RunError(f"a {type(self).__name__} head that was not fitted", "train the model first")

    def _spread(self, logits: Tensor, classes: Tensor, low: float) -> Tensor:
        """Logits (B, S) of the classes in training -> (B, K), `low` for the other classes."""
        all_logits = logits.new_full((logits.shape[0], self.n_classes), low)
        all_logits[:, classes] = logits
        return all_logits


class Standardised(Head):
    """A head that scales each dimension to mean 0 and deviation 1 over its training examples."""

    mean: Tensor  # (D,)
    scale: Tensor  # (D,)
    classes: Tensor  # (S,) ids of the classes in training

    def __init__(self, n_classes: int) -> None:
        super().__init__(n_classes)
        self._name(mean=torch.float32, scale=torch.float32, classes=torch.int64)

    def _standardise(self, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(N, D) -> (N, D) float64; stores mean and deviation. A constant dimension becomes 0."""
        mean = np.average(x, axis=0, weights=weights)
        scale = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weights))
        self._keep(mean=mean, scale=np.where(scale > 1e-6, scale, 1.0))
        return (x - mean) / self.scale.cpu().double().numpy()

    def _standard(self, x: Tensor) -> Tensor:
        self._check_fitted(self.mean)
        return (x - self.mean) / self.scale


class Logistic(Standardised):
    """Multinomial logistic regression: w x + b; the log loss of all examples plus |w|^2 / (2 c)."""

    weight: Tensor  # (S, D)
    bias: Tensor  # (S,)

    def __init__(self, n_classes: int, c: float = 0.01) -> None:
        super().__init__(n_classes)
        self.c = c
        self._name(weight=torch.float32, bias=torch.float32)

    def fit(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> None:
        model = LogisticRegression(C=self.c, max_iter=2000)
        model.fit(self._standardise(x, weights), y, balanced(y, weights))
        w, b = model.coef_, model.intercept_
        if len(w) == 1:  # two classes: scikit-learn has one row, their difference
            w, b = np.concatenate([-w, w]) / 2, np.concatenate([-b, b]) / 2
        self._keep(weight=w, bias=b, classes=model.classes_)

    def imprint(self, x: Tensor, y: Tensor, rare: Sequence[int]) -> None:
        """Add rows for the classes `rare`, from vectors (N, D) with class ids (N,). Other rows stay."""
        z = self._standard(x.to(self.mean.device)).cpu()
        weight, bias = z.new_zeros(self.n_classes, z.shape[1]), z.new_zeros(self.n_classes)
        weight[self.classes], bias[self.classes] = self.weight.cpu(), self.bias.cpu()
        seen = [k for k in rare if bool((y == k).any())]  # a class without a row is ABSENT
        if seen:
            rows, biases = imprinted(z, y, weight, bias, seen)
            self._keep(
                weight=torch.cat([self.weight.cpu(), rows]).numpy(),
                bias=torch.cat([self.bias.cpu(), biases]).numpy(),
                classes=torch.cat([self.classes.cpu(), torch.tensor(seen)]).numpy(),
            )

    def forward(self, x: Tensor) -> Tensor:
        logits = nn.functional.linear(self._standard(x), self.weight, self.bias)
        return self._spread(logits, self.classes, ABSENT)


class Svm(Standardised):
    """Support vectors and a radial kernel, one machine for each pair of classes.

    The machine of classes i < j answers d_ij(x) = sum_n a_n exp(-gamma |x - s_n|^2) + b_ij, gamma = 1 / D. A
    class's logit is the number of pairs that it wins, plus the sum S of its distances squeezed to
    S / (3 (|S| + 1)), which orders equal numbers of wins: scikit-learn's one-versus-rest decision function.
    """

    support: Tensor  # (V, D)
    machines: Tensor  # (V, P): a_n of every machine, P = S (S - 1) / 2
    bias: Tensor  # (P,)

    def __init__(self, n_classes: int, c: float = 1.0) -> None:
        super().__init__(n_classes)
        self.c = c
        self._name(support=torch.float32, machines=torch.float32, bias=torch.float32)

    def fit(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> None:
        model = SVC(C=self.c, gamma=1.0 / x.shape[1])
        model.fit(self._standardise(x, weights), y, balanced(y, weights))
        machines = _pairwise(model.dual_coef_, model.n_support_)
        bias = model.intercept_
        if len(model.classes_) == 2:  # scikit-learn inverts the sign of a single machine
            machines, bias = -machines, -bias
        self._keep(support=model.support_vectors_, machines=machines, bias=bias, classes=model.classes_)

    def forward(self, x: Tensor) -> Tensor:
        x = self._standard(x)
        d = torch.exp(-self._distance(x).square() / x.shape[1]) @ self.machines + self.bias  # (B, P)
        first, second = torch.triu_indices(len(self.classes), len(self.classes), 1, device=x.device)
        votes = d.new_zeros(d.shape[0], len(self.classes))
        total = torch.zeros_like(votes)
        votes.index_add_(1, first, (d >= 0).to(d)).index_add_(1, second, (d < 0).to(d))
        total.index_add_(1, first, d).index_add_(1, second, -d)
        return self._spread(votes + total / (3 * (total.abs() + 1)), self.classes, ABSENT)

    def _distance(self, x: Tensor) -> Tensor:
        return torch.cdist(x, self.support, compute_mode="donot_use_mm_for_euclid_dist")  # (B, V)


def _pairwise(dual: np.ndarray, n_support: np.ndarray) -> np.ndarray:
    """libsvm's coefficients (S - 1, V) -> (V, P): each vector is used in the machines of its class only."""
    n = len(n_support)
    stop = np.cumsum(n_support)
    start = stop - n_support
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    machines = np.zeros((dual.shape[1], len(pairs)))
    for p, (i, j) in enumerate(pairs):
        machines[start[i] : stop[i], p] = dual[j - 1, start[i] : stop[i]]
        machines[start[j] : stop[j], p] = dual[i, start[j] : stop[j]]
    return machines


class Forest(Head):
    """Trees on random halves of the examples; the logit is the log of the shares averaged over their leaves.

    The nodes of all trees are in one array. A leaf points to itself, so `depth` steps end in a leaf of every
    tree.
    """

    feature: Tensor  # (nodes,) the dimension that a node compares
    threshold: Tensor  # (nodes,) values up to this go left
    left: Tensor  # (nodes,)
    right: Tensor  # (nodes,)
    share: Tensor  # (nodes, K)
    root: Tensor  # (trees,)
    depth: Tensor  # ()

    def __init__(self, n_classes: int, trees: int = 300) -> None:
        super().__init__(n_classes)
        self.trees = trees
        self.seed = int(torch.randint(2**31, ()))  # from the generator of the initial weights
        whole = dict.fromkeys(("feature", "left", "right", "root", "depth"), torch.int64)
        self._name(threshold=torch.float32, share=torch.float32, **whole)

    def fit(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray | None = None
    ) -> None:
        model = RandomForestClassifier(self.trees, random_state=self.seed)
        model.fit(x.astype(np.float32), y, balanced(y, weights))
        parts = [estimator.tree_ for estimator in model.estimators_]
        root = np.concatenate([[0], np.cumsum([p.node_count for p in parts])[:-1]])
        share = np.zeros((sum(p.node_count for p in parts), self.n_classes))
        share[:, model.classes_] = np.concatenate([p.value[:, 0] for p in parts])
        leaf = np.concatenate([p.children_left < 0 for p in parts])
        itself = np.arange(len(share))
        left, right = (
            np.concatenate([getattr(p, child) + r for p, r in zip(parts, root, strict=True)])
            for child in ("children_left", "children_right")
        )
        self._keep(
            feature=np.where(leaf, 0, np.concatenate([p.feature for p in parts])),
            threshold=_round_down(np.concatenate([p.threshold for p in parts])),
            left=np.where(leaf, itself, left),
            right=np.where(leaf, itself, right),
            share=share,
            root=root,
            depth=np.array(max(p.max_depth for p in parts)),
        )

    def forward(self, x: Tensor) -> Tensor:
        self._check_fitted(self.root)
        node = self.root.expand(x.shape[0], -1)  # (B, trees)
        for _ in range(int(self.depth)):
            goes_left = x.gather(1, self.feature[node]) <= self.threshold[node]
            node = torch.where(goes_left, self.left[node], self.right[node])
        shares = torch.zeros(x.shape[0], self.n_classes, device=x.device)
        for tree in node.unbind(1):  # never (B, trees, K) at once
            shares += self.share[tree]
        return (shares / node.shape[1]).clamp_min(LEAST).log()


def _round_down(threshold: np.ndarray) -> np.ndarray:
    """float64 -> the largest float32 not above it, so that x <= t has the same result for every float32 x."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def balanced(y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N,) weights with the same total for each class that is present; the sum of all weights stays."""
    _, inverse = np.unique(y, return_inverse=True)
    totals = np.bincount(inverse, weights=weights)
    return weights / totals[inverse] * weights.sum() / len(totals)
