"""Windows are those of `Predictor.score_windows`, bit for bit; a bad span costs one error and no more."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_models import SPEC, inputs, leaf, make

from finback.audio import io
from finback.audio.samples import ArraySamples
from finback.core.types import Clip, Labels
from finback.metrics.combination import equal
from finback.models.networks.gate import Gate, GatedHead
from finback.models.predictor import Predictor
from finback.models.tree import Leaf, Node
from finback.models.window_scores import Inputs, WindowScores
from finback.scan.grid import Grid
from finback.scan.settings import ScanSettings
from finback.scan.spans import Fault, ScannedFile, Span, SpanError, SpanScores
from finback.scan.windows import Analyser

LABELS = Labels(tuple("abcde"))
MEDIAN = SPEC.model_copy(update={"background": "median", "background_s": 2.5})


def leaf_of(name: str) -> Leaf:
    if name == "median":
        return Leaf(make("cnn2d").eval(), 0.9, MEDIAN)
    if name == "three-speeds":
        return leaf("mfcc-mix", playback=(1.0, 0.3, 2.0))
    if name.startswith("gated "):
        return with_gate(leaf(name.removeprefix("gated ")))
    return leaf(name)


def with_gate(own: Leaf) -> Leaf:
    n_features = own.model.embed(inputs(own.model)).shape[1]
    rows = torch.randn(4, n_features, generator=torch.Generator().manual_seed(2)) / n_features
    is_species = torch.tensor([1, 1, 0, 0], dtype=torch.uint8)
    shared = {"centre": rows[0], "weight": rows, "bias": rows[:, 0], "linear": rows[1]}
    gate = Gate(**shared, is_species=is_species, scale=torch.ones(3))
    own.model.add_module("head", GatedHead(own.model.head, gate))
    return own


def predictor(*names: str) -> Predictor:
    leaves = tuple(leaf_of(name) for name in names)
    return Predictor(leaves[0] if len(leaves) == 1 else Node(leaves, equal(len(leaves)), 1.2), LABELS)


def sound(n: int, rate: int, n_channels: int = 1) -> np.ndarray:
    """(n, channels) noise with a tone that comes and goes."""
    rng = np.random.default_rng(n)
    t = np.arange(n)[:, None] / rate
    tone = 0.3 * np.sin(2 * np.pi * 700 * t) * (np.sin(2 * np.pi * t / 7) > 0)
    return (tone + rng.normal(0.01, 0.03, (n, n_channels))).clip(-1, 1).astype(np.float32)


def scanned(path: Path) -> ScannedFile:
    info, status = io.probe(path), path.stat()
    properties = (info.sample_rate, info.n_samples, info.n_channels)
    return ScannedFile(str(path), status.st_size, status.st_mtime_ns, "", *properties)


def spans_of(
    scorer: Predictor,
    file: ScannedFile,
    hop: int = 0,
    channel: int | None = None,
    segment: tuple[int, int] = (0, 0),
    size: int = 7,
) -> list[Span]:
    """The windows of a segment (default: the file), `size` to a span."""
    window = scorer.store.extractor.window_samples(file.sample_rate)
    bounds = (segment[0], segment[1] or file.n_samples, window, hop or window // 2)
    n = Grid(*bounds).n_windows
    return [Span(file, channel, *bounds, i, min(n, i + size)) for i in range(0, n, size)]


def joined(found: Sequence[SpanScores | SpanError]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    assert not [f.reason for f in found if isinstance(f, SpanError)]
    return tuple(np.concatenate([getattr(f, key) for f in found]) for key in ("start", "stop", "logits"))


@pytest.mark.parametrize(
    "names",
    [
        ("cnn2d",),
        ("cnn1d",),
        ("mfcc-plda",),
        ("median",),
        ("three-speeds",),
        ("cnn2d", "cnn1d", "median"),
        ("gated cnn2d",),
        ("gated cnn1d", "gated mfcc-plda"),
    ],
    ids="-".join,
)
@pytest.mark.parametrize("rate", [3000, 4000, 9001])
def test_windows_are_those_of_the_predictor(names: tuple[str, ...], rate: int, tmp_path: Path) -> None:
    scorer = predictor(*names)
    path = tmp_path / "a.flac"
    io.write(path, sound(33 * rate + 123, rate, 2), rate)
    file = scanned(path)
    spans = spans_of(scorer, file)
    found = list(Analyser(scorer, ScanSettings())(spans))
    assert [f.span for f in found] == spans
    recording = io.open_recording(path)
    hop_s = spans[0].hop / rate
    wanted = WindowScores.joined(scorer.score_windows(Clip(recording, 0, recording.n_samples), hop_s))
    assert len(wanted) > 60
    for one, other in zip(joined(found), (wanted.start, wanted.stop, wanted.logits), strict=True):
        assert np.array_equal(one, other)
    assert wanted.labels == scorer.classes
    array = scorer.score_array(io.read_channels(path).T, rate, hop_s)
    assert np.array_equal(array.logits, wanted.logits)


@given(
    n=st.integers(1, 40_000),
    channel=st.sampled_from([None, 0, 1]),
    share=st.floats(0.05, 1),
    size=st.integers(1, 40),
    where=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_segment_is_scored_as_the_clip(
    n: int,
    channel: int | None,
    share: float,
    size: int,
    where: tuple[float, float],
    tmp_path: Path,
) -> None:
    """Any segment, hop, size of spans and channel; its end is the end of what windows may read."""
    scorer, rate = SCORER, 9001
    path = tmp_path / "a.wav"
    io.write(path, sound(n, rate, 2), rate)
    start, stop = sorted(round(part * n) for part in where)
    start, stop = min(start, n - 1), max(stop, min(start, n - 1) + 1)
    window = scorer.store.extractor.window_samples(rate)
    spans = spans_of(scorer, scanned(path), max(1, int(share * window)), channel, (start, stop), size)
    found = joined(list(Analyser(scorer, ScanSettings())(spans)))
    clip = Clip(io.open_recording(path), start, stop, channel=channel)
    wanted = WindowScores.joined(scorer.score_windows(clip, spans[0].hop / rate))
    for one, other in zip(found, (wanted.start, wanted.stop, wanted.logits), strict=True):
        assert np.array_equal(one, other)


SCORER = predictor("cnn2d")


def test_windows_of_many_files_go_through_together(tmp_path: Path) -> None:
    """Files of all lengths, rates and formats: order, positions and scores are those of each file alone."""
    scorer, spans = predictor("cnn2d", "mfcc-svm"), []
    for i in range(40):
        rate = (4000, 8000, 500)[i % 3]
        path = tmp_path / f"{i}.{('wav', 'flac')[i % 2]}"
        io.write(path, sound(1 + 700 * i, rate), rate)
        spans += spans_of(scorer, scanned(path))
    found = list(Analyser(scorer, ScanSettings())(spans))
    assert [f.span for f in found] == spans
    for one in found[::3]:
        alone = list(Analyser(scorer, ScanSettings())([one.span]))
        assert np.array_equal(joined([one])[2], joined(alone)[2])


def test_embeddings_are_those_of_the_first_classifier(tmp_path: Path) -> None:
    for names in (("cnn2d",), ("cnn2d", "cnn1d"), ("mfcc-plda", "cnn2d")):
        scorer = predictor(*names)
        path = tmp_path / "a.wav"
        io.write(path, sound(15_000, 4000), 4000)
        spans = spans_of(scorer, scanned(path), size=3)
        plain = joined(list(Analyser(scorer, ScanSettings())(spans)))
        found = list(Analyser(scorer, ScanSettings(keep_embeddings=True))(spans))
        assert all(np.array_equal(a, b) for a, b in zip(plain, joined(found), strict=True))
        extractor, model = scorer.store.extractor, scorer.root.leaves[0].model
        samples = ArraySamples(io.read(path), 4000)
        for one in found:
            places = list(zip(one.start.tolist(), one.stop.tolist(), strict=True))
            x = extractor.front_end.batch(extractor.features(samples, places))
            assert np.allclose(one.embeddings, model.embed(x).detach().numpy(), atol=1e-4)


def test_a_bad_file_costs_its_spans_only(tmp_path: Path) -> None:
    scorer, rate = predictor("cnn2d"), 4000
    for name in ("good", "gone", "changed", "nan", "broken", "last"):
        io.write(tmp_path / f"{name}.wav", sound(20_000, rate), rate, "FLOAT")
    io.write(tmp_path / "broken.flac", sound(400_000, rate), rate)
    (tmp_path / "broken.wav").unlink()
    files = {path.stem: scanned(path) for path in sorted(tmp_path.iterdir())}
    spans = [
        s
        for name in ("good", "gone", "changed", "nan", "broken", "last")
        for s in spans_of(scorer, files[name], size=30)
    ]
    (tmp_path / "gone.wav").unlink()
    io.write(tmp_path / "changed.wav", sound(20_001, rate), rate, "FLOAT")
    _spoil(tmp_path / "nan.wav", slice(-8, None), b"\xff" * 8)
    _spoil(tmp_path / "broken.flac", slice(300_000, 310_000), b"\x55" * 10_000)
    found = list(Analyser(scorer, ScanSettings())(spans))
    assert [f.span for f in found] == spans
    reasons: dict[str, list[str]] = {}
    for f in found:
        reasons.setdefault(Path(f.span.file.path).stem, []).append(
            f.reason if isinstance(f, SpanError) else ""
        )
    assert reasons["good"] == reasons["last"] == [""]
    assert "no such file" in reasons["gone"][0]
    assert "changed since the scan began" in reasons["changed"][0]
    assert "NaN or infinite" in reasons["nan"][0]
    assert reasons["broken"][0] == reasons["broken"][-1] == ""
    assert any("damaged" in reason for reason in reasons["broken"])
    for name, texts in reasons.items():
        assert all("\n" not in text and text.count(files[name].path) <= 1 for text in texts)


def _spoil(path: Path, where: slice, data: bytes) -> None:
    """Other bytes in a file of the same size and time."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[where] = data
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_scores_that_are_not_finite_are_the_error_of_their_span(tmp_path: Path) -> None:
    class Spoiled(Predictor):
        def score_inputs(
            self, inputs: Sequence[Inputs], embed: bool = False
        ) -> tuple[np.ndarray, np.ndarray]:
            logits, embeddings = super().score_inputs(inputs, embed)
            logits[10, 1] = np.nan
            return logits, embeddings

    io.write(tmp_path / "a.wav", sound(30_000, 4000), 4000)
    spans = spans_of(SCORER, scanned(tmp_path / "a.wav"), size=7)
    found = list(Analyser(Spoiled(SCORER.root, LABELS), ScanSettings())(spans))
    reasons = [f.reason if isinstance(f, SpanError) else "" for f in found]
    assert [bool(reason) for reason in reasons] == [False, True] + [False] * (len(spans) - 2)
    assert "not finite numbers" in reasons[1]


def test_silence_is_a_fault_of_its_cells(tmp_path: Path) -> None:
    x = sound(40_000, 4000)
    x[11_000:30_000] = 0.25
    io.write(tmp_path / "a.wav", x, 4000)
    (found,) = Analyser(SCORER, ScanSettings())(spans_of(SCORER, scanned(tmp_path / "a.wav"), size=100))
    assert isinstance(found, SpanScores)
    silent = (found.faults & Fault.SILENT) > 0
    grid = Grid.of(found.span)
    ends = grid.cell_stops(0, len(silent))
    assert np.array_equal(silent, (found.start >= 11_000) & (ends <= 30_000))
    assert silent.sum() > 5


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for n in (2_000_000, 6_000_000):  # both longer than what is kept
        io.write(tmp_path / f"{n}.wav", np.tile(sound(200_000, 4000), (n // 200_000, 1)), 4000)
        spans = spans_of(SCORER, scanned(tmp_path / f"{n}.wav"), size=10_000, hop=3000)
        tracemalloc.start()
        list(Analyser(SCORER, ScanSettings())(spans))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_000_000
