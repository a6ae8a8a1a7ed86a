"""Sound from log-mels by finback and by librosa: the error and the speed, in one run.

    python benchmarks/vocoding.py [--vocoder watkins] [--classifier watkins] [--clips 24] [--cpu]
                                  [--audio FOLDER --labels CSV --groups FILE.csv:COLUMN]

The clips are from tapes that were not used in training: the test set of the run of the vocoder, or of the
default split of finback. Without `--vocoder`, the run is the twin of the bundled vocoder, which
`python benchmarks/bundled.py vocoder` trains on a part of the tapes, or else the bundled vocoder. The
recordings are the Watkins cuts in ../shared/data or $FINBACK_DATA, otherwise simulated ones. Each clip is one
window of 3 s, its log-mel has a floor of 80 dB, and the computed waveform is compared with the original
(`finback.metrics.waveforms`; lower is better, except for the correlation). `agreement` is the share of clips
to which the reference classifier gives the same species before and after.
Test sounds of known form follow (`finback.evaluation.vocoder_test_sounds`).

The rows of librosa are `librosa.feature.inverse.mel_to_audio`, one clip at a time. Its two steps are called
one after the other, so that the first, which both rows share and which takes most of the time, runs once and
counts in both. The other methods process all clips together. `ratio` is of clips per second, relative to
librosa with 32 iterations. On a machine with other work, `--cpu` measures the processor time of one thread
instead of the elapsed time.

The exit code is 1 when a trained vocoder has a larger error than librosa (log-spectral distance,
multi-resolution STFT), when the reference classifier agrees on less than 95 % of the clips, when it is not
20 times as fast, or when it modulates tones or smears clicks. `--store` writes `results/vocoding.json`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import recordings
from results import record
from stored import Stored, Table, store
from threadpoolctl import threadpool_limits

from finback.audio import io
from finback.core.errors import FinbackError
from finback.core.runs.folder import RunFolder
from finback.core.types import Clip
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest
from finback.data.splits.run_subsets import run_subsets
from finback.data.splits.settings import SplitSettings
from finback.evaluation.vocoder_test_sounds import TEST_MEASURES, measure_test_sounds
from finback.features.extract import Extractor
from finback.features.spec import FeatureSpec
from finback.generation.synthesizer import provenance_of
from finback.generation.vocoders.clips import logmel_of
from finback.generation.vocoders.inversion import to_waves
from finback.generation.vocoders.level import PEAK
from finback.generation.vocoders.vocode import Vocoder, compare
from finback.metrics.waveforms import MEASURES
from finback.models import pretrained
from finback.models.devices import tune_allocator
from finback.models.predictor import Predictor
from finback.training.settings import resolve

Rows = dict[str, dict[str, float]]  # by method, by measure
CPU = "--cpu" in sys.argv[1:]
CLOCK = time.process_time if CPU else time.perf_counter
ROUNDS = 3  # of timing; the figure is the median
TWIN = Path(__file__).parents[1] / "runs" / "generators" / "vocoder"  # of benchmarks/bundled.py
TRAINED = "trained vocoder"
CLASSIFIER = "watkins-small"  # trained on the same split as the twin
# What a vocoder promises of test sounds; one without `components` breaks them.
PROMISED = {"tone_modulation": 0.05, "tone_jitter_hz": 5.0, "click_width_ms": 3.0, "click_pre_echo": 0.05}


def test_clips(asked: argparse.Namespace, run: Path | None) -> tuple[list[Clip], str]:
    """Clips of tapes that were not trained on, a few of each species, and the name of their source."""
    if run is not None and (run / "manifest.csv").is_file() and not asked.audio:
        found, place = list(run_subsets(RunFolder.open(run))["test"]), f"the test set of {run.name}"
    else:
        request, place = recordings.request(clips_per_species=8)
        if asked.audio:
            request = IndexRequest(audio=asked.audio, labels=asked.labels, groups=asked.groups)
            place = asked.audio.name
        result = prepare_request(request).make_splits(SplitSettings())[0]
        trained_on = provenance_of("vocoder", "", RunFolder.open(run)).recordings if run else frozenset()
        found = [clip for clip in result.split.test if clip.recording.id not in trained_on]
        place = f"the test set of {place}"
    order = np.random.default_rng(0).permutation(len(found))
    turn: dict[tuple[str | None, str], int] = {}
    ranked = []
    for i in order:  # every tape in turn, so that no tape with many clips dominates the figure
        key = (found[i].label, found[i].group)
        turn[key] = turn.get(key, 0) + 1
        ranked.append((turn[key], int(i)))
    return [found[i] for _, i in sorted(ranked)][: asked.clips], place


def by_librosa(logmels: np.ndarray, spec: FeatureSpec) -> dict[str, tuple[np.ndarray, float]]:
    """{name: (waves, seconds)} with 32 and with 100 rounds."""
    found: dict[str, list[np.ndarray]] = {"librosa, 32 rounds": [], "librosa, 100 rounds": []}
    seconds = dict.fromkeys(found, 0.0)
    length = spec.covered_samples - 1  # one more would be another frame to librosa
    for mel in logmels:
        started = CLOCK()
        linear = librosa.feature.inverse.mel_to_stft(
            librosa.db_to_power(mel),
            sr=spec.sample_rate,
            n_fft=spec.n_fft,
            fmin=spec.f_min,
            fmax=spec.top_hz,
        )
        shared = CLOCK() - started
        for (name, waves), rounds in zip(found.items(), (32, 100), strict=True):
            started = CLOCK()
            wave = librosa.griffinlim(
                linear, n_iter=rounds, hop_length=spec.hop, n_fft=spec.n_fft, length=length, random_state=0
            )
            seconds[name] += shared + CLOCK() - started
            waves.append(np.pad(wave, (0, 1)))
    return {name: (np.stack(waves).astype(np.float32), seconds[name]) for name, waves in found.items()}


def timed(work: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    made, seconds = work(), []
    for _ in range(ROUNDS):
        started = CLOCK()
        work()
        seconds.append(CLOCK() - started)
    return made, statistics.median(seconds)


def predicted(classifier: Predictor, waves: np.ndarray, rate: int) -> np.ndarray:
    """Class id (N,) that the classifier predicts for each waveform, read from a file."""
    with tempfile.TemporaryDirectory() as folder:
        clips = []
        for i, wave in enumerate(waves):
            path = Path(folder) / f"{i}.wav"
            io.write(path, wave * min(1.0, PEAK / max(np.abs(wave).max(), 1e-9)), rate, "FLOAT")
            recording = io.open_recording(path)
            clips.append(Clip(recording, 0, recording.n_samples))
        return classifier.scores(clips).logits.argmax(axis=1)


def folder_of(name: str | None) -> Path | None:
    """The run folder of a vocoder, or a bundled one; the default bundled model may be absent."""
    if not name and (TWIN / "weights.safetensors").is_file():
        return TWIN
    try:
        return pretrained.resolve(name or "watkins", "vocoder")
    except FinbackError:
        if name:
            raise
        return None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--audio", type=Path)
    options.add_argument("--labels", type=Path)
    options.add_argument("--groups")
    options.add_argument("--vocoder", help="a run of finback train vocoder; default: the bundled vocoder")
    options.add_argument("--classifier", default=CLASSIFIER, help="run folder or bundled model")
    options.add_argument("--clips", type=int, default=24)
    options.add_argument("--cpu", action="store_true", help="processor time of one thread, not the clock")
    options.add_argument("--device", default="cpu")
    options.add_argument("--store", action="store_true", help="write benchmarks/results/vocoding.json")
    asked = options.parse_args()
    tune_allocator()
    if CPU:
        threadpool_limits(1)
    run, classifier = folder_of(asked.vocoder), Predictor.load(asked.classifier, asked.device)
    spec = resolve().features
    clips, place = test_clips(asked, run)
    extractor, length = Extractor(spec, "wave"), spec.covered_samples
    real = np.stack([extractor(clip)[0][:length] for clip in clips])
    logmels = logmel_of(real, spec)
    names = {"griffin-lim, 32 rounds": "griffin-lim", "fast-griffin-lim, 32 rounds": "fast-griffin-lim"}
    names |= {"components, 32 rounds": "components"}
    names |= {TRAINED: str(run)} if run else {}
    found = by_librosa(logmels, spec)
    sounds: dict[str, dict[str, float]] = {}
    for title, name in names.items():
        invert = Vocoder.load(name, spec, asked.device)
        sounds[title] = measure_test_sounds(invert, spec)
        found[title] = timed(lambda invert=invert: to_waves(logmels, invert))
    before = predicted(classifier, real, spec.sample_rate)
    print(
        f"{len(real)} clips of {len({c.group for c in clips})} tapes, {place}; {asked.device}{' time' * CPU}"
    )
    print(f"{'':<28}" + "".join(f"{m:>16}" for m in (*MEASURES, "agreement", "clips/s", "ratio")))
    base = found["librosa, 32 rounds"][1]
    rows: dict[str, dict[str, float]] = {}
    for title, (made, seconds) in found.items():
        row = {m: float(v.mean()) for m, v in compare(real, made, spec).items()}
        row["agreement"] = float((predicted(classifier, made, spec.sample_rate) == before).mean())
        row |= {"clips/s": len(real) / seconds, "ratio": base / seconds}
        rows[title] = row
        print(f"{title:<28}" + "".join(f"{value:>16.3f}" for value in row.values()))
    show(sounds)
    if asked.store:
        n_tapes = len({c.group for c in clips})
        keep(rows, sounds, f"{len(real)} clips of {n_tapes} tapes, which the vocoder was not trained on.")
    for title, row in rows.items():
        if not title.startswith("librosa"):
            near = f"LSD {row['lsd_db']:.2f} dB, librosa {rows['librosa, 32 rounds']['lsd_db']:.2f}"
            peer = f"librosa {librosa.__version__}, 32 rounds"
            record(f"sound of a log-mel, clips/s: {title}", f"{row['clips/s']:.1f}", peer, row["ratio"], near)
    if run is None:
        print("no trained vocoder: finback train vocoder makes one (--vocoder RUN)")
        return
    sys.exit(0 if promised(rows, sounds) else 1)


def show(sounds: Rows) -> None:
    """Print the measures of the test sounds."""
    print(f"\n{'':<46}" + "".join(f"{title.split(',')[0]:>20}" for title in sounds))
    for key, meaning in TEST_MEASURES.items():
        print(f"{meaning[:44]:<46}" + "".join(f"{row[key]:>20.3f}" for row in sounds.values()))


def keep(rows: Rows, sounds: Rows, about: str) -> None:
    """Write `results/vocoding.json`."""
    values = {
        f"{slug(title)}/{key}": value
        for part in (rows, sounds)
        for title, row in part.items()
        for key, value in row.items()
    }
    columns = (*MEASURES, "agreement", "clips/s", "ratio")
    methods = [(title, *(row[c] for c in columns)) for title, row in rows.items()]
    tables = {
        "methods": Table(("", *columns), methods),
        "test-sounds": Table(
            ("test sound", *sounds),
            [(meaning, *(row[key] for row in sounds.values())) for key, meaning in TEST_MEASURES.items()],
        ),
    }
    store("vocoding", Stored("python benchmarks/vocoding.py --cpu --store", about, values, tables))


def slug(title: str) -> str:
    return title.replace(",", "").replace(" ", "-")


def promised(rows: Rows, sounds: Rows) -> bool:
    """Whether the trained vocoder keeps the promises; prints those that it does not keep."""
    own, broken = rows[TRAINED], []
    broken += [f"{k} above {most}" for k, most in PROMISED.items() if sounds[TRAINED][k] > most]
    for peer in ("librosa, 32 rounds", "librosa, 100 rounds"):
        broken += [f"{m} not below {peer}" for m in ("lsd_db", "mr_stft") if own[m] >= rows[peer][m]]
    broken += ["agreement below 0.95"] if own["agreement"] < 0.95 else []
    broken += ["less than 20 times as fast as librosa"] if own["ratio"] < 20 else []
    print("promised and kept" if not broken else "NOT KEPT: " + "; ".join(broken))
    return not broken


if __name__ == "__main__":
    main()
