"""run.json as a type, and the run folder around it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finback.core.errors import RunError
from finback.core.runs import info as run_info
from finback.core.runs import renames
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo

INFO = RunInfo(
    kind="classifier",
    family="cnn2d",
    labels=("fin", "sei"),
    spec={"sample_rate": 8000},
    settings={"training": {"epochs": 40}, "split": {"fractions": [0.7, 0.15, 0.15]}},
    seed=0,
)


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    run = RunFolder.begin(tmp_path, INFO)
    run.note(temperature=1.25, best=None)
    run.finish(step=7)
    again = RunFolder.open(tmp_path).info
    assert again == run.info
    assert again.only("kind", "labels", "seed") == {"kind": "classifier", "labels": ["fin", "sei"], "seed": 0}
    assert (again.temperature, again.step, again.trained) == (1.25, 7, True)
    assert again.to_json() == json.loads((tmp_path / "run.json").read_text())
    assert again.to_json()["best"] is None  # set to nothing is not the same as never set
    assert "n_folds" not in again.to_json()


def test_unknown_keys_survive(tmp_path: Path) -> None:
    run = RunFolder.begin(tmp_path, INFO)
    values = json.loads(run.run_json.read_text()) | {"thresholds": {"fin": 0.7}}
    run.run_json.write_text(json.dumps(values))
    again = RunFolder.open(tmp_path)
    again.note(temperature=2.0)
    assert json.loads(run.run_json.read_text()) == values | {"temperature": 2.0}


def test_run_json_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RunFolder.begin(tmp_path, INFO)
    reads: list[Path] = []
    true_read = run_info.read_json
    monkeypatch.setattr(run_info, "read_json", lambda path: reads.append(path) or true_read(path))
    run = RunFolder.open(tmp_path)
    assert (run.info.family, run.is_trained, run.folds, run.info.seed) == ("cnn2d", False, [], 0)
    assert reads == [tmp_path / "run.json"]


def test_a_note_keeps_what_another_object_noted(tmp_path: Path) -> None:
    run = RunFolder.begin(tmp_path, INFO)
    RunFolder(tmp_path).note(training_s=3.5)
    run.note(temperature=1.5)
    assert (run.info.training_s, run.info.temperature) == (3.5, 1.5)


def test_finishing_removes_checkpoints(tmp_path: Path) -> None:
    run = RunFolder.begin(tmp_path, INFO)
    run.refit.path.mkdir()
    for path in (run.checkpoint, run.refit.checkpoint):
        path.write_bytes(b"state")
    with pytest.raises(RunError, match="training has not finished; run the same finback train again"):
        run.require_trained()
    run.finish()
    run.require_trained()
    assert not run.checkpoint.exists()
    assert not run.refit.checkpoint.exists()


def test_the_same_run_is_continued_and_another_is_refused_by_name(tmp_path: Path) -> None:
    assert not RunFolder.check(tmp_path, INFO)
    RunFolder.begin(tmp_path, INFO)
    assert RunFolder.check(tmp_path, INFO.updated(command="another spelling", n_clips=3))
    settings = INFO.settings | {"training": {"epochs": 20}}
    with pytest.raises(RunError, match=r"another run \(training.epochs 40 -> 20\); give another --out$"):
        RunFolder.check(tmp_path, INFO.updated(settings=settings))
    with pytest.raises(RunError, match=r"labels changed, seed 0 -> 1"):
        RunFolder.check(tmp_path, INFO.updated(labels=("fin", "blue"), seed=1))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[1, 2]", "not a JSON object"),
        ('{"format": 1, "labels": "fin"}', "key 'labels'"),
        ('{"format": 1, "temperature": "warm"}', "key 'temperature'"),
        ('{"format": 1', "run.json: damaged"),
    ],
)
def test_a_damaged_run_json_is_named_with_its_key(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match=problem) as error:
        RunFolder.open(tmp_path)
    assert "run.json" in str(error.value)
    assert "delete" not in str(error.value)


def test_folds_and_members_are_run_folders(tmp_path: Path) -> None:
    run = RunFolder.begin(tmp_path, INFO.updated(n_folds=2))
    assert [fold.path for fold in run.folds] == [tmp_path / "folds/0", tmp_path / "folds/1"]
    assert len(run.parts) == 2
    assert run.member(1).weights == tmp_path / "members/1/weights.safetensors"
    assert [p.path for p in RunFolder.begin(tmp_path / "single", INFO).parts] == [tmp_path / "single"]


def test_how_a_run_was_split() -> None:
    assert INFO.split_by == "group"
    assert INFO.splits == []
    assert INFO.updated(split={"by": "clip"}).split_by == "clip"
    assert INFO.updated(split=[{"by": "clip"}, {"by": "clip"}]).splits == [{"by": "clip"}] * 2
    assert INFO.setting("training", "epochs") == 40
    assert INFO.setting("wave", "noise") is None


def test_settings_added_since_have_their_defaults(tmp_path: Path) -> None:
    RunFolder.begin(tmp_path, INFO)  # as an older finback wrote it, without training.mixup and model.width
    defaults = {"training": {"mixup": 0.2, "epochs": 100}, "features": {"scale": "db"}, "model": {"width": 4}}
    spec = {**INFO.spec, "scale": "db"}

    def today(**training: object) -> RunInfo:
        settings = INFO.settings | {"training": {"epochs": 40, "mixup": 0.2, **training}}
        return INFO.updated(settings=settings, spec=spec, defaults=defaults)

    assert RunFolder.check(tmp_path, today())
    with pytest.raises(RunError, match=r"\(training.mixup 0.2 -> 0.0\)"):
        RunFolder.check(tmp_path, today(mixup=0.0))
    spec["scale"] = "pcen"
    with pytest.raises(RunError, match=r"\(spec.scale db -> pcen\)"):
        RunFolder.check(tmp_path, today())
    assert "defaults" not in RunFolder.begin(tmp_path / "new", today()).info.to_json()


def test_settings_removed_since_are_tolerated_with_their_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renames, "REMOVED_SETTINGS", {"features.file": "", "training.boost": 1})
    old = {"settings": {"features": {"file": "", "hop": 1}, "training": {"boost": 1}}, "spec": {"file": ""}}
    RunFolder.begin(tmp_path, INFO.updated(**old))
    info = RunFolder.open(tmp_path).info
    assert info.settings == {"features": {"hop": 1}, "training": {}}
    assert info.spec == {}
    old["spec"] = {"file": "a.onnx"}
    RunFolder.begin(tmp_path / "old", INFO.updated(**old))
    assert RunFolder(tmp_path / "old").info.spec == {"file": "a.onnx"}
    with pytest.raises(RunError, match=r"spec.file a.onnx -> None"):
        RunFolder.check(tmp_path / "old", INFO.updated(settings=info.settings, spec={}))
