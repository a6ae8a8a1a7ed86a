"""The speed of log-mel spectrograms of finback and librosa: same clips, same machine, one run.

    python benchmarks/features.py [FOLDER]

Takes 50 clips of different native rates from FOLDER (default: the Watkins cuts in ../shared/data or
$FINBACK_DATA; otherwise simulated recordings). The clips are resampled and padded once for both. The input is
a float32 waveform in memory, the result a log-mel of 96 x 112 values in dB; reading and resampling are not
timed. The packages alternate, so that a change in the speed of the machine affects both; the figure is the
median over rounds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import recordings
import torch
from results import record

from finback.audio.io import open_recording
from finback.core.types import Clip
from finback.features.extract import Extractor
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec
from finback.models.devices import tune_allocator

N_CLIPS, ROUNDS, BATCH = 50, 15, 32
PAUSE_S = 0.15  # the other library's worker threads spin for up to 30 ms before they let go of the cores
SPEC = FeatureSpec()


def clips_of(files: list[Path]) -> tuple[np.ndarray, set[int]]:
    """(50, T) waves, of as many native rates as there are."""
    by_rate: dict[int, list[Path]] = {}
    for path in files:
        by_rate.setdefault(open_recording(path).sample_rate, []).append(path)
    chosen: list[Path] = []
    while len(chosen) < N_CLIPS and any(by_rate.values()):
        chosen += [paths.pop() for paths in by_rate.values() if paths]
    extractor, waves, rates = Extractor(SPEC, "wave"), [], set()
    for path in chosen[:N_CLIPS]:
        recording = open_recording(path)
        rates.add(recording.sample_rate)
        waves.append(extractor(Clip(recording, 0, recording.n_samples))[0])
    return np.stack(waves), rates


def with_librosa(wave: np.ndarray) -> np.ndarray:
    mel = librosa.feature.melspectrogram(
        y=wave,
        sr=SPEC.sample_rate,
        n_fft=SPEC.n_fft,
        hop_length=SPEC.hop,
        n_mels=SPEC.n_mels,
        pad_mode="constant",
    )
    return librosa.power_to_db(mel[:, : SPEC.n_frames])


def main() -> None:
    files, place = recordings.files(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    waves, rates = clips_of(files)
    n = len(waves)
    tune_allocator()
    logmel, tensor = LogMel(SPEC), torch.from_numpy(waves)

    @torch.inference_mode()
    def one_by_one() -> list[torch.Tensor]:
        return [logmel(tensor[i : i + 1]) for i in range(n)]

    @torch.inference_mode()
    def in_batches() -> list[torch.Tensor]:
        return [logmel(tensor[i : i + BATCH]) for i in range(0, n, BATCH)]

    ways: dict[str, Callable[[], list]] = {
        "librosa, one by one": lambda: [with_librosa(w) for w in waves],
        "finback, one by one": one_by_one,
        f"finback, batches of {BATCH}": in_batches,
    }
    difference = np.abs(
        torch.cat(in_batches())[:, 0].numpy() - np.stack([with_librosa(w) for w in waves])
    ).max()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for work in ways.values():
        work()  # warm up
    for _ in range(ROUNDS):
        for name, work in ways.items():
            time.sleep(PAUSE_S)
            started = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - started)
    base = statistics.median(seconds["librosa, one by one"])
    print(f"{n} clips of {len(rates)} native rates from {place}, {torch.get_num_threads()} threads")
    print(f"{'':<26}{'clips/s':>9}{'ratio to librosa':>18}")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"{name:<26}{n / median:>9.0f}{base / median:>18.1f}")
    best = min(statistics.median(times) for name, times in seconds.items() if name.startswith("finback"))
    near = f"the same within {difference:.0e} dB"
    record(
        "log-mel features, clips/s", f"{n / best:.0f}", f"librosa {librosa.__version__}", base / best, near
    )
    print(f"largest difference to librosa: {difference:.1e} dB (promised: 1e-3)")
    sys.exit(0 if difference <= 1e-3 else 1)


if __name__ == "__main__":
    main()
