"""Predictions of a classifier: probabilities of each species, for each window and for the whole sound.

A model with a gate has a class more, "none of these": noise, or a species that it does not have. `known` is
the probability that the sound is of any of its species, and those of the species sum to it.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from finback.core.errors import InputError
from finback.core.extras import install as install_line
from finback.core.storage.csv_files import write_csv
from finback.core.types import NONE, Event, Labels, Recording
from finback.data.formats.sleeps import slept_s
from finback.models.prediction_warnings import PredictionWarning
from finback.models.species_sets import SpeciesSet

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("file", "start_s", "end_s", "species", "probability", "known", "warnings")


@dataclass(frozen=True, eq=False)
class Prediction:
    """Calibrated probabilities for one file, clip or array: K classes, W windows.

    The classes are the species, and for a model with a gate "none of these".
    `probabilities` are for the whole sound (the logits are averaged over its windows), and
    `window_probabilities` for each window alone. `warnings` are about the whole sound, each with a kind and a
    sentence (`models.prediction_warnings`). `remarks` are those of the recording.
    """

    file: str
    labels: Labels
    probabilities: np.ndarray = field(repr=False)  # (K,) float64, sums to 1
    start_s: np.ndarray = field(repr=False)  # (W,) start of each window, seconds from the start of the file
    end_s: np.ndarray = field(repr=False)  # (W,)
    window_probabilities: np.ndarray = field(repr=False)  # (W, K) float64, rows sum to 1
    remarks: tuple[str, ...] = ()  # what was repaired, guessed or left out in the file: "what; advice"
    species_set: SpeciesSet | None = None  # if one was asked for: of the whole sound, one of these species
    warnings: tuple[PredictionWarning, ...] = ()  # why the answer for the whole sound should not be trusted
    recording: Recording | None = field(default=None, repr=False)  # None: an array

    def top(self, n: int = 1) -> list[tuple[str, float]]:
        """The `n` most probable classes of the whole sound with their probabilities, in falling order."""
        return _top(self.labels, self.probabilities, n)

    @property
    def known(self) -> float | None:
        """The probability that the sound is of any of the species; None for a model without a gate."""
        return _known(self.labels, self.probabilities)

    @property
    def species(self) -> dict[str, float]:
        """The probability of each species, in falling order; they sum to `known`."""
        return {name: p for name, p in self.top(len(self.labels)) if name != NONE}

    def rows(self, top: int = 1) -> list[dict[str, Any]]:
        """A row for each window and each of its `top` most probable classes; keys are `columns`.

        `warnings` are the kinds of those about the whole file, in every row.
        """
        times = zip(self.start_s.tolist(), self.end_s.tolist(), self.window_probabilities, strict=True)
        of_file: tuple[str, ...] = ("; ".join(warning.kind for warning in self.warnings),)
        of_file += () if self.species_set is None else ("; ".join(self.species_set.species),)
        return [
            dict(zip(self.columns, (self.file, start, end, name, p, known, *of_file), strict=True))
            for start, end, probabilities in times
            for known in [_known(self.labels, probabilities)]
            for name, p in _top(self.labels, probabilities, top)
        ]

    def best_windows(self, n: int = 5) -> list[dict[str, Any]]:
        """The `n` windows with the most probable species, in the order of time; no two overlap.

        Keys: `start_s`, `end_s`, `species`, `probability`. Windows whose answer is "none of these" are left
        out, so the list may be empty.
        """
        first = self.window_probabilities.argmax(axis=1)
        found: list[dict[str, Any]] = []
        for i in np.argsort(-self.window_probabilities.max(axis=1), kind="stable").tolist():
            start, end, species = float(self.start_s[i]), float(self.end_s[i]), self.labels.names[first[i]]
            if len(found) == n:
                break
            if species != NONE and all(end <= w["start_s"] or start >= w["end_s"] for w in found):
                p = float(self.window_probabilities[i, first[i]])
                found.append({"start_s": start, "end_s": end, "species": species, "probability": p})
        return sorted(found, key=lambda window: window["start_s"])

    def events(self) -> list[Event]:
        """An event for each window whose answer is a species, with its probability as the score.

        Windows that span a sleep of the recorder are left out: no table can hold them.
        """
        schedule, rate = (self.recording.schedule, self.recording.sample_rate) if self.recording else ((), 1)
        return [
            Event(self.path, row["start_s"], row["end_s"], row["species"], score=row["probability"])
            for row in self.rows()
            if row["species"] != NONE
            and not slept_s(schedule, rate, round(row["start_s"] * rate), round(row["end_s"] * rate))
        ]

    @property
    def path(self) -> str:
        """The full path of the file, as tables of other programs need it."""
        return os.path.abspath(self.file) if self.recording else self.file

    @property
    def columns(self) -> tuple[str, ...]:
        """`COLUMNS`, and `set` where a set of species was asked for: of the whole file, in every row."""
        return COLUMNS if self.species_set is None else (*COLUMNS, "set")

    def to_pandas(self, top: int = 1) -> DataFrame:
        """`rows` as a table, with the columns `columns`. Needs pandas."""
        return _frame(self.rows(top), self.columns)

    def __repr__(self) -> str:
        best = ", ".join(f"{name} {p:.2f}" for name, p in self.top(3))
        more = "".join(f"; {text}" for text in (*map(str, self.warnings), *self.remarks))
        return f"Prediction({self.file!r}, {len(self.start_s)} windows: {best}{more})"

    def _repr_html_(self) -> str:
        return Predictions([self])._repr_html_()


class Predictions(Sequence[Prediction]):
    """The predictions of several files, in their order; `errors` names the files that could not be read."""

    def __init__(self, predictions: Sequence[Prediction], errors: Sequence[str] = ()) -> None:
        self._predictions = tuple(predictions)
        self.errors = tuple(errors)

    @overload
    def __getitem__(self, index: int) -> Prediction: ...
    @overload
    def __getitem__(self, index: slice) -> Predictions: ...
    def __getitem__(self, index: int | slice) -> Prediction | Predictions:
        return Predictions(self._predictions[index]) if isinstance(index, slice) else self._predictions[index]

    def __len__(self) -> int:
        return len(self._predictions)

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self._predictions)

    def top(self, n: int = 1) -> dict[str, list[tuple[str, float]]]:
        """For each file its `n` most probable classes with their probabilities."""
        return {prediction.file: prediction.top(n) for prediction in self}

    def rows(self, top: int = 1) -> list[dict[str, Any]]:
        """A row for each window and each of its `top` most probable classes; keys are `columns`."""
        return [row for prediction in self for row in prediction.rows(top)]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `rows`."""
        return self[0].columns if self else COLUMNS

    def to_pandas(self, top: int = 1) -> DataFrame:
        """`rows` as a table, with the columns `columns`. Needs pandas."""
        return _frame(self.rows(top), self.columns)

    def to_csv(self, path: str | Path, top: int = 1) -> Path:
        """Write `rows` as a CSV file with a header; returns its path."""
        path = Path(path)
        write_csv(path, self.columns, [[row[name] for name in self.columns] for row in self.rows(top)])
        return path

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why answers should not be trusted: "file: sentence"."""
        return tuple(f"{each.file}: {warning}" for each in self for warning in each.warnings)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was repaired, guessed or left out in the files: "file: what; advice"."""
        return tuple(f"{each.file}: {remark}" for each in self for remark in each.remarks)

    def __repr__(self) -> str:
        failed = f", {len(self.errors)} could not be read" if self.errors else ""
        failed += f", warnings: {len(self.warnings)}" if self.warnings else ""
        failed += f", remarks: {len(self.remarks)}" if self.remarks else ""
        lines = [
            f"  {p.file}: " + ", ".join(f"{s} {x:.2f}" for s, x in p.top(2)) for p in self._predictions[:10]
        ]
        more = [f"  and {len(self) - 10} more"] if len(self) > 10 else []
        return "\n".join([f"Predictions of {len(self)} files{failed}", *lines, *more])

    def _repr_html_(self) -> str:
        failed = "".join(
            f"<li>{html.escape(text)}</li>" for text in (*self.errors, *self.warnings, *self.remarks)
        )
        return _table(self._predictions) + (f"<ul>{failed}</ul>" if failed else "")


def _top(labels: Labels, probabilities: np.ndarray, n: int) -> list[tuple[str, float]]:
    order = np.argsort(-probabilities, kind="stable")[:n]
    return [(labels.names[i], float(probabilities[i])) for i in order]


def _known(labels: Labels, probabilities: np.ndarray) -> float | None:
    """Of probabilities (K,)."""
    return 1.0 - float(probabilities[labels.index(NONE)]) if NONE in labels else None


def _frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> DataFrame:
    try:
        import pandas
    except ImportError:
        raise InputError(
            "to_pandas needs pandas, which is not installed", f"{install_line('pandas')}, or use rows()"
        ) from None
    return pandas.DataFrame(rows, columns=list(columns))


def _table(predictions: Sequence[Prediction], most: int = 20) -> str:
    """An HTML table for notebooks: each file with its three most probable classes."""
    rows = []
    for prediction in predictions[:most]:
        cells = "".join(
            f"<td>{html.escape(name)} <progress max='1' value='{p:.3f}'></progress> {p:.2f}</td>"
            for name, p in prediction.top(3)
        )
        rows.append(f"<tr><td>{html.escape(Path(prediction.file).name)}</td>{cells}</tr>")
    if len(predictions) > most:
        rows.append(f"<tr><td>and {len(predictions) - most} more</td></tr>")
    return "<table>" + "".join(rows) + "</table>"
