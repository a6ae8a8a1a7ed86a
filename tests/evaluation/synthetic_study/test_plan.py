"""Arms, settings and folds of a synthetic study, before anything is trained."""

from __future__ import annotations

import pytest
from small_study import study

from finback.core.errors import SettingsError
from finback.data.dataset import Dataset
from finback.evaluation import synthetic_study
from finback.evaluation.synthetic_study.arm import Arm
from finback.evaluation.synthetic_study.plan import folds_of


def test_arms_and_their_amounts(tiny: str) -> None:
    names = [arm.name for arm in study(tiny).arms]
    assert names == [
        *("none", "classic", "classic + gaussian x 0.5", "classic + gaussian x 2"),
        *("classic + tape-transfer x 0.5", "classic + tape-transfer x 2"),
    ]
    filled = study(tiny, ["vae"], target_clips=20, augmentation="none", filter=True)
    assert [arm.name for arm in filled.arms] == ["none", "none + vae to 20, filtered"]
    assert filled.baseline.name == "none"  # not named, but the other arm is compared with it
    assert [filled.arms[1].n_synthetic(n) for n in (3, 20, 30)] == [17, 0, 0]
    assert [Arm("none", "vae", ratio=0.5).n_synthetic(n) for n in (1, 3, 8)] == [0, 2, 4]
    still = filled.baseline.apply(filled.classifier)
    assert not any(still.augment.model_dump(exclude={"overlay_label", "overlay_db"}).values())
    assert (still.training.mixup, still.training.cutmix) == (0, 0)
    assert filled.generators["vae"].generate.held_out == 0


def test_settings_of_one_generator_or_of_all(tiny: str) -> None:
    found = synthetic_study.plan(
        ["vae", "gaussian"], "cnn2d", tiny, (), ["training.epochs=7", "vae:training.batch_size=4"]
    ).generators
    assert (found["vae"].training.epochs, found["vae"].training.batch_size) == (7, 4)
    assert (found["gaussian"].training.epochs, found["gaussian"].training.batch_size) == (7, 8)


@pytest.mark.parametrize(
    ("names", "family", "overrides", "message"),
    [
        (["gan"], "cnn2d", [], "--synthetic gan"),
        (["vae"], "cnn2d", ["wave.noise=0.5"], "have no wave"),
        (["vae"], "cnn2d", ["rare.how=prototype"], "prototype"),
        (["vae"], "cnn2d", ["features.scale=amplitude"], "scale"),
    ],
)
def test_what_cannot_be_compared(
    names: list[str], family: str, overrides: list[str], message: str, tiny: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        synthetic_study.plan(names, family, tiny, overrides)
    with pytest.raises(SettingsError, match="not one of the arms"):
        synthetic_study.plan(["vae"], "cnn2d", tiny, (), ["gaussian:training.epochs=3"])
    with pytest.raises(SettingsError, match="ratio"):
        study(tiny, ratios=(0.0,))


def test_folds_with_a_limit_of_real_clips_set_the_others_aside(tiny: str, tiny_dataset: Dataset) -> None:
    for fold, whole in zip(
        folds_of(study(tiny, max_real_clips=2), tiny_dataset),
        folds_of(study(tiny), tiny_dataset),
        strict=True,
    ):
        assert set(fold.training_clips.values()) == {2}
        assert fold.split.test == whole.split.test
        assert {c.key for c in fold.split.train} < {c.key for c in whole.split.train}
        assert len(fold.split.train) + len(fold.split.set_aside) == len(whole.split.train) + len(
            whole.split.set_aside
        )
    assert folds_of(study(tiny, max_real_clips=2), tiny_dataset) == folds_of(
        study(tiny, max_real_clips=2), tiny_dataset
    )


@pytest.mark.parametrize(
    ("arm", "folder"),
    [
        (Arm("classic", "vae", ratio=0.5), "classic-vae-x-0.5"),
        (Arm("classic", "tape-transfer", ratio=1.0, tape_transfer=1.0), "classic-moved-x-1"),
        (
            Arm("none", "vae", target_clips=20, tape_transfer=0.5, filtered=True),
            "none-vae-to-20-moved-0.5-judged",
        ),
    ],
)
def test_folders_have_the_names_of_version_0_1_0(arm: Arm, folder: str) -> None:
    assert arm.folder == folder


def test_samples_that_a_classifier_filters_are_not_shared(tiny: str) -> None:
    with pytest.raises(SettingsError, match="--filter with --generators"):
        study(tiny, filter=True, generators="shared")
