"""A window has the same logits bit for bit, whatever other windows are scored with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from small_models import K, inputs, leaf, make, some_waves

from finback import models
from finback.audio.io import open_recording, write
from finback.core.types import Clip, Labels
from finback.features.extract import Extractor
from finback.features.spec import FeatureSpec
from finback.models.predictor import Predictor
from finback.models.scoring import GPU_ROWS, in_rows, rows_of

FAMILIES = sorted(models.CLASSIFIERS)
LARGE = {"aisfx-tuned", "yamnet-tuned"}  # networks that others trained
# Numbers of windows: less than the 8 rows of a network, just these, and more. One family gets every number.
SIZES = {"cnn2d": range(2, 34), **dict.fromkeys(LARGE, (2, 8, 9))}
USUAL_SIZES = (2, 3, 4, 5, 7, 8, 9, 13, 17)
ODD = FeatureSpec(sample_rate=4000, clip_samples=4001, n_fft=254, hop=61, n_mels=33, n_frames=57)


@contextmanager
def threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
@pytest.mark.parametrize("name", FAMILIES)
def test_the_logits_of_a_window_do_not_depend_on_its_batch(name: str) -> None:
    model = make(name).eval()
    sizes = SIZES.get(name, USUAL_SIZES)
    most = max(sizes)
    x = inputs(model, most)
    for output in (model, model.embed):
        with threads(1):
            alone = torch.cat([in_rows(output, x[i : i + 1], rows_of(model)) for i in range(most)])
        rng = np.random.default_rng(0)
        for size in sizes:
            chosen = rng.permutation(most)[:size]
            with threads(1 + size % 2):
                together = in_rows(output, x[chosen], rows_of(model))
            assert torch.equal(together, alone[chosen]), size


@torch.inference_mode()
def test_the_place_of_a_window_in_memory_does_not_matter() -> None:
    """Slices of an array of NumPy begin at any multiple of 4 bytes."""
    model = make("cnn2d").eval()
    x = inputs(model, 3).numpy()
    first = in_rows(model, torch.from_numpy(x), rows_of(model))
    for shift in range(1, 16):
        room = np.zeros(x.size + shift, dtype=np.float32)
        room[shift:] = x.ravel()
        moved = torch.from_numpy(room[shift:].reshape(x.shape))
        assert torch.equal(in_rows(model, moved, rows_of(model)), first)


@pytest.mark.parametrize("front_end", ["logmel", "mfcc", "wave"])
def test_the_features_of_a_window_do_not_depend_on_its_batch(front_end: str) -> None:
    extractor = Extractor(ODD, front_end)
    waves = some_waves(11, ODD.clip_samples)
    alone = np.concatenate([extractor.front_end(waves[i : i + 1]) for i in range(11)])
    for size in range(2, 12):
        assert np.array_equal(extractor.front_end(waves[-size:]), alone[-size:]), size


@pytest.mark.parametrize("name", ["cnn2d", "cnn1d", "mfcc-svm", "transformer"])
def test_clips_and_windows_have_the_same_scores(name: str, tmp_path: Path) -> None:
    """`scores` of one clip, of many clips, the windows of a recording, and windows of a stream."""
    scorer = Predictor(leaf(name), Labels(tuple("abcde")))
    spec, rate = scorer.spec, 5000
    x = np.concatenate(list(some_waves(9, 2 * rate)))
    write(tmp_path / "a.wav", x / 4, rate, "FLOAT")
    recording = open_recording(tmp_path / "a.wav")
    windows = [w for part in scorer.score_windows(Clip(recording, 0, len(x)), 0.3) for w in zip_windows(part)]
    assert len(windows) > 40
    streamed = [w for part in scorer.score_stream(np.split(x / 4, 9), rate, 0.3) for w in zip_windows(part)]
    assert len(windows) == len(streamed)
    assert all(a[:2] == b[:2] and np.array_equal(a[2], b[2]) for a, b in zip(windows, streamed, strict=True))
    end = spec.native(spec.clip_samples, rate)  # a clip that ends earlier has less sound after its window
    clips = [Clip(recording, start, start + end) for start, *_ in windows if start + end <= len(x)]
    first = [next(zip_windows(scorer.score_windows(clip, 0.1).__next__())) for clip in clips]
    known = {start: logits for start, _, logits in windows}
    assert all(np.array_equal(known[start], logits) for start, _, logits in first)
    together, alone = scorer.scores(clips).logits, [scorer.scores([clip]).logits[0] for clip in clips[:5]]
    assert np.array_equal(together[:5], np.stack(alone))
    assert together.shape[1] == K


def zip_windows(part: object) -> Iterator[tuple[int, int, np.ndarray]]:
    return zip(part.start.tolist(), part.stop.tolist(), part.logits, strict=True)  # type: ignore[attr-defined]


def test_rows_are_fixed_for_a_device() -> None:
    model = make("cnn2d")
    assert rows_of(model) == model.rows == 8
    assert rows_of(make("mfcc-plda")) == 1
    model.to("meta")
    assert rows_of(model) == GPU_ROWS
