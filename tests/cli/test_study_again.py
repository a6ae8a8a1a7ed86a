"""A study of synthetic clips goes on in its folder; no other comparison starts there."""

from __future__ import annotations

from pathlib import Path

from forked import Done, forked


def test_the_same_study_may_be_given_again(simulated: Path, tiny: str, tmp_path: Path) -> None:
    out = tmp_path / "study"
    data = ("--audio", simulated / "audio", "--labels", simulated / "labels.csv", "--preset", tiny)
    study = ("--synthetic", "none,classic", "--only-folds", 0, "--set", "training.epochs=1")

    def given(*more: object) -> Done:
        return forked(("compare", *data, "--folds", 2, "--out", out, "--device", "cpu", *more), tmp_path)

    first = given(*study)
    assert first.returncode == 0, first.stderr
    again = given(*study, "--format", "pdf")
    assert again.returncode == 0, again.stderr
    assert "all 2 arms are finished on 1 fold" in again.stderr
    assert (out / "figures" / "synthetic_study.pdf").stat().st_size > 1000
    other = given("--families", "dnn")
    assert other.returncode == 2
    assert "is a run folder" in other.stderr
