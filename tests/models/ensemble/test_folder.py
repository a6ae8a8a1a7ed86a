"""The folder of an ensemble: made once, evaluated and reported like any run; unlike runs are refused."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from finback.cli import main
from finback.core.errors import FinbackError, InputError, RunError
from finback.core.storage.files import read_json, write_json
from finback.core.storage.locks import LOCK
from finback.core.types import Clip
from finback.evaluation.evaluate import evaluate_run
from finback.evaluation.pages.classifier import write as write_report
from finback.models import ensemble
from finback.models.ensemble import combine
from finback.models.predictor import Predictor


def test_done_already_is_left_alone_and_half_made_is_made_anew(
    trained: Path, second: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "ens"
    with monkeypatch.context() as patched:
        patched.setattr(ensemble, "_keep_data", lambda runs, folder: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            combine([trained, second], out)
    assert not out.exists()
    combine([trained, second], out)
    assert {p.name for p in out.iterdir() if p.name.startswith(".")} == {LOCK}
    before = (out / "run.json").stat().st_mtime_ns
    combine([trained, second], out)
    assert (out / "run.json").stat().st_mtime_ns == before
    with pytest.raises(RunError, match="holds another run"):
        combine([trained, second], out, "weights")
    with pytest.raises(RunError, match="holds another run"):
        combine([trained, second], trained)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    (tmp_path / "full" / ".hidden").touch()
    with pytest.raises(RunError, match="not empty"):
        combine([trained, second], tmp_path / "full")
    assert (tmp_path / "full" / "thesis.tex").exists()


def changed(**info: object) -> Callable[[Path], None]:
    return lambda run: write_json(run / "run.json", {**read_json(run / "run.json"), **info})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (changed(labels=["Blue whale", "Humpback whale"]), "only the first knows Bearded seal; Killer whale"),
        (changed(data_fingerprint="0123"), r"data fingerprints \w+ and 0123"),
        (changed(n_folds=3), "one split against 3 folds"),
        (changed(kind="vae"), "a vae, not a classifier"),
        (changed(trained=False), "training has not finished"),
        (lambda run: (run / "validation.parquet").unlink(), "validation.parquet: no such file"),
        (lambda run: (run / "weights.safetensors").unlink(), "weights.safetensors: no such file"),
    ],
)
def test_runs_that_cannot_be_combined(
    trained: Path, second: Path, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    other = Path(shutil.copytree(second, tmp_path / "other"))
    if message.startswith("one split"):
        for i in range(3):
            shutil.copytree(second, other / "folds" / str(i))
    damage(other)
    with pytest.raises(FinbackError, match=message) as refused:
        combine([trained, other], tmp_path / "ens")
    assert str(other) in str(refused.value)
    assert not (tmp_path / "ens").exists()


def test_another_split_is_refused_naming_both_and_a_clip(
    trained: Path, train: Callable[..., Path], tmp_path: Path
) -> None:
    other = train("dnn", tmp_path / "other", "split.seed=5", "training.epochs=1", "training.refit=false")
    with pytest.raises(InputError, match="clips are in other sets") as refused:
        combine([trained, other], tmp_path / "ens")
    assert str(trained) in str(refused.value)
    assert str(other) in str(refused.value)
    assert ".flac: " in str(refused.value)


def test_one_twice_or_an_ensemble_is_refused(pair: Path, trained: Path, second: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(trained, tmp_path / "copy")
    with pytest.raises(InputError, match="two runs or more"):
        combine([trained], tmp_path / "ens")
    with pytest.raises(InputError, match="are the same model"):
        combine([trained, second, copy], tmp_path / "ens")
    with pytest.raises(InputError, match="an ensemble already"):
        combine([pair, second], tmp_path / "ens")
    with pytest.raises(InputError, match="--how vote"):
        combine([trained, second], tmp_path / "ens", "vote")  # type: ignore[arg-type]


def test_it_is_evaluated_and_reported_like_any_run(folded: list[Path], tmp_path: Path) -> None:
    made = combine(folded, tmp_path / "ens")
    metrics = evaluate_run(made.path, "cpu")
    assert metrics["n_clips"] == 32
    assert evaluate_run(made.path, "cpu") == metrics
    page = write_report(made.path).read_text(encoding="utf-8")
    assert "an <b>ensemble</b> of 2 classifiers" in page
    for run in folded:
        assert str(run) in page
    assert "settings.toml" not in page  # no settings file makes an ensemble


def test_the_command_line(
    trained: Path,
    second: Path,
    tmp_path: Path,
    clips: tuple[Clip, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def call(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["finback", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code
        return capsys.readouterr().out

    out = tmp_path / "ens"
    values = json.loads(call("ensemble", trained, second, "--how", "weights", "--out", out, "--json"))
    assert values["kind"] == "ensemble"
    assert [m["family"] for m in values["members"]] == ["cnn2d", "dnn"]
    assert sum(m["weight"] for m in values["members"]) == pytest.approx(1)
    assert "finback evaluate" in call("ensemble", trained, second, "--how", "weights", "--out", out)
    assert 0 <= json.loads(call("evaluate", out, "--json", "--device", "cpu"))["accuracy"] <= 1
    file = clips[0].recording.path
    found = json.loads(call("predict", out, file, "--json", "--device", "cpu"))
    whole = Predictor.load(out, "cpu").scores(clips[:1]).probabilities[0]
    assert list(found["predictions"][0]["species"].values()) == pytest.approx(sorted(whole, reverse=True))
    assert "report.html" in call("report", out)
