"""Arms, settings and folds of a comparison of synthetic clips, before anything is trained."""

from __future__ import annotations

import pytest
from small_study import job

from finback.core.errors import SettingsError
from finback.data.dataset import Dataset
from finback.evaluation import synthetic_study as gain
from finback.evaluation.synthetic_study.plan import Arm, folds_of


def test_arms_and_their_amounts(tiny: str) -> None:
    names = [arm.name for arm in job(tiny).arms]
    assert names == [
        *("none", "classic", "classic + gaussian x 0.5", "classic + gaussian x 2"),
        *("classic + moved x 0.5", "classic + moved x 2"),
    ]
    filled = job(tiny, ["vae"], fill=20, over="none", judge=True)
    assert [arm.name for arm in filled.arms] == ["none", "none + vae to 20, judged"]
    assert filled.baseline.name == "none"  # nobody asked for it, but there is nothing to gain without
    assert [filled.arms[1].wanted(n) for n in (3, 20, 30)] == [17, 0, 0]
    assert [Arm("none", "vae", ratio=0.5).wanted(n) for n in (1, 3, 8)] == [0, 2, 4]
    still = filled.baseline.settings(filled.settings)
    assert not any(still.augment.model_dump().values())
    assert (still.training.mixup, still.training.cutmix) == (0, 0)
    assert filled.generators["vae"].generate.held_out == 0


def test_settings_of_one_generator_or_of_all(tiny: str) -> None:
    found = gain.plan(
        ["vae", "gaussian"], "cnn2d", tiny, (), ["training.epochs=7", "vae:training.batch_size=4"]
    ).generators
    assert (found["vae"].training.epochs, found["vae"].training.batch_size) == (7, 4)
    assert (found["gaussian"].training.epochs, found["gaussian"].training.batch_size) == (7, 8)


@pytest.mark.parametrize(
    ("names", "family", "overrides", "told"),
    [
        (["gan"], "cnn2d", [], "--synthetic gan"),
        (["vae"], "mfcc-svm", [], "takes in mfcc"),
        (["vae"], "cnn2d", ["wave.noise=0.5"], "have no wave"),
        (["vae"], "cnn2d", ["rare.how=prototype"], "prototype"),
        (["vae"], "cnn2d", ["features.scale=amplitude"], "scale"),
    ],
)
def test_what_cannot_be_compared(
    names: list[str], family: str, overrides: list[str], told: str, tiny: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        gain.plan(names, family, tiny, overrides)
    with pytest.raises(SettingsError, match="takes no part"):
        gain.plan(["vae"], "cnn2d", tiny, (), ["gaussian:training.epochs=3"])
    with pytest.raises(SettingsError, match="ratio"):
        job(tiny, ratios=(0.0,))


def test_thinned_folds_keep_so_many_and_hide_the_rest(tiny: str, tiny_dataset: Dataset) -> None:
    for fold, whole in zip(
        folds_of(job(tiny, thin=2), tiny_dataset), folds_of(job(tiny), tiny_dataset), strict=True
    ):
        assert set(fold.real.values()) == {2}
        assert fold.split.test == whole.split.test
        assert {c.key for c in fold.split.train} < {c.key for c in whole.split.train}
        assert len(fold.split.train) + len(fold.split.set_aside) == len(whole.split.train) + len(
            whole.split.set_aside
        )
    assert folds_of(job(tiny, thin=2), tiny_dataset) == folds_of(job(tiny, thin=2), tiny_dataset)
