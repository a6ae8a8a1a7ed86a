"""`finback compare --datasets`: recipes on several data sets, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import LiveTable, out, out_json, out_prose, out_table, progress, say
from finback.cli.licences import say_licences
from finback.cli.options import DataOptions
from finback.cli.study_progress import show_progress, show_result

if TYPE_CHECKING:
    from finback.data.index import IndexRequest
    from finback.evaluation.data_sets.plan import DataSetComparison
    from finback.evaluation.data_sets.run import Prepared
    from finback.evaluation.study import StudyOptions

SUFFIX = ".toml"


@dataclass(frozen=True, kw_only=True)
class ComparedData(DataOptions):
    """Options for recordings and labels; with --datasets the data sets say them."""

    audio: Annotated[
        Path | None,
        typer.Option(
            help="Folder of recordings; with --datasets, the folder at which their relative paths start "
            "(default: that of each file).",
            show_default=False,
        ),
    ] = None  # type: ignore[assignment]

    def request(self) -> IndexRequest:
        from finback.core.errors import InputError

        if self.audio is None:
            raise InputError("no --audio", "give the folder of recordings, or data sets with --datasets")
        return super().request()

    def refuse_given(self) -> None:
        """Raises `InputError` for an option that the data sets say."""
        from finback.core.errors import InputError

        for one in fields(self):
            if one.name != "audio" and getattr(self, one.name) != one.default:
                name = one.name.replace("_", "-")
                raise InputError(
                    f"--{name} with --datasets", f"write {one.name} into the files of the data sets"
                )


@dataclass(frozen=True)
class DataSetOptions:
    """Options of a comparison over several data sets."""

    recipes: Annotated[
        list[str] | None,
        typer.Argument(
            help="Families; with --datasets also ensembles (one+other) and further .toml files.",
            show_default=False,
        ),
    ] = None
    datasets: Annotated[
        list[Path] | None,
        typer.Option(
            help="TOML file that defines a data set. Repeatable; further files may simply follow.",
            show_default=False,
        ),
    ] = None
    reference: Annotated[
        str,
        typer.Option(
            help="Recipe that all others are compared with (default: the first).", show_default=False
        ),
    ] = ""
    inner_folds: Annotated[
        int,
        typer.Option(
            help="Also choose a recipe on so many folds within the training groups of each fold, and test "
            "the choice on the test groups; 0: do not.",
            min=0,
        ),
    ] = 0

    @property
    def files(self) -> list[Path]:
        """The files that define data sets."""
        return [*(self.datasets or ()), *(Path(name) for name in self.recipes or () if name.endswith(SUFFIX))]

    @property
    def names(self) -> list[str]:
        """The recipes."""
        return [name for name in self.recipes or () if not name.endswith(SUFFIX)]

    def plan(
        self,
        families: Sequence[str],
        audio: Path | None,
        preset: str,
        overrides: Sequence[str],
        options: StudyOptions,
    ) -> DataSetComparison:
        """Read the definitions and resolve the recipes; no recording is read."""
        from finback.evaluation.data_sets.definition import load_all
        from finback.evaluation.data_sets.plan import plan

        recipes = [*families, *self.names]
        definitions = load_all(self.files, audio)
        return plan(recipes, definitions, preset, overrides, self.reference, options, self.inner_folds)


def compare_data_sets(comparison: DataSetComparison, out_folder: Path, dry_run: bool, json: bool) -> None:
    """Train the recipes on every data set, and print the table."""
    from finback.evaluation.data_sets.run import prepare, run

    say_licences(comparison.settings)
    prepared = prepare(comparison, out_folder, progress, say)
    if dry_run:
        out_json(planned(prepared)) if json else show_plan(prepared)
        return
    say(f"{prepared.n_left} of {prepared.n_runs} runs are left")
    with LiveTable() as live_table:
        result = run(prepared, live_table.progress, lambda rows: show_progress(live_table, rows), say)
    show_result(result, out_folder, json, show)
    if any(row["error"] for one in result["data_sets"].values() for row in one["recipes"].values()):
        raise SystemExit(1)


def planned(prepared: Prepared) -> dict[str, Any]:
    """What `--dry-run --json` prints."""
    return {
        "out": str(prepared.out),
        "recipes": [recipe.name for recipe in prepared.comparison.recipes],
        "reference": prepared.comparison.reference,
        "data_sets": {
            one.definition.name: {
                "n_clips": len(one.dataset.clips),
                "n_groups": one.dataset.n_groups,
                "n_species": len(one.dataset.labels),
                "runs": {run.folder.name: "done" if run.is_done else "to do" for run in one.study.planned},
            }
            for one in prepared.data_sets
        },
    }


def show_plan(prepared: Prepared) -> None:
    """The data sets, and how many runs are left on each."""
    rows = [
        (
            one.definition.name,
            len(one.dataset.clips),
            one.dataset.n_groups,
            len(one.dataset.labels),
            f"{len(one.study.todo)} of {len(one.study.planned)}",
        )
        for one in prepared.data_sets
    ]
    out_table(("data set", "clips", "groups", "species", "runs left"), rows)
    out(f"reference: {prepared.comparison.reference}")


def show(result: dict[str, Any]) -> None:
    """The table and its sentences on stdout."""
    from finback.report.pages.data_sets import errors, sentences, table

    out_table(*table(result))
    out("macro-F1 over species with at least two recording groups, with 95 % intervals over groups")
    out("")
    for sentence in sentences(result):
        out_prose(sentence)
    for error in errors(result):
        say(f"finback: failed: {error}")
