"""The generator of one fold: trained on the training set of that fold alone, once for all arms.

Studies of several families with the same folds can share their generators and samples
(`SyntheticSettings.generators`). A generator that was trained on other clips than those of the fold is
refused: it may have been trained on the test set.
"""

from __future__ import annotations

from pathlib import Path

from finback.core.errors import RunError
from finback.core.progress import Progress
from finback.core.runs.folder import RunFolder
from finback.core.runs.split_table import read_rows
from finback.data.dataset import Dataset
from finback.evaluation.study import RUNS
from finback.evaluation.synthetic_study.plan import Fold, SyntheticStudy
from finback.training.generator import check_out, train_generator


def generator_folder(study: SyntheticStudy, out: Path, generator: str, fold: Fold) -> Path:
    """The run folder of the generator: below `out`, or in the folder that studies share."""
    root = study.settings.generators or out / RUNS
    return root / f"{generator}-seed{fold.seed}-fold{fold.number}"


def check_generator(study: SyntheticStudy, generator: str, fold: Fold, dataset: Dataset, out: Path) -> None:
    """Raises `RunError` where the folder holds another generator, or one of other clips."""
    folder = generator_folder(study, out, generator, fold)
    check_out(study.generator_plan(generator, fold.seed), dataset, folder)
    table = RunFolder(folder).split_table
    if not table.exists():
        return
    trained = {row.key for row in read_rows(table) if row.subset == "train"}
    if trained != {clip.key for clip in fold.split.train}:
        raise RunError(
            f"{folder}: trained on other clips than those of fold {fold.number} of seed {fold.seed}",
            "give another --generators, or the folds, seeds and --max-real-clips of the study that wrote it",
        )


def trained_generator(
    study: SyntheticStudy, generator: str, fold: Fold, dataset: Dataset, out: Path, progress: Progress
) -> Path:
    """The folder of the fold's generator, which is trained first where it is not there."""
    check_generator(study, generator, fold, dataset, out)
    folder = generator_folder(study, out, generator, fold)
    train_generator(study.generator_plan(generator, fold.seed), dataset, folder, progress, fold.split)
    return folder
