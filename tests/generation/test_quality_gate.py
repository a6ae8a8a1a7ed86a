"""Which generated clips the gate refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fixed_answers import Yes

from finback.audio.io import open_recording, write
from finback.core.progress import no_progress
from finback.core.runs.folder import RunFolder
from finback.core.types import Clip
from finback.data.dataset import Dataset
from finback.data.splits.run_subsets import run_subsets
from finback.generation.fill_rare import ACCEPTED, QualityGate
from finback.generation.synthesizer import SynthesisConfig, Synthesizer
from finback.models.predictor import Predictor


@pytest.fixture(scope="module")
def gate(config: SynthesisConfig, tiny_dataset: Dataset, generator_run: Path) -> QualityGate:
    synthesizer = Synthesizer(config)
    real = run_subsets(RunFolder.open(generator_run))["train"]
    classifier: Predictor = Yes(synthesizer.labels)  # type: ignore[assignment]
    return QualityGate(synthesizer, real, tiny_dataset, classifier, no_progress)


def written_clip(path: Path, wave: np.ndarray) -> Clip:
    write(path, wave, 8000)
    recording = open_recording(path)
    return Clip(recording, 0, recording.n_samples)


def test_a_real_clip_made_again_is_a_copy_and_silence_is_silent(gate: QualityGate, tmp_path: Path) -> None:
    from finback.features.extract import Extractor

    clip = gate.nearest.clips[0]
    label = gate.names.index(clip.label or "")
    name = (clip.label or "").lower().replace(" ", "-")
    wave = Extractor(gate.uncached.extractor.spec, "wave")(clip)[0]
    assert gate.copy_threshold is not None
    quiet = written_clip(tmp_path / f"{name}-1.wav", np.full(7680, 1e-5))
    copied = written_clip(tmp_path / f"{name}-2.wav", 0.5 * np.roll(wave, 900))
    verdicts = gate([quiet, copied], label)
    assert [v.outcome for v in verdicts] == ["silent", "copy"]
    assert verdicts[1].distance < gate.copy_threshold
    assert verdicts[1].parent == clip.recording.path.name
    assert verdicts[1].probability == pytest.approx(0.9)


def test_the_judge_and_the_band_have_a_say(
    gate: QualityGate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = next(k for k, name in enumerate(gate.names) if gate.bands[name] is not None)
    name = gate.names[label]
    file = tmp_path / f"{name.lower().replace(' ', '-')}-0.wav"
    time = np.arange(7680) / 8000
    # Low ticking: in no band of theirs, and no copy of anything.
    sound = written_clip(file, 0.2 * np.sin(2 * np.pi * 60 * time) * (time % 0.13 < 0.02))
    assert gate([sound], label)[0].outcome == "out of band"
    assert gate([sound], label, min_probability=0.95)[0].outcome == "other species", "not sure enough"
    monkeypatch.setattr(gate, "classifier", Yes(gate.classifier.labels, always=gate.names[label - 1]))
    verdict = gate([sound], label)[0]
    assert verdict.outcome == "other species"
    assert verdict.probability == pytest.approx(0.1 / 3)
    monkeypatch.setattr(gate, "classifier", Yes(gate.classifier.labels))
    monkeypatch.setattr(gate, "bands", {**gate.bands, name: None})
    assert gate([sound], label)[0].outcome == ACCEPTED, "with a handful of real clips nobody knows the band"
