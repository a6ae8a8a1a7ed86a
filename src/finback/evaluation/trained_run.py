"""A trained run for use from Python, and the function that trains it.

run = train("cnn2d", data, "runs/mine", epochs=30)
run.evaluate()          # metrics with intervals
run.report()            # the page
TrainedRun("runs/mine") # opens the same run again
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finback import models
from finback.core.bars import bars
from finback.core.display import Page, Picture, Shown, Table
from finback.core.errors import SettingsError
from finback.core.progress import Progress
from finback.core.runs.folder import RunFolder
from finback.core.runs.info import RunInfo
from finback.core.settings import DEFAULT_PRESET
from finback.core.storage.paths import inside
from finback.data.dataset import Dataset, require_dataset
from finback.data.locate import locate
from finback.evaluation.evaluate import evaluate_on, evaluate_run
from finback.evaluation.results import Metrics
from finback.models.pretrained import resolve_any
from finback.training.classifier import train as train_classifier
from finback.training.generator import train_generator
from finback.training.loop_settings import TrainingSettings
from finback.training.plan import Plan
from finback.training.settings import Settings, resolve


def train(
    family: str,
    data: Dataset,
    out: str | Path,
    *,
    folds: int = 0,
    seed: int = 0,
    device: str = "auto",
    preset: str = DEFAULT_PRESET,
    progress: Progress | None = None,
    **settings: Any,
) -> TrainedRun:
    """Train a classifier, a generator or a vocoder; an interrupted training in the same folder continues.

    `family` is a name listed by `finback models`. `settings` are fields of the training section
    (`epochs=30`), or sections (`model={"width": 32}`, `split={"fractions": (0.85, 0.15, 0)}`).

    Raises `SettingsError` for a wrong setting, `RunError` when `out` holds another run.
    """
    require_dataset(data, "train")
    given = {"rare": data.rare.model_dump(), **settings}
    if folds:
        given["split"] = {**given.get("split", {}), "folds": folds}
    plan = Plan(family, resolve(preset, overrides(given), family), seed, device, "finback.train")
    training = train_classifier if models.kind(family) == "classifier" else train_generator
    training(plan, data, Path(out), progress or bars())
    return TrainedRun(out)


def overrides(settings: Mapping[str, Any]) -> list[str]:
    """Keyword arguments as texts for `--set`, such as `training.epochs=30`.

    Raises `SettingsError` for a name that is neither a section nor a field of the training section.
    """
    pairs: list[str] = []
    for key, value in settings.items():
        if key in Settings.model_fields and isinstance(value, Mapping):
            pairs += _flat(key, value)
        elif key in TrainingSettings.model_fields:
            pairs.append(f"training.{key}={json.dumps(value)}")
        elif key in Settings.model_fields:
            raise SettingsError(f"{key}={value!r}: {key} is a section of the settings", f"give {key}={{...}}")
        else:
            known = [*Settings.model_fields, *TrainingSettings.model_fields]
            near = difflib.get_close_matches(key, known, n=1)
            repair = f"did you mean '{near[0]}'?" if near else "known settings: " + ", ".join(known)
            raise SettingsError(f"unknown setting '{key}'", repair)
    return pairs


def _flat(prefix: str, values: Mapping[str, Any]) -> list[str]:
    """`{"lstm": {"hidden": 64}}` -> `model.lstm.hidden=64`."""
    return [
        line
        for key, value in values.items()
        for line in (
            _flat(f"{prefix}.{key}", value)
            if isinstance(value, Mapping)
            else [f"{prefix}.{key}={json.dumps(value)}"]
        )
    ]


class TrainedRun:
    """A finished run folder: a classifier, an ensemble, a generator or a vocoder; or a bundled model.

    `recordings` are folders where its recordings are, for a run folder from elsewhere or recordings that
    moved; they are found by their content.

    Raises `RunError` when the folder is not a run, or when the training has not finished.
    """

    def __init__(self, path: str | Path, recordings: str | Path | Sequence[str | Path] = ()) -> None:
        self._folder = RunFolder.open(resolve_any(path))
        self._folder.require_trained()
        folders = [recordings] if isinstance(recordings, str | Path) else recordings
        if folders:
            locate(self._folder.path, [Path(folder) for folder in folders], bars())

    @property
    def path(self) -> Path:
        """The run folder."""
        return self._folder.path

    @property
    def info(self) -> RunInfo:
        """What `run.json` says: family, species, features, settings, data."""
        return self._folder.info

    def evaluate(
        self, data: Dataset | None = None, device: str = "auto", progress: Progress | None = None
    ) -> Metrics:
        """The metrics of a classifier on its test set, or on other labelled recordings.

        The test set is scored once; later calls read the stored result. Raises `RunError` when the run has no
        test set, or when the model has none of the species.
        """
        if data is None:
            return Metrics(evaluate_run(self.path, device, progress or bars()))
        require_dataset(data, "evaluate")
        return Metrics(evaluate_on(self.path, data, device, progress or bars()))

    def report(self, progress: Progress | None = None) -> Page:
        """Write `report.html` and the figures into the run folder."""
        from finback.evaluation.pages.write import write

        return Page(write(self.path, progress or bars()))

    def figure(self, name: str) -> Picture:
        """A figure of the report by its name: "roc", "confusion", "reliability", "learning_curves" ..."""
        path = inside(self.path / "figures", f"{name}.png")
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in path.parent.glob("*.png"))) or "none yet"
            raise SettingsError(f"{path}: no such figure", f"write the report first; figures: {known}")
        return Picture(path)

    def map(self, methods: Sequence[str] = (), progress: Progress | None = None) -> Shown:
        """Plot the clips of the run in two dimensions, by their embeddings: a figure, and a page with sound.

        `methods`: "t-SNE", "UMAP"; without methods, all that are installed.
        """
        from finback.evaluation.pages.embedding_map import measured, write

        written = write(self.path, tuple(methods), progress=progress or bars())
        lines = [*measured(written.map.neighbours), f"page: {written.page}"]
        return Shown(tuple(lines), (), (written.figure.with_suffix(".png"),))

    def generate(
        self,
        species: str | Sequence[str] = (),
        n: int = 16,
        out: str | Path = "generated",
        seed: int = 0,
        progress: Progress | None = None,
        **sampling: Any,
    ) -> Any:
        """Generate clips of species with this generator, as `finback.generate` does."""
        from finback.generation.generate import generate

        return generate(self.path, species, n, out, seed, progress=progress, **sampling)

    def audit(
        self, against: Sequence[str | Path] = (), progress: Progress | None = None, **options: Any
    ) -> Shown:
        """Audit this generator: are its samples recognised, useful, similar to real clips, copies?

        `against` are generators that were trained on the same clips; `options` are fields of `AuditRequest`
        (n, seeds, seed, device ...). Writes `generator_audit.json` into the run folder.
        """
        from finback.evaluation.generator_audit import AuditRequest, audit_generator
        from finback.evaluation.generator_audit.tables import notes, tables

        request = AuditRequest(self.path, against=tuple(Path(path) for path in against), **options)
        result = audit_generator(request, progress or bars())
        shown = [Table(table.columns, table.rows, table.title) for table in tables(result)]
        return Shown(tuple(notes(result)), tuple(shown), (self.path / "figures" / "neighbours.png",))

    def reconstruct(self, progress: Progress | None = None) -> Shown:
        """Reconstruct test clips with a VAE, and compare the errors with those of two simple methods."""
        from finback.evaluation.reconstruction import reconstruct
        from finback.generation.vae_latents import LatentSpace

        result = reconstruct(LatentSpace.load(self.path), progress=progress or bars())
        _, image, *_ = result.write(self.path / "figures")
        rows = [(name, table[""]["mse_db2"], table[""]["snr_db"]) for name, table in result.table.items()]
        table = Table(("method", "error, dB²", "SNR of the wave, dB"), rows)
        return Shown((), (table,), (image,))

    def interpolate(self, start: str, end: str, steps: int = 7) -> Picture:
        """Interpolate with a VAE between two species or two clips; the figure shows log-mel spectrograms."""
        from finback.generation.vae_latents import LatentSpace, save_interpolation

        space = LatentSpace.load(self.path)
        ends = space.endpoint(start), space.endpoint(end)
        path = self.path / "figures" / "interpolation.png"
        return Picture(save_interpolation(space, ends, steps, path)[0])

    def __repr__(self) -> str:
        info = self.info
        folds = f", {len(self._folder.folds)} folds" if self._folder.folds else ""
        return (
            f"TrainedRun({str(self.path)!r}: {info.family or info.kind}, {len(info.labels)} species{folds})"
        )
