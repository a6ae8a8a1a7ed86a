"""A run as a zip for the deep-learning module of PAMGuard: a TorchScript network and its settings.

    exported = to_pamguard(run, predictor, Path("whales.zip"))

The zip holds `finback.py` (TorchScript; PAMGuard requires this suffix), `finback.pdtf` (JSON) and `card.md`.
PAMGuard cuts and resamples the sound, computes a spectrogram, and passes it to the network. The network
computes mel bands and calibrated probabilities.

The spectrogram of PAMGuard differs from that of finback, so probabilities are close, not equal
(docs/exporting.md has figures). It has Hamming instead of Hann windows, frames that begin where those of
finback are centred, another resampler, and 16-bit samples. It does not remove the offset of a recorder. With
a Hamming window, an offset reaches only the lowest two bins, so they are given the power of the third bin.

Sources: PAMGuard's `PamZipModelClassifier` and `ArchiveModelWorker`, and of its library jpam the classes
`DLTransformParser2`, `Spectrogram` and `SpectrogramTranslator`. The network cannot take
waves: `WaveformTranslator` of jpam asks a network for the shape of its input, which TorchScript does not have
(DJL issue 163).
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
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import write_atomic
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
    """Magnitudes (B, F', H) of PAMGuard -> calibrated probabilities (B, K)."""

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

    Raises `SettingsError` for a run that does not use log-mels, or whose level PAMGuard cannot set.
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
            f"PAMGuard gives spectrograms to a PyTorch network, and this run uses {front_end.name}",
            "export a run of cnn2d, lstm, transformer or another family of log-mels, such as watkins-small",
        )
    if spec.level != "none":
        raise SettingsError(
            f"features.level = '{spec.level}': PAMGuard cannot scale windows like this",
            "train with --set features.level=none",
        )
    if spec.n_fft % 2:
        raise SettingsError(
            f"features.n_fft = {spec.n_fft}: PAMGuard needs an even number", "train with an even n_fft"
        )


def n_frames(spec: FeatureSpec) -> int:
    """Number of frames in PAMGuard of one window; the last ones are padded with zeros."""
    return math.ceil(segment_samples(spec) / spec.hop)


def n_bins(spec: FeatureSpec) -> int:
    """Number of frequency bins that PAMGuard passes on: half of n_fft, and one more if the half is odd."""
    return spec.n_fft // 2 + spec.n_fft // 2 % 2


def segment_samples(spec: FeatureSpec) -> int:
    """Length of the segments of PAMGuard, in samples of the model: half a hop from one more frame.

    PAMGuard cuts at the rate of the recording, in whole milliseconds, so the length may differ by a sample.
    """
    return (max(spec.clip_samples // spec.hop, spec.n_frames) * 2 + 1) * spec.hop // 2


def table(metadata: dict[str, Any], spec: FeatureSpec) -> dict[str, Any]:
    """Metadata of PAMGuard, version 1, and those of finback under `finback`."""
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
    """The module as TorchScript, and the largest difference of its output from that of the module."""
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
