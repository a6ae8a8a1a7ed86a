"""What a random split overestimates: the same classifiers on a random split and on folds over tapes.

    python benchmarks/random_split.py [FAMILY ...] [--out runs/random-split]

Five folds over the tapes of `watkins_all`, one seed, and a random split of the same clips; both also for two
baselines that use no audio. It is `finback compare`, and continues where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import recordings
import tables
from stored import Stored, Table, store

from finback.core.bars import bars
from finback.data.dataset import prepare_request
from finback.evaluation.comparison import run as comparison
from finback.evaluation.study import StudyOptions

FAMILIES = ("mfcc-plda", "birdnet")
NO_AUDIO = {
    "group_lookup_accuracy": "no audio: the usual species of each tape",
    "metadata_accuracy": "no audio: a random forest on sample rate, duration, level, noise, bandwidth",
}


def stored(result: Mapping[str, Any]) -> Stored:
    """Accuracy on both splits, the highest on the random split first."""
    baselines = result["no_audio_baselines"]
    rows: list[tuple[str, float, float]] = [
        (words, baselines["random"][key], baselines["grouped"][key]) for key, words in NO_AUDIO.items()
    ]
    rows += [
        (f"`{name}`", row["random_split"]["accuracy"], row["accuracy"])
        for name, row in result["families"].items()
    ]
    rows.sort(key=lambda row: -row[1])
    first = next(iter(result["families"].values()))
    values = {"clips": first["n_clips"], "groups": first["n_groups"]}
    values |= {f"{key}.random": baselines["random"][key] for key in NO_AUDIO}
    values |= {f"{key}.grouped": baselines["grouped"][key] for key in NO_AUDIO}
    about = "Accuracy on a random split and on five folds over tapes of watkins_all, one seed."
    table = Table(("classifier", "random split", "split by tape"), rows)
    return Stored("python benchmarks/random_split.py", about, values, {"accuracy": table})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "runs" / "random-split")
    asked = parser.parse_args()
    dataset = prepare_request(recordings.request()[0], progress=bars())
    planned = comparison.plan(
        asked.families, options=StudyOptions(5, command="python benchmarks/random_split.py")
    )
    result = comparison.run(comparison.prepare(planned, dataset, asked.out, bars()), bars())
    found = stored(result)
    print(tables.markdown(found.tables["accuracy"]))
    store("random-split", found)
    tables.main()


if __name__ == "__main__":
    main()
