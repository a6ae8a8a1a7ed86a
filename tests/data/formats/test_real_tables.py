"""Tables as labs write them: each is read, or refused in one line that says why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from finback.core.errors import InputError
from finback.data.formats.base import Annotations
from finback.data.formats.recognise import read_annotations


def read_or_refused(path: Path) -> Annotations | str:
    try:
        return read_annotations(path)
    except InputError as error:
        return str(error)


@pytest.mark.real
def test_every_table_of_the_labs_is_read_or_refused_with_a_reason(real_data: Path) -> None:
    if not (real_data / "tables").is_dir():
        pytest.skip(f"no tables in {real_data}")
    read: Counter[str] = Counter()
    for path in sorted((real_data / "tables").rglob("*")):
        if not path.is_file() or path.name == "manifest.csv":
            continue
        result = read_or_refused(path)
        if isinstance(result, str):
            print(f"refused: {result.removeprefix(str(path.parent))}"[:240])
            assert path.name in result
            assert "\n" not in result
            read["refused"] += 1
        else:
            read[result.format] += 1
            assert result.events
    print(dict(read))
    assert read == {"audacity": 45, "raven": 37, "table": 6, "refused": 30}


@pytest.mark.real
def test_truth_tables_are_read_with_their_boxes(real_data: Path) -> None:
    if not (real_data / "annotated").is_dir():
        pytest.skip(f"no annotated recordings in {real_data}")
    truth = read_annotations(real_data / "annotated" / "truth_events.csv")
    assert not [problem for problem in truth.problems if not problem.is_note]
    assert any(event.low_hz is not None and event.high_hz is not None for event in truth.events)
    units = read_annotations(real_data / "annotated" / "ecoz2_units.csv", label_column="unit")
    assert len(units.events) == 1121
