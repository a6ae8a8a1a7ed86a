"""benchmarks/added.py and synthetic_study.py: what is added, what is compared, and what is stored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from finback.core.errors import RunError
from finback.data.dataset import Dataset
from finback.training.generator import train_generator
from finback.training.plan import Plan
from finback.training.settings import resolve

SCRIPTS = ("added", "added_rows", "recordings", "stored", "synthetic_study")


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """Scripts, which are not part of the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
        import added
        import added_rows
        import synthetic_study

        yield {"added": added, "rows": added_rows, "study": synthetic_study}
        for name in SCRIPTS:
            sys.modules.pop(name, None)


def test_as_many_samples_as_training_clips_are_added(
    scripts: dict[str, ModuleType], generator_run: Path
) -> None:
    data = scripts["rows"].Data([generator_run])
    rows = data.chosen("gaussian", rare=False)
    counts = np.bincount(data.train.y, minlength=len(data.labels))
    made = data.samples["gaussian"].windows.y[rows]
    assert np.bincount(made, minlength=len(data.labels)).tolist() == counts.tolist()
    data.__dict__["rare"] = np.array([1])
    assert set(data.samples["gaussian"].windows.y[data.chosen("gaussian", rare=True)]) == {1}
    tapes = {clip.group_key for clip in data.clips["train"]}
    assert tapes.isdisjoint(data.tested[1])


def test_a_head_gets_the_samples_as_sound(scripts: dict[str, ModuleType], generator_run: Path) -> None:
    data = scripts["rows"].Data([generator_run])
    head = scripts["rows"].HeadOn("mfcc-svm", data)
    assert len(head.real) == len(data.clips["train"])
    result = scripts["added"].results_of("mfcc-svm", data, 1)
    assert list(result) == ["nothing", "gaussian, every species", "gaussian, species below 25 clips"]
    assert result["nothing"]["gain"] == 0
    assert 0 <= result["gaussian, every species"]["recall"] <= 1
    table = scripts["added"].table(result)
    assert [row[0] for row in table.rows] == list(result)
    assert table.rows[0][3] is None


def test_generators_of_other_clips_are_refused(
    scripts: dict[str, ModuleType], generator_run: Path, tiny_dataset: Dataset, tiny: str, tmp_path: Path
) -> None:
    settings = resolve(tiny, ["model.n_components=4"], "gaussian", split={"seed": 5})
    other = train_generator(Plan("gaussian", settings, device="cpu"), tiny_dataset, tmp_path / "other").path
    with pytest.raises(RunError, match="trained on other clips"):
        scripts["rows"].Data([generator_run, other])


def test_gains_are_paired_over_the_groups(scripts: dict[str, ModuleType]) -> None:
    truth, groups = np.repeat([0, 1], 20), [f"tape{i // 5}" for i in range(40)]
    data = SimpleNamespace(tested=(truth, groups), rare=np.array([1]))
    nothing = np.tile([0.0, 1.0, 0.0, 1.0, 1.0], 8)
    better = np.where(truth == 0, 1.0, nothing)
    found = scripts["rows"].figures(better, nothing, data)
    assert found["gain"] == pytest.approx(0.2)
    assert found["gain_accuracy"] == pytest.approx(0.2)
    assert found["gain_rare"] == 0
    assert found["gain_rare_ci"] == [0, 0]
    low, high = found["gain_ci"]
    assert low == pytest.approx(0.2)  # the same gain on every tape: no width
    assert high == pytest.approx(0.2)


def test_the_table_of_a_study_has_no_gain_of_the_baseline(scripts: dict[str, ModuleType]) -> None:
    gain = {"difference": 0.02, "ci": [-0.01, 0.05]}
    versus = {"accuracy": gain, "low_data_f1": gain, "low_data_recall": {"difference": None, "ci": None}}
    more = {"n_clips": 30, "n_groups": 9}
    rows = {
        "none": {"versus": None, "over_none": None},
        "none + calls x 1": {"versus": {**versus, **more}, "over_none": versus},
    }
    plain = {"accuracy": 0.5, "low_data_f1": 0.4, "n_seeds": 2}
    arms = {name: {**plain, **row} for name, row in rows.items()}
    result = {"baseline": "none", "n_species": 3, "arms": arms}
    table = scripts["study"].table(result)
    assert table.rows[0] == ["none", 2, 0.5, 0.4, None, None, None]
    assert table.rows[1][4] == {"value": 0.02, "low": -0.01, "high": 0.05}
    beside = scripts["study"].table({**result, "baseline": "classic"})
    assert beside.rows[1][-1] == {"value": 0.02, "low": -0.01, "high": 0.05}
    values = scripts["study"].values({"yamnet": result})
    assert values["yamnet.none-calls.macro_f1.ci"] == [-0.01, 0.05]
    assert "yamnet.none-calls.recall" not in values
    assert values["yamnet.none-calls.over_none"] == 0.02
    assert (values["n_tapes"], values["n_species"]) == (9, 3)


def test_the_studies_share_their_generators(scripts: dict[str, ModuleType], tmp_path: Path) -> None:
    studies = [scripts["study"].study_of(name, 2, 0.0, tmp_path) for name in scripts["study"].FAMILIES]
    assert {study.settings.generators for study in studies} == {tmp_path / "generators"}
    assert [study.baseline.name for study in studies] == ["classic", "none", "none"]
    assert "classic after calls x 1" in [arm.name for arm in studies[0].arms]
