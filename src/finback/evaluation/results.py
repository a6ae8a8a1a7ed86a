"""The metrics of an evaluated run, as text and as a table for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any

from finback.core.display import Table
from finback.evaluation.pipeline import headline

SPECIES_COLUMNS = ("species", "clips", "groups", "precision", "recall", "F1", "AUC")


class Metrics(Mapping[str, Any]):
    """The metrics of a classifier on test clips, with the keys of `metrics.json` (docs/json.md).

    Printed as the main metrics with 95 % intervals over recording groups, and a row for each tested species.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def species(self) -> Table:
        """A row for each tested species: clips, groups, precision, recall, F1, AUC."""
        rows = [
            (name, s["n_clips"], s["n_groups"], s["precision"], s["recall"], s["f1"], s["auc"])
            for name, s in self["per_species"].items()
            if s["n_clips"]
        ]
        return Table(SPECIES_COLUMNS, rows)

    def __repr__(self) -> str:
        return "\n".join([*headline(self._values), repr(self.species)])

    def _repr_html_(self) -> str:
        lines = "\n".join(html.escape(line) for line in headline(self._values))
        return f"<pre>{lines}</pre>{self.species._repr_html_()}"
