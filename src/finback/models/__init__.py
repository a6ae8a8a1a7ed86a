"""The registry of classifier families: a literal dict of dotted paths, imported on use.

Adding a family is one file, one line here, one preset; the contract tests pick it up.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from finback.errors import SettingsError
from finback.registry import looked_up

if TYPE_CHECKING:
    from finback.features.spec import FeatureSpec

CLASSIFIERS = {
    "aisfx-plda": "finback.models.probe:AiSfxPlda",
    "aisfx": "finback.models.probe:AiSfxProbe",
    "aisfx-tuned": "finback.models.aisfx:AiSfxTuned",
    "birdnet-plda": "finback.models.probe:BirdNetPlda",
    "birdnet": "finback.models.probe:BirdNetProbe",
    "birdnet-mlp": "finback.models.probe:BirdNetMlp",
    "cnn1d": "finback.models.cnn1d:CNN1D",
    "cnn2d": "finback.models.cnn2d:CNN2D",
    "dnn": "finback.models.dnn:DNN",
    "lstm": "finback.models.recurrent:LSTM",
    "mfcc-forest": "finback.models.probe:MfccForest",
    "mfcc-plda": "finback.models.probe:MfccPlda",
    "mfcc-svm": "finback.models.probe:MfccSvm",
    "onnx": "finback.models.probe:OnnxProbe",
    "rnn": "finback.models.recurrent:RNN",
    "supcon": "finback.models.supcon:SupCon",
    "transformer": "finback.models.transformer:Transformer",
}

GENERATORS = {
    "diffusion": "finback.models.denoiser:PatchDenoiser",
    "gaussian": "finback.models.gaussian:Gaussian",
    "vae": "finback.models.vae:VAE",
}

VOCODERS = {"vocoder": "finback.models.vocoder:Vocoder"}

FAMILIES = {**CLASSIFIERS, **GENERATORS, **VOCODERS}


def family(name: str) -> Any:
    """The class behind a family's name, of any kind. Raises `SettingsError` on an unknown one."""
    return looked_up(FAMILIES, name, "model family")


def kind(name: str) -> str:
    """ "classifier", "generator" or "vocoder". Raises `SettingsError` on an unknown family."""
    family(name)
    return "classifier" if name in CLASSIFIERS else "generator" if name in GENERATORS else "vocoder"


def licences(names: Iterable[str]) -> list[str]:
    """The licences of the weights that families bring along, each once; unknown names bring none."""
    found = [family(name).licence for name in names if name in CLASSIFIERS]
    return [licence for licence in dict.fromkeys(found) if licence]


def hyperparameters(name: str) -> dict[str, Any]:
    """Names and defaults of what a family can be told."""
    parameters = inspect.signature(family(name).__init__).parameters
    return {k: p.default for k, p in parameters.items() if p.default is not inspect.Parameter.empty}


def create(name: str, spec: FeatureSpec, n_classes: int, **chosen: Any) -> Any:
    """A `Classifier`, `Generator` or vocoder of a family.

    Raises `SettingsError` on an unknown hyper-parameter or one of a wrong type.
    """
    known = hyperparameters(name)
    for key, value in chosen.items():
        if key not in known:
            raise SettingsError(f"unknown setting 'model.{key}' for {name}", "it has: " + ", ".join(known))
        wanted = type(known[key])
        if not (isinstance(value, wanted) or (wanted is float and isinstance(value, int))) or isinstance(
            value, bool
        ):
            raise SettingsError(
                f"setting model.{key} = {value!r}: not of type {wanted.__name__}", f"default: {known[key]}"
            )
    return family(name)(spec, n_classes, **chosen)
