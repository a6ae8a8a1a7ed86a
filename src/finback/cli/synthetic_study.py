"""`finback compare --synthetic`: its options, and what it prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_prose, out_table, say

if TYPE_CHECKING:
    from finback.evaluation.synthetic_study import Gain, Prepared


@dataclass(frozen=True)
class GainOptions:
    """Whether synthetic clips help: who makes them, how many, and how they are sampled."""

    synthetic: Annotated[
        str,
        typer.Option(
            help="Comma-separated: diffusion, vae, gaussian, moved, none, classic.", show_default=False
        ),
    ] = ""
    ratio: Annotated[str, typer.Option(help="Synthetic to real, for species with few clips.")] = "1"
    fill: Annotated[
        int | None, typer.Option(help="Instead: fill them up to so many clips.", min=1, show_default=False)
    ] = None
    below: Annotated[int, typer.Option(help="Few: fewer clips to learn from than this.", min=1)] = 25
    over: Annotated[str, typer.Option(help="On top of which augmentation: classic or none.")] = "classic"
    thin: Annotated[
        int, typer.Option(help="Keep at most so many real clips a species to learn from; 0: all.", min=0)
    ] = 0
    judged: Annotated[
        bool, typer.Option("--judged", help="Keep only samples that the fold's classifier names right.")
    ] = False
    moved: Annotated[
        float, typer.Option(help="Share of samples moved to another tape at hand.", min=0, max=1)
    ] = 0.0
    guidance: Annotated[float, typer.Option(help="Of diffusion; below 1: more varied.", min=0)] = 1.5
    steps: Annotated[int, typer.Option(help="Of the diffusion sampler.", min=1)] = 18
    generator_set: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting of the generators, or of one: vae:training.epochs=20. Repeatable.",
            show_default=False,
        ),
    ] = None
    only_folds: Annotated[
        str, typer.Option(help="Only these folds, from 0, e.g. 0,1.", show_default=False)
    ] = ""
    hours: Annotated[
        float, typer.Option(help="Begin nothing that would not end by then; 0: do it all.", min=0)
    ] = 0.0

    def plan(self, family: str, preset: str, overrides: Sequence[str], n_folds: int, **other: Any) -> Gain:
        from finback.core.settings import build
        from finback.evaluation.synthetic_study import GainSettings, plan
        from finback.generation.generator import Sampling

        amounts = {"ratios": numbers(self.ratio, float, "--ratio"), "fill": self.fill or 0}
        told = {"below": self.below, "over": self.over, "thin": self.thin, "judge": self.judged}
        return plan(
            [name.strip() for name in self.synthetic.split(",") if name.strip()],
            family,
            preset,
            overrides,
            self.generator_set or (),
            n_folds,
            build(GainSettings, {**amounts, **told, "moved": self.moved}),
            sampling=Sampling(steps=self.steps, guidance=self.guidance),
            folds=numbers(self.only_folds, int, "--only-folds"),
            hours=self.hours,
            **other,
        )


def numbers(text: str, kind: Callable[[str], Any], option: str) -> tuple[Any, ...]:
    """`0.5,1,2` -> (0.5, 1.0, 2.0). Raises `SettingsError` that names the option."""
    from finback.core.errors import SettingsError

    try:
        return tuple(kind(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingsError(f"{option} {text}: not numbers", "write them with commas: 1,2") from None


def show_estimate(prepared: Prepared, table: Callable[..., None], line: Callable[[str], None]) -> None:
    """What is left to train, and about how long it takes."""
    from finback.evaluation.cost import in_words

    for arm, why in prepared.errors.items():
        say(f"{arm}: left out: {why}")
    left, todo = prepared.left_s, prepared.todo
    if not todo:
        line(f"{prepared.out}: all {len(prepared.folds)} folds of {len(prepared.job.arms)} arms are done")
        return
    counts = {name: sum(arm.name == name for _, arm in todo) for name in left}
    rows = [(name, counts[name], in_words(seconds)) for name, seconds in left.items()]
    job = prepared.job
    epochs = job.settings.training.epochs
    title = f"{job.family}, {epochs} epochs, {len(prepared.folds)} folds; generators trained in each"
    table(("arm", "folds left", "about"), rows, title=title)
    limit = f", of which {job.hours:g} h will be done" if 0 < job.hours < prepared.total_s / 3600 else ""
    line(f"in all about {in_words(prepared.total_s)} on this machine, if nothing else runs on it{limit}")


def show(found: dict[str, Any]) -> None:
    """The arms, what each gains, the species, and the verdict."""
    rows: list[tuple[object, ...]] = []
    for name, row in found["arms"].items():
        versus = row["versus"] or {}
        folds = f"{row['n_folds']} of {len(found['seeds']) * len(found['folds'])}"
        kept = "-" if row["refused"] is None else f"{100 * row['refused']:.0f} %"
        made = None if row["n_synthetic"] is None else round(row["n_synthetic"])
        gains = (gain(versus.get("few_f1")), gain(versus.get("few_recall")), gain(versus.get("accuracy")))
        rows.append((name, folds, made, kept, row["few_f1"], *gains))
    columns = (
        "arm",
        "folds",
        "synthetic",
        "refused",
        "macro-F1 *",
        "gain in it",
        "in recall *",
        "in accuracy",
    )
    out_table(columns, rows)
    few = found["few"]
    out(f"* over {len(few)} species with fewer than {found['below']} clips to learn from, on unseen tapes")
    out("")
    arms = {name: row for name, row in found["arms"].items() if row["per_species"]}
    if few and arms:
        each = [
            (
                name,
                rests["n_clips"],
                rests["n_groups"],
                *(gain(r["per_species"][name]["gain_f1"]) for r in arms.values()),
            )
            for name, rests in few.items()
        ]
        out_table(("gain in F1", "clips", "tapes", *arms), each)
        out("")
    out_prose(found["verdict"])
    out_prose(budget(found))
    for name, row in found["arms"].items():
        if row["error"]:
            say(f"finback: {name} failed: {row['error']}")


def budget(found: dict[str, Any]) -> str:
    """What the figures rest on, so that nobody takes a short run for a long one."""
    thin = f", at most {found['thin']} real clips of a species to learn from" if found["thin"] else ""
    folds, seeds = len(found["folds"]), len(found["seeds"])
    return (
        f"{found['family']}, {found['epochs']} epochs in every arm, {folds} of {found['of_folds']} folds, "
        f"{seeds} seed{'' if seeds == 1 else 's'}{thin}; intervals are 95 %, over tapes."
    )


def gain(found: dict[str, Any] | None) -> str:
    """`+0.031 [-0.020, +0.084]`."""
    if not found or found["difference"] is None:
        return "-"
    ends = f" [{found['ci'][0]:+.3f}, {found['ci'][1]:+.3f}]" if found["ci"] else ""
    return f"{found['difference']:+.3f}{ends}"
