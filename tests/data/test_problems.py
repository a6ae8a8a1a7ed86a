"""Problems: how they read, and what strict makes of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from finback.core.errors import ManifestError
from finback.data.problems import Problem, counts, refuse


def test_problems_as_lines_and_as_json() -> None:
    problem = Problem("bad_span", "a.wav", 3, "ends before it starts", "swap them")
    assert str(problem) == "a.wav (row 3): ends before it starts; swap them"
    assert str(replace(problem, row=None)) == "a.wav: ends before it starts; swap them"
    assert Problem(**json.loads(json.dumps(problem.as_dict()))) == problem
    assert counts([problem, problem, replace(problem, kind="short")]) == {"bad_span": 2, "short": 1}


def test_strict_refuses_problems_but_not_notes() -> None:
    note = Problem("unknown_tape", "a.wav", None, "tape unknown", "name it")
    refuse([note, note])
    real = [Problem("missing_file", f"{i}.wav", i, "no such file", "add it") for i in range(2, 14)]
    with pytest.raises(ManifestError) as error:
        refuse([note, *real])
    assert "12 problems" in str(error.value)
    assert "11.wav (row 11)" in str(error.value)
    assert "12.wav" not in str(error.value)
    assert "and 2 more" in str(error.value)
