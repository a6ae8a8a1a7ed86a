"""Keys that run folders of older versions have under other names.

A run folder outlives the version that wrote it. Every reader of its JSON files passes them through `current`,
so that the rest of the program knows one name for each thing.
"""

from __future__ import annotations

from typing import Any

RENAMED: dict[
    str, str
] = {}  # old key -> key of today, wherever it stands in run.json, metrics.json, audit.json ...


def current(value: Any) -> Any:
    """The same JSON value with today's keys, at every depth. A key of today wins over its old name."""
    if isinstance(value, list):
        return [current(v) for v in value]
    if not isinstance(value, dict):
        return value
    renewed = {RENAMED[key]: v for key, v in value.items() if key in RENAMED}
    return {
        k: current(v) for k, v in {**renewed, **{k: v for k, v in value.items() if k not in RENAMED}}.items()
    }
