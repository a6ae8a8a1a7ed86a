"""The JSON files of a run folder: what is damaged is named with its key, whatever the damage."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finback.core.errors import RunError
from finback.core.runs.documents import AuditFile, MetricsFile, read_document
from finback.core.runs.info import RunInfo
from finback.core.storage.files import read_json
from finback.core.storage.plain_json import DEEPEST, parsed

KEPT = Path(__file__).parents[2] / "data" / "runs_0_1_0"
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**70),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "Expecting value"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": 1e999}', "a number is larger"),
        (b'{"a": 9223372036854775808}', "64 bits"),
        (b'{"a": ' + b"1" * 10_000 + b"}", "4300"),
        (b"[" * 100_000, "nested deeper"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "nested deeper"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"\\udfff": 1}', "half a character"),
        (b'{"a": "\xff"}', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
    ],
)
def test_json_is_read_within_bounds(tmp_path: Path, data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parsed(data)
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(RunError, match=r"a\.json: damaged \(.*restore the file from a copy"):
        read_json(tmp_path / "a.json")


def test_a_byte_order_mark_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": [1, 2.5, "\xc3\xa9"]}')
    assert read_json(tmp_path / "a.json") == {"a": [1, 2.5, "é"]}
    with pytest.raises(RunError, match="not a file"):
        read_json(tmp_path)
    with pytest.raises(RunError, match="no such file"):
        read_json(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("accuracy", 0.9, "accuracy is not that of the confusion matrix"),
        ("accuracy", "1", "key 'accuracy'"),
        ("accuracy", None, "key 'accuracy'"),
        ("ece", 1.5, "key 'ece'"),
        ("n_clips", 7, "confusion does not count n_clips clips"),
        ("confusion", [[2, 0], [0, 4]], "not a matrix of 3 x 3"),
        ("confusion", [[2, 0, 0], [0, 2, 0], [0, 0, -2]], "key 'confusion.2.2'"),
        ("labels", ["Bearded seal", "Humpback whale", "Sperm whale"], "name other species"),
        ("accuracy_ci", [1.0, 0.5], "accuracy_ci"),
        ("accuracy_ci", [0.5], "accuracy_ci"),
        ("reliability", [{"low": 0, "high": 1, "confidence": None, "accuracy": None, "n": 5}], "reliability"),
    ],
)
def test_metrics_agree_with_each_other(tmp_path: Path, key: str, value: Any, problem: str) -> None:
    whole = json.loads((KEPT / "classifier" / "metrics.json").read_text())
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(whole))
    assert read_document(path, MetricsFile) == whole
    path.write_text(json.dumps({**whole, key: value}))
    with pytest.raises(RunError, match=rf"metrics\.json: damaged \(.*{problem}"):
        read_document(path, MetricsFile)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("labels", bad) for bad in (3, "abc", ["a", "a"], ["a", ""], [1, 2, 3], None, {"a": 1})),
        *(("n_folds", bad) for bad in (-1, 1_000_000_000, 1.5, "3", True)),
        *(("temperature", bad) for bad in (0, -1, "1", True)),
        *(("seed", bad) for bad in (-1, 0.5, "0")),
        *(("members", bad) for bad in ([{}], [{"family": 3}], ["a"], {"family": "cnn2d"})),
        *(("combination", bad) for bad in ({}, {"how": "mean", "weights": [1.0]}, {"how": "mean"}, [])),
        *(("split", bad) for bad in ({"by": 3}, {"clips": []}, {"warnings": "x"}, [1], "x")),
        *(("spec", bad) for bad in ([], "x", 3)),
        ("trained", "yes"),
        ("kind", None),
        ("versions", {"torch": 2}),
        ("training_s", -1),
    ],
)
def test_a_wrong_key_of_run_json_is_named(tmp_path: Path, key: str, value: Any) -> None:
    whole = json.loads((KEPT / "classifier" / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**whole, key: value}))
    with pytest.raises(RunError, match=rf"run\.json: damaged \(.*{key}"):
        RunInfo.read(tmp_path / "run.json")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_of_one_value_is_a_surprise(tmp_path: Path, data: st.DataObject) -> None:
    """Any value at any place: the file is read, or refused by name."""
    name, read = data.draw(
        st.sampled_from(
            [
                ("run.json", RunInfo.read),
                ("metrics.json", lambda p: read_document(p, MetricsFile)),
                ("audit.json", lambda p: read_document(p, AuditFile)),
            ]
        )
    )
    folder = shutil.copytree(KEPT / "classifier", tmp_path / "run", dirs_exist_ok=True)
    value = json.loads((folder / name).read_text())
    at: Any = value
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(VALUES)
    (folder / name).write_text(json.dumps(value))
    try:
        read(folder / name)
    except RunError as error:
        assert name in str(error)  # noqa: PT017 - a refusal is one of the two right answers
