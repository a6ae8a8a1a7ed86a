"""`Rows`: the drawn parameters of a batch, one row for each clip, so that rows can be selected."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Base of the drawn parameters. The first axis of arrays is the clip; other values are of all clips."""

    def rows(self, index: Any) -> Self:
        """The same parameters for some clips only; `index` as numpy takes it, keeping the first axis."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: _taken(value, index) for name, value in values.items()})


def _taken(value: Any, index: Any) -> Any:
    if isinstance(value, Rows):
        return value.rows(index)
    return value[index] if isinstance(value, np.ndarray) else value
