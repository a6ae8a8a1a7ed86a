"""The demo: it prints what each part shows, and what to do next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finback.cli.console import out, out_json, out_prose, out_table, progress, say
from finback.cli.options import Device, Json
from finback.cli.scan import progress_in_hours
from finback.cli.train import command_line

if TYPE_CHECKING:
    from finback.evaluation.demo import Demo

FIRST = 8  # events that are printed


def demo(
    out_folder: Annotated[
        Path, typer.Option("--out", help="Folder for the simulated recordings and all results.")
    ] = Path("runs/demo"),
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Simulate recordings, train, test and scan an hour, in about a minute.

    \b
    Example:
      finback demo
    """
    from finback.evaluation import demo as workflow

    with progress_in_hours() as watch:
        result = workflow.demo(out_folder, (device, command_line()), progress, say, watch)
    if json:
        out_json(to_json(result))
        return
    _show(result, out_folder)


def to_json(result: Demo) -> dict[str, Any]:
    """The keys that docs/json.md lists."""
    events = result.events
    return {
        "run": str(result.done.folder),
        "report": str(result.done.report),
        "scan": str(result.scan.out),
        "truth": str(result.truth),
        "match": str(events.settings.rule),
        "events": {"all": _counts(events.overall), **{k: _counts(row) for k, row in events.classes.items()}},
        **result.done.metrics,
    }


COUNTS = ("n_true", "n_found", "n_missed", "n_false_alarms")


def _counts(row: Any) -> dict[str, Any]:
    return {key: row[key] for key in (*COUNTS, "precision", "recall")}


def _show(result: Demo, folder: Path) -> None:
    out("1. The clips: can the model name species on tapes that it has never heard?")
    out("")
    n_species = len(result.events.classes)
    out_prose(
        f"{result.n_clips} simulated clips from {result.n_tapes} tapes: {n_species} species, and background "
        "without a call. All clips of a tape are either in the training set or in the test set of a fold."
    )
    for line in result.done.headline:
        out(line)
    out_prose(result.done.verdict)
    out_prose(
        "The two baselines use no audio: one knows the tape of a clip, the other the sample rate, duration "
        "and level of its file. On a random split of the clips they score far too well, and so would any "
        "model. Compare a model with them on the same split."
    )
    out("")
    out("2. The hour: which of the calls in a long recording does the model find?")
    out("")
    _show_events(result)
    out("")
    out_prose(
        "These figures are of simulated sound, which is easier than the real sea: each species has one kind "
        "of call here, and there are no ships that pass and no other animals."
    )
    out("")
    page, scan = (shlex.quote(str(path)) for path in (result.done.report, folder / "scan"))
    out("What to do next:")
    out(f"  {page}: open it in a browser; it explains every figure")
    out(f"  {scan}: events.csv, and the same events for Raven in raven/")
    out("  with clips of your own (columns file and species; a column group names the tape or deployment):")
    out("    finback run --audio clips --labels labels.csv --out runs/mine")
    out("    finback scan runs/mine recordings/ --out scans/mine")


def _show_events(result: Demo) -> None:
    events = result.events
    rows = [(name, *(row[key] for key in COUNTS)) for name, row in [*events.classes.items()]]
    rows.append(("all", *(events.overall[key] for key in COUNTS)))
    out_table(("species", "calls", "found", "missed", "false alarms"), rows)
    overall = events.overall
    out_prose(
        f"The model found {overall['n_found']} of {overall['n_true']} calls, and "
        f"{overall['n_false_alarms']} other events that are no call of the species. A call is found if "
        "the middle of an event of its species lies in the call. The threshold is 0.5 for all species; a "
        "lower threshold finds more calls and more false alarms (finback thresholds)."
    )
    out("")
    wrong = {(one.event.start_s, one.label) for one in events.false_alarms}
    first = result.scan.events[:FIRST]
    out_table(
        ("start", "species", "score", "compared with the truth"),
        [
            (
                _clock(float(event["start_s"])),
                event["species"],
                float(event["score"]),
                "false alarm" if (float(event["start_s"]), event["species"]) in wrong else "a call",
            )
            for event in first
        ],
        f"The first {len(first)} of {len(result.scan.events)} events",
    )


def _clock(seconds: float) -> str:
    """`00:01:12`."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
