"""The command that sets model families side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli import synthetic_study as synthetic
from finback.cli.console import Board, out, out_json, out_prose, out_table, progress, say
from finback.cli.licences import say_licences
from finback.cli.options import DataOptions, Device, DryRun, Json, Preset, Set, takes
from finback.cli.synthetic_study import GainOptions
from finback.cli.train import command_line

if TYPE_CHECKING:
    from finback.evaluation.comparison.plan import Comparison
    from finback.evaluation.comparison.run import Prepared, Standing
    from finback.evaluation.synthetic_study import Gain


@dataclass(frozen=True)
class LineupOptions:
    """Who takes part, on how many folds and seeds, with which settings."""

    families: Annotated[
        str,
        typer.Option(
            help="Comma-separated; default: all without pretrained weights (with --synthetic: cnn2d).",
            show_default=False,
        ),
    ] = ""
    backbones: Annotated[
        bool, typer.Option("--backbones", help="Also those that stand on a pretrained network.")
    ] = False
    folds: Annotated[int, typer.Option(help="Folds over whole tapes; 0: one split.", min=0)] = 5
    seeds: Annotated[int, typer.Option(help="How many seeds: of folds, first weights, batches.", min=1)] = 1
    seed: Annotated[int, typer.Option(help="The first of them.", min=0)] = 0
    random: Annotated[
        bool, typer.Option(help="Also train each family on a random split, to show the illusion.")
    ] = True
    preset: Preset = "watkins"
    set_: Set = None

    @property
    def named(self) -> list[str]:
        return [name.strip() for name in self.families.split(",") if name.strip()]

    def plan(self, device: str) -> Comparison:
        from finback.evaluation.comparison.plan import plan

        return plan(
            self.named,
            self.preset,
            self.set_ or (),
            self.folds,
            range(self.seed, self.seed + self.seeds),
            self.backbones,
            random=self.random,
            device=device,
            command=command_line(),
        )

    def plan_gain(self, options: GainOptions, device: str) -> Gain:
        from finback.core.errors import SettingsError

        if len(self.named) > 1:
            raise SettingsError("--synthetic with several families", "name one: --families cnn2d")
        return options.plan(
            self.named[0] if self.named else "cnn2d",
            self.preset,
            self.set_ or (),
            self.folds,
            seeds=tuple(range(self.seed, self.seed + self.seeds)),
            device=device,
            command=command_line(),
        )


@takes(data=DataOptions, lineup=LineupOptions, gain=GainOptions)
def compare(
    data: DataOptions,
    lineup: LineupOptions,
    gain: GainOptions,
    out_folder: Annotated[Path, typer.Option("--out", help="Folder of the comparison.", show_default=False)],
    device: Device = "auto",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Train families side by side on the same folds, and rank them; or see whether synthetic clips help.

    Says beforehand how long it takes at most. Run again, it goes on where it stopped.

    \b
    Example:
      finback compare --audio clips --labels labels.csv --out runs/compare
      finback compare --audio clips --labels labels.csv --out runs/compare --families cnn2d,lstm --seeds 3
      finback compare --audio clips --labels labels.csv --out runs/compare --dry-run
      finback compare --audio clips --labels labels.csv --out runs/gain --synthetic vae,none,classic
    """
    if gain.synthetic:
        _compare_synthetic(data, lineup.plan_gain(gain, device), out_folder, dry_run, json)
        return
    from finback.evaluation.comparison.run import prepare, run

    prepared = prepare(lineup.plan(device), data.request(), out_folder, progress)
    if dry_run and json:
        out_json(_plan(prepared))
        return
    show_estimate(prepared, out_table if dry_run else _err_table, out if dry_run else say)
    if dry_run:
        return
    with Board() as board:
        found = run(prepared, board.progress, lambda rows: show_standing(board, rows), say)
    if json:
        out_json({"out": str(out_folder), "report": str(out_folder / "report.html"), **found})
    else:
        show(found)
        out(f"report: {out_folder / 'report.html'}")
    if any(row["error"] for row in found["families"].values()):
        raise SystemExit(1)


def _compare_synthetic(data: DataOptions, job: Gain, out_folder: Path, dry_run: bool, json: bool) -> None:
    from finback.evaluation.synthetic_study import prepare, run

    prepared = prepare(job, data.request(), out_folder, progress)
    if dry_run and json:
        arms = {arm.name: prepared.left_s.get(arm.name, 0.0) for arm in job.arms}
        out_json({"out": str(out_folder), "seconds": prepared.total_s, "arms": arms})
        return
    synthetic.show_estimate(prepared, out_table if dry_run else _err_table, out if dry_run else say)
    if dry_run:
        return
    with Board() as board:
        found = run(prepared, board.progress, say)
    if json:
        out_json({"out": str(out_folder), **found})
    else:
        synthetic.show(found)
    if any(row["error"] for row in found["arms"].values()):
        raise SystemExit(1)


def show_estimate(prepared: Prepared, table: Callable[..., None], line: Callable[[str], None]) -> None:
    """What each family will cost, and the whole."""
    from finback.evaluation.cost import in_words

    job = prepared.job
    for family, why in {**job.left_out, **prepared.errors}.items():
        say(f"{family}: left out: {why}")
    if line_on_rare := prepared.dataset.rare_summary():
        say(line_on_rare)
    say_licences(job.settings)
    if not prepared.left_s:
        line(f"{prepared.out}: all {len(prepared.entries)} runs are done already")
        return
    rows = []
    for family, left in prepared.left_s.items():
        cost = prepared.costs[family]
        steps = " + ".join(f"{1000 * s:.0f}" for s in cost.steps_s) or "-"
        todo = [e for e in prepared.entries if e.plan.family == family and not e.is_done]
        parts = sum(e.n_parts - len(e.parts_done()) for e in todo)
        size = cost.n_parameters if cost.steps_s else None  # of a fitted head only the data tell
        rows.append((family, size, steps, in_words(cost.features_s), parts, in_words(left)))
    columns = ("family", "parameters", "ms a step", "features", "trainings", "at most about")
    first = next(iter(job.settings.values()))
    seeds = f"{len(job.seeds)} seed{'' if len(job.seeds) == 1 else 's'}"
    also = " and a random split" if job.random else ""
    table(
        columns, rows, title=f"{len(job.settings)} families x {first.split.folds or 1} folds x {seeds}{also}"
    )
    line(f"in all at most about {in_words(prepared.total_s)} on this machine, if nothing else runs on it")


def show_standing(board: Board, rows: Sequence[Standing]) -> None:
    """The table above the bar while it runs."""
    from finback.evaluation.cost import in_words

    def cells(r: Standing) -> tuple[object, ...]:
        left = "failed" if r.error else "done" if r.done == r.total else in_words(r.left_s)
        return r.family, f"{r.done} of {r.total}", r.best, in_words(r.spent_s) if r.spent_s else "-", left

    columns = ("family", "trained", "validation macro-F1", "spent", "left, at most")
    board.show(columns, [cells(r) for r in rows])


def show(found: dict[str, Any]) -> None:
    """The leaderboard on stdout: how good, then at what price."""
    from finback.report.pages.leaderboard import no_audio_baselines, seconds, verdict

    first: list[tuple[object, ...]] = []
    second: list[tuple[object, ...]] = []
    for name, row in found["families"].items():
        versus = (row["versus_leader"] or {}).get("macro_f1_multi_group")
        behind = _difference(versus) if versus else "leads" if row["rank"] == 1 else "-"
        figures = (_figure(row, "macro_f1_multi_group"), _figure(row, "accuracy"))
        random = (row["random"] or {}).get("accuracy")
        first.append((row["rank"], name, *figures, behind, random))
        price = (
            row["n_parameters"],
            seconds(row["training_s"]),
            row["clips_per_s"] and round(row["clips_per_s"]),
        )
        second.append((name, row["macro_f1"], row["macro_auc"], row["ece"], *price))
    for one in no_audio_baselines(found):
        grouped = "-" if one.grouped is None else f"{one.grouped:.3f}"
        first.append((None, f"no audio: {one.name}", "-", grouped, "-", one.random))
    out_table(("", "family", "macro-F1 *", "accuracy", "behind by *", "(random split)"), first)
    out("* over species with several tapes. (random split): accuracy with clips of one tape on both sides")
    out("")
    out_table(("family", "macro-F1 all", "AUC", "ECE", "parameters", "training", "clips/s"), second)
    out("")
    for sentence in verdict(found):
        out_prose(sentence)
    if sum(bool(row["rank"]) for row in found["families"].values()) > 1:
        out_prose(
            "The leader was chosen on these same clips, so its own figure is a little flattered; differences "
            "whose interval holds 0 are not established."
        )
    for name, row in found["families"].items():
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


def _plan(prepared: Prepared) -> dict[str, Any]:
    """What `--dry-run --json` prints."""
    job = prepared.job
    return {
        "out": str(prepared.out),
        "seeds": list(job.seeds),
        "seconds": prepared.total_s,
        "families": {
            name: {
                "seconds": prepared.left_s.get(name, 0.0),
                "settings": settings.model_dump(mode="json"),
            }
            for name, settings in job.settings.items()
        },
        "runs": {entry.folder.name: "done" if entry.is_done else "to do" for entry in prepared.entries},
    }


def _err_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    from finback.cli.console import ERR, table_of

    ERR.print(table_of(columns, rows, title))
