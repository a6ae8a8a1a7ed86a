"""Simulated clips without a call: the noise of tapes of which no other clip is simulated.

    out/background-t1-c0001.flac ...    clips
    out/labels.csv                      file, species (`background`), group; written last

A model that is to scan recordings needs such clips: without them it has no other answer than a species.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from finback.audio import io as audio_io
from finback.core.progress import Progress, no_progress
from finback.core.storage.csv_files import write_csv
from finback.datasets.simulate.calls import call_kind
from finback.datasets.simulate.simulate import ClipSettings
from finback.datasets.simulate.tape import draw_tape

BACKGROUND = "background"
APART_S = 30  # between the starts of two clips of a tape, as in `simulate_clips`


def simulate_background(
    out: Path, settings: ClipSettings, n_tapes: int, per_tape: int, progress: Progress = no_progress
) -> Path:
    """Write `per_tape` clips of the noise of each of `n_tapes` tapes to `out`; return the path of labels.csv.

    The recorders of the tapes are those of the species of `settings` in turn, so that the sample rate does
    not tell background from calls. The same settings give the same bytes. Raises `FinbackError` when a file
    cannot be written.
    """
    labels = out / "labels.csv"
    rows: list[tuple[str, str, str]] = []
    for tape in progress(range(n_tapes), "simulating background", n_tapes):
        key = (zlib.crc32(BACKGROUND.encode()), tape)
        rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=key))
        kind = call_kind(settings.names[tape % len(settings.names)])
        model = draw_tape(rng, kind.low_hz, kind.min_rate, settings.snr_db[1])
        noise_seed = np.random.SeedSequence(settings.seed, spawn_key=(*key, 1))
        group = f"{BACKGROUND}-t{tape + 1}"
        for clip in range(per_tape):
            n = round(rng.uniform(*settings.duration_s) * model.sample_rate)
            first = clip * APART_S * model.sample_rate
            sound = np.concatenate(list(model.noise(noise_seed, first, first + n)))
            name = f"{group}-c{clip + 1:04d}{settings.suffix}"
            if not (out / name).is_file():
                audio_io.write(out / name, model.digitise(sound), model.sample_rate)
            rows.append((name, BACKGROUND, group))
    write_csv(labels, ("file", "species", "group"), rows)
    return labels
