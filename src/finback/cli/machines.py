"""The command that looks for machines among the detections of a scan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finback.cli.console import out, out_json
from finback.cli.options import Json
from finback.core.text import counted


def machines(
    scan: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder of finback scan.", show_default=False)
    ],
    file: Annotated[
        Path | None,
        typer.Option("--out", help="Write the proposed mutes to this new TOML file.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Find detections of a scan that a machine may have made: regular ones that are all alike.

    The detections are those of the last finback tables in DIR. Nothing is muted: the file of --out is a
    proposal, which you can edit and then give to finback tables --mute.

    \b
    Example:
      finback machines scans/site --out mutes.toml
      finback tables scans/site --mute mutes.toml
    """
    from finback.scan.journal import Journal
    from finback.scan.machine_proposal import propose, write_proposal

    proposal = propose(Journal.read(scan))
    if file is not None and proposal.machines:
        write_proposal(proposal, file)
    if json:
        written = str(file) if file is not None and proposal.machines else None
        out_json({"out": written, **proposal.to_json()})
        return
    for machine in proposal.machines:
        for line in machine.reasons():
            out(line)
    if not proposal.machines:
        out(
            "no machine found: no regular detections that are alike among "
            f"{counted(proposal.n_detections, 'detection')}"
        )
    elif file is None:
        out("to leave these detections out, write the proposed mutes with --out mutes.toml")
    else:
        out(f"proposed mutes: {file} (listen first, then finback tables {scan} --mute {file})")
