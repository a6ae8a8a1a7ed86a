"""How good the samples of a species are, from the audit that lies in the run folder of its generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finback.core.errors import RunError
from finback.core.runs.audit_documents import GeneratorAuditFile
from finback.core.runs.documents import read_audit
from finback.core.runs.folder import RunFolder

UNSEEN = "unseen"  # real clips of recording groups that the generator was not trained on


@dataclass(frozen=True)
class Grade:
    """Shares of clips to which a classifier gives the right species."""

    samples: float
    n_samples: int
    real: float | None  # of real clips of unseen groups; None where there are none
    n_real: int

    def line(self, species: str) -> str:
        """The grade in words."""
        text = (
            f"{species}, in the audit of this generator: a classifier of real clips recognised "
            f"{_percent(self.samples)} of {self.n_samples} samples as this species"
        )
        if self.real is None:
            return f"{text}; there were no real clips of new tapes to compare with"
        return f"{text}, and {_percent(self.real)} of {self.n_real} real clips of new tapes"


def grades(run: RunFolder, species: Sequence[str]) -> dict[str, Grade]:
    """The grades of these species; none where the run has no audit, or one that cannot be read."""
    if not run.generator_audit.is_file():
        return {}
    try:
        audit = read_audit(run.generator_audit, GeneratorAuditFile)
    except RunError:
        return {}
    recognised = audit["recognised"]
    own = _per_species(recognised.get(next(iter(audit["generators"]))))
    real = _per_species(recognised.get(UNSEEN))
    return {
        name: Grade(
            own[name]["recall"],
            own[name]["n_clips"],
            real.get(name, {}).get("recall"),
            real.get(name, {}).get("n_clips", 0),
        )
        for name in species
        if own.get(name, {}).get("recall") is not None
    }


def _per_species(row: dict[str, Any] | None) -> dict[str, Any]:
    return dict((row or {}).get("per_species") or {})


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
