"""The OpenSoundscape part of benchmarks/opensoundscape_peer.py; runs in an environment of its own.

    python opensoundscape_worker.py FOLDER STEPS BATCH

FOLDER holds `train.csv`, `val.csv` (a part of it) and `test.csv` (file,species). Leaves `answer.csv` (a row
a test file, a column a species) and `answer.json` (seconds). The network is the one of its own tutorials, a
ResNet-18 without pretrained weights; everything else is as the package has it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import opensoundscape
import pandas as pd
import torch
from opensoundscape import CNN


def table(path: Path, classes: list[str]) -> pd.DataFrame:
    rows = pd.read_csv(path)
    hot = pd.get_dummies(rows["species"]).reindex(columns=classes, fill_value=0).astype(int)
    hot.index = pd.Index(rows["file"], name="file")
    return hot


def main(folder: Path, steps: int, batch: int) -> None:
    torch.manual_seed(0)
    classes = sorted(pd.read_csv(folder / "train.csv")["species"].unique())
    train, val, test = (table(folder / f"{subset}.csv", classes) for subset in ("train", "val", "test"))
    cnn = CNN("resnet18", classes, 3.0, 22050, single_target=True, arch_weights=None)
    started = time.perf_counter()
    cnn.train(
        train,
        val,  # without one it would evaluate itself on all of `train`, which takes longer
        steps=steps,
        batch_size=batch,
        save_path=str(folder),
        invalid_samples_log=str(folder / "invalid.log"),
        progress_bar=False,
    )
    training = time.perf_counter() - started
    started = time.perf_counter()
    scores = cnn.predict(test, batch_size=batch, progress_bar=False)
    predicting = time.perf_counter() - started
    scores.to_csv(folder / "answer.csv")
    result = {
        "version": opensoundscape.__version__,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "parameters": sum(p.numel() for p in cnn.network.parameters()),
        "training_s": training,
        "predicting_s": predicting,
    }
    (folder / "answer.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
