"""The command that writes and checks submissions to NOAA's passive acoustic reporting system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finback.cli.console import out, out_json, say
from finback.cli.options import Json
from finback.core.text import counted

SHOWN = 50  # findings on the screen


def pars(
    scan: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="A folder of finback scan.", show_default=False)
    ] = None,
    deployment: Annotated[
        Path | None, typer.Option(help="TOML file that describes the deployment.", show_default=False)
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="New folder for the files.", show_default=False)
    ] = None,
    by: Annotated[str, typer.Option(help="Interval of a row: day or hour.")] = "day",
    days_in: Annotated[
        str, typer.Option(help="Time zone of the days: UTC, America/New_York, UTC-5.")
    ] = "UTC",
    tables: Annotated[
        Path | None,
        typer.Option(help="Folder with the events.csv to report (default: DIR).", show_default=False),
    ] = None,
    review: Annotated[
        Path | None,
        typer.Option(
            help="Copy of events.csv with a column valid: yes or no for each reviewed event.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(help="Check the files in this folder instead of writing some.", show_default=False),
    ] = None,
    template: Annotated[
        bool, typer.Option("--template", help="Print a deployment.toml to begin with.")
    ] = False,
    json: Json = False,
) -> None:
    """Write a PARS 1.0 submission (NOAA) from a scan, or check one.

    \b
    Example:
      finback pars --template > deployment.toml
      finback pars scans/site --deployment deployment.toml --out pars/site
      finback pars --check pars/site
    """
    from finback.core.errors import InputError

    if template:
        from finback.data.formats.pars.deployment import template as text

        typer.echo(text(), nl=False)
    elif check is not None:
        _check(check, deployment, json)
    elif scan is None or deployment is None or folder is None:
        raise InputError(
            "finback pars needs a scan, --deployment and --out",
            "write finback pars scans/site --deployment deployment.toml --out pars/site, or --check FOLDER",
        )
    else:
        _write(scan, deployment, folder, {"by": by, "days_in": days_in}, tables or scan, review, json)


def _check(folder: Path, deployment: Path | None, json: bool) -> None:
    from dataclasses import asdict

    from finback.data.formats.pars.check import check_pars
    from finback.data.formats.pars.deployment import read_deployment

    others = read_deployment(deployment).other_codes if deployment else ()
    checked = check_pars(folder, others)
    if json:
        findings = [asdict(finding) for finding in checked.findings]
        out_json({"findings": findings, "unverified": checked.unverified, "rows": checked.n_rows})
    else:
        for finding in checked.findings[:SHOWN]:
            out(str(finding))
        if len(checked.findings) > SHOWN:
            out(f"and {len(checked.findings) - SHOWN:,} more")
        rows = ", ".join(f"{counted(n, 'row')} in {name}" for name, n in checked.n_rows.items())
        out(f"{counted(len(checked.findings), 'finding')}{f' ({rows})' if rows else ''}")
        _say_unverified(checked.unverified)
    if checked.findings:
        raise typer.Exit(1)


def _write(
    scan: Path,
    deployment: Path,
    folder: Path,
    settings: dict[str, str],
    tables: Path,
    review: Path | None,
    json: bool,
) -> None:
    from finback.core.settings import build
    from finback.data.formats.pars.deployment import read_deployment
    from finback.scan.journal import Journal
    from finback.scan.pars import ReportSettings, report

    journal = Journal.read(scan)
    described = read_deployment(deployment)
    done = report(journal, tables, described, folder, build(ReportSettings, settings), review)
    if json:
        out_json(
            {
                "out": str(folder),
                "rows": done.n_rows,
                "hours_analysed": done.effort_h,
                "positive": dict(done.results),
                "unverified": list(done.unverified),
                "notes": list(done.notes),
            }
        )
        return
    for name, n in done.results.items():
        out(f"{name}: {counted(n, settings['by'])} with detections")
    if not done.results:
        out("no detections")
    rows, hours = counted(done.n_rows, "row"), f"{done.effort_h:,.1f} h of effort"
    out(f"{rows}, {hours}; the files pass the checks: {folder}")
    for note in done.notes:
        out(note)
    _say_unverified(done.unverified)


def _say_unverified(codes: list[str] | tuple[str, ...]) -> None:
    for code in codes:
        say(f"not verified, because it is in other_codes: {code}")
