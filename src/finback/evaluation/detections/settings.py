"""How found events are evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from finback.core.errors import SettingsError
from finback.metrics.events import DEFAULT_RULE, MatchRule, parse_rule

Exhaustive = Literal["stated", "all", "listed", "none"]
NotAnalysed = Literal["leave-out", "missed"]
Resample = Literal["auto", "recording", "site", "hour", "none"]
RECALLS = (0.5, 0.8, 0.9)  # at which false alarms per hour are reported


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """The choices of an evaluation.

    - `rule`: when a found event and a true event are one.
    - `threshold`: found events below it do not count; None: all count. `thresholds`: by class, over this one.
    - `same`: label of TRUTH -> label of FOUND that means the same; `labels`: the classes wanted ((): all).
    - `exhaustive`: where found events can be false alarms. `stated`: as tables state it, everywhere if none
      says otherwise. `all`: everywhere. `listed`: in the files that TRUTH names. `none`: nowhere.
    - `not_analysed`: true events of files that FOUND does not name. None: they are left out where FOUND says
      which files were analysed (a scan folder), else they count as missed.
    - `hours`: hours of effort where false alarms could be found; None: from the tables.
    - `resample`: what is drawn for intervals.
    - `listed`: most misses and most false alarms that are listed, of all classes together.
    """

    rule: MatchRule = field(default_factory=lambda: parse_rule(DEFAULT_RULE))
    threshold: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    same: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    exhaustive: Exhaustive = "stated"
    not_analysed: NotAnalysed | None = None
    hours: float | None = None
    resample: Resample = "auto"
    listed: int = 50
    n_boot: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("exhaustive", self.exhaustive, get_args(Exhaustive)),
            ("resample", self.resample, get_args(Resample)),
            ("not_analysed", self.not_analysed, (None, *get_args(NotAnalysed))),
        ):
            if value not in allowed:
                choices = ", ".join(str(choice) for choice in allowed if choice is not None)
                raise SettingsError(f"{name} '{value}' does not exist", f"choose from {choices}")
        if self.hours is not None and not 0 < self.hours < float("inf"):
            raise SettingsError(f"{self.hours:g} hours of effort", "give the hours, above 0")
