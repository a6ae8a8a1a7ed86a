"""The options of `finback simulate soundscape`, in groups: clips, format of the recordings, calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from finback.datasets.simulate.soundscape.sources import ClipsWanted


def _text(help_: str) -> Any:
    return typer.Option(help=help_, show_default=False)


@dataclass(frozen=True, kw_only=True)
class SoundscapeClips:
    """Which clips are placed."""

    audio: Annotated[Path | None, _text("Folder of recordings with calls (default: simulated).")] = None
    labels: Annotated[Path | None, _text("Labels of these recordings, as for finback index.")] = None
    source: Annotated[str, typer.Option(help="Layout of the labels, as for finback index.")] = "auto"
    groups: Annotated[str | None, _text("Table with the recording groups (tapes): FILE.csv:COLUMN.")] = None
    run: Annotated[Path | None, _text("Take the clips of this run folder, in place of --audio.")] = None
    subset: Annotated[
        str | None,
        _text("Only clips (and noise, if its table has sets) of this set: train, validation, test."),
    ] = None
    only_groups: Annotated[str | None, _text("Only clips of these recording groups, separated by ';'.")] = (
        None
    )

    def wanted(self) -> ClipsWanted:
        """The clips for `chosen_clips`."""
        from finback.datasets.simulate.soundscape.sources import ClipsWanted
        from finback.models.pretrained import own_run

        if self.run is not None:
            own_run(self.run, "--run", "or take clips with --audio and --labels")
        return ClipsWanted(
            self.audio, self.labels, self.source, self.groups, self.run, self.subset or "",
            names_of(self.only_groups) or (),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SoundscapeFormat:
    """The recordings that are made."""

    tapes: Annotated[int, typer.Option(help="Number of recordings to make.")] = 1
    minutes: Annotated[float, typer.Option(help="Minutes of each recording.")] = 10.0
    every_minutes: Annotated[
        float | None, _text("Minutes from the start of a recording to the next one's (default: no gap).")
    ] = None
    start: Annotated[str, typer.Option(help="UTC of the first sample.")] = "2026-01-01T00:00:00Z"
    sample_rate: Annotated[
        int | None, _text("Sample rate in Hz (default: that of most of the noise, else of most clips).")
    ] = None
    bits: Annotated[int, typer.Option(help="Bits of a sample: 16, 24, or 32 (floating point).")] = 16
    channels: Annotated[int, typer.Option(help="Number of channels; each call is on one of them.")] = 1
    suffix: Annotated[str, typer.Option(help="Format of the recordings: .wav or .flac.")] = ".wav"
    window_s: Annotated[float, typer.Option(help="Seconds of the training windows in labels.csv.")] = 3.0
    apart: Annotated[
        bool, typer.Option("--apart", help="Use each recording group and noise file on one recording only.")
    ] = False

    def values(self) -> dict[str, Any]:
        """For `SoundscapeSettings`."""
        names = ("tapes", "minutes", "every_minutes", "sample_rate", "bits", "channels", "suffix", "window_s")
        given = {name: getattr(self, name) for name in names}
        return {**given, "apart": self.apart, "start": time_of(self.start)}


@dataclass(frozen=True, kw_only=True)
class SoundscapeCalls:
    """Which calls, how many, how loud."""

    species: Annotated[str | None, _text("Names of species, separated by ';' (default: all).")] = None
    snr_db: Annotated[
        str, typer.Option(help="Signal-to-noise ratios in dB: a list (0,6,12) or a range (0:12).")
    ] = "0,6,12"
    calls_per_hour: Annotated[
        str,
        typer.Option(help="Calls per hour of each species, also by species: '20;Fin whale=60;Walrus=5'."),
    ] = "20"
    calls_per_bout: Annotated[float, typer.Option(help="Mean number of calls in a bout; 1: no bouts.")] = 1.0
    bout_gap_s: Annotated[float, typer.Option(help="Mean seconds from call to call in a bout.")] = 10.0
    longest_s: Annotated[float, typer.Option(help="Longest call in seconds; longer ones are cut.")] = 10.0

    def values(self) -> dict[str, Any]:
        """For `SoundscapeSettings`."""
        levels, between = numbers_of(self.snr_db)
        default, named = rates_of(self.calls_per_hour)
        return {
            "species": names_of(self.species),
            "snr_db": levels,
            "snr_between": between,
            "calls_per_hour": default,
            "calls_per_hour_of": named,
            "calls_per_bout": self.calls_per_bout,
            "bout_gap_s": self.bout_gap_s,
            "longest_s": self.longest_s,
        }


def names_of(text: str | None) -> tuple[str, ...] | None:
    """Names separated by `;`."""
    return None if text is None else tuple(name.strip() for name in text.split(";") if name.strip())


def numbers_of(text: str) -> tuple[tuple[float, ...], bool]:
    """`0,6,12` or `0:12`, and whether it is a range. Raises `SettingsError`."""
    from finback.core.errors import SettingsError

    try:
        values = tuple(float(part) for part in text.replace(":", ",").split(","))
    except ValueError:
        values = ()
    if not values or (":" in text and ("," in text or len(values) != 2)):
        raise SettingsError(f"--snr-db {text}: not a list or a range", "write for example 0,6,12 or 0:12")
    return values, ":" in text


def rates_of(text: str) -> tuple[float, dict[str, float]]:
    """`20;Fin whale=60` -> 20 for all species but the named ones. Raises `SettingsError`."""
    from finback.core.errors import SettingsError

    default, named = 20.0, {}
    for part in filter(None, map(str.strip, text.split(";"))):
        name, equals, number = part.rpartition("=")
        try:
            rate = float(number)
        except ValueError:
            raise SettingsError(
                f"--calls-per-hour {part}: no number", "write for example '20' or '20;Fin whale=60'"
            ) from None
        if equals:
            named[name.strip()] = rate
        else:
            default = rate
    return default, named


def time_of(text: str) -> datetime:
    """A time in UTC; one without a zone is UTC. Raises `SettingsError`."""
    from finback.core.errors import SettingsError

    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"--start {text}: not a time", "write for example 2026-01-01T00:00:00Z") from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
