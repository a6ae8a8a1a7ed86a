"""Names of the files and folders inside a run folder. No other module spells them.

    files = RunFiles(Path("runs/cnn"))
    files.weights      # runs/cnn/weights.safetensors
    files.fold(2)      # runs/cnn/folds/2

docs/run-folder.md describes what each file holds.
"""

from __future__ import annotations

from pathlib import Path

RUN = "run.json"
MANIFEST = "manifest.csv"
PROBLEMS = "problems.json"  # next to the manifest: what was wrong with the data
SPLIT_TABLE = "split.csv"
HELD_OUT = "held.csv"  # of a generator: train, held_out, validation, test (core/runs/split_table.py)
WEIGHTS = "weights.safetensors"
CHECKPOINT = "checkpoint.safetensors"  # all that the next training step depends on
LOG = "metrics.jsonl"  # one line per epoch
VALIDATION_SCORES = "validation.parquet"  # of the selected model, before it was trained on these clips too
LEFT_OUT = "left_out.json"  # probabilities of the true species in groups that were not trained on
TRAINING_CLIPS = "training_clips.json"  # what the training clips of each species are like
THRESHOLDS = "thresholds.json"  # per class, from finback thresholds
SCORES = "scores.parquet"  # of the test clips
METRICS = "metrics.json"
METRICS_TEX, METHODS = "metrics.tex", "methods.txt"
AUDIT = "audit.json"  # of the data
GENERATOR_AUDIT = "generator_audit.json"
VOCODER_AUDIT = "vocoder_audit.json"
RECONSTRUCTION = "reconstruction.json"
MAP = "map.parquet"
MAP_PAGE = "map.html"
REPORT = "report.html"
CARD = "card.md"
CHOICE = "choice.json"  # of `finback run` without a family: what was compared, and the choice
CHOICES = "choice"  # the trainings of this comparison
FOLDS = "folds"
MEMBERS = "members"
REFIT = "refit"


class RunFiles:
    """The paths of one run folder, whether the files exist or not."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def run_json(self) -> Path:
        """Everything that fixes the run, and what training reports at its end."""
        return self.path / RUN

    @property
    def manifest(self) -> Path:
        """The clips with their exact spans, groups and times."""
        return self.path / MANIFEST

    @property
    def problems(self) -> Path:
        """The problems in the data, and the folder of the recordings."""
        return self.path / PROBLEMS

    @property
    def split_table(self) -> Path:
        """Which clip is in which set."""
        return self.path / SPLIT_TABLE

    @property
    def held_out_table(self) -> Path:
        """Of a generator or vocoder: which training clips were held out."""
        return self.path / HELD_OUT

    @property
    def weights(self) -> Path:
        """The trained model."""
        return self.path / WEIGHTS

    @property
    def checkpoint(self) -> Path:
        """The state from which an interrupted training continues."""
        return self.path / CHECKPOINT

    @property
    def log(self) -> Path:
        """Losses and scores of each epoch."""
        return self.path / LOG

    @property
    def validation_scores(self) -> Path:
        """Calibrated logits of the validation clips."""
        return self.path / VALIDATION_SCORES

    @property
    def left_out(self) -> Path:
        """Probabilities of the true species in groups that were left out."""
        return self.path / LEFT_OUT

    @property
    def training_clips(self) -> Path:
        """What the training clips of each species are like."""
        return self.path / TRAINING_CLIPS

    @property
    def thresholds(self) -> Path:
        """The fitted threshold of each class."""
        return self.path / THRESHOLDS

    @property
    def scores(self) -> Path:
        """Calibrated logits of the test clips."""
        return self.path / SCORES

    @property
    def metrics(self) -> Path:
        """The result of the evaluation."""
        return self.path / METRICS

    @property
    def metrics_tex(self) -> Path:
        """The same as tables for LaTeX."""
        return self.path / METRICS_TEX

    @property
    def methods(self) -> Path:
        """The methods of the run in sentences for a paper."""
        return self.path / METHODS

    @property
    def audit(self) -> Path:
        """The leak audit of the data."""
        return self.path / AUDIT

    @property
    def generator_audit(self) -> Path:
        """The result of `finback audit` on a generator."""
        return self.path / GENERATOR_AUDIT

    @property
    def vocoder_audit(self) -> Path:
        """The result of `finback audit` on a vocoder."""
        return self.path / VOCODER_AUDIT

    @property
    def reconstruction(self) -> Path:
        """How well a VAE reconstructs clips."""
        return self.path / RECONSTRUCTION

    @property
    def map(self) -> Path:
        """Embeddings of the clips in two dimensions."""
        return self.path / MAP

    @property
    def map_page(self) -> Path:
        """The page that shows the map."""
        return self.path / MAP_PAGE

    @property
    def report(self) -> Path:
        """The page for people."""
        return self.path / REPORT

    @property
    def card(self) -> Path:
        """The model card of a packaged run."""
        return self.path / CARD

    @property
    def choice(self) -> Path:
        """The families that were compared, and the choice."""
        return self.path / CHOICE

    @property
    def choices(self) -> Path:
        """The trainings of this comparison, by family and fold."""
        return self.path / CHOICES

    @property
    def refit(self) -> RunFiles:
        """Log and weights of the second training, on the training and validation clips together."""
        return RunFiles(self.path / REFIT)
