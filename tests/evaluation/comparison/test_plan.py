"""Which families are compared, with which settings; what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback import models
from finback.core.errors import SettingsError
from finback.evaluation.comparison.plan import RANDOM_FRACTIONS, check_usable, plan, planned_runs
from finback.evaluation.study import StudyOptions
from finback.training.settings import resolve


def test_by_default_all_that_stand_on_no_pretrained_weights() -> None:
    chosen = list(plan().settings)
    assert {"cnn2d", "dnn", "mfcc-forest"} <= set(chosen)
    assert set(chosen) == {name for name in models.CLASSIFIERS if not models.family(name).licence}
    assert plan(["lstm", "dnn", "lstm"]).settings.keys() == {"lstm", "dnn"}


def test_backbones_that_cannot_be_used_here_are_left_out_and_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def here(family: str, settings: object) -> None:
        if family != "birdnet":
            raise SettingsError(f"{family}: not installed", "install it")

    monkeypatch.setattr("finback.evaluation.comparison.plan.check_usable", here)
    found = plan(backbones=True)
    assert "birdnet" in found.settings
    assert "onnx" not in found.settings
    assert found.left_out["onnx"] == "onnx: not installed; install it"
    assert "birdnet" not in found.left_out
    assert "onnx" in plan(["onnx"]).settings  # asked for by name: refused when it is checked, not left out


def test_one_that_stands_on_a_missing_file_is_refused_with_the_repair() -> None:
    with pytest.raises(SettingsError, match="onnx"):
        check_usable("onnx", resolve(family="onnx"))
    check_usable("dnn", resolve(family="dnn"))
    check_usable("mfcc-mix", resolve(family="mfcc-mix", overrides=["features.playback=[0.5]"]))
    check_usable("mfcc-mix", resolve(family="mfcc-mix", overrides=["features.playback=[1.0,0.5]"]))


def test_model_settings_go_to_those_that_have_them() -> None:
    found = plan(["dnn", "cnn2d"], overrides=["model.dropout=0.25", "model.hidden=64", "model.cnn2d.width=8"])
    assert found.settings["dnn"].model == {"dropout": 0.25, "hidden": 64}
    assert found.settings["cnn2d"].model == {"dropout": 0.25, "width": 8}


@pytest.mark.parametrize(
    ("families", "overrides", "message"),
    [
        (["dnn"], ["model.hiden=64"], "model.hiden: none of dnn has it"),
        (["dnn", "nosuch"], [], "unknown model family 'nosuch'.*cnn2d"),
        (["dnn"], ["model.nosuch.hidden=4"], "model.nosuch"),
        (["dnn"], ["split.by=clip"], "splits by recording group"),
    ],
)
def test_mistakes_are_refused(families: list[str], overrides: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        plan(families, overrides=overrides)


def test_every_family_of_a_seed_has_the_same_folds() -> None:
    listed = planned_runs(plan(["dnn", "cnn2d"], options=StudyOptions(3, (4, 5))), Path("out"))
    assert [run.folder.name for run in listed] == [
        *("dnn-seed4", "cnn2d-seed4", "dnn-seed5", "cnn2d-seed5"),
        *("dnn-random", "cnn2d-random"),
    ]
    for run in listed[:4]:
        assert run.plan.settings.split.seed == run.plan.seed
        assert (run.plan.settings.split.folds, run.plan.settings.split.by) == (3, "group")
        assert run.n_parts == 3
    by_chance = listed[-1].plan.settings.split
    assert (by_chance.by, by_chance.folds, by_chance.fractions) == ("clip", 0, RANDOM_FRACTIONS)
    assert by_chance.seed == 4
    assert listed[-1].n_parts == 1


def test_without_the_random_split() -> None:
    assert not [r for r in planned_runs(plan(["dnn"], random=False), Path("out")) if r.random]
