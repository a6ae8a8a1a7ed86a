"""Probes on backbones whose weights the user added (`finback backbone add`), with three heads each.

`weights` is a file; "" is the added copy. Training copies the file into the run folder, so a run works
wherever it is moved to. A new backbone is one file in `finback.features.backbones` and one line there; its
families are three short classes here and their lines in the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from finback.features.backbones.beats import Beats
from finback.features.backbones.cnn14 import Cnn14
from finback.features.backbones.perch2 import Perch2
from finback.features.spec import FeatureSpec
from finback.models.networks.classifier import Classifier
from finback.models.networks.probe import GroupAware, Linear, Mixed


class _Linear(Linear):
    def __init__(self, spec: FeatureSpec, n_classes: int, weights: str = "", c: float = 0.01) -> None:
        super().__init__(spec, n_classes, c, weights=weights)


class _GroupAware(GroupAware):
    def __init__(self, spec: FeatureSpec, n_classes: int, weights: str = "", size: int = 80) -> None:
        super().__init__(spec, n_classes, size, weights=weights)


class _Mixed(Mixed):
    def __init__(
        self, spec: FeatureSpec, n_classes: int, weights: str = "", c: float = 0.01, size: int = 80
    ) -> None:
        super().__init__(spec, n_classes, c, size, weights=weights)


class _OnBeats(Classifier):
    input: ClassVar[str] = "beats"
    licence: ClassVar[str] = Beats.licence
    files: ClassVar[Mapping[str, str]] = {"weights": Beats.stored}


class _OnCnn14(Classifier):
    input: ClassVar[str] = "cnn14"
    licence: ClassVar[str] = Cnn14.licence
    files: ClassVar[Mapping[str, str]] = {"weights": Cnn14.stored}


class _OnPerch2(Classifier):
    input: ClassVar[str] = "perch2"
    licence: ClassVar[str] = Perch2.licence
    files: ClassVar[Mapping[str, str]] = {"weights": Perch2.stored}


class BeatsProbe(_OnBeats, _Linear):
    """Logistic regression on BEATs (weights: finback backbone add beats)."""


class BeatsPlda(_OnBeats, _GroupAware):
    """Group-aware discriminant analysis (PLDA) on BEATs (weights: finback backbone add beats)."""


class BeatsMix(_OnBeats, _Mixed):
    """The mean of logistic regression, PLDA and a kernel density on BEATs."""


class Cnn14Probe(_OnCnn14, _Linear):
    """Logistic regression on PANNs Cnn14 (weights: finback backbone add cnn14)."""


class Cnn14Plda(_OnCnn14, _GroupAware):
    """Group-aware discriminant analysis (PLDA) on PANNs Cnn14 (weights: finback backbone add cnn14)."""


class Cnn14Mix(_OnCnn14, _Mixed):
    """The mean of logistic regression, PLDA and a kernel density on PANNs Cnn14."""


class Perch2Probe(_OnPerch2, _Linear):
    """Logistic regression on Perch 2.0 (weights: finback backbone add perch2)."""


class Perch2Plda(_OnPerch2, _GroupAware):
    """Group-aware discriminant analysis (PLDA) on Perch 2.0 (weights: finback backbone add perch2)."""


class Perch2Mix(_OnPerch2, _Mixed):
    """The mean of logistic regression, PLDA and a kernel density on Perch 2.0."""
