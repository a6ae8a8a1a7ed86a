"""A clip to its log-mel spectrogram and back to sound: what a vocoder keeps of it."""

from __future__ import annotations

from pathlib import Path

from finback.core.bars import bars
from finback.core.display import Shown, Table
from finback.core.progress import Progress
from finback.core.settings import DEFAULT_PRESET, build, load_preset
from finback.features.spec import FeatureSpec
from finback.generation.vocoders.vocode import AUTO, VocodeRequest, vocode
from finback.metrics.waveforms import MEANINGS


def resynthesize(
    source: str | Path,
    out: str | Path,
    vocoder: str | Path = AUTO,
    *,
    preset: str = DEFAULT_PRESET,
    device: str = "auto",
    progress: Progress | None = None,
) -> Shown:
    """Write the sound that a vocoder makes of a clip's log-mel spectrogram, and measure the difference.

    `source`: a sound file, or log-mels in dB (.npy, .npz). `vocoder`: "griffin-lim", "fast-griffin-lim",
    "components", a run folder, or the name of a bundled vocoder; "auto" takes the bundled one if it has these
    features.

    Raises `InputError` for a file without sound or log-mels, `SpecMismatchError` for a vocoder of other
    features.
    """
    spec = build(FeatureSpec, load_preset(preset).get("features", {}))
    request = VocodeRequest(Path(source), Path(out), str(vocoder), device=device)
    result = vocode(request, spec, progress or bars())
    rows = [(name, value, *MEANINGS[name][::-1]) for name, value in result.measures.items()]
    columns = ("measure", "mean", "equal sounds", "compares")
    table = Table(columns, rows, f"vocoder: {result.vocoder}")
    return Shown(tables=(table,), sounds=tuple(path for path in result.paths if path.suffix == ".wav")[:3])
