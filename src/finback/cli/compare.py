"""The command that compares model families, or arms with synthetic clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli import synthetic_study
from finback.cli.console import LiveTable, out, out_json, out_prose, out_table, progress, say
from finback.cli.data_sets import ComparedData, DataSetOptions, compare_data_sets
from finback.cli.licences import say_licences
from finback.cli.options import Device, DryRun, Json, Preset, Set, takes
from finback.cli.study_progress import show_progress, show_result
from finback.cli.synthetic_study import SyntheticOptions
from finback.cli.train import command_line

if TYPE_CHECKING:
    from finback.evaluation.comparison.plan import Comparison
    from finback.evaluation.comparison.run import PreparedComparison
    from finback.evaluation.data_sets.plan import DataSetComparison
    from finback.evaluation.study import StudyOptions
    from finback.evaluation.synthetic_study import SyntheticStudy


@dataclass(frozen=True)
class PlanOptions:
    """Which families are trained, on how many folds and seeds, with which settings."""

    families: Annotated[
        str,
        typer.Option(
            help="Families, separated by commas; default: all without pretrained weights "
            "(with --synthetic: cnn2d).",
            show_default=False,
        ),
    ] = ""
    backbones: Annotated[
        bool, typer.Option("--backbones", help="Include families that use a pretrained network.")
    ] = False
    folds: Annotated[
        int, typer.Option(help="Number of folds over recording groups; 0: one split.", min=0)
    ] = 5
    seeds: Annotated[
        int, typer.Option(help="Number of seeds; a seed fixes folds, initial weights and batches.", min=1)
    ] = 1
    seed: Annotated[int, typer.Option(help="The first seed.", min=0)] = 0
    random: Annotated[
        bool,
        typer.Option(
            help="Also train each model on a random split of clips, to show how much such a split "
            "overestimates accuracy."
        ),
    ] = True
    hours: Annotated[
        float, typer.Option(help="Start no training that would end after this time; 0: no limit.", min=0)
    ] = 0.0
    preset: Preset = "watkins"
    set_: Set = None

    @property
    def named(self) -> list[str]:
        return [name.strip() for name in self.families.split(",") if name.strip()]

    def options(self, device: str) -> StudyOptions:
        from finback.evaluation.study import StudyOptions

        seeds = tuple(range(self.seed, self.seed + self.seeds))
        return StudyOptions(self.folds, seeds, self.hours, device, command_line())

    def over(self, sets: DataSetOptions, audio: Path | None, device: str) -> DataSetComparison:
        """The comparison over several data sets."""
        return sets.plan(self.named, audio, self.preset, self.set_ or (), self.options(device))

    def plan(self, device: str, more: Sequence[str] = ()) -> Comparison:
        from finback.evaluation.comparison.plan import plan

        options = self.options(device)
        return plan([*self.named, *more], self.preset, self.set_ or (), self.backbones, self.random, options)

    def plan_synthetic(self, synthetic: SyntheticOptions, device: str) -> SyntheticStudy:
        from finback.core.errors import SettingsError

        if len(self.named) > 1:
            raise SettingsError("--synthetic with several families", "name one: --families cnn2d")
        family = self.named[0] if self.named else "cnn2d"
        return synthetic.plan(family, self.preset, self.set_ or (), self.options(device))


@takes(data=ComparedData, plan=PlanOptions, synthetic=SyntheticOptions, sets=DataSetOptions)
def compare(
    data: ComparedData,
    plan: PlanOptions,
    synthetic: SyntheticOptions,
    sets: DataSetOptions,
    out_folder: Annotated[Path, typer.Option("--out", help="Folder of the comparison.", show_default=False)],
    device: Device = "auto",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Train families on the same folds and rank them, on one data set or on several; or test synthetic clips.

    The command first estimates how long it will take at most. Given again, it continues where it stopped.

    \b
    Example:
      finback compare --audio clips --labels labels.csv --out runs/compare
      finback compare --audio clips --labels labels.csv --out runs/compare \\
        --families cnn2d,lstm --seeds 3
      finback compare --audio clips --labels labels.csv --out runs/compare \\
        --dry-run
      finback compare --datasets tapes.toml years.toml mfcc-plda birdnet \\
        --seeds 3 --out runs/sets
      finback compare --audio clips --labels labels.csv --out runs/study \\
        --synthetic vae,none,classic
    """
    if sets.files:
        data.refuse_given()
        compare_data_sets(plan.over(sets, data.audio, device), out_folder, dry_run, json)
        return
    if synthetic.synthetic:
        _compare_synthetic(data, plan.plan_synthetic(synthetic, device), out_folder, dry_run, json)
        return
    from finback.evaluation.comparison.run import prepare, run

    prepared = prepare(plan.plan(device, sets.names), data.request(), out_folder, progress)
    if dry_run and json:
        out_json(_plan(prepared))
        return
    show_estimate(prepared, out_table if dry_run else _err_table, out if dry_run else say)
    if dry_run:
        return
    with LiveTable() as live_table:
        result = run(prepared, live_table.progress, lambda rows: show_progress(live_table, rows), say)
    show_result(result, out_folder, json, show)
    if any(row["error"] for row in result["families"].values()):
        raise SystemExit(1)


def _compare_synthetic(
    data: ComparedData, study: SyntheticStudy, out_folder: Path, dry_run: bool, json: bool
) -> None:
    from finback.evaluation.synthetic_study import prepare, run

    prepared = prepare(study, data.request(), out_folder, progress)
    if dry_run and json:
        arms = {arm.name: prepared.left_s.get(arm.name, 0.0) for arm in study.arms}
        out_json({"out": str(out_folder), "seconds": prepared.total_s, "arms": arms})
        return
    synthetic_study.show_estimate(prepared, out_table if dry_run else _err_table, out if dry_run else say)
    if dry_run:
        return
    with LiveTable() as live_table:
        result = run(prepared, live_table.progress, lambda rows: show_progress(live_table, rows, "arm"), say)
    if json:
        out_json({"out": str(out_folder), "report": str(out_folder / "report.html"), **result})
    else:
        synthetic_study.show(result)
        out(f"report: {out_folder / 'report.html'}")
    if any(row["error"] for row in result["arms"].values()):
        raise SystemExit(1)


def show_estimate(
    prepared: PreparedComparison, table: Callable[..., None], line: Callable[[str], None]
) -> None:
    """How long each family will take, and all together."""
    from finback.evaluation.cost import in_words
    from finback.evaluation.forecast import data_lines

    comparison = prepared.comparison
    first = next(iter(comparison.settings.values()))
    for family, why in {**comparison.left_out, **prepared.errors}.items():
        say(f"{family}: left out: {why}")
    if rare_species := prepared.dataset.rare_summary():
        say(rare_species)
    say_licences(comparison.settings)
    left = prepared.left_s
    if not left:
        line(f"{prepared.out}: all {len(prepared.planned)} runs are finished")
        return
    rows = []
    for family, seconds in left.items():
        cost = prepared.costs[family]
        steps = " + ".join(f"{1000 * s:.0f}" for s in cost.steps_s) or "-"
        todo = [run for run in prepared.todo if run.candidate == family]
        parts = sum(run.n_parts - len(run.parts_done()) for run in todo)
        size = cost.n_parameters if cost.steps_s else None  # a fitted head depends on the number of clips
        rows.append((family, size, steps, in_words(cost.features_s), parts, in_words(seconds)))
    columns = ("family", "parameters", "ms per step", "features", "trainings", "at most about")
    for words in data_lines(prepared.dataset, prepared.dataset.make_splits(first.split)):
        line(words)
    n_seeds = len(comparison.options.seeds)
    seeds = f"{n_seeds} seed{'' if n_seeds == 1 else 's'}"
    also = " and a random split" if comparison.random else ""
    n_families, folds = len(comparison.settings), first.split.folds or 1
    table(columns, rows, title=f"{n_families} families x {folds} folds x {seeds}{also}")
    line(f"in total at most about {in_words(prepared.total_s)} on this machine, if it runs nothing else")


def show(result: dict[str, Any]) -> None:
    """The leaderboard on stdout: the metrics, then size and time."""
    from finback.report.pages.leaderboard import no_audio_baselines, seconds, verdict

    first: list[tuple[object, ...]] = []
    second: list[tuple[object, ...]] = []
    for name, row in result["families"].items():
        versus = (row["versus_leader"] or {}).get("macro_f1_multi_group")
        behind = _difference(versus) if versus else "first" if row["rank"] == 1 else "-"
        figures = (_figure(row, "macro_f1_multi_group"), _figure(row, "accuracy"))
        random = (row["random_split"] or {}).get("accuracy")
        first.append((row["rank"], name, *figures, behind, random))
        price = (
            row["n_parameters"],
            seconds(row["training_s"]),
            row["clips_per_s"] and round(row["clips_per_s"]),
        )
        second.append((name, row["macro_f1"], row["macro_auc"], row["ece"], *price))
    for one in no_audio_baselines(result):
        grouped = "-" if one.grouped is None else f"{one.grouped:.3f}"
        first.append((None, f"no audio: {one.name}", "-", grouped, "-", one.random))
    out_table(("", "family", "macro-F1 *", "accuracy", "behind by *", "(random split)"), first)
    out("* over species with at least two recording groups")
    out("(random split): accuracy when clips of one group are in the training set and in the test set")
    out("")
    out_table(("family", "macro-F1 all", "AUC", "ECE", "parameters", "training", "clips/s"), second)
    out("")
    for sentence in verdict(result):
        out_prose(sentence)
    if sum(bool(row["rank"]) for row in result["families"].values()) > 1:
        out_prose(
            "The leader was chosen on these same clips, so its metrics are a little too high. Differences "
            "whose interval contains 0 are not established."
        )
    for name, row in result["families"].items():
        if row["error"]:
            say(f"finback: {name} failed: {row['error']}")


def _figure(row: dict[str, Any], key: str) -> str:
    value, ends = row[key], row[f"{key}_ci"]
    if value is None:
        return "-"
    return f"{value:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else f"{value:.3f}"


def _difference(versus: dict[str, Any]) -> str:
    gap, ends = versus["difference"], versus["ci"]
    if gap is None:
        return "-"
    return f"{-gap:.3f} [{-ends[1]:.3f}, {-ends[0]:.3f}]" if ends else f"{-gap:.3f}"


def _plan(prepared: PreparedComparison) -> dict[str, Any]:
    """What `--dry-run --json` prints."""
    from finback.evaluation.forecast import sizes

    left, dataset = prepared.left_s, prepared.dataset
    first = next(iter(prepared.comparison.settings.values()))
    return {
        "out": str(prepared.out),
        "n_clips": len(dataset.clips),
        "species": list(dataset.labels.names),
        "n_groups": dataset.n_groups,
        "splits": [sizes(result) for result in dataset.make_splits(first.split)],
        "seeds": list(prepared.comparison.options.seeds),
        "seconds": prepared.total_s,
        "families": {
            name: {"seconds": left.get(name, 0.0), "settings": settings.model_dump(mode="json")}
            for name, settings in prepared.comparison.settings.items()
        },
        "runs": {run.folder.name: "done" if run.is_done else "to do" for run in prepared.planned},
    }


def _err_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    from finback.cli.console import ERR, table_of

    ERR.print(table_of(columns, rows, title))
