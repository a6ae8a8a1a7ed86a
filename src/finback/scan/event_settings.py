"""Settings of the step from window scores to events. They change tables only, never the journal.

    EventSettings(method="boxes", merge=0.2, min_duration_s=0.5, context=ContextRule.parse("3/60min"))

docs/explanation/events.md explains each of them with a picture.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from finback.core.errors import SettingsError
from finback.core.settings import Frozen
from finback.core.text import NO_CALL, plain_label

Method = Literal["boxes", "hysteresis", "windows"]
DAY_S = 86_400.0
UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


class ContextRule(Frozen):
    """An event counts only where its class has at least `least` events within `within_s` seconds."""

    least: int = Field(ge=1, le=1_000_000)
    within_s: float = Field(gt=0, le=366 * DAY_S)

    @classmethod
    def parse(cls, text: str) -> ContextRule:
        """`3/60min`, `2/1h` or `5/90s`. Raises `SettingsError` for another form."""
        found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6}(?:\.\d{1,6})?)?\s*(s|min|h)\s*", text)
        if not found or int(found[1]) < 1 or not 0 < float(found[2] or 1) * UNITS[found[3]] <= 366 * DAY_S:
            raise SettingsError(
                f"--context {text}: not of the form COUNT/TIME", "write for example --context 3/60min"
            )
        return cls(least=int(found[1]), within_s=float(found[2] or 1) * UNITS[found[3]])


class FinderSettings(Frozen):
    """How the change points of one class become events; `finback thresholds` fits these per class."""

    step_s: float | None = Field(None, gt=0, le=DAY_S)  # length of the step filter; None: one window
    merge: float = Field(0.1, ge=0, le=1)  # neighbours join where the score between falls by less than this
    merge_share: float = Field(1.0, ge=0, le=1)  # or stays above this share of the higher peak


class EventSettings(Frozen):
    """See the module."""

    method: Method = "boxes"
    finder: FinderSettings = FinderSettings()
    by_class: Mapping[str, FinderSettings] = {}  # of classes whose finder was fitted
    low: float = Field(0.2, ge=0, le=1)  # of "hysteresis": where an event begins and ends
    lowest: float = Field(0.02, gt=0, le=1)  # events whose score never reaches this are not listed at all
    min_duration_s: float = Field(0.0, ge=0, le=DAY_S)
    max_duration_s: float | None = Field(None, gt=0, le=366 * DAY_S)
    join_gap_s: float = Field(0.0, ge=0, le=DAY_S)  # detections of one class that are nearer become one
    context: ContextRule | None = None
    background: tuple[str, ...] = ()  # labels that mean "no call", besides `NO_CALL`
    measure: bool = True  # measure the box of each event in its recording

    @model_validator(mode="after")
    def _ordered(self) -> EventSettings:
        if self.max_duration_s is not None and self.max_duration_s < self.min_duration_s:
            raise ValueError("the longest duration is shorter than the shortest")
        return self

    def finder_of(self, label: str) -> FinderSettings:
        """The finder of a class."""
        return self.by_class.get(label, self.finder)

    def called(self, labels: tuple[str, ...]) -> tuple[int, ...]:
        """Indices of the classes that are reported: all but those that mean "no call".

        Raises `SettingsError` for a background label that the model does not have.
        """
        known = {plain_label(name) for name in labels}
        for name in self.background:
            if plain_label(name) not in known:
                raise SettingsError(
                    f"--background {name}: the model has no such class", "it has: " + "; ".join(labels)
                )
        silent = NO_CALL | {plain_label(name) for name in self.background}
        return tuple(i for i, name in enumerate(labels) if plain_label(name) not in silent)
