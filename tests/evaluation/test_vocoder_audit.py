"""The audit of a vocoder: clips of other groups, comparison with untrained methods, and the card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import read_json
from finback.data.dataset import Dataset
from finback.data.splits.run_subsets import run_subsets
from finback.evaluation import vocoder_audit
from finback.evaluation.vocoder_audit import OWN, audit_vocoder
from finback.evaluation.vocoder_test_sounds import TEST_MEASURES
from finback.models.export.folder import package_run
from finback.models.model_card import card
from finback.training.generator import train_generator
from finback.training.plan import Plan
from finback.training.settings import resolve


@pytest.fixture(scope="module")
def run(tiny: str, tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    few = ["training.epochs=1", "model.width=16", "model.depth=1"]
    plan = Plan("vocoder", resolve(tiny, few, "vocoder"), device="cpu")
    return train_generator(plan, tiny_dataset, tmp_path_factory.mktemp("vocoder") / "run").path


def test_every_measure_beside_griffin_lim_on_tapes_never_heard(run: Path, trained: Path) -> None:
    found = audit_vocoder(run, trained, "cpu")
    by_side = run_subsets(RunFolder.open(run))
    unseen = (*by_side["validation"], *by_side["test"])
    assert found["n_groups"] == len({c.group for c in unseen})
    assert found["n_windows"] >= len(unseen)
    assert list(found["vocoders"]) == [OWN, "griffin-lim", "fast-griffin-lim", "components"]
    for row in found["vocoders"].values():
        for key in found["measures"]:
            low, high = row[f"{key}_ci"]
            assert low <= row[key] <= high
    assert 0 <= found["vocoders"][OWN]["agreement"] <= 1
    assert list(found["test_sounds"]) == list(found["vocoders"])
    assert set(found["test_sounds"][OWN]) == set(TEST_MEASURES)
    assert found["vocoders"]["fast-griffin-lim"]["mel_correlation"] > 0.9
    assert read_json(run / "vocoder_audit.json") == found


def test_a_perfect_vocoder_has_no_error(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    originals: list[np.ndarray] = []
    taken = vocoder_audit.logmel_of
    monkeypatch.setattr(
        vocoder_audit, "logmel_of", lambda waves, *rest: originals.append(waves) or taken(waves, *rest)
    )
    monkeypatch.setattr(vocoder_audit, "to_waves", lambda logmels, invert, progress: originals[0])
    row = audit_vocoder(run, device="cpu")["vocoders"][OWN]
    assert "agreement" not in row
    assert row["lsd_db"] == row["mel_l1_db"] == 0
    assert row["mel_correlation"] == pytest.approx(1)


def test_the_figures_travel_with_the_weights(run: Path, tmp_path: Path) -> None:
    found = audit_vocoder(run, device="cpu")
    small = package_run(run, tmp_path / "small")
    text = (small / "card.md").read_text()
    assert f"{found['vocoders'][OWN]['lsd_db']:.3f} (griffin-lim " in text
    assert text == card(RunFolder(small))


def test_without_other_tapes_there_is_nothing_to_audit(
    tiny: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    everything = replace(tiny_dataset, subset_of=("train",) * len(tiny_dataset.clips))
    few = ["training.epochs=1", "model.width=16", "model.depth=1"]
    plan = Plan("vocoder", resolve(tiny, few, "vocoder"), device="cpu")
    folder = train_generator(plan, everything, tmp_path / "run").path
    with pytest.raises(RunError, match="the vocoder was trained on all recording groups"):
        audit_vocoder(folder, device="cpu")
