"""How a classifier learns to answer "none of these", in one frozen object."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from finback.core.settings import Frozen


class UnknownSettings(Frozen):
    """Settings of the gate (`training/gate.py`)."""

    method: Literal["gate", "none"] = "gate"  # none: the model names one of its species for any sound
    noises: int = Field(150, ge=2, le=100_000)  # most noises of tapes; of simulated seas four times as many
