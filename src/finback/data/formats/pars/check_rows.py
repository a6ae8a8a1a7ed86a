"""Rules of PARS that compare the cells of a row, the rows of a species, and the three files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from finback.data.formats.pars.columns import DETECTIONS, GPS, IF_DETECTED, METADATA
from finback.data.formats.pars.findings import Finding, ParsRow
from finback.data.formats.pars.vocabulary import (
    DETECTED,
    MOBILE,
    NOT_AVAILABLE,
    NOT_DETECTED,
    POSSIBLY,
)

ORDERED = {METADATA: ("monitoring",), DETECTIONS: ("analysis", "detection"), GPS: ()}
ROUNDING_S = 1e-6


def check_rows(name: str, rows: Sequence[ParsRow]) -> Iterator[Finding]:
    """Findings in single rows of a file."""
    for row in rows:
        for what in ORDERED[name]:
            start, stop = f"{what}_start_datetime", f"{what}_end_datetime"
            if _known(row, start, stop) and row.times[start] > row.times[stop]:
                yield row.finding(stop, f"is before {start}", "exchange them, or correct one of them")
        if name == DETECTIONS:
            yield from _frequencies(row)
            yield from _times(row)
            yield from _result(row)


def _known(row: ParsRow, *columns: str) -> bool:
    return all(column in row.times for column in columns)


def _frequencies(row: ParsRow) -> Iterator[Finding]:
    low, high = (row.numbers.get(f"analysis_{end}_frequency_khz") for end in ("min", "max"))
    rate = row.numbers.get("analysis_sample_rate_khz")
    if low is not None and high is not None and low > high:
        repair = "exchange them, or correct one of them"
        yield row.finding("analysis_min_frequency_khz", f"{low:g} is above the maximum, {high:g}", repair)
    for column, value in (("min", low), ("max", high)):
        if value is not None and rate is not None and value > rate / 2:
            what = f"{value:g} kHz is above half of the analysis sample rate, {rate:g} kHz"
            repair = f"give both in kHz: {value:g} Hz is {value / 1000:g} kHz"
            yield row.finding(f"analysis_{column}_frequency_khz", what, repair)


def _times(row: ParsRow) -> Iterator[Finding]:
    """A detection lies in its analysis, whose end is not part of it; effort fits into it."""
    start, stop = (row.times.get(f"detection_{end}_datetime") for end in ("start", "end"))
    first, last = (row.times.get(f"analysis_{end}_datetime") for end in ("start", "end"))
    repair = "move the analysis or the detection; analysis_end_datetime itself is outside"
    if start and ((first and start < first) or (last and first and first < last and start >= last)):
        yield row.finding("detection_start_datetime", "is outside of the analysis", repair)
    if stop and ((last and stop > last) or (first and stop < first)):
        yield row.finding("detection_end_datetime", "is outside of the analysis", repair)
    effort = row.numbers.get("detection_effort_secs")
    if start and stop and effort is not None and start <= stop:
        seconds = (stop - start).total_seconds()
        if effort > seconds + ROUNDING_S:
            what = f"{effort:g} s of effort in an interval of {seconds:g} s"
            yield row.finding("detection_effort_secs", what, "count each second once")


def _result(row: ParsRow) -> Iterator[Finding]:
    """What a result says fits the other cells."""
    result, source = row.get("detection_result_code"), row.get("detection_sound_source_code")
    if result in (NOT_DETECTED, NOT_AVAILABLE):
        for column in IF_DETECTED[:2]:
            if row.get(column):
                yield row.finding(column, f"is filled in, and the result is {result}", "leave the cell empty")
        if row.numbers.get("detection_n_validated"):
            what = f"detections were validated, and the result is {result}"
            yield row.finding("detection_n_validated", what, "correct the result, or leave the cell empty")
    effort = row.numbers.get("detection_effort_secs")
    if result == NOT_DETECTED and effort == 0:
        what = "NOT_DETECTED without effort"
        yield row.finding("detection_result_code", what, "write NOT_AVAILABLE where nobody listened")
    if result == NOT_AVAILABLE and effort:
        what = f"NOT_AVAILABLE with {effort:g} s of effort"
        yield row.finding("detection_result_code", what, "write NOT_DETECTED, or an effort of 0")
    analysed = [code.strip() for code in row.get("analysis_sound_source_codes").split(",")]
    if source and row.get("analysis_sound_source_codes") and source not in analysed:
        what = f"'{source}' is not in analysis_sound_source_codes"
        yield row.finding("detection_sound_source_code", what, "add it there, or correct the code")


class _Claim(NamedTuple):
    start: datetime
    stop: datetime
    row: ParsRow


def contradictions(rows: Sequence[ParsRow]) -> Iterator[Finding]:
    """Rows of one species in one analysis whose times overlap.

    Two call types of a species may be detected in the same interval; a result of "not" stands alone.
    """
    groups: dict[tuple[str, ...], list[_Claim]] = defaultdict(list)
    for row in rows:
        start, stop = (row.times.get(f"detection_{end}_datetime") for end in ("start", "end"))
        if start is None or stop is None or start > stop:
            continue
        keys = [row.get(c) for c in sorted(row.values) if c.startswith("analysis_") or c == "deployment_code"]
        source = row.get("detection_sound_source_code")
        for code in [source] if source else row.get("analysis_sound_source_codes").split(","):
            groups[(*keys, code.strip())].append(_Claim(start, stop, row))
    for group in groups.values():
        group.sort(key=lambda claim: (claim.start, claim.stop, claim.row.number))
        yield from _overlaps(group)


def _overlaps(group: Sequence[_Claim]) -> Iterator[Finding]:
    """Each claim beside those before it that are not over yet."""
    open_: list[_Claim] = []
    for claim in group:
        open_ = [c for c in open_ if c.stop > claim.start]
        for other in open_:
            calls = [c.row.get("detection_call_type_code") for c in (claim, other)]
            are_found = all(
                c.row.get("detection_result_code") in (DETECTED, POSSIBLY) for c in (claim, other)
            )
            if claim.stop > claim.start and not (are_found and calls[0] != calls[1]):
                what = f"overlaps row {other.row.number}, which is of the same species"
                repair = "keep one of the rows; an interval does not contain its end"
                yield claim.row.finding("detection_start_datetime", what, repair)
                break
        open_.append(claim)


def check_deployments(tables: Mapping[str, Sequence[ParsRow]]) -> Iterator[Finding]:
    """The deployments of the files are the same, each is there once, and what moves has positions."""
    metadata, gps = tables[METADATA], tables.get(GPS, ())
    known: dict[str, ParsRow] = {}
    for row in metadata:
        code = row.get("deployment_code")
        if code and code in known:
            what = f"'{code}' is there twice (row {known[code].number})"
            yield row.finding("deployment_code", what, "write one row for each deployment")
        known.setdefault(code, row)
    for name in (DETECTIONS, GPS):
        told: set[str] = set()
        for row in tables.get(name, ()):
            code = row.get("deployment_code")
            if code and code not in known and code not in told:
                told.add(code)
                what = f"'{code}' is not in {METADATA}"
                yield row.finding("deployment_code", what, f"write it as in {METADATA}, or add it there")
    placed = {row.get("deployment_code") for row in gps}
    for code, row in known.items():
        platform = row.get("deployment_platform_type_code")
        if platform in MOBILE and code not in placed:
            what = f"{platform} moves, and {GPS} has no position of '{code}'"
            yield row.finding("deployment_platform_type_code", what, f"add {GPS}")
        elif platform and platform not in MOBILE and code in placed:
            what = f"{platform} does not move, and {GPS} has positions of '{code}'"
            yield row.finding("deployment_platform_type_code", what, f"leave them out of {GPS}")
