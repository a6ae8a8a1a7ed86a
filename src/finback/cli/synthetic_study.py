"""`finback compare --synthetic`: its options, and what it prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_prose, out_table, say
from finback.core.text import counted

if TYPE_CHECKING:
    from finback.evaluation.study import StudyOptions
    from finback.evaluation.synthetic_study import PreparedSyntheticStudy, SyntheticStudy


@dataclass(frozen=True)
class SyntheticOptions:
    """Whether synthetic clips help: which generators, how many clips, and how they are sampled."""

    synthetic: Annotated[
        str,
        typer.Option(
            help="Compare these arms instead of families, separated by commas: diffusion, vae, gaussian, "
            "pretrain-diffusion (samples first, then real clips) and so on, tape-transfer, none, classic.",
            show_default=False,
        ),
    ] = ""
    ratio: Annotated[
        str, typer.Option(help="Ratio of synthetic to real clips in low-data species; several: 0.5,1,2.")
    ] = "1"
    target_clips: Annotated[
        int | None,
        typer.Option(
            help="Instead of --ratio: add synthetic clips up to this number of clips per species.",
            min=1,
            show_default=False,
        ),
    ] = None
    low_data_below: Annotated[
        int, typer.Option(help="A species with fewer training clips than this is a low-data species.", min=1)
    ] = 25
    augmentation: Annotated[
        str, typer.Option(help="Augmentation used in every arm with synthetic clips: classic or none.")
    ] = "classic"
    max_real_clips: Annotated[
        int, typer.Option(help="Maximum number of real training clips per species (0: no limit).", min=0)
    ] = 0
    filter_: Annotated[
        bool,
        typer.Option(
            "--filter", help="Keep only samples that the fold's own classifier assigns to their species."
        ),
    ] = False
    tape_transfer: Annotated[
        float,
        typer.Option(help="Share of samples that are transferred to another recording group.", min=0, max=1),
    ] = 0.0
    guidance: Annotated[
        float, typer.Option(help="Guidance of the diffusion model; below 1, samples are more varied.", min=0)
    ] = 1.5
    steps: Annotated[int, typer.Option(help="Number of steps of the diffusion sampler.", min=1)] = 18
    generator_set: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting of all generators, or of one: vae:training.epochs=20. Repeatable.",
            show_default=False,
        ),
    ] = None
    only_folds: Annotated[
        str, typer.Option(help="Train only these folds, counted from 0, e.g. 0,1.", show_default=False)
    ] = ""

    generators: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the generators and their samples, which studies of several families can share "
            "(default: runs/ of --out).",
            show_default=False,
        ),
    ] = None

    def plan(
        self, family: str, preset: str, overrides: Sequence[str], options: StudyOptions
    ) -> SyntheticStudy:
        from finback.core.settings import build
        from finback.evaluation.synthetic_study import SyntheticSettings, plan
        from finback.generation.generator import Sampling

        settings = {
            "low_data_below": self.low_data_below,
            "ratios": numbers(self.ratio, float, "--ratio"),
            "target_clips": self.target_clips or 0,
            "augmentation": self.augmentation,
            "max_real_clips": self.max_real_clips,
            "filter": self.filter_,
            "tape_transfer": self.tape_transfer,
            "generators": self.generators,
            "only_folds": numbers(self.only_folds, int, "--only-folds"),
        }
        return plan(
            [name.strip() for name in self.synthetic.split(",") if name.strip()],
            family,
            preset,
            overrides,
            self.generator_set or (),
            build(SyntheticSettings, settings),
            Sampling(steps=self.steps, guidance=self.guidance),
            options,
        )


def numbers(text: str, kind: Callable[[str], Any], option: str) -> tuple[Any, ...]:
    """`0.5,1,2` -> (0.5, 1.0, 2.0). Raises `SettingsError` that names the option."""
    from finback.core.errors import SettingsError

    try:
        return tuple(kind(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingsError(f"{option} {text}: not numbers", "separate numbers by commas: 1,2") from None


def show_estimate(
    prepared: PreparedSyntheticStudy, table: Callable[..., None], line: Callable[[str], None]
) -> None:
    """What is left to train, and about how long it takes."""
    from finback.evaluation.cost import in_words

    study, todo, left = prepared.study, prepared.todo, prepared.left_s
    for arm, why in prepared.errors.items():
        say(f"{arm}: left out: {why}")
    if not todo:
        folds = counted(len(prepared.folds), "fold")
        line(f"{prepared.out}: all {len(study.arms)} arms are finished on {folds}")
        return
    counts = {name: sum(run.candidate == name for run in todo) for name in left}
    rows = [(name, counts[name], in_words(seconds)) for name, seconds in left.items()]
    n_folds, epochs, hours = len(prepared.folds), study.classifier.training.epochs, study.options.hours
    size = f"{counted(epochs, 'epoch')}, {counted(n_folds, 'fold')}"
    title = f"{study.family}, {size}; generators are trained in each fold"
    table(("arm", "folds left", "about"), rows, title=title)
    limit = f"; at most {hours:g} h of it now" if 0 < hours < prepared.total_s / 3600 else ""
    line(f"in total about {in_words(prepared.total_s)} on this machine, if it runs nothing else{limit}")


def show(result: dict[str, Any]) -> None:
    """The arms and their differences from the baseline, the species, and the verdict."""
    rows: list[tuple[object, ...]] = []
    for name, row in result["arms"].items():
        versus = row["versus"] or {}
        folds = f"{row['n_folds']} of {len(result['seeds']) * len(result['folds'])}"
        rejected = "-" if row["rejected_share"] is None else f"{100 * row['rejected_share']:.0f} %"
        n_synthetic = None if row["n_synthetic"] is None else round(row["n_synthetic"])
        differences = [difference(versus.get(f)) for f in ("low_data_f1", "low_data_recall", "accuracy")]
        rows.append((name, folds, n_synthetic, rejected, row["low_data_f1"], *differences))
    columns = ("arm", "folds", "synthetic", "rejected", "macro-F1 *", "difference", "recall *", "accuracy")
    out_table(columns, rows)
    low_data, below = result["low_data_species"], result["low_data_below"]
    out(f"* over {len(low_data)} species with fewer than {below} training clips, on held-out groups")
    out(f"difference, recall, accuracy: compared with {result['baseline']}")
    out("")
    arms = {name: row for name, row in result["arms"].items() if row["per_species"]}
    if low_data and arms:
        each = []
        for name, counts in low_data.items():
            differences = [difference(row["per_species"][name]["f1_difference"]) for row in arms.values()]
            each.append((name, counts["n_clips"], counts["n_groups"], *differences))
        out_table(("difference in F1", "clips", "groups", *arms), each)
        out("")
    out_prose(result["verdict"])
    out_prose(budget(result))
    for name, row in result["arms"].items():
        if row["error"]:
            say(f"finback: {name} failed: {row['error']}")


def budget(result: dict[str, Any]) -> str:
    """The amount of training behind the results, so that a short study is not taken for a long one."""
    most = result["max_real_clips"]
    limit = f", at most {most} real training clips per species" if most else ""
    folds, seeds = len(result["folds"]), len(result["seeds"])
    epochs = counted(result["epochs"], "epoch")
    return (
        f"{result['family']}, {epochs} in every arm, {folds} of {result['n_folds']} folds, "
        f"{seeds} seed{'' if seeds == 1 else 's'}{limit}; 95 % confidence intervals over recording groups."
    )


def difference(versus: dict[str, Any] | None) -> str:
    """`+0.031 [-0.020, +0.084]`."""
    if not versus or versus["difference"] is None:
        return "-"
    ends = f" [{versus['ci'][0]:+.3f}, {versus['ci'][1]:+.3f}]" if versus["ci"] else ""
    return f"{versus['difference']:+.3f}{ends}"
