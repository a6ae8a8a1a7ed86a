"""`NoiseBank`: random excerpts of real noise files, for `wave.real_noise`.

    bank = NoiseBank.load("sea-noise", 22_050)
    excerpts = bank.draw(rng, 32, 66_150)    # (32, 66150) float32

Files may be long, have any rate and several channels (the mean of the channels is used). They are read in
windows of 20 s when drawn, and the last windows are kept in memory. A batch takes its excerpts from at most
four windows, so a training step reads four windows at most, not thirty-two. The excerpts depend on the random
generator only, not on what is in memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from finback.audio.io import AudioInfo, is_sound, probe, read
from finback.audio.level import remove_dc
from finback.audio.resample import resample
from finback.core.errors import AudioError
from finback.data.file_matching import Walk

WINDOW_S = 20.0
PER_BATCH = 4  # windows that one batch draws from
REMEMBERED = 32  # windows; 56 MB at 22,050 Hz


@dataclass
class NoiseBank:
    """Noise files. All files are equally likely, whatever their lengths."""

    files: tuple[AudioInfo, ...]
    sample_rate: int  # Hz, of the excerpts
    problems: tuple[str, ...] = ()  # messages about files that cannot be used
    remembered: int = REMEMBERED
    _windows: OrderedDict[tuple[int, int], np.ndarray] = field(default_factory=OrderedDict, repr=False)

    @classmethod
    def load(cls, folder: Path | str, sample_rate: int, remembered: int = REMEMBERED) -> NoiseBank:
        """All sound files in a folder and below it, but hidden ones; only their headers are read now.

        `problems` names the files that cannot be used. Raises `AudioError` when there is no such folder, or
        none of its files can be used.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise AudioError(f"{folder}: no such folder of noise files", "check --noise")
        walk = Walk(folder)
        bank = cls.of(sorted(p for p in walk if is_sound(p.name)), sample_rate, folder, remembered)
        return replace(bank, problems=(*walk.remarks(), *bank.problems))

    @classmethod
    def of(
        cls, paths: Sequence[Path], sample_rate: int, name: Path, remembered: int = REMEMBERED
    ) -> NoiseBank:
        """A bank of these files; `name` is its name in messages. Raises as `load` does."""
        files, problems = [], []
        for path in paths:
            try:
                info = probe(path)
            except AudioError as error:
                problems.append(str(error))
                continue
            if info.n_samples:
                files.append(info)
            else:
                problems.append(f"{path}: no samples")
        if not files:
            why = f" ({problems[0]})" if problems else ""
            raise AudioError(f"{name}: no noise file that can be read{why}", "put WAV or FLAC files there")
        return cls(tuple(files), sample_rate, tuple(problems), remembered)

    def draw(self, rng: np.random.Generator, n: int, n_samples: int) -> np.ndarray:
        """Random excerpts (n, n_samples), float32, without offset; a shorter file is repeated.

        Raises `AudioError`, naming the file, when a file is damaged where it is read.
        """
        windows = [self._window(*self._choose(rng)) for _ in range(min(n, PER_BATCH))]
        excerpts = np.empty((n, n_samples), dtype=np.float32)
        for row in excerpts:
            window = windows[rng.integers(len(windows))]
            if len(window) < n_samples:
                window = np.tile(window, -(-n_samples // len(window)))
            start = rng.integers(len(window) - n_samples + 1)
            row[:] = window[start : start + n_samples]
        return excerpts

    def _choose(self, rng: np.random.Generator) -> tuple[int, int]:
        """A file, and the first sample of a window in it."""
        which = int(rng.integers(len(self.files)))
        info = self.files[which]
        # Windows start at multiples of half their length, so that drawing again finds them in memory.
        step = max(1, round(WINDOW_S * info.sample_rate / 2))
        return which, int(rng.integers(max(1, info.n_samples // step - 1))) * step

    def _window(self, which: int, start: int) -> np.ndarray:
        """(m,) float32 at the bank's rate."""
        key = (which, start)
        if key not in self._windows:
            info = self.files[which]
            stop = min(info.n_samples, start + round(WINDOW_S * info.sample_rate))
            x = remove_dc(read(info.path, start, stop))
            self._windows[key] = resample(x, info.sample_rate, self.sample_rate)
            if len(self._windows) > self.remembered:
                self._windows.popitem(last=False)
        self._windows.move_to_end(key)
        return self._windows[key]
