"""PARS files that are written: they always pass the checker, and say what was found, heard and reviewed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finback.core.errors import InputError, RunError
from finback.core.storage.csv_files import read_csv
from finback.data.formats.pars.check import check_pars
from finback.data.formats.pars.deployment import OPTIONAL, REQUIRED, read_deployment, template
from finback.data.formats.pars.write import Interval, write_pars

FROM_SCAN = {
    "monitoring_start_datetime": "2020-03-01T00:00:00Z",
    "monitoring_end_datetime": "2020-03-09T00:00:00Z",
    "recording_duration_secs": "1800",
    "recording_interval_secs": "3600",
    "recording_sample_rate_khz": "48",
    "recording_n_channels": "1",
    "analysis_sample_rate_khz": "2",
    "analysis_max_frequency_khz": "1",
}
START = datetime(2020, 3, 1, tzinfo=UTC)
RIGHT, FIN = "North Atlantic right whale", "Fin whale"


def deployment_file(folder: Path, text: str | None = None) -> Path:
    path = folder / "deployment.toml"
    path.write_text(text if text is not None else template())
    return path


def day(number: int, effort: float = 43_200.0, n: int = 0, yes: int = 0, no: int = 0) -> Interval:
    start = START + timedelta(days=number)
    counts = [{RIGHT: count} for count in (n, yes, no)]
    return Interval(start, start + timedelta(days=1), effort, *counts)


def results(folder: Path, source: str = "RIWH") -> list[tuple[str, str, str]]:
    keys = ("detection_result_code", "detection_call_type_code", "detection_n_validated")
    rows = read_csv(folder / "detectiondata.csv")
    return [tuple(row[k] for k in keys) for row in rows if row["analysis_sound_source_codes"] == source]  # type: ignore[misc]


def test_results_say_what_was_found_heard_and_reviewed(tmp_path: Path) -> None:
    days = [day(0), day(1, 0.0), day(2, n=3), day(3, n=3, yes=2), day(4, n=3, no=3), day(5, n=3, no=2)]
    checked = write_pars(tmp_path / "out", read_deployment(deployment_file(tmp_path)), FROM_SCAN, days)
    assert not checked.findings
    assert results(tmp_path / "out") == [
        ("NOT_DETECTED", "", ""),
        ("NOT_AVAILABLE", "", ""),
        ("POSSIBLY_DETECTED", "RW_UPCALL", "0"),
        ("DETECTED", "RW_UPCALL", "2"),
        ("NOT_DETECTED", "", ""),
        ("POSSIBLY_DETECTED", "RW_UPCALL", "0"),
    ]
    assert [result for result, _, _ in results(tmp_path / "out", "FIWH")].count("NOT_DETECTED") == 5
    with pytest.raises(RunError, match="not empty"):
        write_pars(tmp_path / "out", read_deployment(deployment_file(tmp_path)), FROM_SCAN, days)


def test_two_call_types_of_a_species_are_one_analysis(tmp_path: Path) -> None:
    gunshot = '\n[species."Gunshot"]\nsound_source_code = "RIWH"\ncall_type_code = "GUNSHOT"\n'
    deployment = read_deployment(deployment_file(tmp_path, template() + gunshot))
    both = Interval(START, START + timedelta(days=1), 60.0, {RIGHT: 1, "Gunshot": 1}, {}, {})
    write_pars(tmp_path / "out", deployment, FROM_SCAN, [both, day(1)])
    calls = [call for _, call, _ in results(tmp_path / "out")]
    assert calls == ["RW_UPCALL", "GUNSHOT", ""]
    same = gunshot.replace('"GUNSHOT"', '"RW_UPCALL"')
    with pytest.raises(InputError, match="have the same two codes"):
        write_pars(
            tmp_path / "b", read_deployment(deployment_file(tmp_path, template() + same)), FROM_SCAN, [both]
        )


counts = st.integers(0, 3)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 82_800), counts, counts, counts), min_size=1, max_size=12),
    st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
)
def test_what_is_written_always_passes_the_checker(
    values: list[tuple[float, int, int, int]], name: str
) -> None:
    zone = ZoneInfo(name)
    midnights = [datetime(2020, 3, 1 + i, tzinfo=zone).astimezone(UTC) for i in range(len(values) + 1)]
    days = [
        Interval(midnights[i], midnights[i + 1], effort, {RIGHT: n}, {RIGHT: yes}, {RIGHT: no})
        for i, (effort, n, yes, no) in enumerate(values)
    ]
    with TemporaryDirectory() as folder:
        deployment = read_deployment(deployment_file(Path(folder)))
        write_pars(Path(folder) / "out", deployment, FROM_SCAN, days, zone)
        assert check_pars(Path(folder) / "out").findings == []


@pytest.mark.parametrize("key", REQUIRED)
def test_a_missing_key_is_named_with_an_example(tmp_path: Path, key: str) -> None:
    lines = [line for line in template().splitlines() if not line.startswith(f"{key} =")]
    with pytest.raises(InputError, match=rf"deployment\.toml: no {key} .*write for example {key} = "):
        read_deployment(deployment_file(tmp_path, "\n".join(lines)))


BROKEN = [
    ('project_nam = "x"\n', "unknown key project_nam; did you mean project_name"),
    ("other_codes = 3\n", "other_codes is no list"),
    ("= 3\n", "not valid TOML"),
]


@pytest.mark.parametrize(("line", "says"), BROKEN)
def test_a_wrong_key_is_named(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_deployment(deployment_file(tmp_path, line + template()))


def test_values_that_pars_rejects_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    text = template().replace("deployment_latitude = 40.9512", "deployment_latitude = 409.512")
    with pytest.raises(InputError, match=r"reject this: metadata\.csv, row 2, deployment_latitude"):
        write_pars(tmp_path / "out", read_deployment(deployment_file(tmp_path, text)), FROM_SCAN, [day(0)])
    assert not (tmp_path / "out" / "metadata.csv").exists()
    scan = {k: v for k, v in FROM_SCAN.items() if k != "recording_interval_secs"}
    with pytest.raises(InputError, match=r"no recording_interval_secs .*write for example"):
        write_pars(tmp_path / "out", read_deployment(deployment_file(tmp_path)), scan, [day(0)])


def test_a_glider_has_positions(tmp_path: Path) -> None:
    (tmp_path / "track.csv").write_text("datetime,latitude,longitude\n2020-03-01T00:00:00Z,40.5,-70.5\n")
    text = template().replace("BOTTOM_MOUNTED_MOORING", "ELECTRIC_GLIDER")
    with pytest.raises(InputError, match=r"ELECTRIC_GLIDER moves, and gpsdata\.csv has no position"):
        write_pars(tmp_path / "out", read_deployment(deployment_file(tmp_path, text)), FROM_SCAN, [day(0)])
    deployment = read_deployment(deployment_file(tmp_path, 'gps_file = "track.csv"\n' + text))
    write_pars(tmp_path / "out", deployment, FROM_SCAN, [day(0)])
    (row,) = read_csv(tmp_path / "out" / "gpsdata.csv")
    assert row["latitude"] == "40.5"


def test_the_template_shows_every_key() -> None:
    assert all(f"{key} = " in template() for key in (*REQUIRED, *OPTIONAL))
