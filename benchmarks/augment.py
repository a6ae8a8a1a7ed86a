"""The time of augmentation, compared with a training step and with augmentation clip by clip.

    python benchmarks/augment.py [--cpu] [--store]

One batch of 32 waveforms of 66,150 samples (3 s at 22,050 Hz) in memory, on two threads if there are two
cores. First table: each part of the preparation of a batch, and the training step of `cnn2d` (forward,
backward, AdamW) that needs the batch. Second table: the same four changes to every clip (gain, polarity,
coloured noise with a random SNR, a zero-phase band-pass), by finback for the whole batch, with SciPy and
NumPy clip by clip, and with audiomentations clip by clip if it is installed (it needs an older soxr, so it is
not a dependency). The methods alternate, so that a change in the speed of the machine affects all of them;
the figure is the median over rounds. On a machine with other work, `--cpu` measures the processor time of one
thread instead of the time of two. `--store` keeps the figures for docs/augmentation.md.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from results import record
from scipy.signal import butter, sosfiltfilt
from stored import Stored, Table, store

from finback import models
from finback.features.logmel import LogMel
from finback.features.spec import FeatureSpec
from finback.models.devices import tune_allocator
from finback.training.augment import spectrum, wave
from finback.training.augment.spectrum_settings import SpectrumSettings
from finback.training.augment.wave import WaveSettings

BATCH, ROUNDS = 32, 15
STEP = "training step of cnn2d"
CPU = "--cpu" in sys.argv[1:]
THREADS = 1 if CPU else min(2, os.cpu_count() or 1)
CLOCK = time.thread_time if CPU else time.perf_counter
PAUSE_S = 0.05  # other libraries' worker threads spin for a while before they let go of the cores
SPEC = FeatureSpec()
OURS, SCIPY = "finback, the batch at once", "SciPy and NumPy, one by one"
RATE, T = SPEC.sample_rate, SPEC.clip_samples

# Sea, recorder and level together, as a preset would have them.
RECORDER = WaveSettings(
    noise=0.5,
    background=0.3,
    band_pass=0.5,
    tilt_db=10,
    resonance_db=8,
    resample=0.3,
    hum=0.2,
    hiss=0.3,
    gain_db=6,
    polarity=0.5,
)
SPEED = RECORDER.model_copy(update={"speed_semitones": 2.0, "changed": 0.5})
PITCH = RECORDER.model_copy(update={"pitch_semitones": 2.0, "stretch": 0.1, "changed": 0.3})
FOUR = WaveSettings(gain_db=6, polarity=0.5, noise=1, band_pass=1)


def medians(ways: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Milliseconds of each, the median over alternating rounds."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for work in ways.values():
        work()
    for _ in range(ROUNDS):
        for name, work in ways.items():
            time.sleep(PAUSE_S)
            started = CLOCK()
            work()
            took[name].append(1000 * (CLOCK() - started))
    return {name: statistics.median(times) for name, times in took.items()}


def finback(waves: torch.Tensor, settings: WaveSettings) -> Callable[[], torch.Tensor]:
    rng = np.random.default_rng(0)

    @torch.inference_mode()
    def work() -> torch.Tensor:
        d = wave.draw(rng, settings, (BATCH, T), RATE)
        return wave.apply(waves, d, RATE, background=waves)

    return work


def with_scipy(waves: np.ndarray) -> Callable[[], list[np.ndarray]]:
    """The four changes as one would write them with SciPy, a clip at a time."""
    rng = np.random.default_rng(0)
    hz = np.fft.rfftfreq(T, 1 / RATE)

    def one(x: np.ndarray) -> np.ndarray:
        white = np.fft.rfft(rng.standard_normal(T, dtype=np.float32))
        noise = np.fft.irfft(white / np.maximum(hz, 55.0) ** (rng.uniform(0, 2) / 2), T)
        snr = 10 ** (rng.uniform(5, 30) / 10)
        y = x + noise * np.sqrt(np.mean(x**2) / snr / np.mean(noise**2))
        low, high = 2.0 ** rng.uniform(-9, -4), min(0.99, 2.0 ** rng.uniform(-2, 0))
        y = sosfiltfilt(butter(4, [low, high], "bandpass", output="sos"), y)
        return (y * 10 ** (rng.uniform(-6, 6) / 20) * rng.choice([-1, 1])).astype(np.float32)

    return lambda: [one(x) for x in waves]


def with_audiomentations(waves: np.ndarray) -> Callable[[], list[np.ndarray]] | None:
    """The same changes by audiomentations, if installed: zero-phase band-pass, noise by spectral decay."""
    try:
        import audiomentations as am
    except ImportError:
        return None
    chain = am.Compose(
        [
            am.AddColorNoise(5, 30, -6.02, 0.0, p=1),
            am.BandPassFilter(min_rolloff=24, max_rolloff=24, zero_phase=True, p=1),
            am.Gain(-6, 6, p=1),
            am.PolarityInversion(p=0.5),
        ]
    )
    return lambda: [chain(x, sample_rate=RATE) for x in waves]


def training_step(mel: torch.Tensor) -> Callable[[], None]:
    model = models.create("cnn2d", SPEC, 17)
    model.train()
    optimiser = torch.optim.AdamW(model.parameters())
    labels = torch.arange(BATCH) % 17

    def work() -> None:
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(mel), labels).backward()
        optimiser.step()

    return work


def keep(found: Mapping[str, float], compared: Mapping[str, float], clock: str) -> None:
    """Store the figures of both tables."""
    spectrum_ms, step = found["spectrum"], found[STEP]
    making = found["wave: sea, recorder, level"] + found["log-mel"] + spectrum_ms
    values = {
        "four.finback": compared[OURS],
        "four.scipy": compared[SCIPY],
        "four.ratio": compared[SCIPY] / compared[OURS],
        "step_with_waves": (making + step) / (spectrum_ms + step),
    }
    rows = [(name.replace("cnn2d", "`cnn2d`"), ms) for name, ms in found.items()]
    about = f"A batch of {BATCH} clips of {T} samples, {clock}, median over {ROUNDS} rounds."
    table = Table(("step", "ms per batch"), rows)
    store("augment", Stored("python benchmarks/augment.py --cpu --store", about, values, {"steps": table}))


def main() -> None:
    torch.set_num_threads(THREADS)
    tune_allocator()
    waves = 0.1 * torch.randn(BATCH, T, generator=torch.Generator().manual_seed(0))
    logmel, rng = LogMel(SPEC), np.random.default_rng(0)
    with torch.inference_mode():
        mel = logmel(waves)
    mel = mel.clone()
    shape = (BATCH, SPEC.n_mels, SPEC.n_frames)
    parts: dict[str, Callable[[], object]] = {
        "wave: sea, recorder, level": finback(waves, RECORDER),
        "the same, and speed for half the clips": finback(waves, SPEED),
        "the same, and pitch and duration for 30 %": finback(waves, PITCH),
        "log-mel": torch.inference_mode()(lambda: logmel(waves)),
        "spectrum": lambda: spectrum.apply(mel, spectrum.draw(rng, SpectrumSettings(), shape)),
        STEP: training_step(mel),
    }
    found = medians(parts)
    clock = "processor time of one thread" if CPU else f"{THREADS} threads"
    print(f"a batch of {BATCH} clips of {T} samples, {clock}")
    print(f"{'':<44}{'ms':>8}{'clips/s':>9}")
    for name, ms in found.items():
        print(f"{name:<44}{ms:>8.1f}{1000 * BATCH / ms:>9.0f}")
    making = found["wave: sea, recorder, level"] + found["log-mel"] + found["spectrum"]
    step = found[STEP]
    print(f"making a batch takes {making / step:.2f} of the training step that waits for it\n")

    array = waves.numpy()
    same: dict[str, Callable[[], object]] = {
        OURS: finback(waves, FOUR),
        SCIPY: with_scipy(array),
    }
    other = with_audiomentations(array)
    if other is not None:
        same["audiomentations, one by one"] = other
    compared = medians(same)
    if "--store" in sys.argv[1:]:
        keep(found, compared, clock)
    print(f"{'gain, polarity, coloured noise, band-pass':<44}{'ms':>8}{'ratio':>9}")
    for name, ms in compared.items():
        ratio = ms / compared[OURS]
        print(f"{name:<44}{ms:>8.1f}{ratio:>9.1f}")
        if name != OURS:
            record(
                "four changes to 32 waves, ms",
                f"{compared[OURS]:.0f}",
                name,
                ratio,
                "gain, polarity, noise, band",
            )
    if other is None:
        print("audiomentations: not installed, not compared")
        why = "needs a soxr older than finback's: not installed"
        record("four changes to 32 waves, ms", f"{compared[OURS]:.0f}", "audiomentations", None, why)


if __name__ == "__main__":
    main()
