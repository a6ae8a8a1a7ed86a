"""The JSON files of a run folder besides `run.json`: what each must hold, checked before anything uses it.

    metrics = read_document(run.metrics, MetricsFile)      # a plain object with today's keys
    metrics["per_species"]["Fin whale"]["f1"]

A document has required keys, types, ranges, and rules between its keys: a confusion matrix has a row for each
label, and the accuracy is that of the matrix. Keys that this version does not know are kept. An error names
the file and the key: "runs/a/metrics.json: damaged (key 'accuracy': ...)".
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from finback.core.errors import RunError
from finback.core.runs.renames import current, current_audit
from finback.core.storage.files import RESTORE, read_json

Json = dict[str, Any]
Share = Annotated[float, Field(ge=0, le=1)]
Number = float | None  # finite, as every number of these files
Count = Annotated[int, Field(ge=0)]
Interval = Annotated[list[float], Field(min_length=2, max_length=2)] | None
CLOSE = 1e-6  # two figures that were computed from the same counts


class Document(BaseModel):
    """Base of all documents: types are those of JSON (1 is not true, "3" is not 3), more keys may follow."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


class SpeciesMetrics(Document):
    """One species of `metrics.json`."""

    precision: Share | None
    recall: Share | None
    f1: Share | None
    auc: Share | None
    n_clips: Count
    n_groups: Count
    noisy: bool

    @model_validator(mode="after")
    def _consistent(self) -> SpeciesMetrics:
        if self.n_groups > self.n_clips:
            raise ValueError("more groups than clips")
        if self.n_clips and self.f1 is None:
            raise ValueError("clips were tested, and f1 is null")
        return self


class Bin(Document):
    """One row of the reliability table: clips whose first choice had a probability from low to high."""

    low: Share
    high: Share
    confidence: Share | None
    accuracy: Share | None
    n: Count


class SetMetrics(Document):
    """How often sets of species held the true one (`metrics.conformal`), or why there are none."""

    level: Share
    refused: str = ""
    coverage: Share | None = None
    coverage_ci: Interval = None
    coverage_of_clips: Share | None = None
    mean_size: Annotated[float, Field(ge=1)] | None = None
    mean_size_ci: Interval = None
    one_species: Share | None = None
    one_species_ci: Interval = None


class MetricsFile(Document):
    """`metrics.json`: the evaluation of a classifier."""

    accuracy: Share
    balanced_accuracy: Share | None
    macro_f1: Share | None
    macro_f1_multi_group: Share | None
    macro_auc: Share | None
    average_precision: Share | None
    ece: Share | None
    top3_accuracy: Share | None
    accuracy_ci: Interval
    balanced_accuracy_ci: Interval
    macro_f1_ci: Interval
    macro_f1_multi_group_ci: Interval
    macro_auc_ci: Interval
    average_precision_ci: Interval
    ece_ci: Interval
    top3_accuracy_ci: Interval
    n_clips: Annotated[int, Field(ge=1)]
    n_groups: Annotated[int, Field(ge=1)]
    per_species: dict[str, SpeciesMetrics]
    confusion: list[list[Count]]
    labels: Annotated[list[str], Field(min_length=1)]
    reliability: list[Bin] = []
    sets: SetMetrics | None = None
    n_folds: Count = 0  # the method was tested in, by other models than this; 0: this was tested

    @model_validator(mode="after")
    def _consistent(self) -> MetricsFile:
        k, rows = len(self.labels), self.confusion
        if len(rows) != k or any(len(row) != k for row in rows):
            raise ValueError(f"confusion is not a matrix of {k} x {k} species")
        if set(self.per_species) != set(self.labels) or len(set(self.labels)) != k:
            raise ValueError("labels and per_species name other species")
        if sum(map(sum, rows)) != self.n_clips:
            raise ValueError("confusion does not count n_clips clips")
        if abs(sum(rows[i][i] for i in range(k)) / self.n_clips - self.accuracy) > CLOSE:
            raise ValueError("accuracy is not that of the confusion matrix")
        for name, row in zip(self.labels, rows, strict=True):
            if self.per_species[name].n_clips != sum(row):
                raise ValueError(f"the clips of {name} are not those of the confusion matrix")
        if self.reliability and sum(one.n for one in self.reliability) != self.n_clips:
            raise ValueError("reliability does not count n_clips clips")
        _check_intervals(self)
        return self


def _check_intervals(document: MetricsFile) -> None:
    """Each interval is ordered and a share."""
    for key in type(document).model_fields:
        ends = getattr(document, key) if key.endswith("_ci") else None
        if ends and not 0 <= ends[0] <= ends[1] <= 1:
            raise ValueError(f"{key}: {ends} is not an interval of shares")


class Baselines(Document):
    """No-audio baselines on one kind of split."""

    n_clips: Count = 0
    n_groups: Count = 0
    group_leak_share: Share | None = None
    group_lookup_accuracy: Share | None = None
    metadata_accuracy: Share | None = None
    group_leak_share_ci: Interval = None
    group_lookup_accuracy_ci: Interval = None
    metadata_accuracy_ci: Interval = None
    protocol: str = ""


class AuditedSpecies(Document):
    """A row of the table of species."""

    species: str
    n_clips: Count
    n_groups: Count
    testable: bool
    duration_s: Annotated[float, Field(ge=0)] = 0.0


class Pair(Document):
    """Two clips that share sound; `offset_s` is where the sound of b begins after the start of a."""

    a: str
    b: str
    a_species: str | None = None
    b_species: str | None = None
    a_start_s: float | None = None
    b_start_s: float | None = None
    kind: str = "copy"
    offset_s: float | None = None
    similarity: float | None = None


class Conflict(Document):
    """One sound with labels of two species: two clips, or one row of the labels with a message."""

    a: str
    b: str | None = None
    a_species: str | None = None
    b_species: str | None = None
    a_start_s: float | None = None
    b_start_s: float | None = None
    row: int | None = None
    message: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Conflict:
        if self.b is None and self.message is None:
            raise ValueError("neither a second clip nor a message")
        if "message" in self.model_fields_set and self.message is None:
            raise ValueError("message is null")
        return self


class Merge(Document):
    """Groups with different names whose clips share sound."""

    groups: list[str]
    pairs: list[list[str]]

    @model_validator(mode="after")
    def _consistent(self) -> Merge:
        if any(len(pair) < 2 for pair in self.pairs):
            raise ValueError("a pair names fewer than two files")
        return self


class ProblemRow(Document):
    """One problem of the labels or recordings."""

    kind: str = "problem"
    file: str = ""
    row: int | None = None
    message: str
    repair: str = ""


class AuditFile(Document):
    """`audit.json`: the leak audit of the data. Each part may be missing."""

    random: Baselines | None = None
    grouped: Baselines | None = None
    in_use: Baselines | None = None
    exact_duplicates: list[Pair] = []
    near_duplicates: list[Pair] = []
    label_conflicts: list[Conflict] = []
    merged_groups: list[Merge] = []
    single_group_species: list[str] = []
    untestable: dict[str, str] | list[str] = {}
    problems: list[ProblemRow] = []
    species: list[AuditedSpecies] = []
    quality: dict[str, list[str]] = {}
    warnings: list[str] = []
    n_clips: Count = 0
    n_groups: Count = 0
    duration_s: Annotated[float, Field(ge=0)] = 0.0
    groups_known: Share = 1.0
    min_clips_for_audit: Count = 0
    data_fingerprint: str = ""


def read_document(
    path: Path, kind: type[Document], names: Callable[[Any], Any] = current, error: type[RunError] = RunError
) -> Json:
    """The object of a JSON file, with today's keys (`names`), after a check that it is a `kind`.

    Raises `RunError` that names the file, and the key that is wrong.
    """
    value = names(read_json(path))
    checked(value, kind, path)
    return dict(value)


def read_audit(path: Path, kind: type[Document]) -> Json:
    """The same for the audit of a generator or a vocoder, whose values have other names in version 0.1.0."""
    return read_document(path, kind, current_audit)


def checked(value: Any, kind: type[BaseModel], path: Path) -> None:
    """Raises `RunError` that names the file and the key unless the value is a `kind`."""
    try:
        kind.model_validate(value)
    except ValidationError as error:
        raise RunError(f"{path}: damaged ({first_fault(error)})", RESTORE) from None


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, with its key."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if key:
        return f"key '{key}': {message}"
    return message if first["type"] == "value_error" else "not a JSON object"
