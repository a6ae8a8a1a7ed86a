"""Labelled recordings ready for training: every clip has a group, and the policy for rare species is applied.

    data = read_labels("labels.csv", audio="clips")
    data                 # numbers of clips, species and groups, and problems of the labels
    data.audit()         # what a random split would leak, and what cannot be tested

A `Manifest` contains the labels. `prepare` makes a `Dataset` from it, in this order: recordings that share
sound join one recording group (a tape, a deployment, a site-day), every recording without a known group
becomes a group of its own, and the policy for rare species is applied. Training, splits, comparisons and
studies take a `Dataset` and refuse a `Manifest`: clips without groups would give metrics that say nothing
about new recordings.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from finback.core.bars import bars
from finback.core.display import Table
from finback.core.errors import ManifestError
from finback.core.progress import Progress, no_progress
from finback.core.runs.folder import RunFolder
from finback.core.settings import build
from finback.core.types import Clip, Labels
from finback.data.audit.audit import MIN_CLIPS, Audit, audit
from finback.data.audit.duplicates import Duplicates, NearPair, find
from finback.data.audit.inspection import inspect, measure_quality
from finback.data.dataset_summary import summary
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest, ModelProvenance, SourceInfo, fingerprint_of
from finback.data.problems import Problem
from finback.data.rare import RareSettings, apply_rare_policy, rare_summary
from finback.data.splits.groups import Merge, assign_groups, merged
from finback.data.splits.make import splits_of
from finback.data.splits.settings import SplitResult, SplitSettings


@dataclass(frozen=True, repr=False)
class Dataset:
    """Labelled clips with their groups. `prepare` makes one; `Dataset.load` reads it from a run folder.

    - `rare` is the policy for rare species, `rare_species` the number of real clips of each rare species, and
      `called` the species that the labels give each clip (None when the policy relabelled no clip).
    - `subset_of` is the `split` column of the labels: train, val, test or "" for each clip; None without one.
    - `fold_of` gives the fold in which each group is tested; None: folds are drawn.
    - `provenance` names the models behind the synthetic clips.
    - `duplicates` are pairs of these clips that share sound, `merges` the given groups that such pairs
      joined, and `groups_known` the share of clips whose group was given.

    Raises `ManifestError` when a clip has no group.
    """

    clips: tuple[Clip, ...]
    rare: RareSettings
    rare_species: Mapping[str, int]
    problems: tuple[Problem, ...]
    source: SourceInfo
    audio: Path  # absolute
    subset_of: tuple[str, ...] | None = None
    called: tuple[str, ...] | None = None
    provenance: tuple[ModelProvenance, ...] = ()
    duplicates: Duplicates = field(default_factory=Duplicates)
    merges: tuple[Merge, ...] = ()
    groups_known: float = 1.0
    fold_of: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        for clip in self.clips:
            if not clip.group:
                raise ManifestError(
                    f"{clip.recording.path}: the clip has no group",
                    "make the dataset with finback.data.dataset.prepare, which assigns the groups",
                )

    @classmethod
    def load(cls, run: Path, audio: Path | None = None) -> Dataset:
        """The dataset that a run was trained on; `audio` is where the recordings are now, if they moved.

        Raises `RunError` when the folder is not a run folder, `ManifestError` when its `manifest.csv` is
        damaged.
        """
        folder = RunFolder.open(run)
        manifest = Manifest.load(folder.manifest, audio)
        rare = build(RareSettings, folder.info.settings.get("rare", {}))
        return cls(
            clips=manifest.clips,
            rare=rare,
            rare_species=manifest.rare,
            problems=manifest.problems,
            source=manifest.source,
            audio=manifest.audio,
            subset_of=manifest.subset_of,
            called=manifest.called,
            provenance=manifest.provenance,
        )

    @cached_property
    def labels(self) -> Labels:
        """All species, sorted by name."""
        return Labels.of(self.clips)

    @cached_property
    def groups_of(self) -> Mapping[str, int]:
        """Number of groups with real clips of each species."""
        groups: dict[str, set[str]] = {name: set() for name in self.labels.names}
        for clip in self.clips:
            if not clip.synthetic:
                groups[clip.label or ""].add(clip.group_key)
        return {name: len(of_species) for name, of_species in groups.items()}

    @property
    def multi_group(self) -> list[str]:
        """Species with clips of at least two groups (one to train on, one to test), sorted by name."""
        return [name for name, n in self.groups_of.items() if n > 1]

    @property
    def n_groups(self) -> int:
        """Number of groups of all real clips."""
        return len({c.group for c in self.clips if not c.synthetic})

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of sounds, species and groups; not of paths, nor of the order of the rows."""
        return fingerprint_of(self.clips)

    def file_of(self, clip: Clip) -> str:
        """The clip's file as the labels name it: relative to the audio folder, with forward slashes."""
        return self.manifest.file_of(clip)

    @property
    def manifest(self) -> Manifest:
        """The table of these clips, as `save` writes it."""
        return Manifest(
            clips=self.clips,
            problems=self.problems,
            source=self.source,
            audio=self.audio,
            subset_of=self.subset_of,
            rare=self.rare_species,
            called=self.called,
            provenance=self.provenance,
        )

    def save(self, path: Path) -> None:
        """Write the clips as a table at `path` and `problems.json` in the same folder."""
        self.manifest.save(path)

    def without_split_column(self) -> Dataset:
        """The same clips, as if the labels named no training, validation and test sets."""
        return replace(self, subset_of=None)

    def make_splits(self, split: SplitSettings) -> list[SplitResult]:
        """One split, one for each fold, or the split that the labels give.

        Raises `LeakError` where a generator was trained on a group that a split validates or tests with.
        """
        return splits_of(self.clips, self.subset_of, split, self.provenance, self.fold_of)

    def audit(
        self,
        split: SplitSettings | None = None,
        progress: Progress | None = None,
        min_clips: int = MIN_CLIPS,
    ) -> Audit:
        """Read all audio. Report the leaks of a random split, species without a test, and bad recordings."""
        show = progress or bars()
        quality, unreadable = measure_quality(self.clips, show)
        return audit(self, quality, unreadable, split, show, min_clips)

    def rare_summary(self, most: int = 6) -> str:
        """A sentence on the rare species and their treatment; "" when the policy changed nothing."""
        return rare_summary(self.rare_species, self.rare, most)

    @property
    def table(self) -> Table:
        """A row for each species: number of real clips and of recording groups."""
        tally = Counter(clip.label or "" for clip in self.clips if not clip.synthetic)
        rows = [(name, tally[name], self.groups_of[name]) for name in self.labels.names]
        return Table(("species", "clips", "groups"), rows)

    def _repr_html_(self) -> str:
        return f"{self.table._repr_html_()}<pre style='white-space:pre-wrap'>{html.escape(repr(self))}</pre>"

    def __repr__(self) -> str:
        return summary(self)


def prepare(manifest: Manifest, duplicates: Duplicates, rare: RareSettings | None = None) -> Dataset:
    """Groups for all clips, then the policy for rare species (default: keep them).

    `duplicates` are the pairs of clips that share sound:
    `finback.data.audit.duplicates.find(manifest.clips)`. Raises `SplitError` when the policy leaves fewer
    than two species.
    """
    rare = rare or RareSettings()
    clips, rare_species = apply_rare_policy(assign_groups(manifest.clips, duplicates), rare)
    prepared = {given: clip for given, clip in zip(manifest.clips, clips, strict=True) if clip is not None}
    kept = [i for i, clip in enumerate(clips) if clip is not None]
    given = [manifest.clips[i] for i in kept]
    relabelled = rare.how == "bucket" and bool(rare_species)
    return Dataset(
        clips=tuple(clip for clip in clips if clip is not None),
        rare=rare,
        rare_species=rare_species,
        problems=manifest.problems,
        source=manifest.source,
        audio=manifest.audio,
        subset_of=None if manifest.subset_of is None else tuple(manifest.subset_of[i] for i in kept),
        called=tuple(clip.label or "" for clip in given) if relabelled else None,
        provenance=manifest.provenance,
        duplicates=_among(prepared, duplicates),
        merges=merged(manifest.clips, duplicates),
        groups_known=sum(bool(clip.group) for clip in given) / max(1, len(given)),
    )


def _among(prepared: Mapping[Clip, Clip], duplicates: Duplicates) -> Duplicates:
    """The pairs with their prepared clips, without the pairs of a clip that was left out."""
    exact = [(prepared[a], prepared[b]) for a, b in duplicates.exact if a in prepared and b in prepared]
    near: list[NearPair] = [
        replace(pair, a=prepared[pair.a], b=prepared[pair.b])
        for pair in duplicates.near
        if pair.a in prepared and pair.b in prepared
    ]
    return Duplicates(tuple(exact), tuple(near))


def prepare_request(
    request: IndexRequest, rare: RareSettings | None = None, progress: Progress = no_progress
) -> Dataset:
    """Index the recordings, look for duplicates, and prepare the clips."""
    manifest = index(request, progress)
    return prepare(manifest, find(manifest.clips, progress), rare)


def prepare_and_audit(
    manifest: Manifest,
    rare: RareSettings | None = None,
    split: SplitSettings | None = None,
    progress: Progress = no_progress,
    min_clips: int = MIN_CLIPS,
) -> tuple[Dataset, Audit]:
    """Prepare the clips and audit them, with a single pass over the audio.

    A clip that cannot be read becomes a problem and is left out. Raises `SplitError` when no clip is left,
    `LeakError` when the labels put a group into two sets.
    """
    inspection = inspect(manifest.clips, progress)
    readable = manifest.only(inspection.readable)
    dataset = prepare(readable, inspection.duplicates, rare)
    return dataset, audit(dataset, inspection.quality, inspection.problems, split, progress, min_clips)


def read_labels(
    labels: Path | str | None,
    audio: Path | str,
    *,
    groups: str | None = None,
    source: str = "auto",
    rare: RareSettings | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Dataset:
    """Labelled recordings, ready for training: a labels file (or None) and the folder of the recordings.

    `groups` names a table and its column with the recording group (a tape, a deployment, a site-day) of each
    file, as `"groups.csv:column"`. `options` are the other fields of `IndexRequest`. Raises `InputError` for
    a wrong option or an unreadable folder, `ManifestError` when no usable clip is left.
    """
    request = {"audio": audio, "labels": labels, "groups": groups, "source": source, **options}
    return prepare_request(build(IndexRequest, request), rare, progress or bars())


def require_dataset(data: object, what: str) -> None:
    """Raises `ManifestError` when `data` is not a `Dataset`; `what` is the function that needs a dataset."""
    if not isinstance(data, Dataset):
        raise ManifestError(
            f"{what} was given a {type(data).__name__}, whose clips may have no groups",
            "prepare the clips first: finback.read_labels, or finback.data.dataset.prepare",
        )
