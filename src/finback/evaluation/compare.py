"""Compare families from Python: one function, and the leaderboard as a table."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finback.core.bars import bars, note
from finback.core.display import Picture, Table, figure
from finback.core.progress import Progress
from finback.core.settings import DEFAULT_PRESET
from finback.data.dataset import Dataset, require_dataset
from finback.evaluation.comparison import run as comparison
from finback.evaluation.cost import in_words
from finback.evaluation.study import RUNS, StudyOptions
from finback.evaluation.trained_run import TrainedRun, overrides
from finback.report.pages.leaderboard import verdict

COLUMNS = ("rank", "family", "macro-F1", "95 % interval", "accuracy", "accuracy, random split")


def compare(
    data: Dataset,
    out: str | Path,
    families: Sequence[str] = (),
    *,
    folds: int = 5,
    seeds: int = 1,
    device: str = "auto",
    preset: str = DEFAULT_PRESET,
    progress: Progress | None = None,
    **settings: Any,
) -> Leaderboard:
    """Train families on the same folds and rank them; an interrupted comparison continues.

    Without `families`, all families that need no pretrained weights are compared. `settings` are those of
    `finback.train`.

    Raises `SettingsError` for a wrong setting, `SplitError` when the groups are too few for the folds.
    """
    require_dataset(data, "compare")
    given = {"rare": data.rare.model_dump(), **settings}
    options = StudyOptions(folds, tuple(range(seeds)), device=device, command="finback.compare")
    planned = comparison.plan(families, preset, overrides(given), options=options)
    show = progress or bars()
    prepared = comparison.prepare(planned, data, Path(out), show)
    if prepared.total_s:
        note(f"training: at most about {in_words(prepared.total_s)}, if this machine runs nothing else")
    return Leaderboard(comparison.run(prepared, show), Path(out))


class Leaderboard(Mapping[str, Any]):
    """The result of a comparison, with the keys of `leaderboard.json` (docs/json.md)."""

    def __init__(self, values: Mapping[str, Any], folder: Path) -> None:
        self._values, self.folder = dict(values), folder

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def leader(self) -> TrainedRun:
        """The run of the leading family (the highest macro-F1) with the first seed."""
        return TrainedRun(self.folder / RUNS / f"{self['leader']}-seed{self['seeds'][0]}")

    @property
    def picture(self) -> Picture:
        """The figure: macro-F1 of each family with its interval, and the no-audio baselines."""
        return Picture(self.folder / "figures" / "leaderboard.png")

    @property
    def table(self) -> Table:
        """A row for each family: rank, metrics over recording groups, and accuracy on a random split.

        On the random split the accuracy is too high: clips of one group are in training and test set.
        """
        rows = []
        for name, row in self["families"].items():
            interval = row["macro_f1_multi_group_ci"]
            shown = f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else None
            random = (row["random_split"] or {}).get("accuracy")
            rows.append((row["rank"], name, row["macro_f1_multi_group"], shown, row["accuracy"], random))
        return Table(COLUMNS, rows)

    @property
    def verdict(self) -> str:
        """Whether a family leads, in a sentence; a difference within its interval is no lead."""
        return " ".join(verdict(self._values))

    def __repr__(self) -> str:
        return f"{self.table!r}\n{self.verdict}\nreport: {self.folder / 'report.html'}"

    def _repr_html_(self) -> str:
        report = html.escape(str(self.folder / "report.html"))
        said = html.escape(self.verdict)
        return f"{self.table._repr_html_()}<p>{said}</p>{figure(self.picture.path)}<p>report: {report}</p>"
