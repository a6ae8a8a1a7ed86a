"""The registry of model families: a literal dict of dotted paths, imported on use.

A new family needs one file, one line here and one preset. The tests of all families then include it.
"""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from finback.core.errors import SettingsError
from finback.core.registry import looked_up
from finback.models.sizes import check_bounds, check_memory, is_large

if TYPE_CHECKING:
    from finback.features.spec import FeatureSpec

CLASSIFIERS = {
    "aisfx-mix": "finback.models.networks.probe:AiSfxMix",
    "aisfx-plda": "finback.models.networks.probe:AiSfxPlda",
    "aisfx": "finback.models.networks.probe:AiSfxProbe",
    "aisfx-tuned": "finback.models.networks.aisfx_tuned:AiSfxTuned",
    "beats-mix": "finback.models.networks.added:BeatsMix",
    "beats-plda": "finback.models.networks.added:BeatsPlda",
    "beats": "finback.models.networks.added:BeatsProbe",
    "birdnet-mix": "finback.models.networks.probe:BirdNetMix",
    "birdnet-plda": "finback.models.networks.probe:BirdNetPlda",
    "birdnet": "finback.models.networks.probe:BirdNetProbe",
    "birdnet-mlp": "finback.models.networks.probe:BirdNetMlp",
    "cnn14-mix": "finback.models.networks.added:Cnn14Mix",
    "cnn14-plda": "finback.models.networks.added:Cnn14Plda",
    "cnn14": "finback.models.networks.added:Cnn14Probe",
    "cnn1d": "finback.models.networks.cnn1d:CNN1D",
    "cnn2d": "finback.models.networks.cnn2d:CNN2D",
    "dnn": "finback.models.networks.dnn:DNN",
    "lstm": "finback.models.networks.recurrent:LSTM",
    "mfcc-forest": "finback.models.networks.probe:MfccForest",
    "mfcc-mix": "finback.models.networks.probe:MfccMix",
    "mfcc-plda": "finback.models.networks.probe:MfccPlda",
    "mfcc-svm": "finback.models.networks.probe:MfccSvm",
    "onnx": "finback.models.networks.probe:OnnxProbe",
    "perch2-mix": "finback.models.networks.added:Perch2Mix",
    "perch2-plda": "finback.models.networks.added:Perch2Plda",
    "perch2": "finback.models.networks.added:Perch2Probe",
    "rnn": "finback.models.networks.recurrent:RNN",
    "supcon": "finback.models.networks.supcon:SupCon",
    "transformer": "finback.models.networks.transformer:Transformer",
    "yamnet-mix": "finback.models.networks.probe:YamnetMix",
    "yamnet-plda": "finback.models.networks.probe:YamnetPlda",
    "yamnet": "finback.models.networks.probe:YamnetProbe",
    "yamnet-tuned": "finback.models.networks.yamnet_tuned:YamnetTuned",
}

# Classifiers with weights of others, which have a licence. To ask the class of another one would load torch.
PRETRAINED = frozenset(
    (
        "aisfx-mix",
        "aisfx-plda",
        "aisfx",
        "aisfx-tuned",
        "beats-mix",
        "beats-plda",
        "beats",
        "birdnet-mix",
        "birdnet-plda",
        "birdnet",
        "birdnet-mlp",
        "cnn14-mix",
        "cnn14-plda",
        "cnn14",
        "onnx",
        "perch2-mix",
        "perch2-plda",
        "perch2",
        "yamnet-mix",
        "yamnet-plda",
        "yamnet",
        "yamnet-tuned",
    )
)

GENERATORS = {
    "calls": "finback.models.networks.calls.network:Calls",
    "diffusion": "finback.models.networks.residual_denoiser:ResidualDenoiser",
    "gaussian": "finback.models.networks.gaussian:Gaussian",
    "stationary-gaussian": "finback.models.networks.stationary:StationaryGaussian",
    "vae": "finback.models.networks.vae:VAE",
}

VOCODERS = {"vocoder": "finback.models.networks.vocoder:Vocoder"}

FAMILIES = {**CLASSIFIERS, **GENERATORS, **VOCODERS}


def family(name: str) -> Any:
    """The class behind a family's name, of any kind. Raises `SettingsError` on an unknown one."""
    return looked_up(FAMILIES, name, "model family")


def kind(name: str) -> str:
    """ "classifier", "generator" or "vocoder". Raises `SettingsError` on an unknown family."""
    family(name)
    return "classifier" if name in CLASSIFIERS else "generator" if name in GENERATORS else "vocoder"


def licences(names: Iterable[str]) -> list[str]:
    """The licences of the pretrained weights of families, each once; unknown names have none."""
    licences = [family(name).licence for name in names if name in PRETRAINED]
    return [licence for licence in dict.fromkeys(licences) if licence]


def hyperparameters(name: str) -> dict[str, Any]:
    """Names and defaults of the hyper-parameters of a family, with those of its runs of older versions.

    They come from a table, so that a wrong setting is answered before torch is imported, which takes seconds.
    A test compares the table with the classes. Raises `SettingsError` on an unknown family.
    """
    stored = _stored().get(name)
    return stated(name) if stored is None else dict(stored)


@cache
def _stored() -> dict[str, dict[str, Any]]:
    text = (resources.files("finback.models") / "hyperparameters.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def stated(name: str) -> dict[str, Any]:
    """The hyper-parameters that the class of a family states."""
    made = family(name)
    earlier = getattr(made, "earlier", None)
    return {**(_hyperparameters(earlier) if earlier else {}), **_hyperparameters(made)}


def _hyperparameters(made: Any) -> dict[str, Any]:
    parameters = inspect.signature(made.__init__).parameters
    return {k: p.default for k, p in parameters.items() if p.default is not inspect.Parameter.empty}


def create(name: str, spec: FeatureSpec, n_classes: int, **chosen: Any) -> Any:
    """A `Classifier`, `Generator` or vocoder of a family.

    Raises `SettingsError` on an unknown hyper-parameter, one of a wrong type or out of bounds, and on a
    network that does not fit into the memory of this computer.
    """
    known = check_chosen(name, chosen)
    make = family(name)
    if hasattr(make, "of"):  # the class depends on the settings; one of an older version knows fewer
        make = make.of(chosen)
        chosen = {key: value for key, value in chosen.items() if key in _hyperparameters(make)}
    if is_large(chosen, known):
        check_memory(lambda: make(spec, n_classes, **chosen), f"model {name}")
    return make(spec, n_classes, **chosen)


def check_chosen(name: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The hyper-parameters of a family with their defaults, after a check of the chosen ones.

    Raises `SettingsError` on an unknown hyper-parameter, one of a wrong type or out of bounds.
    """
    known = hyperparameters(name)
    for key, value in chosen.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            meant = f", did you mean '{near[0]}'?" if near else ""
            raise SettingsError(
                f"unknown setting 'model.{key}' for {name}{meant}", "it has: " + ", ".join(known)
            )
        wanted = type(known[key])
        if not (isinstance(value, wanted) or (wanted is float and isinstance(value, int))) or isinstance(
            value, bool
        ):
            raise SettingsError(
                f"setting model.{key} = {value!r}: not of type {wanted.__name__}", f"default: {known[key]}"
            )
    check_bounds(chosen)
    return known
