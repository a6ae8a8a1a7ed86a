"""What `run.json` holds, as a type.

    info = RunInfo.read(Path("runs/cnn/run.json"))
    info.family, info.temperature, info.settings["training"]["epochs"]
    info.updated(temperature=1.2).to_json()

`spec` and `settings` stay plain JSON objects: the types that validate them (`FeatureSpec`, `Settings`) belong
to packages above. Keys that this version does not know are kept, so that an older finback can
work on a newer run without losing anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from finback.core.errors import RunError
from finback.core.runs.documents import first_fault
from finback.core.runs.renames import RUN, current, with_moved_settings, without_removed_settings
from finback.core.storage.files import RESTORE, read_json

Json = dict[str, Any]  # a JSON object
Count = Annotated[int, Field(ge=0)]
MOST_FOLDS = 100  # as in the settings of a split
MOST_MEMBERS = 1000


class RunInfo(BaseModel):
    """Everything that fixes a run, and what training reports at its end. Absent keys have these defaults."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    # What the run is. Two runs are the same work exactly when their `IDENTITY` agrees (core/runs/folder.py).
    kind: str = (
        ""  # classifier, ensemble, generator, vocoder; a study of synthetic clips has a kind of its own
    )
    family: str = ""
    labels: tuple[str, ...] = ()  # the species, in the order of the model's outputs
    spec: Json = {}  # the features: fields of FeatureSpec
    backbone_version: str = ""  # of the frozen backbone that the model was trained on; "" = there is none
    settings: Json = {}  # all resolved settings: fields of Settings
    defaults: Json = Field(default={}, exclude=True)  # of the settings; for comparisons, never written
    seed: Count | None = None  # None: an ensemble of runs with different seeds
    fold: Count | None = None  # which fold of a cross-validation this is
    arm: Json | None = None  # of a study of synthetic clips: what was added to the real clips
    data_fingerprint: str = ""

    # The data it was trained on.
    source: str = ""
    licence: str = ""
    citation: str = ""
    n_clips: Count | None = None
    multi_group: tuple[str, ...] = ()  # species with two recording groups or more
    rare: Json = {}  # the policy for rare species, and {species: clips}
    split: Json | list[Json] | None = None  # in a run with folds, a list with one description per fold

    tapes: tuple[str, ...] = ()  # recording groups that a generator can be asked for, in its own order

    # Where it comes from.
    command: str | list[str] = ""
    format: int | None = None
    finback: str = ""  # version
    versions: dict[str, str] = {}  # of the libraries
    git_commit: str | None = None

    # Of weights that were written without a digest inside (the bundled models): `tensors_digest` of them.
    weights_digest: str = ""

    # What training reports.
    trained: bool = False  # the whole training is done
    n_folds: int = Field(default=0, ge=0, le=MOST_FOLDS)
    n_parameters: Count | None = None
    step: Count | None = None
    best: float | None = None  # the score that chose the epoch
    best_step: int | None = None
    finished: bool = False  # the loop came to its end
    epochs: int | None = None  # that validation chose
    refit_epochs: int | None = None  # None: not trained again on training and validation clips together
    log: Json = {}
    temperature: float | None = Field(default=None, gt=0)  # None: not calibrated yet
    not_calibrated: str = ""  # why the temperature is 1; empty when it was fitted
    gate: Json = {}  # how the gate of "none of these" was trained; empty: a run of a version without gates
    training_s: float | None = Field(default=None, ge=0)
    clips_per_s: float | None = Field(default=None, ge=0)
    n_synthetic: int = 0  # synthetic training clips of an arm
    n_generated: int = 0  # samples generated for them
    n_rejected: int = 0  # samples that the arm's filter rejected

    # Of an ensemble.
    members: tuple[Json, ...] = Field(
        default=(), max_length=MOST_MEMBERS
    )  # family, origin, weight, validation_loss
    combination: Json | None = None
    validation_loss: float | None = None

    @model_validator(mode="after")
    def _consistent(self) -> RunInfo:
        if "" in self.labels or len(set(self.labels)) != len(self.labels):
            raise ValueError("labels: a species is empty, or there twice")
        for i, member in enumerate(self.members):
            if not isinstance(member.get("family"), str):
                raise ValueError(f"members.{i}.family is not text")
        if self.combination is not None:
            _check_combination(self.combination, len(self.members), len(self.labels))
        for split in self.splits:
            _check_split(split)
        return self

    @classmethod
    def read(cls, path: Path) -> RunInfo:
        """Parse a `run.json`. Raises `RunError` that names the file, and the key that is wrong."""
        values = read_json(path)
        try:
            today = without_removed_settings(with_moved_settings(current(values, RUN)))
            # As JSON, so that types are strict (1 is not true) and a list may still be a tuple.
            return cls.model_validate_json(json.dumps(today), strict=True)
        except ValidationError as error:
            raise RunError(f"{path}: damaged ({first_fault(error)})", RESTORE) from None

    def updated(self, **changes: Any) -> RunInfo:
        """The same with other values for some keys, validated."""
        kept = {"defaults": self.defaults} if self.defaults else {}
        return RunInfo.model_validate({**self.to_json(), **kept, **changes})

    def to_json(self) -> Json:
        """The object for `run.json`: the keys that were set, known and unknown ones."""
        return self.model_dump(mode="json", exclude_unset=True)

    def only(self, *keys: str) -> Json:
        """Some keys of the object, as far as they were set."""
        return {key: value for key, value in self.to_json().items() if key in keys}

    @property
    def splits(self) -> list[Json]:
        """The description of the split; of each fold in a run with folds."""
        return self.split if isinstance(self.split, list) else [self.split] if self.split else []

    @property
    def split_by(self) -> str:
        """ "group" if all clips of a recording group are in one set, "clip" if they were split at random."""
        return str(self.splits[0].get("by", "group")) if self.splits else "group"

    @property
    def families(self) -> list[str]:
        """The model families in it: its own, and those of an ensemble's members."""
        return [self.family, *(str(member["family"]) for member in self.members)]

    def setting(self, section: str, key: str) -> Any:
        """One resolved setting, such as `setting("training", "epochs")`; None if the run does not have it."""
        part = self.settings.get(section)
        return part.get(key) if isinstance(part, Mapping) else None


def _check_combination(combination: Json, n_members: int, n_labels: int) -> None:
    """Raises `ValueError` unless it has a weight for each member, and a bias for each label or none."""
    weights, bias = combination.get("weights"), combination.get("bias", [])
    for name, numbers, lengths in (("weights", weights, (n_members,)), ("bias", bias, (0, n_labels))):
        if not isinstance(numbers, list | tuple) or len(numbers) not in lengths:
            raise ValueError(f"combination.{name} does not hold {' or '.join(map(str, lengths))} numbers")
        if any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
            raise ValueError(f"combination.{name} does not hold numbers only")
    if combination.get("how") not in ("mean", "weights", "stack"):
        raise ValueError(f"combination.how is {combination.get('how')!r}: mean, weights or stack is needed")


def _check_split(split: Json) -> None:
    """Raises `ValueError` unless the parts that pages and cards show are of their types."""
    for name, kind in (("by", str), ("clips", dict), ("warnings", list), ("untestable", dict)):
        if not isinstance(split.get(name, kind()), kind):
            raise ValueError(f"split.{name} is {type(split[name]).__name__}, and {kind.__name__} is needed")


def differences(old: RunInfo, new: RunInfo, keys: Sequence[str]) -> list[str]:
    """Which of the keys differ, in words: `training.epochs 40 -> 20`.

    A setting that one of the two does not have counts as its default (`new.defaults`). A run of an older
    version lacks the settings that were added since.
    """
    changes: list[str] = []
    for key in keys:
        defaults = {"settings": new.defaults, "spec": new.defaults.get("features", {})}.get(key, {})
        one, two = (_plain(getattr(info, key)) for info in (old, new))
        changes += _leaves(key, _filled(one, defaults), _filled(two, defaults))
    return changes


def _plain(value: Any) -> Any:
    """The value as it would be read back from JSON: tuples become lists."""
    return json.loads(json.dumps(value))


def _filled(value: Any, defaults: Any) -> Any:
    """The same with the defaults of absent keys, at every depth."""
    if not isinstance(value, dict) or not isinstance(defaults, Mapping):
        return value
    absent = {key: _plain(default) for key, default in defaults.items() if key not in value}
    return {key: _filled(part, defaults.get(key)) for key, part in value.items()} | absent


def _leaves(key: str, old: Any, new: Any) -> list[str]:
    """Every leaf that differs, in words."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [d for k in sorted({*old, *new}) for d in _leaves(f"{key}.{k}", old.get(k), new.get(k))]
    if old == new:
        return []
    if isinstance(old, list) or isinstance(new, list):
        return [f"{key} changed"]
    return [f"{key.removeprefix('settings.')} {old} -> {new}"]
