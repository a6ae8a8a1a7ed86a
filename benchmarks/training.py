"""The speed of training with finback and with a simple PyTorch loop: same network, batches and machine, one
run.

    python benchmarks/training.py [FOLDER]

The simple loop: a DataLoader over a Dataset that reads a file and computes its log-mel for every request
(with the reader and log-mel of finback, one clip at a time), AdamW, the default allocator, the network in
contiguous layout. It has no augmentation, no weight averaging and no checkpoints; finback has all of them,
with the default settings, and its time includes the computation of the features. Both run in their own
processes, because a process has one allocator, and alternate; the figure is the median over rounds. The files
are in the cache of the system for both. 192 clips from FOLDER (default: the Watkins cuts in ../shared/data or
$FINBACK_DATA).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import recordings
import torch
from results import record
from torch.utils.data import DataLoader, Dataset

from finback import models
from finback.audio.io import open_recording
from finback.core.types import Clip, Labels
from finback.features.cache import FeatureStore
from finback.features.extract import Extractor
from finback.training.batches import TrainingInputs
from finback.training.loop import fit
from finback.training.settings import Settings, resolve
from finback.training.tasks.classifier import ClassifierTask

N_CLIPS, EPOCHS, ROUNDS, BATCH, K = 192, 20, 3, 32, 8
WAYS = {
    "plain": "plain PyTorch loop",
    "plain-workers": "plain PyTorch loop, 2 workers",
    "finback": "finback",
}
PROMISED = 2.0


def clips_of(files: list[Path]) -> list[Clip]:
    """Labels are made up: the work is the same for all labels."""
    found = []
    for i, path in enumerate(files[:: max(1, len(files) // N_CLIPS)][:N_CLIPS]):
        recording = open_recording(path, group=f"tape {i}")
        found.append(Clip(recording, 0, recording.n_samples, f"species {i % K}"))
    return found


class Clips(Dataset):
    """Files as log-mels."""

    def __init__(self, clips: list[Clip], settings: Settings) -> None:
        self.clips = clips
        self.extractor = Extractor(settings.features)
        self.targets = Labels.of(clips).targets(clips)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
        return self.extractor(self.clips[i])[:1], int(self.targets[i])  # (1, M, F)


def plain(clips: list[Clip], settings: Settings, workers: int) -> tuple[int, float]:
    """Steps done and seconds."""
    torch.manual_seed(0)
    model = models.create("cnn2d", settings.features, K).to(memory_format=torch.contiguous_format)
    model.embed = _contiguous(model)  # type: ignore[method-assign]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loader = DataLoader(Clips(clips, settings), BATCH, shuffle=True, num_workers=workers)
    started, steps = time.perf_counter(), 0
    for _ in range(EPOCHS):
        model.train()
        for x, y in loader:
            loss = torch.nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
    return steps, time.perf_counter() - started


def _contiguous(model: torch.nn.Module):
    """cnn2d's embedding without its change of memory layout; the numbers are the same."""

    def embed(x: torch.Tensor) -> torch.Tensor:
        h = model.blocks(model.stem(model.standardise(x)))
        bands = torch.nn.functional.adaptive_avg_pool2d(h, (model.pool_bands, h.shape[-1]))
        return torch.cat([bands.mean(dim=-1), bands.amax(dim=-1)], dim=1).flatten(1)

    return embed


def ours(clips: list[Clip], settings: Settings) -> tuple[int, float]:
    """Steps done and seconds; features are computed in the time that is measured."""
    torch.manual_seed(0)
    model = models.create("cnn2d", settings.features, K)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        store = FeatureStore(Extractor(settings.features), Path(folder) / "features")
        store.prepare(clips)
        training = settings.training.model_copy(update={"epochs": EPOCHS})
        task = ClassifierTask(
            model, TrainingInputs(store, clips, settings.augment), Labels.of(clips), training
        )
        end = fit(task, training, Path(folder), device="cpu")
        return int(end["step"]), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        clips, settings = clips_of(recordings.files(asked.folder)[0]), resolve(family="cnn2d")
        Clips(clips, settings)[0]  # warm up
        workers = 2 if asked.way == "plain-workers" else 0
        done = ours(clips, settings) if asked.way == "finback" else plain(clips, settings, workers)
        print(json.dumps(done))
        return
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            given = [str(asked.folder)] if asked.folder else []
            command = [sys.executable, __file__, *given, "--way", way]
            steps, seconds = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            rates[way].append(steps / seconds)
    base = max(statistics.median(rates[way]) for way in WAYS if way != "finback")
    print(f"cnn2d, batches of {BATCH}, {EPOCHS} epochs of {N_CLIPS} clips, {torch.get_num_threads()} threads")
    print(f"{'':<34}{'steps/s':>9}{'ratio to the faster plain loop':>33}")
    for way, name in WAYS.items():
        median = statistics.median(rates[way])
        print(f"{name:<34}{median:>9.1f}{median / base:>33.2f}")
    ratio = statistics.median(rates["finback"]) / base
    print(f"finback trains {ratio:.1f} times as fast (promised: {PROMISED})")
    record(
        "training steps of cnn2d a second",
        f"{ratio * base:.1f}",
        "plain PyTorch loop",
        ratio,
        "the same network and batches",
    )
    sys.exit(0 if ratio >= PROMISED else 1)


if __name__ == "__main__":
    main()
