"""What the JSON files of the other audits and studies must hold (core/runs/documents.py)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from finback.core.runs.documents import Count, Document, Interval, Number, Share

Rows = dict[str, dict[str, Any]]


class SetShares(Document):
    """How a classifier answers the clips of one set."""

    n_clips: Count = 0
    accuracy: Share | None
    mean_recall: Share | None = None
    accuracy_ci: Interval = None


class Distances(Document):
    """Distances of sets of clips from a reference, in one space."""

    space: str
    reference: str
    n: Count = 0
    seeds: Count = 0
    rows: dict[str, dict[str, Number]]

    @model_validator(mode="after")
    def _consistent(self) -> Distances:
        for name, row in self.rows.items():
            for key in ("kad", "coverage"):
                if key not in row:
                    raise ValueError(f"rows.{name} has no {key}")
        return self


class CopyRow(Document):
    """How near the clips of one set are to training clips."""

    ratio: Number = None
    ratio_low: Number = None
    below_pair: Share | None
    below_nearest: Share | None = None


class Copying(Document):
    """The same for all sets, in one space."""

    rows: dict[str, CopyRow]


class Substitution(Document):
    """A classifier that was trained on one set only."""

    on_unseen: SetShares
    ratio: Number = None


class Diversity(Document):
    """How varied the samples of a generator are."""

    mean: Number


class ReferenceRow(Document):
    """A set of sounds by the classifiers of one reference embedding."""

    recognised: Share | None = None
    recognised_by_unseen: Share | None = None
    kad_unseen: Number = None
    real_made_auc: Share | None = None
    substitution: Number = None
    diversity: Number = None


class ReferenceEmbedding(Document):
    """The same for all sets."""

    n_species_unseen: Count = 0
    rows: dict[str, ReferenceRow]


class CoherenceRow(Document):
    """How coherent the sounds of a set are."""

    common_share: Number
    periodicity: Number
    ridge_s: Number
    kurtosis: Number
    n_species: Count = 0
    within: dict[str, Count] | None = None


class GeneratorAuditFile(Document):
    """`generator_audit.json`; the embeddings and the coherence are absent in audits of version 0.1.0."""

    generators: Annotated[dict[str, str], Field(min_length=1)]
    recognised: dict[str, SetShares]
    substitution: dict[str, dict[str, Substitution]] = Field(default_factory=dict)
    distances: list[Distances]
    copying: dict[str, Copying]
    diversity: dict[str, dict[str, Diversity]] = Field(default_factory=dict)
    reference_embeddings: dict[str, ReferenceEmbedding] = Field(default_factory=dict)
    coherence: dict[str, CoherenceRow] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> GeneratorAuditFile:
        if "logmel" not in self.copying:
            raise ValueError("copying has no logmel")
        return self


class VocoderAuditFile(Document):
    """`vocoder_audit.json`."""

    n_windows: Count
    n_groups: Count
    measures: list[str]
    vocoders: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
    test_sounds: dict[str, dict[str, Number]] = Field(default_factory=dict)  # none in version 0.1.0

    @model_validator(mode="after")
    def _consistent(self) -> VocoderAuditFile:
        for name, row in self.vocoders.items():
            for measure in self.measures:
                value = row.get(measure)
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise ValueError(f"vocoders.{name}.{measure} is not a number")
        return self


class ReconstructionRow(Document):
    """The errors of one method."""

    mse_db2: Number = None
    snr_db: Number = None
    si_snr_db: Number = None


class ReconstructionFile(Document):
    """`reconstruction.json`."""

    subset: str
    latents: Count
    active_latents: Count
    methods: dict[str, ReconstructionRow]
