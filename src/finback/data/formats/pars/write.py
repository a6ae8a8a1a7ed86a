"""Write the files of a PARS submission, and check them before anybody sees them.

    write_pars(folder, deployment, from_scan, intervals)

A species is reported in rows of its own, whose `analysis_sound_source_codes` is its code, since a row without
detection does not name a species. Its result in an interval:

| result | when | detection_n_validated |
|---|---|---|
| DETECTED | a person confirmed at least one event | confirmed events |
| POSSIBLY_DETECTED | events, of which none is confirmed and not all are refused | 0 |
| NOT_DETECTED | effort, and no event that a person did not refuse | empty |
| NOT_AVAILABLE | no effort | empty |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from finback.core.errors import FinbackError, InputError
from finback.core.storage.csv_files import write_csv
from finback.core.storage.folders import whole_folder
from finback.data.formats.pars.check import Checked, check_pars
from finback.data.formats.pars.columns import (
    DETECTIONS,
    GPS,
    IF_DETECTED,
    METADATA,
    OPTIONAL_ANALYSIS,
    OPTIONAL_METADATA,
    REQUIRED,
)
from finback.data.formats.pars.deployment import OPTIONAL, Deployment
from finback.data.formats.pars.vocabulary import DETECTED, NOT_AVAILABLE, NOT_DETECTED, POSSIBLY
from finback.data.tables import read_table

SHOWN = 5  # findings in one error


@dataclass(frozen=True, slots=True)
class Interval:
    """A day or an hour: effort in seconds, and events of each class."""

    start: datetime
    stop: datetime  # not part of it
    effort_secs: float
    found: Mapping[str, int]  # events by class
    confirmed: Mapping[str, int]  # of these or others, by a person
    refused: Mapping[str, int]


def write_pars(
    folder: Path,
    deployment: Deployment,
    from_scan: Mapping[str, str],
    intervals: Sequence[Interval],
    zone: tzinfo = UTC,
) -> Checked:
    """Write the files into a new folder, whole or not at all.

    `from_scan` are values by PARS field that the deployment need not state. Raises `InputError` that names
    the key when a value is missing or breaks a rule of PARS, `RunError` when the folder is not empty.
    """
    values = {**from_scan, **deployment.values}
    metadata = _row(deployment, values, [*REQUIRED[METADATA], *_given(OPTIONAL_METADATA, values)])
    if not intervals:
        raise InputError(
            f"{deployment.path}: no recording to report", "check the scan, and folder = in this file"
        )
    ends = {"analysis_start_datetime": intervals[0].start, "analysis_end_datetime": intervals[-1].stop}
    analysis = {key: stamp(when, zone) for key, when in ends.items()}
    columns = [*REQUIRED[DETECTIONS], *IF_DETECTED, *_given(OPTIONAL_ANALYSIS, values)]
    fixed = [c for c in columns if not c.startswith("detection_") and c != "analysis_sound_source_codes"]
    of_analysis = _row(deployment, {**values, **analysis}, fixed)
    rows = ({**of_analysis, **row} for row in _rows(deployment, intervals, zone))
    positions = None if deployment.gps_file is None else list(_positions(deployment, deployment.gps_file))
    with whole_folder(folder, last=DETECTIONS) as hidden:
        write_csv(hidden / METADATA, list(metadata), [list(metadata.values())])
        write_csv(hidden / DETECTIONS, columns, ([row.get(c, "") for c in columns] for row in rows))
        if positions is not None:
            write_csv(hidden / GPS, REQUIRED[GPS], positions)
        checked = check_pars(hidden, deployment.other_codes)
        if checked.findings:
            shown = "; ".join(str(finding) for finding in checked.findings[:SHOWN])
            raise InputError(f"{deployment.path}: PARS would reject this: {shown}", "correct the file")
    return checked


def stamp(when: datetime, zone: tzinfo = UTC) -> str:
    """`2020-03-01T00:00:00Z`, or with the offset of the zone; whole seconds, as PARS has it."""
    return when.astimezone(zone).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def whole_second_after(when: datetime) -> datetime:
    """The moment, or the next whole second."""
    return when if not when.microsecond else when.replace(microsecond=0) + timedelta(seconds=1)


def _given(columns: Sequence[str], values: Mapping[str, str]) -> list[str]:
    return [column for column in columns if column in values]


def _row(deployment: Deployment, values: Mapping[str, str], columns: Sequence[str]) -> dict[str, str]:
    """The values of these columns. Raises `InputError` for one that neither the file nor the scan gives."""
    for column in columns:
        if column not in values:
            example, meaning = OPTIONAL.get(column, ('"..."', "it does not follow from the scan"))
            what = f"{deployment.path}: no {column} ({meaning}), and the scan does not tell"
            raise InputError(what, f"write for example {column} = {example}")
    return {column: values[column] for column in columns}


def _rows(deployment: Deployment, intervals: Sequence[Interval], zone: tzinfo) -> Iterator[dict[str, str]]:
    """The rows of each sound source, in the order of the deployment's classes."""
    of_source: dict[str, dict[str, str]] = {}  # source -> {call type: class}
    for name, codes in deployment.species.items():
        calls = of_source.setdefault(codes.sound_source_code, {})
        if codes.call_type_code in calls:
            both = f'"{calls[codes.call_type_code]}" and "{name}"'
            what = f"{deployment.path}: [species] {both} have the same two codes"
            raise InputError(what, "give each class a call type of its own")
        calls[codes.call_type_code] = name
    for source, calls in of_source.items():
        for interval in intervals:
            base = {
                "analysis_sound_source_codes": source,
                "detection_start_datetime": stamp(interval.start, zone),
                "detection_end_datetime": stamp(interval.stop, zone),
                "detection_effort_secs": f"{interval.effort_secs:.6f}".rstrip("0").rstrip("."),
            }
            results = [(call, _result(interval, name)) for call, name in calls.items()]
            positive = [(call, result) for call, result in results if result is not None]
            for call, (result, n_validated) in positive:
                yield {
                    **base,
                    "detection_result_code": result,
                    "detection_sound_source_code": source,
                    "detection_call_type_code": call,
                    "detection_n_validated": str(n_validated),
                }
            if not positive:
                result = NOT_AVAILABLE if base["detection_effort_secs"] == "0" else NOT_DETECTED
                yield {**base, "detection_result_code": result}


def _result(interval: Interval, name: str) -> tuple[str, int] | None:
    """The result of a class and its confirmed events; None where nothing was found."""
    if confirmed := interval.confirmed.get(name, 0):
        return DETECTED, confirmed
    if interval.found.get(name, 0) > interval.refused.get(name, 0):
        return POSSIBLY, 0
    return None


def _positions(deployment: Deployment, path: Path) -> Iterator[list[str]]:
    """The rows of gpsdata.csv. Raises `InputError` for a table without the columns."""
    try:
        table = read_table(path, "table of positions")
    except FinbackError as error:
        raise InputError(f"gps_file of {deployment.path}: {error.problem}", error.repair) from None
    found = [table.find(name) for name in REQUIRED[GPS][1:]]
    if None in found:
        raise InputError(f"{path}: no column {', '.join(REQUIRED[GPS][1:])}", f"it has: {table.columns}")
    for row in table.rows:
        yield [deployment.values["deployment_code"], *(row.get(column) for column in found)]
