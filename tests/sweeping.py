"""The commands that write, and one disturbed run of each: for `test_sweep` and for `make sweep`.

bench = prepare(folder, "tests/tiny.toml")
expected = reference(bench, "generate", place)          # what an undisturbed run leaves
disturbed(bench, "generate", place, Trouble("kill", 7), expected)   # "" or what went wrong
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from added_networks import tiny_cnn14
from interrupting import Outcome, Sweep, Trouble, differing, snapshot

SPECIES = ("Killer whale", "Sperm whale")
DISTURBED = {"kill": (-9,), "term": (143,), "full": (0, 1)}  # 0: an answer that was not kept


@dataclass(frozen=True)
class Bench:
    """What the commands read: clips in `sim`, the runs `a`, `b` and `gaussian`, samples `made`, a `scan`."""

    folder: Path
    tiny: str

    @property
    def data(self) -> list[object]:
        return ["--audio", self.folder / "sim" / "audio", "--labels", self.folder / "sim" / "labels.csv"]

    @property
    def small(self) -> list[object]:
        return [*self.data, "--preset", self.tiny, "--device", "cpu"]

    @property
    def clip(self) -> Path:
        return next(iter(sorted((self.folder / "sim" / "audio").iterdir())))


@dataclass(frozen=True)
class Expected:
    """The result of an undisturbed run, the entries that differ between two of them, and its writes."""

    result: Mapping[str, str]
    volatile: frozenset[str]
    n_writes: int
    n_bytes: int  # of the result and the cache


Words = Callable[[Bench, Path], list[object]]
COMMANDS: dict[str, Words] = {
    "index": lambda b, out: ["index", *b.data, "--out", out / "manifest.csv"],
    "split": lambda b, out: ["split", *b.data, "--split", "50/25/25", "--out", out / "split.csv"],
    "simulate": lambda b, out: ["simulate", out, "--clips", 4, "--tapes", 2, "--species", ";".join(SPECIES)],
    "train": lambda b, out: ["train", "cnn2d", *b.small, "--out", out],
    "train folds": lambda b, out: ["train", "cnn2d", *b.small, "--folds", 2, "--out", out],
    "run": lambda b, out: ["run", *b.small, "--out", out],
    "evaluate": lambda b, out: ["evaluate", out, "--device", "cpu"],
    "report": lambda b, out: ["report", out],
    "generate": lambda b, out: [
        *("generate", b.folder / "gaussian", "--all", "-n", 3, "--device", "cpu"),
        *("--vocoder", "fast-griffin-lim", "--out", out),
    ],
    "synthesize": lambda b, out: [
        *("synthesize", b.folder / "gaussian", *b.data, "--classifier", b.folder / "a", "--target-clips", 8),
        *("--vocoder", "fast-griffin-lim", "--max-attempts", 2, "--device", "cpu", "--out", out),
    ],
    "vocode": lambda b, out: [
        *("vocode", b.folder / "made" / "spectrograms.npz", "--preset", b.tiny),
        *("--vocoder", "fast-griffin-lim", "--device", "cpu", "--out", out),
    ],
    "augment": lambda b, out: ["augment", b.clip, "--preset", b.tiny, "--seed", 3, "--wav", out],
    "ensemble": lambda b, out: ["ensemble", b.folder / "a", b.folder / "b", "--out", out],
    "compare": lambda b, out: ["compare", *b.small, "--families", "cnn2d", "--folds", 2, "--out", out],
    "compare data sets": lambda b, out: [
        *("compare", "--datasets", b.folder / "tapes.toml", "mfcc-svm", "mfcc-plda", "--folds", 2),
        *("--set", "unknown.method=none", "--device", "cpu", "--out", out),
    ],
    "scan": lambda b, out: [
        *("scan", b.folder / "a", b.folder / "sim" / "audio", "--out", out),
        *("--workers", 1, "--span-minutes", 0.1, "--missing-band", "analyse"),
    ],
    "tables": lambda b, out: [
        *("tables", b.folder / "scan", "--out", out, "--threshold", 0.1),
        *("--format", "audacity,sqlite,parquet", "--occupancy"),
    ],
    "mine": lambda b, out: ["mine", b.folder / "a", b.folder / "sim" / "audio", "--out", out, "--workers", 1],
    "evaluate-detections": lambda b, out: [
        *("evaluate-detections", b.folder / "scan" / "events.csv", b.folder / "scan", "--out", out),
        *("--audio", b.folder / "sim" / "audio"),
    ],
    "convert": lambda b, out: ["convert", b.folder / "scan" / "events.csv", out, "--format", "raven"],
    "soundscape": lambda b, out: [
        *("simulate", "soundscape", "--out", out, "--minutes", 0.5, "--tapes", 2, "--sample-rate", 40000),
        *("--species", ";".join(SPECIES), "--calls-per-hour", 600),
    ],
    "backbone add": lambda b, out: ["backbone", "add", "cnn14", "--weights", b.folder / "cnn14.pth"],
    "package": lambda b, out: ["package", b.folder / "a", out],
    "export": lambda b, out: ["export", b.folder / "a", "--to", "card", "--out", out / "card.md"],
}


def prepare(folder: Path, tiny: str) -> Bench:
    """Simulate the clips and train what the commands need. Raises `RuntimeError` when one of these fails."""
    bench, sweep = Bench(folder, tiny), Sweep(folder)
    gaussian = ["--set", "model.n_components=4"]
    folder.mkdir(parents=True, exist_ok=True)
    tiny_cnn14(folder / "cnn14.pth")
    data_set = 'name = "tapes"\naudio = "sim/audio"\nlabels = "sim/labels.csv"\n'
    (folder / "tapes.toml").write_text(data_set, encoding="utf-8")
    for words in (
        ["simulate", folder / "sim", "--clips", 6, "--tapes", 3, "--species", ";".join(SPECIES)],
        ["train", "cnn2d", *bench.small, "--out", folder / "a"],
        ["train", "cnn2d", *bench.small, "--set", "training.epochs=4", "--out", folder / "b"],
        ["train", "gaussian", *bench.small, *gaussian, "--out", folder / "gaussian"],
        COMMANDS["generate"](bench, folder / "made"),
        [*COMMANDS["scan"](bench, folder / "scan"), "--threshold", 0.1],
    ):
        outcome = sweep.run(words)
        if outcome.code:
            raise RuntimeError(f"{words}: {outcome.printed}")
    return bench


def attempt(bench: Bench, name: str, place: Path, *troubles: Trouble) -> list[Outcome]:
    """Run a command in an empty place once for each trouble, every time with the same arguments."""
    shutil.rmtree(place, ignore_errors=True)
    (place / "out").parent.mkdir(parents=True)
    if name in ("evaluate", "report"):
        shutil.copytree(bench.folder / "a", place / "out")
    return [Sweep(place).run(COMMANDS[name](bench, place / "out"), trouble) for trouble in troubles]


def reference(bench: Bench, name: str, place: Path) -> Expected:
    """What an undisturbed run leaves. Raises `RuntimeError` when it fails."""
    results = []
    for _ in range(2):
        (outcome,) = attempt(bench, name, place, Trouble())
        if outcome.code:
            raise RuntimeError(f"{name}: {outcome.printed}")
        results.append(snapshot(place / "out"))
    return Expected(results[0], frozenset(differing(*results)), outcome.n_writes, n_bytes(place))


def n_bytes(folder: Path) -> int:
    """Size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def disturbed(bench: Bench, name: str, place: Path, trouble: Trouble, expected: Expected) -> str:
    """Disturb a command, run it again, and compare: "" when all is well, else what is wrong."""
    first, again = attempt(bench, name, place, trouble, Trouble())
    if "Traceback" in first.printed + again.printed or "unforeseen" in first.printed + again.printed:
        return f"{trouble}: a traceback: {first.printed[-500:]} {again.printed[-500:]}"
    # The number of writes changes a little from run to run, so the last ones are not always reached.
    ended_before = first.code == 0 and first.n_writes < trouble.at
    if first.code not in DISTURBED[trouble.kind] and not ended_before:
        return f"{trouble}: exit code {first.code}: {first.printed[-300:]}"
    if again.code:
        return f"{trouble}: the second run failed: {again.printed[-300:]}"
    other = differing(dict(expected.result), snapshot(place / "out")) - expected.volatile
    return f"{trouble}: other results: {sorted(other)[:5]}" if other else ""


def beside(bench: Bench, name: str, place: Path, trouble: Trouble, expected: Expected) -> str:
    """The same while a second process does the same work in the same folder, undisturbed.

    The second one ends well or is refused by name; then the command is run once more.
    """
    attempt(bench, name, place)
    sweep, words = Sweep(place), COMMANDS[name](bench, place / "out")
    running = [sweep.start(words, trouble), sweep.start(words)]
    first, second = (sweep.end(*one) for one in running)
    again = sweep.run(words)
    printed = first.printed + second.printed + again.printed
    if "Traceback" in printed or "unforeseen" in printed:
        return f"{trouble} beside another: a traceback: {printed[-500:]}"
    if second.code and "another process" not in second.printed:
        return f"{trouble} beside another: exit code {second.code}: {second.printed[-300:]}"
    if again.code:
        return f"{trouble} beside another: the last run failed: {again.printed[-300:]}"
    other = differing(dict(expected.result), snapshot(place / "out")) - expected.volatile
    return f"{trouble} beside another: other results: {sorted(other)[:5]}" if other else ""
