"""What users really give: forty-odd kinds of bad input, each handled or refused in a line or two.

The table is the specification: what is done, the arguments, the exit code, and what the message must name
(culprit and repair). `{name}` stands for a path made by `stage`.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from finback.audio.io import read, write
from finback.cli import main

DATA = "--audio {audio} --labels {labels}"


@pytest.fixture
def finback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: (exit code, stdout, stderr)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["finback", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def stage(tmp_path: Path, simulated: Path, trained: Path) -> dict[str, Path]:
    """A folder of things to go wrong with."""
    audio = tmp_path / "audio"
    shutil.copytree(simulated / "audio", audio)
    labels = shutil.copy(simulated / "labels.csv", tmp_path / "labels.csv")
    places = {
        "audio": audio,
        "labels": Path(labels),
        "run": trained,
        "out": tmp_path / "out",
        "here": tmp_path,
        "good": next(iter(sorted(audio.iterdir()))),
    }
    return places


def rows(stage: dict[str, Path]) -> list[str]:
    return stage["labels"].read_text().splitlines()


def rewrite(stage: dict[str, Path], lines: list[str], encoding: str = "utf-8", newline: str = "\n") -> None:
    stage["labels"].write_bytes((newline.join(lines) + newline).encode(encoding))


def sound(name: str, make: Callable[[Path], None]) -> Callable[[dict[str, Path]], None]:
    """Put a file into the audio folder and label it."""

    def do(stage: dict[str, Path]) -> None:
        make(stage["audio"] / name)
        rewrite(stage, [*rows(stage), f"{name},Killer whale,new"])

    return do


def text(*changes: tuple[str, str]) -> Callable[[dict[str, Path]], None]:
    """Replace text in the labels."""

    def do(stage: dict[str, Path]) -> None:
        content = stage["labels"].read_text()
        for old, new in changes:
            assert old in content
            content = content.replace(old, new)
        stage["labels"].write_text(content)

    return do


def nothing(stage: dict[str, Path]) -> None:
    """Leave everything as it is."""


def truncated_flac(path: Path) -> None:
    whole = next(p for p in sorted(path.parent.iterdir()) if p.suffix == ".flac").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def wave(samples: np.ndarray, rate: int = 16_000, subtype: str = "FLOAT") -> Callable[[Path], None]:
    return lambda path: write(path, samples, rate, subtype)


def _nan_wave(path: Path) -> None:
    x = np.zeros(8000, dtype=np.float32)
    write(path, x, 16_000, "FLOAT")
    data = bytearray(path.read_bytes())
    data[-400:-396] = np.float32(np.nan).tobytes()
    path.write_bytes(data)


# (id, what is done, arguments, exit code, words that must be in the message)
REFUSED: list[tuple[str, Callable[[dict[str, Path]], None], str, int, list[str]]] = [
    ("no such audio folder", nothing, "index --audio {here}/nowhere --labels {labels}", 2, ["nowhere"]),
    ("audio is a file", nothing, "index --audio {labels} --labels {labels}", 2, ["labels.csv"]),
    ("no such labels", nothing, "index --audio {audio} --labels {here}/none.csv", 2, ["none.csv"]),
    ("empty labels", lambda s: s["labels"].write_text(""), f"index {DATA}", 2, ["labels.csv", "empty"]),
    ("header only", lambda s: rewrite(s, rows(s)[:1]), f"index {DATA}", 2, ["labels.csv"]),
    (
        "no species column",
        text(("species", "taxon")),
        f"index {DATA}",
        2,
        ["species", "taxon", "--species-column"],
    ),
    ("no file column", text(("file,", "clip,")), f"index {DATA}", 2, ["file", "clip", "--file-column"]),
    (
        "a spreadsheet",
        lambda s: s["labels"].write_bytes(b"PK\x03\x04" + b"\0" * 99),
        f"index {DATA}",
        2,
        ["labels.csv", "CSV"],
    ),
    ("no file matches", lambda s: rewrite(s, ["file,species", "a.wav,x"]), f"index {DATA}", 2, ["a.wav"]),
    ("no such groups table", nothing, f"index {DATA} --groups {{here}}/no.csv:tape", 2, ["no.csv"]),
    ("no such groups column", nothing, f"index {DATA} --groups {{labels}}:tape", 2, ["tape"]),
    ("groups without a column", nothing, f"index {DATA} --groups {{labels}}", 2, ["column"]),
    (
        "strict with a missing file",
        lambda s: s["good"].unlink(),
        f"index {DATA} --strict",
        2,
        ["row", "--strict"],
    ),
    ("unknown source", nothing, f"index {DATA} --source csv", 2, ["source", "csv"]),
    ("negative channel", nothing, f"index {DATA} --channel -1", 2, ["channel"]),
    ("channel that is not there", nothing, f"index {DATA} --channel 7", 2, ["channel"]),
    ("too high a minimum", nothing, f"index {DATA} --min-clips 999", 2, ["999"]),
    ("split not of three", nothing, f"split {DATA} --split 70/30", 2, ["--split 70/30"]),
    ("split over 100", nothing, f"split {DATA} --split 70/20/20", 2, ["110"]),
    ("split in words", nothing, f"split {DATA} --split most/some/rest", 2, ["--split"]),
    ("one fold", nothing, f"split {DATA} --folds 1", 2, ["fold"]),
    ("more folds than tapes", nothing, f"split {DATA} --folds 99", 2, ["99"]),
    ("split by nothing", nothing, f"split {DATA} --by tape", 2, ["by", "tape"]),
    (
        "leak in the split column",
        lambda s: rewrite(
            s,
            [rows(s)[0] + ",split", *[f"{r},{('train', 'test')[i % 2]}" for i, r in enumerate(rows(s)[1:])]],
        ),
        f"split {DATA}",
        1,
        ["group", "--by clip"],
    ),
    ("unknown family", nothing, f"train resnet {DATA} --out {{out}}", 2, ["resnet", "cnn2d"]),
    (
        "unknown setting",
        nothing,
        f"train cnn2d {DATA} --out {{out}} --set training.epoch=3",
        2,
        ["training.epochs"],
    ),
    (
        "unknown model setting",
        nothing,
        f"train cnn2d {DATA} --out {{out}} --set model.heads=3",
        2,
        ["model.heads"],
    ),
    (
        "setting out of range",
        nothing,
        f"train cnn2d {DATA} --out {{out}} --set training.epochs=0",
        2,
        ["training.epochs"],
    ),
    (
        "setting without a value",
        nothing,
        f"train cnn2d {DATA} --out {{out}} --set training.epochs",
        2,
        ["key=value"],
    ),
    ("unknown preset", nothing, f"train cnn2d {DATA} --out {{out}} --preset orca", 2, ["orca", "watkins"]),
    ("unknown device", nothing, f"train cnn2d {DATA} --out {{out}} --device tpu", 2, ["tpu"]),
    ("a card that is not there", nothing, f"train cnn2d {DATA} --out {{out}} --device cuda:7", 2, ["cuda:7"]),
    ("seed below zero", nothing, f"train cnn2d {DATA} --out {{out}} --seed -3", 2, ["seed"]),
    ("no out folder given", nothing, f"train cnn2d {DATA}", 2, ["--out"]),
    ("unknown option", nothing, f"train cnn2d {DATA} --out {{out}} --epochs 3", 2, ["--epochs"]),
    ("unknown command", nothing, "classify x.wav", 2, ["classify", "--help"]),
    ("out holds another run", nothing, f"train dnn {DATA} --out {{run}}", 1, ["holds another run", "--out"]),
    ("run is no run", nothing, "predict {here} {good}", 1, ["not a finback run folder"]),
    ("run is a file", nothing, "predict {labels} {good}", 1, ["not a finback run folder"]),
    ("evaluate without audio", nothing, "evaluate {run} --labels {labels}", 2, ["--audio"]),
    ("predict a missing file", nothing, "predict {run} {here}/no.wav", 2, ["no.wav"]),
    ("predict a text file", nothing, "predict {run} {labels}", 2, ["labels.csv"]),
    ("predict a folder", nothing, "predict {run} {audio}", 2, ["audio"]),
    ("predict a bad channel", nothing, "predict {run} {good} --channel 5", 2, ["channel"]),
    ("snr is no range", nothing, "simulate {out} --snr-db loud", 2, ["--snr-db"]),
    ("simulate an unknown species", nothing, "simulate {out} --species Kraken", 2, ["Kraken"]),
    ("simulate into a used folder", nothing, "simulate {audio}", 2, ["audio"]),
    ("report on no run", nothing, "report {here}", 1, ["not a finback run folder"]),
]


@pytest.mark.parametrize(
    ("spoil", "arguments", "code", "named"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_refused_in_a_line(finback, stage, spoil, arguments: str, code: int, named: list[str]) -> None:  # type: ignore[no-untyped-def]
    spoil(stage)
    got, _, err = finback(*arguments.format(**stage).split(" "))
    message = [line for line in err.splitlines() if line.startswith("finback:")]
    assert message, err
    shown = err[err.index("finback:") :]
    assert len(shown.splitlines()) <= 14  # strict lists up to ten problems
    assert "Traceback" not in err
    for word in named:
        assert word in shown, shown
    assert got == code, shown


# Handled: the work goes on, and the result says what was done with it. (id, spoil, clips left, words)
HANDLED: list[tuple[str, Callable[[dict[str, Path]], None], int, list[str]]] = [
    ("byte order mark", lambda s: rewrite(s, rows(s), "utf-8-sig"), 32, []),
    ("windows line ends", lambda s: rewrite(s, rows(s), newline="\r\n"), 32, []),
    ("utf-16 from a spreadsheet", lambda s: rewrite(s, rows(s), "utf-16"), 32, []),
    ("semicolons", lambda s: rewrite(s, [r.replace(",", ";") for r in rows(s)]), 32, []),
    ("spaces around values", lambda s: rewrite(s, [r.replace(",", " , ") for r in rows(s)]), 32, []),
    ("upper-case extension", lambda s: s["good"].rename(s["good"].with_suffix(".FLAC")) and None, 32, []),
    ("other extension in the table", text((".flac", ".wav")), 32, []),
    (
        "two spellings",
        lambda s: rewrite(
            s, [r.replace("Killer whale", "killer  whale") if i == 30 else r for i, r in enumerate(rows(s))]
        ),
        32,
        [],
    ),
    ("a missing file", lambda s: s["good"].unlink(), 31, ["missing_file"]),
    ("an unlabelled file", lambda s: rewrite(s, rows(s)[:-1]), 31, ["unlabelled"]),
    ("a duplicate row", lambda s: rewrite(s, [*rows(s), rows(s)[-1]]), 32, ["duplicate_row"]),
    (
        "an empty species",
        lambda s: rewrite(s, [*rows(s)[:-1], rows(s)[-1].split(",")[0] + ",,x"]),
        31,
        ["empty_label"],
    ),
    (
        "one sound, two species",
        sound("copy.flac", lambda p: shutil.copy(sorted(p.parent.iterdir())[0], p) and None),
        31,
        ["two_species"],
    ),
    ("a text file called .wav", sound("t.wav", lambda p: p.write_text("hello") and None), 32, ["unreadable"]),
    ("an empty file", sound("e.wav", lambda p: p.write_bytes(b"") and None), 32, ["unreadable"]),
    ("a truncated flac", sound("t.flac", truncated_flac), 33, ["remark"]),
    ("NaN in a float file", sound("n.wav", _nan_wave), 32, ["unreadable"]),
    ("silence", sound("s.wav", wave(np.zeros(16_000))), 33, []),
    ("a very short click", sound("c.wav", wave(np.ones(20) * 0.1, 100_000)), 33, ["short"]),
    ("an odd rate", sound("o.wav", wave(np.random.default_rng(0).normal(0, 0.1, 9000), 7_919)), 33, []),
    ("sixteen channels", sound("m.wav", wave(np.random.default_rng(0).normal(0, 0.1, (8000, 16)))), 33, []),
    (
        "a name with a comma, unquoted",
        sound("a, b.wav", wave(np.random.default_rng(1).normal(0, 0.1, 8000))),
        32,
        ["columns"],
    ),
]


@pytest.mark.parametrize(("spoil", "left", "kinds"), [h[1:] for h in HANDLED], ids=[h[0] for h in HANDLED])
def test_handled_and_said(finback, stage, spoil, left: int, kinds: list[str]) -> None:  # type: ignore[no-untyped-def]
    import json

    spoil(stage)
    code, out, err = finback(
        "index", "--audio", str(stage["audio"]), "--labels", str(stage["labels"]), "--json"
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["n_clips"] == left, found["problems"]
    assert {p["kind"] for p in found["problems"]} >= set(kinds)
    for problem in found["problems"]:
        assert problem["file"]
        assert problem["repair"] or problem["kind"] == "remark"  # what was read needs no repair


def test_a_wav_whose_recorder_died_is_read(finback, stage) -> None:  # type: ignore[no-untyped-def]
    """Data size 0 in the header, samples in the file."""
    path = stage["audio"] / "died.wav"
    write(path, np.random.default_rng(0).normal(0, 0.1, 8000), 16_000)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\0\0\0\0"
    path.write_bytes(data)
    assert len(read(path)) == 8000
    code, _, _ = finback("predict", str(stage["run"]), str(path))
    assert code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(finback, stage) -> None:  # type: ignore[no-untyped-def]
    stage["good"].chmod(0)
    code, _, err = finback("predict", str(stage["run"]), str(stage["good"]))
    assert code == 2
    assert stage["good"].name in err


def test_one_bad_file_among_good_ones(finback, stage) -> None:  # type: ignore[no-untyped-def]
    code, out, err = finback("predict", str(stage["run"]), str(stage["labels"]), str(stage["good"]))
    assert code == 1
    assert stage["good"].name in out
    assert "labels.csv" in err
