"""`Rows`: drawn parameters of a batch, one row a clip, so that a batch can be taken apart again."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Base of the draws. Every array has the clip as its first axis; what is no array holds for all clips."""

    def rows(self, index: Any) -> Self:
        """The same parameters for some clips only; `index` as numpy takes it, keeping the first axis."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: _taken(value, index) for name, value in values.items()})


def _taken(value: Any, index: Any) -> Any:
    if isinstance(value, Rows):
        return value.rows(index)
    return value[index] if isinstance(value, np.ndarray) else value
