"""Duplicates: changed copies of a clip are found, and similar sounds are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.audio import io
from finback.audio.resample import resample
from finback.core.types import Clip, Recording
from finback.data.audit import phase_match
from finback.data.audit.duplicates import Duplicates, common_rate, compare, find, sketch
from finback.data.splits.groups import assign_groups

RATE = 22_050


def sea(seconds: float, seed: int, rate: int = RATE) -> np.ndarray:
    """Calls of one kind in coloured noise, with a 60 Hz hum that all recordings share."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    noise = np.cumsum(rng.standard_normal(len(t))) * 0.97 ** np.minimum(np.arange(len(t)), 200)
    noise = np.diff(rng.standard_normal(len(t) + 1).cumsum() * 0.02 + rng.standard_normal(len(t) + 1)) * 0.01
    hum = 0.02 * np.sin(2 * np.pi * 60 * t) + 0.01 * np.sin(2 * np.pi * 180 * t)
    call = np.zeros_like(t)
    for start in np.arange(0.2, seconds - 0.1, 0.45):  # the same up-sweep each time, in every recording
        s = t - start
        call += np.where((s > 0) & (s < 0.2), 0.1 * np.sin(2 * np.pi * (400 * s + 3000 * s**2)), 0)
    return (noise + hum + call).astype(np.float32)


def clip_of(samples: np.ndarray, n: int, rate: int = RATE, label: str = "fin", group: str = "") -> Clip:
    recording = Recording(f"{n:016x}", Path(f"{n:03}.wav"), rate, len(samples), group=group)
    return Clip(recording, 0, len(samples), label)


def duplicates(*sounds: tuple[np.ndarray, int], labels: str = "") -> tuple[list[Clip], Duplicates]:
    """Of (samples, rate) pairs; `labels` is a letter for each."""
    clips = [clip_of(x, n, rate, labels[n] if labels else "fin") for n, (x, rate) in enumerate(sounds)]
    rate = common_rate(clips)
    return clips, compare(clips, [sketch(x, r, rate) for x, r in sounds])


def others(n: int = 12) -> list[tuple[np.ndarray, int]]:
    return [(sea(1.0 + 0.1 * k, 100 + k), RATE) for k in range(n)]


def linked(clips: list[Clip], found: Duplicates) -> list[tuple[int, int, str]]:
    return [(clips.index(p.a), clips.index(p.b), p.kind) for p in found.near]


def test_recordings_of_one_call_type_and_one_hum_are_not_alike() -> None:
    _, found = duplicates(*others(20))
    assert found.near == ()
    assert found.exact == ()


def test_steady_noise_and_tones_are_not_alike() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(RATE) / RATE
    tones = [
        np.sin(2 * np.pi * 440 * t + k).astype(np.float32) + 0.001 * rng.standard_normal(RATE)
        for k in range(4)
    ]
    hiss = [rng.standard_normal(RATE).astype(np.float32) * 0.1 for _ in range(8)]
    _, found = duplicates(*[(x.astype(np.float32), RATE) for x in tones + hiss])
    assert found.near == ()


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100])
def test_another_rate(rate: int) -> None:
    x = sea(2.0, 0)
    clips, found = duplicates((x, RATE), (resample(x, RATE, rate), rate), *others())
    assert [{a, b} for a, b, _ in linked(clips, found)] == [{0, 1}]
    assert found.near[0].kind == "rate"
    assert found.near[0].similarity > 0.9


def test_another_gain_and_polarity() -> None:
    x = sea(2.0, 0)
    quiet = -np.round(x * 0.1 * 32768).astype(np.float32) / 32768
    clips, found = duplicates((x, RATE), (quiet, RATE), *others())
    assert len(found.near) == 1
    assert found.near[0].kind == "gain"
    assert linked(clips, found)[0][2] == "gain"


def test_an_excerpt_and_where_it_lies() -> None:
    x = sea(3.0, 0)
    part = x[int(1.3 * RATE) : int(2.1 * RATE)]
    clips, found = duplicates((part, RATE), (x, RATE), *others())
    assert linked(clips, found) == [(1, 0, "excerpt")]
    assert found.near[0].offset_s == pytest.approx(1.3, abs=0.02)


def test_overlapping_cuts() -> None:
    x = sea(3.0, 0)
    clips, found = duplicates((x[: 2 * RATE], RATE), (x[RATE:], RATE), *others(), labels="ab" + "c" * 12)
    assert linked(clips, found)[0][2] == "overlap"
    assert found.conflicts == ()  # the parts they do not share may differ


def test_excerpt_at_another_rate_with_noise() -> None:
    x = sea(3.0, 0)
    part = resample(x[RATE : 2 * RATE + 5000], RATE, 12_000)
    part = part + 0.1 * np.std(part) * np.random.default_rng(1).standard_normal(len(part)).astype(np.float32)
    clips, found = duplicates((x, RATE), (part, 12_000), *others())
    assert linked(clips, found) == [(0, 1, "excerpt")]


def test_exact_copies_whatever_the_name_and_the_header_say() -> None:
    x = sea(1.0, 0)
    clips, found = duplicates(
        (x, RATE), (x.copy(), RATE), (x.copy(), 44_100), *others(), labels="abb" + "c" * 12
    )
    assert [(clips.index(a), clips.index(b)) for a, b in found.exact] == [(0, 1), (0, 2)]
    assert [(a.label, b.label) for a, b in found.conflicts] == [("a", "b"), ("a", "b")]
    assert found.near == ()


def test_silent_clips_share_nothing() -> None:
    silent = np.zeros(RATE, np.float32)
    _, found = duplicates((silent, RATE), (silent, RATE), *others(3))
    assert found == Duplicates()


def test_spans_of_one_recording_are_no_duplicates() -> None:
    x = sea(3.0, 0)
    recording = Recording("f" * 16, Path("long.wav"), RATE, len(x))
    clips = [Clip(recording, 0, 2 * RATE, "fin"), Clip(recording, RATE, 3 * RATE, "fin")]
    found = compare(clips, [sketch(x[c.start : c.stop], RATE, common_rate(clips)) for c in clips])
    assert found == Duplicates()


def test_clicks_are_compared_at_their_own_rate() -> None:
    rng = np.random.default_rng(0)
    clicks = [rng.standard_normal(5000).astype(np.float32) * 0.1 for _ in range(6)]
    clips, found = duplicates(*[(x, 250_000) for x in clicks], (clicks[2][1000:4500] * 0.5, 250_000))
    assert common_rate(clips) > 64_000
    assert linked(clips, found) == [(2, 6, "excerpt")]


def test_slow_recorders_are_compared_at_their_own_rate() -> None:
    clips = [clip_of(np.ones(4000, np.float32), n, 500) for n in range(3)]
    assert common_rate(clips) == 500
    assert common_rate([]) == 8000


def test_links_make_groups(tmp_path: Path) -> None:
    x = sea(2.0, 0)
    for name, y in (("a", x), ("b", x[10_000:30_000]), ("c", sea(2.0, 1))):
        io.write(tmp_path / f"{name}.wav", 0.5 * y, RATE)
    clips = [
        Clip(r, 0, r.n_samples, "fin")
        for r in (io.open_recording(tmp_path / f"{n}.wav") for n in ("a", "b", "c"))
    ]
    groups = [c.group for c in assign_groups(clips, find(clips))]
    assert groups[0] == groups[1] != groups[2]


def test_short_overlaps_have_no_similarity() -> None:
    x = sea(1.0, 0)
    assert phase_match.similarity(x, x, len(x) - 300, 0.9) == (0.0, 0.0)
    similarity, deviations = phase_match.similarity(x, x[5000:15_000], 5000 + 40, 0.9)
    assert similarity > 0.99
    assert deviations > 20


def test_real_cuts(watkins: Path) -> None:
    """Two segments that share their sound, and their excerpt at another rate; cuts of other tapes do not."""
    names = [f"segment-pantropical-spotted-dolphin-0{n}" for n in (620, 621, 623, 628)]
    names += ["54024001", "54024002", "6102500A", "91012040", "8800600N", "segment-minke-whale-0696"]
    sounds = [(io.read(p), io.probe(p).sample_rate) for p in (watkins / "audio" / f"{n}.flac" for n in names)]
    x, rate = sounds[5]
    sounds.append((resample(x[len(x) // 4 : 3 * len(x) // 4], rate, 12_000), 12_000))
    clips, found = duplicates(*sounds)
    pairs = {frozenset((clips.index(p.a), clips.index(p.b))) for p in found.near}
    assert pairs == {frozenset((0, 2)), frozenset((1, 2)), frozenset((5, 10))}
