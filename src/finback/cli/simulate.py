"""`finback simulate OUT` makes labelled clips or one recording, `finback simulate soundscape` soundscapes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from finback.cli.bounds import bounded
from finback.cli.console import out, out_json, out_table, progress, say
from finback.cli.data import simulate
from finback.cli.first_checks import checked
from finback.cli.options import Json, takes
from finback.cli.soundscape_options import SoundscapeCalls, SoundscapeClips, SoundscapeFormat
from finback.core.text import counted

if TYPE_CHECKING:
    from finback.datasets.simulate.soundscape import Soundscape

CLIPS = "clips"  # the command without a name


class ClipsByDefault(TyperGroup):
    """`finback simulate` takes a folder as it always did; only the word `soundscape` starts another one.

    A folder of that name is written as `./soundscape`.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] == CLIPS or args[0] not in self.commands:
            args = [CLIPS, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return ("" if name == CLIPS else name), command, rest


app = typer.Typer(
    name="simulate",
    help="Make recordings of simulated calls, with labels, or soundscapes of calls in noise.",
    rich_markup_mode=None,
    cls=ClipsByDefault,
)
app.command(CLIPS)(checked(bounded(simulate)))


@app.command()
@checked
@bounded
@takes(clips=SoundscapeClips, format_=SoundscapeFormat, calls=SoundscapeCalls)
def soundscape(
    clips: SoundscapeClips,
    format_: SoundscapeFormat,
    calls: SoundscapeCalls,
    out_folder: Annotated[Path, typer.Option("--out", help="A new folder.", show_default=False)],
    noise: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder or file of noise, or a CSV with a column file (default: simulated). Repeatable.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    json: Json = False,
) -> None:
    """Place calls in noise at known times and signal-to-noise ratios, and write the truth.

    \b
    Example:
      finback simulate soundscape --out sea --minutes 10 --tapes 2
      finback simulate soundscape --out sea --audio clips --labels labels.csv \\
        --noise quiet --snr-db 0,6
    """
    from finback.core.settings import build
    from finback.datasets.simulate.soundscape import SoundscapeSettings, find_noise, simulate_soundscape
    from finback.datasets.simulate.soundscape.sources import chosen_clips, noise_subset

    settings = build(SoundscapeSettings, {**format_.values(), **calls.values(), "seed": seed})
    wanted = clips.wanted()
    found = find_noise(noise, noise_subset(noise, wanted.subset)) if noise else None
    _show(simulate_soundscape(out_folder, settings, chosen_clips(wanted, progress), found, progress), json)


def _show(made: Soundscape, json: bool) -> None:
    for note in made.notes[:20]:
        say(note)
    if len(made.notes) > 20:
        say(f"... and {len(made.notes) - 20} more notes in {made.folder / 'notes.json'}")
    if json:
        out_json(
            {
                "folder": str(made.folder),
                "audio": str(made.audio),
                "truth": str(made.truth),
                "labels": str(made.labels),
                "sample_rate": made.sample_rate,
                "hours": made.hours,
                "calls": made.calls,
                "overlapping_calls": made.overlapping,
                "windows": made.windows,
                "notes": list(made.notes),
            }
        )
        return
    out_table(("species", "calls"), made.calls.items())
    total = sum(made.calls.values())
    out(f"{counted(total, 'call')} in {made.hours:.2f} hours at {made.sample_rate} Hz")
    out(f"{made.overlapping} calls overlap with another call")
    windows = made.windows.get("background", 0)
    out(f"{sum(made.windows.values()) - windows} training windows with calls, {windows} of background")
    out(str(made.truth))
    out(str(made.labels))
