"""Per-class thresholds of a run: `thresholds.json`, and the thresholds that hold for each file of a scan.

    fitted = fit_on_validation(run, Target.parse("precision=0.9"))
    save_thresholds(run, fitted)
    Thresholds.of_run(run.info.labels, fitted).of("/data/site A/x.wav")      # (K,)

A score without a threshold is no detection. Without a fit, the threshold of each class is `DEFAULT`, and its
precision is unknown. `fit_on_validation` counts clips of the validation set, where calls are as common as in
the labels: in the sea they are rarer, and precision is lower. So a precision of clips never gives a threshold
below the default. `finback thresholds` on a scanned recording with truth measures the precision of events
(`evaluation/detections/threshold_fit.py`).

The file changes no score. So it is no part of the fingerprint of the model, and a journal stays valid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from finback.core.errors import RunError, SettingsError
from finback.core.runs.documents import Count, Document, Share, checked
from finback.core.runs.files import RunFiles
from finback.core.runs.folder import RunFolder
from finback.core.runs.scores import COLUMNS, logits_of, odds_of
from finback.core.storage.files import read_json, write_json
from finback.core.storage.parquet import read_table
from finback.core.types import softmax, with_none
from finback.core.version import __version__
from finback.metrics.bootstrap import group_codes
from finback.metrics.threshold import Choice, ClassCounts, Target, Why
from finback.metrics.threshold_margin import HeldOut, choose_together

DEFAULT = 0.5
FORMAT = 1
Ends = Annotated[list[Share], Field(min_length=2, max_length=2)] | None


class ClassThreshold(Document):
    """One class of `thresholds.json`. `threshold` null: the target was not reached, or nothing was known."""

    threshold: Share | None
    n_calls: Count
    n_found: Count = 0
    n_false: Count = 0
    precision: Share | None = None
    recall: Share | None = None
    precision_interval: Ends = None
    recall_interval: Ends = None
    best: Share | None = None
    why: Why = ""  # there is no threshold
    few: bool = False
    finder: dict[str, float | None] | None = None  # settings of `scan.event_settings.FinderSettings`


class LeftOut(Document):
    """What the thresholds gave in groups that were left out of the fit (`metrics.threshold_margin`)."""

    n_groups: Count
    margin: Annotated[float, Field(ge=0)]
    n_calls: Count
    n_found: Count
    n_false: Count
    precision: Share | None
    recall: Share | None
    precision_interval: Ends = None
    recall_interval: Ends = None


class ThresholdsFile(Document):
    """`thresholds.json` of a run."""

    format: Literal[1]
    finback: str
    fingerprint: str  # of the model
    target: str
    conservative: bool
    fitted_on: Literal["validation clips", "events of a scan"]
    digest: str  # of what it was fitted on
    match: str = ""
    n_groups: Count = 0
    hours: Annotated[float, Field(ge=0)] | None = None
    held_out: LeftOut | None = None
    classes: dict[str, ClassThreshold]


def class_threshold(choice: Choice, finder: Mapping[str, float | None] | None = None) -> ClassThreshold:
    """The row of a class."""
    values: dict[str, Any] = asdict(choice)
    for key in ("precision_interval", "recall_interval"):
        values[key] = None if values[key] is None else list(values[key])
    given = None if finder is None else dict(finder)
    return ClassThreshold(**values, few=choice.is_few, finder=given)


def left_out(held_out: HeldOut | None) -> dict[str, Any] | None:
    """For `ThresholdsFile.held_out`."""
    if held_out is None:
        return None
    values = asdict(held_out)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def fit_on_validation(run: RunFolder, target: Target, conservative: bool = False) -> ThresholdsFile:
    """Thresholds from the scores of the validation set, of all folds together.

    Raises `RunError` when the run stores none.
    """
    species: list[str] = []
    groups: list[str] = []
    p: list[np.ndarray] = []
    digest = hashlib.blake2b(digest_size=12)
    labels = run.info.labels
    for part in run.parts:
        path = part.validation_scores
        if not path.is_file():
            raise RunError(
                f"{path}: no such file", "thresholds need a validation set; or fit them on a scan: --scan DIR"
            )
        table, metadata = read_table(path, COLUMNS)
        if tuple(metadata.get("labels", "").split("\n")) != tuple(labels):
            raise RunError(f"{path}: has other species than the run", "restore the folder from a copy")
        species += table["species"].to_pylist()
        pairs = zip(table["group"].to_pylist(), table["recording_id"].to_pylist(), strict=True)
        groups += [group or recording for group, recording in pairs]
        logits = logits_of(table, len(labels), path)
        if (odds := odds_of(table, path)) is not None:  # as in a scan, the species share what is known
            logits = with_none(logits, odds)
        digest.update(np.ascontiguousarray(logits).tobytes() + "\n".join(species).encode())
        p.append(softmax(logits)[:, : len(labels)])
    codes, n_groups = group_codes(groups)
    scores, is_class = np.concatenate(p), np.array(species)
    counts = {}
    for k, name in enumerate(labels):
        true = is_class == name
        counts[name] = ClassCounts(scores[:, k], codes, scores[true, k], codes[true], n_groups)
    fit = choose_together(counts, target, conservative, DEFAULT)
    classes = {name: class_threshold(choice) for name, choice in fit.choices.items()}
    more = {"n_groups": n_groups, "held_out": left_out(fit.held_out)}
    return new_file(run, target, conservative, "validation clips", digest.hexdigest(), classes, **more)


def new_file(
    run: RunFolder,
    target: Target,
    conservative: bool,
    fitted_on: str,
    digest: str,
    classes: Mapping[str, ClassThreshold],
    **more: Any,
) -> ThresholdsFile:
    """The document of a fit; `more` are its other keys."""
    about = {
        "format": FORMAT,
        "finback": __version__,
        "fingerprint": run.fingerprint(),
        "target": str(target),
    }
    about |= {"conservative": conservative, "fitted_on": fitted_on, "digest": digest}
    return ThresholdsFile.model_validate({**about, **more, "classes": dict(classes)})


def save_thresholds(run: RunFiles, fitted: ThresholdsFile) -> None:
    """Write `thresholds.json` of a run, whole or not at all. Raises `WriteError`."""
    write_json(run.thresholds, fitted.model_dump(mode="json"))


def read_thresholds(run: RunFolder) -> ThresholdsFile | None:
    """What was fitted for a run; None where nothing was.

    Raises `RunError` when the file is damaged, or is of another model.
    """
    if not run.thresholds.is_file():
        return None
    values = read_json(run.thresholds)
    checked(values, ThresholdsFile, run.thresholds)
    fitted = ThresholdsFile.model_validate(values)
    if fitted.fingerprint != run.fingerprint():
        raise RunError(
            f"{run.thresholds}: was fitted for another model ({fitted.fingerprint}, this one is "
            f"{run.fingerprint()})",
            "fit it again: finback thresholds",
        )
    return fitted


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of K classes, and of some sites others. `notes` say how far they can be trusted."""

    labels: tuple[str, ...]
    values: tuple[float, ...]  # (K,)
    sites: Mapping[str, Mapping[int, float]] = field(default_factory=dict)  # from the widest to the narrowest
    notes: tuple[str, ...] = ()

    @classmethod
    def uniform(cls, labels: tuple[str, ...], value: float | None = None) -> Thresholds:
        """One threshold for all classes; None: the default, whose precision is unknown."""
        if value is not None:
            return cls(labels, (value,) * len(labels))
        note = (
            f"the threshold is {DEFAULT} for all classes, and its precision was never measured; "
            "measure it with finback thresholds"
        )
        return cls(labels, (DEFAULT,) * len(labels), notes=(note,))

    @classmethod
    def of_run(cls, labels: tuple[str, ...], fitted: ThresholdsFile) -> Thresholds:
        """The fitted thresholds; a class whose target was not reached has the default one, and a note."""
        rows = {name: fitted.classes.get(name) for name in labels}
        values = tuple(
            DEFAULT if row is None or row.threshold is None else row.threshold for row in rows.values()
        )
        notes = [f"thresholds are fitted for {fitted.target} on {fitted.fitted_on}"]
        if fitted.held_out is not None:
            notes.append(left_out_text(fitted.held_out))
        none: list[str] = []
        for name, row in rows.items():
            if row is None:  # a class that means "no call"
                continue
            if row.threshold is None:
                notes.append(f"{name}: {unreached(row, fitted.target)}, its threshold is {DEFAULT}")
                none.append(name)
            elif row.few:
                notes.append(f"{name}: its threshold is fitted on few calls ({row.n_calls})")
        if none and fitted.target.startswith("precision"):
            notes.append(f"to leave such a class out of the tables: --threshold '{none[0]}=1'")
        return cls(labels, values, notes=tuple(notes))

    def of(self, path: str) -> tuple[float, ...]:
        """(K,) thresholds for a file."""
        values = list(self.values)
        for site, own in self.sites.items():
            if is_at(path, site):
                for k, value in own.items():
                    values[k] = value
        return tuple(values)

    def with_values(self, changes: Mapping[int, float]) -> Thresholds:
        """With other thresholds of some classes."""
        return replace(self, values=tuple(changes.get(k, v) for k, v in enumerate(self.values)))


def unreached(row: ClassThreshold | None, target: str) -> str:
    """Why a class has no threshold."""
    if row is None or not row.n_calls:
        return f"{target} is unknown, because there was no call"
    if row.why == "too few calls":
        return f"{target} is not shown by so few calls ({row.n_calls})"
    if row.why == "one group":
        return f"{target} is not shown, because all calls that are found are of one recording or tape"
    if row.why == "not on other recordings":
        return f"{target} is not reached on recordings that were left out of the fit"
    best = "" if row.best is None else f" (best: {row.best:.2f})"
    return f"{target} is not reached{best}"


def left_out_text(held_out: LeftOut) -> str:
    """What is to be expected of recordings that were left out, in one sentence."""
    texts = []
    for what in ("precision", "recall"):
        value, ends = getattr(held_out, what), getattr(held_out, f"{what}_interval")
        if value is not None:
            texts.append(f"{what} {value:.2f}" + ("" if ends is None else f" ({ends[0]:.2f}-{ends[1]:.2f})"))
    return f"in recordings that were left out of the fit, all classes together: {', '.join(texts)}"


def is_at(path: str, site: str) -> bool:
    """Whether a file is of a site: in folders of that name, or its own name begins with the site's."""
    parts = [part.casefold() for part in path.replace("\\", "/").split("/") if part]
    wanted = [part.casefold() for part in site.replace("\\", "/").split("/") if part]
    folders, name = parts[:-1], parts[-1] if parts else ""
    if any(folders[i : i + len(wanted)] == wanted for i in range(len(folders) - len(wanted) + 1)):
        return True
    rest = name.removeprefix(wanted[-1]) if len(wanted) == 1 else name
    return rest != name and not rest[:1].isalnum()


def require_labels(labels: tuple[str, ...], fitted: ThresholdsFile, where: Path) -> None:
    """Raises `SettingsError` unless the thresholds are of these classes."""
    if set(fitted.classes) != set(labels):
        raise SettingsError(f"{where}: has thresholds of other classes", "fit them for this model")
