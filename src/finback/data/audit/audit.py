"""The audit of labelled recordings: is a test result on them trustworthy, and which problems do they have?

    result = dataset.audit(SplitSettings(folds=5))
    result.lines()      # a page of text
    result.to_json()    # the same as one object; the keys are below

`finback.data.dataset.prepare` has put recordings with the same sound into one recording group. The quality of
every clip is measured when the clip is read (`inspection`).

Two no-audio baselines (`baselines`) are evaluated by three protocols:
- `random`: 5-fold cross-validation over clips, three seeds pooled; groups are ignored. A random 70/15/15
  split leaks as much, but pooled folds test every clip and so depend less on chance;
- `grouped`: 5-fold cross-validation over whole groups (fewer folds if there are fewer groups), three seeds
  pooled. Species with one group cannot be evaluated and are left out;
- `in_use`: the split in use (or its folds, pooled); null when it has no test set.

Only species with at least `min_clips_for_audit` clips are evaluated; if no species has as many, all are.
Synthetic clips are compared with the real clips to find copies, and are not used otherwise.

Keys of the JSON: `random`, `grouped`, `in_use`, each {group_leak_share, group_lookup_accuracy,
metadata_accuracy, for each `<name>_ci` [low, high] over groups, n_clips, n_groups, protocol}; lists
`exact_duplicates`, `near_duplicates` (the sound of `b` is in `a`, from `offset_s` on), `label_conflicts`,
`single_group_species`, `problems`; `species` (a row for each), `quality` {flag: [files]}, `merged_groups`,
`untestable`, `warnings`, `balance`, `groups_known`, `min_clips_for_audit`, `duration_s`, `n_clips`,
`n_groups`. An undefined value is null.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from finback.core.errors import SplitError
from finback.core.progress import Progress, no_progress
from finback.core.types import Clip
from finback.data.audit import baselines, duplicates, findings
from finback.data.audit.inspection import NO_CLIPS, ClipKey
from finback.data.audit.quality import Quality, flags
from finback.data.problems import Problem
from finback.data.splits.groups import Merge
from finback.data.splits.make import splits_of
from finback.data.splits.split import SplitResult, SplitSettings, make_folds
from finback.metrics import bootstrap

MIN_CLIPS = 10
FOLDS, SEEDS = 5, 3
FIGURES = ("group_leak_share", "group_lookup_accuracy", "metadata_accuracy")


@dataclass(frozen=True, repr=False)
class Audit:
    """The result of an audit. `clips` have their final groups and the order of the manifest; `splits` is the
    split in use, or its folds."""

    clips: tuple[Clip, ...]
    splits: tuple[SplitResult, ...]
    duplicates: duplicates.Duplicates
    merges: tuple[Merge, ...]
    quality: dict[str, list[str]]  # flag: files
    problems: tuple[Problem, ...]
    baselines: dict[str, dict[str, Any] | None] = field(repr=False)
    groups_known: float  # share of clips whose group was given
    min_clips: int

    def to_json(self) -> dict[str, Any]:
        """One object of plain values; the docstring of the module describes the keys."""
        pairs = self.duplicates
        return {
            **self.baselines,
            "exact_duplicates": [_pair(a, b) for a, b in pairs.exact],
            "near_duplicates": [
                {**_pair(p.a, p.b), "similarity": p.similarity, "kind": p.kind, "offset_s": p.offset_s}
                for p in pairs.near
            ],
            "label_conflicts": [_pair(a, b) for a, b in pairs.conflicts] + self._dropped_conflicts(),
            "single_group_species": [row["species"] for row in self.species if row["n_groups"] == 1],
            "problems": [p.as_dict() for p in self.problems],
            "species": self.species,
            "quality": self.quality,
            "merged_groups": [
                {"groups": list(m.groups), "pairs": [list(p) for p in m.pairs]} for m in self.merges
            ],
            "untestable": self.untestable,
            "warnings": [w for s in self.splits for w in s.warnings],
            "balance": [s.balance.to_json() for s in self.splits],
            "groups_known": self.groups_known,
            "min_clips_for_audit": self.min_clips,
            "duration_s": round(sum(c.duration_s for c in self.clips), 3),
            "n_clips": len(self.clips),
            "n_groups": len({c.group for c in self.clips}),
        }

    def _dropped_conflicts(self) -> list[dict[str, Any]]:
        """Conflicts in the label table itself: their clips were left out when the table was read."""
        dropped = [p for p in self.problems if p.kind == "two_species"]
        return [{"a": p.file, "row": p.row, "message": p.message} for p in dropped]

    @property
    def species(self) -> list[dict[str, Any]]:
        """A row for each species: clips, groups, seconds, and whether the split in use tests it."""
        rows = []
        for name in sorted({c.label or "" for c in self.clips}):
            own = [c for c in self.clips if c.label == name and not c.synthetic]
            rows.append(
                {
                    "species": name,
                    "n_clips": len(own),
                    "n_groups": len({c.group for c in own}),
                    "duration_s": round(sum(c.duration_s for c in own), 3),
                    "testable": name not in self.untestable,
                }
            )
        return rows

    @property
    def untestable(self) -> dict[str, str]:
        """{species: why the split in use does not test it}."""
        return {name: why for s in self.splits for name, why in s.untestable.items()}

    def lines(self) -> list[str]:
        """The lines of the page that `finback audit` prints; the report shows the same findings."""
        return findings.lines(self.to_json())

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        return f"<pre style='white-space:pre-wrap'>{html.escape(repr(self))}</pre>"


def _pair(a: Clip, b: Clip) -> dict[str, Any]:
    return {
        "a": a.recording.path.name,
        "b": b.recording.path.name,
        "a_start_s": round(a.start_s, 3),
        "b_start_s": round(b.start_s, 3),
        "a_species": a.label,
        "b_species": b.label,
    }


class Audited(Protocol):
    """The data that an audit needs; `finback.data.dataset.Dataset` has them."""

    @property
    def clips(self) -> tuple[Clip, ...]: ...
    @property
    def subset_of(self) -> tuple[str, ...] | None: ...
    @property
    def problems(self) -> tuple[Problem, ...]: ...
    @property
    def duplicates(self) -> duplicates.Duplicates: ...
    @property
    def merges(self) -> tuple[Merge, ...]: ...
    @property
    def groups_known(self) -> float: ...
    @property
    def fold_of(self) -> Mapping[str, int] | None: ...


def audit(
    data: Audited,
    quality: Mapping[ClipKey, Quality],
    unreadable: Sequence[Problem] = (),
    settings: SplitSettings | None = None,
    progress: Progress | None = None,
    min_clips: int = MIN_CLIPS,
) -> Audit:
    """Make the split, evaluate the no-audio baselines, and collect the findings.

    `quality` is the quality of every clip that could be read; the other clips are left out. A `split` column
    in the labels is used as the split, unless `settings` asks for folds. Raises `SplitError` when no clip is
    left, `LeakError` when the column puts a group into two sets.
    """
    settings, progress = settings or SplitSettings(), progress or no_progress
    kept = [i for i, clip in enumerate(data.clips) if clip.key in quality]
    clips = tuple(data.clips[i] for i in kept)
    if not clips:
        raise SplitError(*NO_CLIPS)
    subset_of = None if data.subset_of is None else [data.subset_of[i] for i in kept]
    splits = tuple(splits_of(clips, subset_of, settings, fold_of=data.fold_of))
    metadata = baselines.metadata_features(clips, [quality[c.key] for c in clips])
    features = {clip: row for clip, row in zip(clips, metadata, strict=True) if not clip.synthetic}
    flagged: dict[str, list[str]] = {}
    for clip in clips:
        for flag in flags(quality[clip.key]):
            flagged.setdefault(flag, []).append(clip.recording.path.name)
    shared = tuple(
        Problem(
            "shared_sound", m.pairs[0][0] if m.pairs else "", None, str(m), "check the names of the groups"
        )
        for m in data.merges
    )
    return Audit(
        clips=clips,
        splits=splits,
        duplicates=data.duplicates,
        merges=data.merges,
        quality=flagged,
        problems=(*data.problems, *unreadable, *shared),
        baselines=_baselines(splits, features, settings.seed, min_clips, progress),
        groups_known=data.groups_known,
        min_clips=min_clips,
    )


def _baselines(
    splits: Sequence[SplitResult],
    features: dict[Clip, NDArray[np.float64]],
    seed: int,
    min_clips: int,
    progress: Progress,
) -> dict[str, dict[str, Any] | None]:
    tally: dict[str, int] = {}
    for clip in features:
        tally[clip.label or ""] = tally.get(clip.label or "", 0) + 1
    species = {name for name, n in tally.items() if n >= min_clips} or set(tally)
    chosen = [clip for clip in features if clip.label in species]
    figures: dict[str, dict[str, Any] | None] = {}
    for name in progress(["random", "grouped", "in_use"], "no-audio baselines", 3):
        if name == "in_use":
            hits = [baselines.evaluate([s.split for s in splits], features, species, seed)]
            protocol = _in_use(splits)
        else:
            folds = _folds(chosen, "clip" if name == "random" else "group", seed)
            hits = [
                baselines.evaluate([f.split for f in of_seed], features, species, seed) for of_seed in folds
            ]
            over = "clips" if name == "random" else "whole groups"
            protocol = (
                f"{len(folds[0]) if folds else 0}-fold cross-validation over {over}, {SEEDS} seeds pooled"
            )
        figures[name] = _figures(hits, seed, protocol)
    return figures


def _folds(clips: Sequence[Clip], by: Literal["group", "clip"], seed: int) -> list[list[SplitResult]]:
    """The folds of `SEEDS` seeds; all other clips are for training. Empty for too few groups."""
    for k in range(FOLDS, 1, -1):
        try:
            return [
                make_folds(clips, SplitSettings(by=by, fractions=(1, 0, 0), folds=k, seed=seed + s))
                for s in range(SEEDS)
            ]
        except SplitError:
            continue
    return []


def _in_use(splits: Sequence[SplitResult]) -> str:
    by = "clips, groups ignored" if splits[0].split.by == "clip" else "whole groups"
    return f"{len(splits)}-fold cross-validation over {by}" if len(splits) > 1 else f"one split over {by}"


def _figures(hits: Sequence[baselines.BaselineHits], seed: int, protocol: str) -> dict[str, Any] | None:
    clips = [c for h in hits for c in h.clips]
    if not clips:
        return None
    groups = [c.group for c in clips]
    figures: dict[str, Any] = {
        "protocol": protocol,
        "n_clips": len(hits[0].clips),
        "n_groups": len(set(groups)),
    }
    for name, part in zip(FIGURES, ("leaked", "group_lookup", "metadata_only"), strict=True):
        right = np.concatenate([getattr(h, part) for h in hits])
        figures[name] = float(right.mean())
        figures[f"{name}_ci"] = _interval(right, groups, seed)
    return figures


def _interval(right: np.ndarray, groups: Sequence[str], seed: int) -> list[float] | None:
    """95 % interval of the mean of `right` (N,) bool, by drawing the groups (N,) with replacement."""
    codes, n_groups = bootstrap.group_codes(groups)
    if n_groups < 2:
        return None
    draws = bootstrap.draw_groups(n_groups, seed=seed)
    hits, clips = np.bincount(codes, right, n_groups), np.bincount(codes, minlength=n_groups)
    return bootstrap.percentiles((draws @ hits) / (draws @ clips))
