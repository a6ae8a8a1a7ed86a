"""Which thresholds hold for the tables of a scan: those that were given, those of the run, or the default.

    settings, thresholds = chosen(journal, EventSettings(), ThresholdRequest(target="precision=0.9"))

`--threshold` gives values; `--target` asks for those that the run has, or that its validation set gives;
without either, the run's fitted ones count, else the default of 0.5, whose precision is unknown. A TOML file
changes single classes and sites of any of these.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from finback.core.errors import RunError, SettingsError
from finback.core.runs.folder import RunFolder
from finback.core.settings import Frozen
from finback.core.text import plain_label
from finback.metrics.threshold import Target
from finback.models.pretrained import open_run
from finback.models.threshold_overrides import overridden
from finback.models.thresholds import Thresholds, ThresholdsFile, fit_on_validation, read_thresholds
from finback.scan.event_settings import EventSettings, FinderSettings
from finback.scan.journal import Journal


class ThresholdRequest(Frozen):
    """What was asked for; all may be left out.

    `threshold` holds values such as "0.7" and "Fin whale=0.7". `model` is the run folder; None: the one that
    the journal names. `file` is the TOML file of thresholds by class and site.
    """

    threshold: tuple[str, ...] = ()
    target: str | None = None
    model: str | None = None
    file: str | None = None


def chosen(
    journal: Journal, settings: EventSettings, asked: ThresholdRequest | None = None
) -> tuple[EventSettings, Thresholds]:
    """The event settings, with the finders that were fitted for classes, and the thresholds.

    Raises `SettingsError` for a wrong value, class, site or target, `RunError` when the run that is needed is
    not there, or is another one.
    """
    asked = asked or ThresholdRequest()
    labels = journal.labels.names
    common, by_class = parsed_thresholds(asked.threshold, labels)
    target = None if asked.target is None else Target.parse(asked.target)
    if target is not None and asked.threshold:
        raise SettingsError("--target together with --threshold", "give one of them")
    fitted = None
    if common is None:
        fitted = _fitted(journal, asked.model, target)
    if fitted is not None:
        thresholds = Thresholds.of_run(labels, fitted)
        settings = settings.model_copy(update={"by_class": {**_finders(fitted), **settings.by_class}})
    else:
        thresholds = Thresholds.uniform(labels, common)
    if by_class:
        thresholds = thresholds.with_values(by_class)
    if len(by_class) == len(labels):
        thresholds = replace(thresholds, notes=())
    if asked.file is not None:
        thresholds = overridden(thresholds, Path(asked.file), [state.file.path for state in journal.files()])
    return settings, thresholds


def parsed_thresholds(given: Sequence[str], labels: tuple[str, ...]) -> tuple[float | None, dict[int, float]]:
    """`0.5` and `Fin whale=0.7` -> the threshold of all classes, and those of single ones, by their index.

    Raises `SettingsError` for an unknown class, or a value that is no number between 0 and 1.
    """
    known = {plain_label(name): k for k, name in enumerate(labels)}
    common: float | None = None
    by_class: dict[int, float] = {}
    for text in given:
        name, _, amount = text.rpartition("=")
        try:
            value = float(amount)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise SettingsError(
                f"--threshold {text}", "give a number between 0 and 1, or a class and one: 'Fin whale=0.7'"
            )
        if not name.strip():
            common = value
        elif plain_label(name) in known:
            by_class[known[plain_label(name)]] = value
        else:
            near = difflib.get_close_matches(name, labels, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "the model has: " + "; ".join(labels)
            raise SettingsError(f"--threshold {text}: unknown class", hint)
    return common, by_class


def run_of(journal: Journal, model: str | Path | None) -> RunFolder:
    """The run that a journal was made with. Raises `RunError` when it is not there, or is another one."""
    run = open_run(model or journal.header.model, "classifier")
    if run.fingerprint() != journal.header.fingerprint:
        raise RunError(
            f"{run.path}: is not the model of this scan ({run.fingerprint()}, the scan has "
            f"{journal.header.fingerprint})",
            "give the run that it was made with: --run RUN",
        )
    return run


def _fitted(journal: Journal, model: str | Path | None, target: Target | None) -> ThresholdsFile | None:
    """The run's fitted thresholds; for another target, those of its validation set."""
    try:
        run = run_of(journal, model)
    except RunError as error:
        if model is None and target is None:
            return None  # tables can be made where the run is not
        if model is None:
            raise RunError(error.problem, "give the run that the scan was made with: --run RUN") from None
        raise
    fitted = read_thresholds(run)
    if target is None or (fitted is not None and fitted.target == str(target)):
        return fitted
    return fit_on_validation(run, target)


def _finders(fitted: ThresholdsFile) -> dict[str, FinderSettings]:
    """The finders that were fitted, by class."""
    return {
        name: FinderSettings.model_validate(row.finder)
        for name, row in fitted.classes.items()
        if row.finder is not None
    }
