"""A run as the zip that PAMGuard's deep-learning module reads: a TorchScript network and what to do with it.

    exported = to_pamguard(run, predictor, Path("whales.zip"))

The zip holds `finback.py` (TorchScript; PAMGuard goes by that suffix), `finback.pdtf` (JSON) and `card.md`.
PAMGuard cuts the sound, changes its rate, makes a spectrogram, and hands that to the network; here the
network begins with mel bands and ends with calibrated probabilities.

Its spectrogram is not finback's, so answers are near finback's, not equal (docs/exporting.md has figures). It
has Hamming windows where finback has Hann's, frames that begin where finback's are centred, another
resampler, and steps of 16 bits; and it leaves a recorder's offset in, so the lowest two bins, which are all
that an offset reaches behind a Hamming window, are given the power of the third.

Sources: PAMGuard's `PamZipModelClassifier` and `ArchiveModelWorker`, and of its library jpam the classes
`DLTransformParser2`, `Spectrogram` and `SpectrogramTranslator`. Waves alone cannot be handed on: jpam's
`WaveformTranslator` asks a network for its input's shape, which TorchScript does not tell (DJL issue 163).
"""

from __future__ import annotations

import json
import math
import warnings
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from finback.core.errors import SettingsError
from finback.core.files import write_atomic
from finback.core.runs import RunFolder
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec
from finback.models.export.frontend import scaled
from finback.models.export.metadata import metadata_of
from finback.models.export.module import ExportedModel
from finback.models.export.verify import refuse_if_far
from finback.models.model_card import card
from finback.models.predictor import Predictor

NETWORK, TABLE, CARD = "finback.py", "finback.pdtf", "card.md"
SKIPPED = 2  # lowest bins
HANN, HAMMING = 0.375, 0.54**2 + 0.46**2 / 2  # mean squares of the windows


class FromSpectrogram(nn.Module):
    """(B, F', H) magnitudes as PAMGuard makes them -> (B, K) calibrated probabilities."""

    bank: Tensor

    def __init__(self, module: ExportedModel, spec: FeatureSpec) -> None:
        super().__init__()
        self.spec = spec
        self.answer = module.answer
        bank = LogMel(spec).weights[:, : n_bins(spec)].T.contiguous()
        self.register_buffer("bank", bank, persistent=False)  # (H, M)
        self.eval()

    def forward(self, magnitude: Tensor) -> Tensor:
        power = magnitude[:, : self.spec.n_frames].square() * (HANN / HAMMING)  # (B, F, H)
        lowest = power[:, :, SKIPPED : SKIPPED + 1].expand(-1, -1, SKIPPED)
        power = torch.cat([lowest, power[:, :, SKIPPED:]], dim=2)
        x = scaled((power @ self.bank).transpose(1, 2), self.spec)[:, None]  # (B, 1, M, F)
        return self.answer(self.answer.logits(x)).softmax(dim=1)


def to_pamguard(run: RunFolder, predictor: Predictor, path: Path) -> dict[str, Any]:
    """Write the zip, whole or not at all; returns the metadata.

    Raises `SettingsError` for a run that does not take in log-mels, or whose level PAMGuard cannot set.
    """
    _check(predictor)
    metadata, spec = metadata_of(run, predictor), predictor.spec
    module = FromSpectrogram(ExportedModel(predictor.root), spec)
    shape = (1, n_frames(spec), n_bins(spec))
    network, difference = script(module, shape)
    refuse_if_far(difference, str(path))
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(NETWORK, network)
        file.writestr(TABLE, json.dumps(table(metadata, spec), indent=1, ensure_ascii=True))
        file.writestr(CARD, card(run))
    write_atomic(path, buffer.getvalue())
    return {**metadata, "input_shape": list(shape), "largest_difference": difference}


def _check(predictor: Predictor) -> None:
    spec, front_end = predictor.spec, predictor.store.extractor.front_end
    if not front_end.is_spectrogram:
        raise SettingsError(
            f"PAMGuard gives spectrograms to a PyTorch network, and this run takes in {front_end.name}",
            "export a run of cnn2d, lstm, transformer or another family that takes in log-mels",
        )
    if spec.level != "none":
        raise SettingsError(
            f"features.level = '{spec.level}': PAMGuard cannot scale windows like this",
            "train with --set features.level=none",
        )
    if spec.n_fft % 2:
        raise SettingsError(
            f"n_fft {spec.n_fft}: PAMGuard makes spectra of an even number", "train with another"
        )


def n_frames(spec: FeatureSpec) -> int:
    """Frames that PAMGuard makes of one window: it fills the last ones up with zeros."""
    return math.ceil(segment_samples(spec) / spec.hop)


def n_bins(spec: FeatureSpec) -> int:
    """Frequency bins that PAMGuard hands on: half of n_fft, and one more where that is odd."""
    return spec.n_fft // 2 + spec.n_fft // 2 % 2


def segment_samples(spec: FeatureSpec) -> int:
    """Samples at the model's rate that PAMGuard is to cut: half a hop from where frames would be one more.

    PAMGuard cuts at the recording's own rate, in whole milliseconds: a sample more or less is to be expected.
    """
    return (max(spec.clip_samples // spec.hop, spec.n_frames) * 2 + 1) * spec.hop // 2


def table(metadata: dict[str, Any], spec: FeatureSpec) -> dict[str, Any]:
    """Version 1 of PAMGuard's metadata, and finback's own under `finback`."""
    names = metadata["labels"]
    transforms = [
        ("load_audio", {"sr": spec.sample_rate}),
        ("spectrogram", {"fft": spec.n_fft, "hop": spec.hop}),
    ]
    return {
        "description": f"finback {metadata['finback']}: {metadata['family']}, calibrated probabilities",
        "version_info": {"version": 1.0},
        "framework_info": {"framework": "Generic"},
        "model_info": {
            "input_shape": [1, n_frames(spec), n_bins(spec)],
            "output_shape": [1, len(names)],
        },
        "class_info": {"num_class": len(names), "name_class": names},
        "seg_size": {"size_ms": round(1000 * segment_samples(spec) / spec.sample_rate)},
        "species": {"name": names},
        "target": {"name": names},
        "transforms": [{"name": name, "params": params} for name, params in transforms],
        "finback": metadata,
    }


def script(module: nn.Module, shape: tuple[int, ...]) -> tuple[bytes, float]:
    """The module as TorchScript, and how far its answers are from the module's own."""
    rng = np.random.default_rng(0)
    trial = torch.from_numpy(np.abs(rng.normal(size=(3, *shape[1:]))).astype(np.float32))
    buffer = BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # TorchScript is old, and PAMGuard reads nothing newer
        jit: Any = torch.jit
        jit.save(jit.trace(module, trial[:2], check_trace=False), buffer)
        again = jit.load(BytesIO(buffer.getvalue()))
        pairs = [(again(x), module(x)) for x in (trial[:1], trial)]
    return buffer.getvalue(), max(float((a - b).abs().max()) for a, b in pairs)
