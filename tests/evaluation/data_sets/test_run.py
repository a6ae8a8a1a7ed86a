"""Recipes on two data sets, end to end: drawn folds, and tested by year; resumed; table, page, command."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_checks import problems
from typer.testing import CliRunner

from finback.cli.app import app
from finback.core.errors import InputError, RunError, SettingsError, SplitError
from finback.core.runs.scores import load_scores
from finback.core.storage.files import read_json
from finback.data.dataset import Dataset
from finback.evaluation.data_sets import results
from finback.evaluation.data_sets import run as sets
from finback.evaluation.data_sets.definition import divided, load, load_all
from finback.evaluation.data_sets.plan import DataSetComparison, plan
from finback.evaluation.study import StudyOptions

RECIPES = ["mfcc-svm", "mfcc-plda", "mfcc-svm+mfcc-plda"]


@pytest.fixture(scope="module")
def files(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two definitions of the simulated recordings: tapes, and early tapes against late ones."""
    folder = tmp_path_factory.mktemp("definitions")
    with open(simulated / "labels.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tapes = sorted({row["group"] for row in rows})
    year = {tape: 1960 + 5 * (i % 4) for i, tape in enumerate(tapes)}
    with open(folder / "years.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "year"])
        writer.writerows([row["file"], year[row["group"]]] for row in rows)
    both = f'audio = "{simulated / "audio"}"\nlabels = "{simulated / "labels.csv"}"\n'
    (folder / "tapes.toml").write_text(f'name = "tapes"\nabout = "All of them."\n{both}')
    more = 'test_by = "years.csv:year"\ncuts = [1967]\n'
    (folder / "years.toml").write_text(f'name = "years"\n{both}{more}')
    return [folder / "tapes.toml", folder / "years.toml"]


def comparison(files: list[Path], recipes: list[str] = RECIPES, inner: int = 0) -> DataSetComparison:
    options = StudyOptions(2, (0,), device="cpu", command="finback compare ...")
    return plan(recipes, load_all(files), options=options, inner_folds=inner)


@pytest.fixture(scope="module", autouse=True)
def _small_baseline_forests() -> Iterable[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("finback.data.audit.baselines.TREES", 5)
        yield


@pytest.fixture(scope="module")
def done(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Interrupted in the second data set, then finished."""
    out = tmp_path_factory.mktemp("sets") / "out"

    def interrupt(items: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
        if "mfcc-plda, seed 0" in what and (out / "years" / "runs").exists():
            raise KeyboardInterrupt
        return items

    prepared = sets.prepare(comparison(files), out)
    assert not out.exists()
    assert prepared.n_left == prepared.n_runs == 4
    with pytest.raises(KeyboardInterrupt):
        sets.run(prepared, interrupt)
    again = sets.prepare(comparison(files), out)
    assert again.n_left == 1
    return out, sets.run(again)


def test_every_recipe_is_on_every_data_set(done: tuple[Path, dict[str, Any]]) -> None:
    out, found = done
    assert found == read_json(out / "data_sets.json")
    assert found["reference"] == "mfcc-svm"
    assert set(found["recipes"]) == set(RECIPES)
    for one in found["data_sets"].values():
        assert sorted(row["rank"] for row in one["recipes"].values()) in (
            [1, 2, 3],
            [1, 2.5, 2.5],
            [1.5, 1.5, 3],
        )
        assert one["recipes"]["mfcc-svm"]["versus_reference"] is None
        gap = one["recipes"]["mfcc-plda"]["versus_reference"]["macro_f1_multi_group"]
        values = [one["recipes"][name]["macro_f1_multi_group"] for name in RECIPES[:2]]
        assert gap["difference"] == pytest.approx(values[1] - values[0])
        assert 0 < one["detectable"] < 1
        assert one["no_audio"]["metadata_accuracy"] is not None
        assert one["choice"]["shrinkage"] == pytest.approx(
            one["choice"]["lead_chosen"] - one["choice"]["lead_judged"]
        )
    for name, over in found["recipes"].items():
        ranks = [one["recipes"][name]["rank"] for one in found["data_sets"].values()]
        assert over["mean_rank"] == np.mean(ranks)


def test_a_year_is_tested_by_a_model_of_the_other_years(done: tuple[Path, dict[str, Any]]) -> None:
    out, found = done
    assert found["data_sets"]["years"]["folds"] == 2
    assert read_json(out / "years" / "definition.json")["cuts"] == [1967]
    for fold in range(2):
        with open(
            out / "years/runs/mfcc-svm-seed0/folds" / str(fold) / "split.csv", encoding="utf-8"
        ) as file:
            rows = list(csv.DictReader(file))
        tested = {row["group"] for row in rows if row["subset"] == "test"}
        trained = {row["group"] for row in rows if row["subset"] in ("train", "val")}
        assert tested
        assert not tested & trained
    scores = load_scores(
        out / "years/runs/mfcc-svm-seed0/scores.parquet",
        Dataset.load(out / "years/runs/mfcc-svm-seed0").clips,
    )
    assert len(scores[0].clips) == found["data_sets"]["years"]["n_clips"]


def test_an_ensemble_is_that_of_finback_ensemble(done: tuple[Path, dict[str, Any]]) -> None:
    out, _ = done
    run = out / "tapes" / "runs" / "mfcc-svm+mfcc-plda-seed0"
    assert [member["family"] for member in read_json(run / "run.json")["members"]] == RECIPES[:2]


def test_tables_and_page(done: tuple[Path, dict[str, Any]]) -> None:
    out, found = done
    with open(out / "data_sets.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["data_set"], row["recipe"]) for row in rows} == {
        (d, r) for d in ("tapes", "years") for r in RECIPES
    }
    first = next(row for row in rows if (row["data_set"], row["recipe"]) == ("years", "mfcc-plda"))
    assert (
        float(first["macro_f1_multi_group"])
        == found["data_sets"]["years"]["recipes"]["mfcc-plda"]["macro_f1_multi_group"]
    )
    tex = (out / "data_sets.tex").read_text()
    assert "mfcc-svm+mfcc-plda &" in tex
    page = (out / "report.html").read_text(encoding="utf-8")
    assert problems(page) == []
    assert "smallest detectable difference" in page
    assert "can show a difference of" in page


def test_nothing_is_trained_twice(done: tuple[Path, dict[str, Any]], files: list[Path]) -> None:
    out, found = done
    prepared = sets.prepare(comparison(files), out)
    assert prepared.n_left == 0
    assert sets.run(prepared) == found


def test_inner_folds_choose_and_the_fold_judges(files: list[Path], tmp_path: Path) -> None:
    chosen = comparison(files[:1], RECIPES[:2], inner=2)
    found = sets.run(sets.prepare(chosen, tmp_path))
    inner = found["data_sets"]["tapes"]["inner_choice"]
    assert sum(inner["chosen"].values()) == 2  # one choice for each of two folds
    assert set(inner["chosen"]) <= set(RECIPES[:2])
    gap = inner["versus_reference"]["macro_f1_multi_group"]["difference"]
    if set(inner["chosen"]) == {"mfcc-svm"}:
        assert gap == 0
    assert (tmp_path / "tapes" / "inner" / "seed0-fold1" / "runs" / "mfcc-svm-seed0").is_dir()
    with open(tmp_path / "tapes/runs/mfcc-svm-seed0/folds/0/split.csv", encoding="utf-8") as file:
        outer = {row["group"] for row in csv.DictReader(file) if row["subset"] == "test"}
    run = tmp_path / "tapes/inner/seed0-fold0/runs/mfcc-svm-seed0"
    assert not outer & {clip.group for clip in Dataset.load(run).clips}


def test_a_recipe_that_fails_stops_nobody(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(self: Any, *given: Any) -> None:
        raise ValueError("no\nconvergence")

    monkeypatch.setattr("finback.models.networks.plda.Plda.fit", no)
    found = sets.run(sets.prepare(comparison(files[:1]), tmp_path))
    table = found["data_sets"]["tapes"]["recipes"]
    assert table["mfcc-plda"]["error"] == "ValueError: no convergence"
    assert table["mfcc-svm+mfcc-plda"]["rank"] is None
    assert table["mfcc-svm"]["rank"] == 1
    assert "mfcc-plda on tapes: ValueError" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_another_definition_with_the_name_is_refused(
    done: tuple[Path, dict[str, Any]], files: list[Path], tmp_path: Path
) -> None:
    out, _ = done
    other = files[1].parent / "other.toml"
    other.write_text(files[1].read_text().replace("1967", "1972"))
    with pytest.raises(RunError, match=r"another data set 'years' \(cuts: \[1967.0\] there, \[1972.0\]"):
        sets.prepare(comparison([other]), out)
    other.unlink()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('labls = "x"', "unknown key 'labls'; did you mean 'labels'?"),
        ('labels = "x.csv"', "labels: no such file .*x.csv"),
        ('audio = "nowhere"', "audio: no such folder"),
        ('groups = "years.csv"', "groups names no column; write it as table.csv:column"),
        ('groups = "years.csv:tape"', "no column 'tape'; its columns are: file, year"),
        ("cuts = [3]", "cuts without test_by"),
        ('name = "a/b"', "setting name = 'a/b'"),
        ("min_clips = -1", "setting min_clips = -1"),
        ("x = ", "not valid TOML"),
    ],
)
def test_a_wrong_definition_is_named_with_file_and_key(files: list[Path], line: str, message: str) -> None:
    path = files[0].parent / "wrong.toml"
    key = line.split(" ")[0]
    kept = [one for one in files[0].read_text().splitlines() if not one.startswith(f"{key} =")]
    path.write_text("\n".join([*kept, line]))
    with pytest.raises((InputError, SettingsError), match=f"wrong.toml: .*{message}"):
        load(path)
    path.unlink()


def test_values_that_are_no_numbers_or_only_one_are_refused(files: list[Path], tiny_dataset: Dataset) -> None:
    late = load(files[1]).model_copy(update={"cuts": (1900.0,)})
    with pytest.raises(SplitError, match="no species has clips of two values"):
        divided(late, tiny_dataset)
    table = files[1].parent / "words.csv"
    table.write_text((files[1].parent / "years.csv").read_text().replace("1960", "sixties"))
    words = load(files[1]).model_copy(update={"test_by": f"{table}:year"})
    with pytest.raises(InputError, match=r"'sixties' of .* is not a number"):
        divided(words, tiny_dataset)
    assert len(set(divided(words.model_copy(update={"cuts": ()}), tiny_dataset).fold_of.values())) == 4


def test_wrong_recipes_are_refused(files: list[Path]) -> None:
    for recipes, message in (
        (["mfcc-svn"], "no classifier family 'mfcc-svn'; did you mean 'mfcc-svm'"),
        (["mfcc-svm+mfcc-svm"], "a family is there twice"),
        ([], "needs recipes"),
    ):
        with pytest.raises((SettingsError, InputError), match=message):
            comparison(files, recipes)
    with pytest.raises(InputError, match="--reference cnn2d: not a recipe here"):
        plan(RECIPES, load_all(files), reference="cnn2d")
    with pytest.raises(InputError, match="both have the name 'tapes'"):
        load_all([files[0], files[0]])


def example(n_better: int) -> dict[str, Any]:
    def row(low: float) -> dict[str, Any]:
        gap = {"difference": low + 0.1, "ci": [low, low + 0.2]}
        return {"rank": 1.0, "versus_reference": {results.RANKED_BY: gap}}

    return {str(i): {"recipes": {"a": row(0.01 if i < n_better else -0.05)}} for i in range(4)}


def test_better_is_said_where_most_intervals_leave_out_0() -> None:
    assert results._over_data_sets("a", example(3), "b")["verdict"] == "better"
    half = results._over_data_sets("a", example(2), "b")
    assert half["verdict"] == "not established"
    assert (half["n_above"], half["better_on"]) == (4, ["0", "1"])


def test_the_command_takes_files_and_recipes_in_a_row(
    done: tuple[Path, dict[str, Any]], files: list[Path]
) -> None:
    out, found = done
    asked = ["compare", "--datasets", *map(str, files), *RECIPES, "--out", str(out), "--folds", "2"]
    printed = CliRunner().invoke(app, [*asked, "--device", "cpu", "--json"])
    assert printed.exit_code == 0, printed.output
    assert json.loads(printed.stdout)["data_sets"] == found["data_sets"]
    planned = CliRunner().invoke(app, [*asked, "--device", "cpu", "--dry-run", "--json"])
    runs = json.loads(planned.stdout)["data_sets"]["years"]["runs"]
    assert set(runs.values()) == {"done"}
    with pytest.raises(InputError, match="--min-clips with --datasets; write min_clips into"):
        CliRunner().invoke(app, [*asked, "--min-clips", "3"], catch_exceptions=False)


def test_the_benchmark_stores_this_table(done: tuple[Path, dict[str, Any]]) -> None:
    _, found = done
    before = list(sys.path)
    sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
    benchmark = importlib.import_module("carry_over")
    sys.path[:] = before
    stored = benchmark.stored(found, "python benchmarks/carry_over.py")
    assert (
        stored.values["years.mfcc-plda"]
        == found["data_sets"]["years"]["recipes"]["mfcc-plda"][results.RANKED_BY]
    )
    assert [row[0] for row in stored.tables["recipes"].rows][-1].startswith("no audio")
    assert len(stored.tables["differences"].rows) == len(RECIPES) - 1
    assert [row[0] for row in stored.tables["data-sets"].rows] == ["tapes", "years"]
