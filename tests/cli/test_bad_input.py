"""What users really give: kinds of bad input, each refused in a line or two.

The table is the specification: what is done, the arguments, the exit code, and what the message must name
(culprit and repair). `{name}` stands for a path made by the fixture `stage`. Bad input that is handled is in
`test_repaired_input.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from bad_input import nothing, rewrite, rows, text

DATA = "--audio {audio} --labels {labels}"
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
    ("out holds another run", nothing, f"train dnn {DATA} --out {{run}}", 2, ["holds another run", "--out"]),
    ("run is no run", nothing, "predict {here} {good}", 2, ["not a finback run folder"]),
    ("run is a file", nothing, "predict {labels} {good}", 2, ["a file, not a model"]),
    ("evaluate without audio", nothing, "evaluate {run} --labels {labels}", 2, ["--audio"]),
    ("predict a missing file", nothing, "predict {run} {here}/no.wav", 2, ["no.wav"]),
    ("predict a text file", nothing, "predict {run} {labels}", 2, ["labels.csv"]),
    ("predict a folder without sound", nothing, "predict {run} {run}", 2, ["run", "no sound files"]),
    ("predict a bad channel", nothing, "predict {run} {good} --channel 5", 2, ["channel"]),
    ("snr is no range", nothing, "simulate {out} --snr-db loud", 2, ["--snr-db"]),
    ("simulate an unknown species", nothing, "simulate {out} --species Kraken", 2, ["Kraken"]),
    ("simulate into a used folder", nothing, "simulate {audio}", 2, ["audio"]),
    (
        "report on a comparison",
        lambda s: (s["here"] / "leaderboard.json").write_text("{}"),
        "report {here}",
        2,
        ["a comparison", "runs", "--format"],
    ),
    ("report on no run", nothing, "report {here}", 2, ["not a finback run folder"]),
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
