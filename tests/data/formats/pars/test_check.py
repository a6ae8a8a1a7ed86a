"""The checker of PARS files: each rule, with a file that breaks it alone."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from finback.core.errors import InputError
from finback.data.formats.pars.check import check_pars
from finback.data.formats.pars.columns import IF_DETECTED, REQUIRED
from finback.data.formats.pars.vocabulary import CALL_TYPES, DETECTORS, SOUND_SOURCES

META = {
    "deployment_organization_code": "NEFSC",
    "deployment_code": "NEFSC_MA-RI_202003_NS01",
    "project_name": "Southern New England",
    "site_code": "NS01",
    "monitoring_start_datetime": "2020-03-01T00:00:00-0500",
    "monitoring_end_datetime": "2020-04-01T00:00:00-04:00",
    "deployment_latitude": "40.9",
    "deployment_longitude": "-70.5",
    "deployment_platform_type_code": "BOTTOM_MOUNTED_MOORING",
    "deployment_water_depth_m": "50",
    "recording_device_depth_m": "48",
    "recording_device_code": "ST-1234",
    "recording_device_type_code": "SOUNDTRAP",
    "recording_duration_secs": "1800",
    "recording_interval_secs": "3600",
    "recording_sample_rate_khz": "48",
    "recording_bit_depth": "16",
    "recording_n_channels": "1",
    "recording_timezone": "UTC",
    "points_of_contact": "A. Person <a@example.org>",
    "project_funding": "BOEM",
}
ROW = {
    "deployment_code": META["deployment_code"],
    "analysis_organization_code": "NEFSC",
    "analysis_sound_source_codes": "RIWH,FIWH",
    "analysis_start_datetime": "2020-03-01T00:00:00Z",
    "analysis_end_datetime": "2020-03-03T00:00:00Z",
    "analysis_sample_rate_khz": "2",
    "analysis_min_frequency_khz": "0.05",
    "analysis_max_frequency_khz": "1",
    "analysis_processing_code": "POST_PROCESSED",
    "analysis_protocol_reference": "https://example.org/protocol",
    "analysis_detector_code": "LFDCS",
    "analysis_detector_version": "1.0",
    "detection_start_datetime": "2020-03-01T00:00:00Z",
    "detection_end_datetime": "2020-03-02T00:00:00Z",
    "detection_effort_secs": "43200",
    "detection_result_code": "DETECTED",
    "detection_sound_source_code": "RIWH",
    "detection_call_type_code": "RW_UPCALL",
    "detection_n_validated": "3",
}
NEXT = {
    **ROW,
    "detection_start_datetime": "2020-03-02T00:00:00Z",
    "detection_end_datetime": "2020-03-03T00:00:00Z",
}
ABSENT = {**dict.fromkeys(IF_DETECTED, ""), "detection_result_code": "NOT_DETECTED"}


def write(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    folder.mkdir(exist_ok=True)
    with open(folder / name, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def found(folder: Path, meta: dict[str, str] | None = None, *rows: dict[str, str]) -> list[str]:
    write(folder, "metadata.csv", [{**META, **(meta or {})}])
    write(folder, "detectiondata.csv", list(rows) or [ROW, NEXT])
    return [str(finding) for finding in check_pars(folder).findings]


def test_a_good_submission_has_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    assert found(tmp_path, {}, ROW, {**NEXT, **ABSENT, "analysis_sound_source_codes": "RIWH"}) == []
    two_calls = {**ROW, "detection_call_type_code": "GUNSHOT"}
    assert found(tmp_path, {}, ROW, two_calls, NEXT) == []
    assert check_pars(tmp_path).n_rows == {"metadata.csv": 1, "detectiondata.csv": 3}


IN_METADATA = [
    ("recording_sample_rate_khz", "48000", "not in Hz: 48"),
    ("recording_sample_rate_khz", "2000", "not in Hz: 2"),
    ("recording_sample_rate_khz", "0.05", "not in 0.1"),
    ("recording_sample_rate_khz", "48,0", "not a number"),
    ("recording_sample_rate_khz", "nan", "not a number"),
    ("deployment_latitude", "95", "not in -90 to 90"),
    ("deployment_longitude", "-181", "not in -180 to 180"),
    ("deployment_water_depth_m", "-5", "less than 0"),
    ("recording_bit_depth", "16.5", "not a whole number"),
    ("site_code", "N/A", "stands for no value"),
    ("site_code", "na", "stands for no value"),
    ("site_code", "-", "stands for no value"),
    ("points_of_contact", "null", "stands for no value"),
    ("project_funding", "", "is empty, and it is required"),
    ("monitoring_start_datetime", "2020-03-01T00:00:00", "no offset from UTC"),
    ("monitoring_start_datetime", "2020-03-01", "not a date with a time of day"),
    ("monitoring_start_datetime", "2020-02-30T00:00:00Z", "no date and time that there is"),
    ("monitoring_start_datetime", "2020-03-01T00:00:00.5Z", "fraction of a second"),
    ("monitoring_end_datetime", "2019-03-01T00:00:00Z", "is before monitoring_start_datetime"),
    ("deployment_organization_code", "NEFSK", "did you mean NEFSC"),
    ("deployment_platform_type_code", "MOORING", "no known code"),
    ("deployment_platform_type_code", "ELECTRIC_GLIDER", "gpsdata.csv has no position"),
    ("recording_device_type_code", "SOUNDTRAPP", "did you mean SOUNDTRAP"),
]


@pytest.mark.parametrize(("column", "value", "says"), IN_METADATA)
def test_each_rule_of_metadata(tmp_path: Path, column: str, value: str, says: str) -> None:
    (finding,) = found(tmp_path, {column: value})
    assert finding.startswith(f"metadata.csv, row 2, {column}: ")
    assert says in finding


IN_DETECTIONS = [
    ("detection_start_datetime", "2020-03-01T00:00:00", "no offset"),
    ("analysis_max_frequency_khz", "1000", "above half of the analysis sample rate"),
    ("analysis_min_frequency_khz", "1.5", None),
    ("analysis_sample_rate_khz", "2000", "not in Hz: 2"),
    ("analysis_processing_code", "POSTPROCESSED", "did you mean POST_PROCESSED"),
    ("analysis_detector_code", "FINBACK", "no known code"),
    ("analysis_sound_source_codes", "RIWH, XXXX", "'XXXX' is no known code"),
    ("analysis_sound_source_codes", "FIWH", "'RIWH' is not in analysis_sound_source_codes"),
    ("detection_result_code", "PRESENT", "no known code"),
    ("detection_call_type_code", "UPCALL", "no known code"),
    ("detection_call_type_code", "RW_UPCALL,GUNSHOT", "no known code"),
    ("detection_call_type_code", "", "required"),
    ("detection_sound_source_code", "", "required"),
    ("detection_n_validated", "", "required"),
    ("detection_n_validated", "2.5", "not a whole number"),
    ("detection_n_validated", "-1", "less than 0"),
    ("detection_effort_secs", "86401", "86401 s of effort in an interval of 86400 s"),
    ("detection_start_datetime", "2020-02-29T00:00:00Z", "outside of the analysis"),
    ("detection_end_datetime", "2020-03-03T00:00:01Z", "outside of the analysis"),
    ("detection_end_datetime", "2020-02-29T00:00:00Z", "is before detection_start_datetime"),
    ("deployment_code", "OTHER_01", "is not in metadata.csv"),
]


@pytest.mark.parametrize(("column", "value", "says"), IN_DETECTIONS)
def test_each_rule_of_detections(tmp_path: Path, column: str, value: str, says: str | None) -> None:
    findings = found(tmp_path, {}, {**ROW, column: value})
    assert findings
    assert all(finding.startswith("detectiondata.csv, row 2, ") for finding in findings)
    wanted = says or "above the maximum"
    assert any(wanted in finding for finding in findings), findings
    others = [finding for finding in findings if wanted not in finding]
    assert len(others) <= 1, findings


def test_the_end_of_an_analysis_is_not_part_of_it(tmp_path: Path) -> None:
    at_end = {**ROW, "detection_start_datetime": ROW["analysis_end_datetime"]}
    at_end |= {"detection_end_datetime": ROW["analysis_end_datetime"], "detection_effort_secs": "0"}
    assert "outside of the analysis" in found(tmp_path, {}, at_end)[0]


def test_results_fit_the_other_cells(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, {}, {**ROW, **ABSENT, "detection_call_type_code": "RW_UPCALL"})
    assert "the result is NOT_DETECTED" in finding
    (finding,) = found(tmp_path, {}, {**ROW, **ABSENT, "detection_effort_secs": "0"})
    assert "NOT_AVAILABLE where nobody listened" in finding
    (finding,) = found(tmp_path, {}, {**ROW, **ABSENT, "detection_result_code": "NOT_AVAILABLE"})
    assert "43200 s of effort" in finding
    (finding,) = found(tmp_path, {}, {**ROW, **ABSENT, "detection_n_validated": "2"})
    assert "detections were validated" in finding


def test_rows_of_one_species_do_not_overlap(tmp_path: Path) -> None:
    half = {**ROW, "detection_start_datetime": "2020-03-01T12:00:00Z", "detection_effort_secs": "600"}
    (finding,) = found(tmp_path, {}, ROW, half)
    assert finding.startswith("detectiondata.csv, row 3, detection_start_datetime: overlaps row 2")
    assert found(tmp_path, {}, {**ROW, **ABSENT}, ROW)[0].startswith("detectiondata.csv, row 3")
    other = {**half, "detection_sound_source_code": "FIWH", "detection_call_type_code": "FIWH_20HZ"}
    assert found(tmp_path, {}, ROW, other) == []


def test_deployments_are_the_same_in_all_files(tmp_path: Path) -> None:
    write(tmp_path, "metadata.csv", [META, META])
    write(tmp_path, "detectiondata.csv", [ROW])
    place = {"deployment_code": "X", "datetime": "2020-03-01T00:00:00Z", "latitude": "91", "longitude": "1"}
    write(tmp_path, "gpsdata.csv", [place, {**place, "deployment_code": META["deployment_code"]}])
    findings = [str(finding) for finding in check_pars(tmp_path).findings]
    assert any("is there twice (row 2)" in finding for finding in findings)
    assert any(finding.startswith("gpsdata.csv, row 2, deployment_code") for finding in findings)
    assert any("gpsdata.csv, row 2, latitude: 91" in finding for finding in findings)
    assert any("does not move" in finding for finding in findings)


@pytest.mark.parametrize("column", [*REQUIRED["metadata.csv"]])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    found(tmp_path)
    write(tmp_path, "metadata.csv", [{k: v for k, v in META.items() if k != column}])
    findings = [f for f in check_pars(tmp_path).findings if f.file == "metadata.csv"]
    assert [(f.row, f.column) for f in findings] == [(1, column)]


DAMAGED = [
    (b"\xff\xfea\x00", "not UTF-8"),
    (b"", "required column is missing"),
    (b'deployment_code\n"open', "damaged CSV"),
    (b"a;b\n1;2\n", "not semicolons"),
    (b"deployment_code,deployment_code\nx,y\n", "there twice"),
]


@pytest.mark.parametrize(("data", "says"), DAMAGED)
def test_a_damaged_file_is_named(tmp_path: Path, data: bytes, says: str) -> None:
    found(tmp_path)
    (tmp_path / "metadata.csv").write_bytes(data)
    assert any(says in str(f) for f in check_pars(tmp_path).findings if f.file == "metadata.csv")


def test_a_row_with_too_many_values_and_missing_files(tmp_path: Path) -> None:
    found(tmp_path)
    with open(tmp_path / "metadata.csv", "a", encoding="utf-8") as file:
        file.write("one,two\n")
    (finding,) = check_pars(tmp_path).findings
    assert (finding.row, finding.problem) == (3, "2 values for 21 columns")
    (tmp_path / "metadata.csv").unlink()
    (finding,) = check_pars(tmp_path).findings
    assert str(finding).startswith("metadata.csv: the file is missing")
    with pytest.raises(InputError, match="no such folder"):
        check_pars(tmp_path / "none")


def test_codes_that_the_user_lists_are_said_to_be_unverified(tmp_path: Path) -> None:
    found(tmp_path, {}, {**ROW, "analysis_detector_code": "FINBACK"})
    checked = check_pars(tmp_path, other_codes=("FINBACK",))
    assert (checked.findings, checked.unverified) == ([], ["analysis_detector_code: FINBACK"])


def test_the_vocabulary_is_whole() -> None:
    assert (len(SOUND_SOURCES), len(CALL_TYPES), len(DETECTORS)) == (436, 72 + 2, 43 + 8)
    assert {"RIWH", "HUWH", "FIWH", "BLWH"} <= SOUND_SOURCES
