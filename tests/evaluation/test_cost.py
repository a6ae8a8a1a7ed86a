"""Seconds are counted as the work will be done; what is measured is the run's own code."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hand_made import clip

from finback.core.types import Split
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest
from finback.evaluation import cost as estimate
from finback.evaluation.cost import MARGIN, Cost, Stopwatch, in_words, measure
from finback.training.loop_settings import TrainingSettings
from finback.training.plan import Plan
from finback.training.settings import resolve

SPLIT = Split(
    train=tuple(clip("fin", "a", i) for i in range(20)),
    val=tuple(clip("fin", "b", 100 + i) for i in range(12)),
    test=tuple(clip("fin", "c", 200 + i) for i in range(5)),
)


def cost(**given: object) -> Cost:
    plain = {
        "n_parameters": 1,
        "features_s": 9.0,
        "steps_s": (),
        "contrast": False,
        "fit_s": 0.0,
        "score_s": 0.0,
    }
    return Cost(**{**plain, **given})  # type: ignore[arg-type]


def test_steps_of_training_and_refit_are_counted() -> None:
    settings = TrainingSettings(epochs=10, batch_size=8, contrast_epochs=4)
    # 20 clips: 3 steps an epoch; 32 in the refit: 4.
    assert cost(steps_s=(2.0,)).fold_s(settings, SPLIT) == pytest.approx(MARGIN * 2 * 10 * (3 + 4))
    once = settings.model_copy(update={"refit": False})
    assert cost(steps_s=(2.0,)).fold_s(once, SPLIT) == pytest.approx(MARGIN * 2 * 10 * 3)
    twice = cost(steps_s=(1.0, 2.0), contrast=True).fold_s(once, SPLIT)
    assert twice == pytest.approx(MARGIN * (1 * 4 * 3 + 2 * 10 * 3))


def test_validation_every_epoch_test_once_and_fits_by_their_clips() -> None:
    settings = TrainingSettings(epochs=10, batch_size=8)
    scoring = cost(steps_s=(0.0,), score_s=1.0).fold_s(settings, SPLIT)
    assert scoring == pytest.approx(MARGIN * (10 * 12 + 5))
    fitted = cost(fit_s=1.0, score_s=1.0).fold_s(settings, SPLIT)
    assert fitted == pytest.approx(MARGIN * (20 + 32 + 12 + 5))


def test_the_stopwatch_ends_a_loop_that_it_knows_and_leaves_out_the_first_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks = iter(range(1000))
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: next(ticks) / 100)
    stopwatch = Stopwatch()
    assert len(list(stopwatch(range(500), "training", 500))) == estimate.STEPS + 1
    assert stopwatch.loops == pytest.approx([0.01])
    list(stopwatch(range(0), "nothing", 0))
    assert len(stopwatch.loops) == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (40, "40 s"), (200, "3 min"), (3600, "1 h 00 min"), (3900, "1 h 05 min")],
)
def test_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("family", "n_loops"), [("dnn", 1), ("supcon", 2), ("mfcc-forest", 0)], ids=lambda v: str(v)
)
def test_a_family_is_measured_by_its_stages(
    simulated: Path, tiny: str, family: str, n_loops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = IndexRequest(audio=simulated / "audio", labels=simulated / "labels.csv")
    asked: Counter[str] = Counter()
    real = estimate.FeatureStore.missing
    monkeypatch.setattr(
        estimate.FeatureStore, "missing", lambda self, clips: asked.update(n=len(clips)) or real(self, clips)
    )
    found = measure(Plan(family, resolve(tiny, family=family), 0, "cpu"), prepare_request(request))
    assert len(found.steps_s) == n_loops
    assert all(s > 0 for s in found.steps_s)
    assert (found.fit_s > 0) == (n_loops == 0)
    assert found.score_s > 0
    assert found.contrast == (family == "supcon")
    assert asked["n"] >= 32
