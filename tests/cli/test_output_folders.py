"""Output folders: one writer at a time, nothing of the user is replaced, every name stays inside."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finback.cli import main
from finback.core.storage.csv_files import write_csv
from finback.core.storage.files import write_json
from finback.core.storage.locks import LOCK, only_writer
from finback.core.storage.paths import is_portable

HOLD = """
import sys, time
from pathlib import Path
from finback.core.storage.locks import only_writer
with only_writer(Path(sys.argv[1])):
    print(flush=True)
    sys.stdin.read()
"""


def finback(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "finback", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextmanager
def writer_in(folder: Path) -> Iterator[int]:
    """Another process that writes in the folder; its number."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_two_trainings_into_one_folder(simulated: Path, tiny: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    data = ("--audio", simulated / "audio", "--labels", simulated / "labels.csv", "--preset", tiny)
    first, second = (finback("train", "cnn2d", *data, "--out", out, "--device", "cpu") for _ in range(2))
    said = [process.communicate()[1] for process in (first, second)]
    codes = [first.returncode, second.returncode]
    assert sorted(codes) == [0, 1], said
    winner = first if codes[0] == 0 else second
    refusal = said[codes.index(1)].strip().splitlines()[-1]
    assert f"finback: {out}: another process writes there now (process {winner.pid} on " in refusal
    assert f"finback train cnn2d --audio {simulated}" in refusal
    assert refusal.endswith("wait until it ends, or give another --out")
    steps = [json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps)), "no line of the log is doubled"


Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command line in this process: (exit code, stderr)."""

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["finback", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), capsys.readouterr().err

    return run


DATA = ("--audio", "{sim}/audio", "--labels", "{sim}/labels.csv")
COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("run", *DATA, "--preset", "{tiny}", "--out", "{out}"),
    "generator": ("train", "gaussian", *DATA, "--preset", "{tiny}", "--out", "{out}"),
    "compare": ("compare", *DATA, "--families", "dnn", "--out", "{out}"),
    "study": ("compare", *DATA, "--synthetic", "gaussian", "--out", "{out}"),
    "simulate": ("simulate", "{out}", "--clips", "1", "--tapes", "1"),
    "recording": ("simulate", "{out}", "--minutes", "0.1"),
    "ensemble": ("ensemble", "{run}", "{copy}", "--out", "{out}"),
    "package": ("package", "{run}", "{out}"),
    "augment": ("augment", "{wav}", "--no-show", "--wav", "{out}"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_refused_while_another_process_writes(
    call: Call, command: str, simulated: Path, trained: Path, tiny: str, tmp_path: Path
) -> None:
    out, copy = tmp_path / "out", tmp_path / "copy"
    shutil.copytree(trained, copy)
    info = json.loads((copy / "run.json").read_text())
    write_json(copy / "run.json", {**info, "temperature": 2.0})
    wav = next((simulated / "audio").iterdir())
    places = {"sim": simulated, "tiny": tiny, "run": trained, "copy": copy, "out": out, "wav": wav}
    with writer_in(out) as other:
        code, said = call(*(text.format(**places) for text in COMMANDS[command]))
        assert code == 1, said
        assert f"{out}: another process writes there now (process {other} on " in said
        assert [path.name for path in out.iterdir()] == [LOCK]


@pytest.mark.parametrize("command", ["evaluate", "report", "map"])
def test_what_writes_into_a_run_is_refused_and_what_reads_is_not(
    call: Call, trained: Path, simulated: Path, tmp_path: Path, command: str
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    (run / "metrics.json").unlink()
    with writer_in(run):
        code, said = call(command, run)
        assert code == 1
        assert "another process writes there now" in said
        code, said = call("predict", run, next((simulated / "audio").iterdir()), "--device", "cpu")
        assert code == 0, said


def test_nothing_of_the_user_is_written_over(
    call: Call, trained: Path, simulated: Path, tmp_path: Path
) -> None:
    labels = Path(shutil.copy(simulated / "labels.csv", tmp_path / "labels.csv"))
    wav = Path(shutil.copy(next((simulated / "audio").iterdir()), tmp_path / "a.wav"))
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    clips = Path(shutil.copytree(simulated / "audio", tmp_path / "clips"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "manifest.csv").write_text("mine")
    (tmp_path / "link.csv").symlink_to(labels)
    data = ("--audio", clips, "--labels", labels)
    for arguments in (
        ("index", *data, "--out", labels),
        ("index", *data, "--out", tmp_path / "link.csv"),
        ("split", *data, "--out", labels),
        ("split", *data, "--groups", f"{labels}:group", "--out", tmp_path / "run"),
        ("vocode", wav, "--out", wav),
        ("augment", wav, "--out", wav),
        ("package", run, run),
        ("package", run, tmp_path / "link.csv"),
        ("train", "cnn2d", *data, "--out", tmp_path / "mine"),
        ("run", *data, "--out", tmp_path / "mine"),
        ("train", "cnn2d", *data, "--out", labels),
        ("generate", "watkins", "--all", "-n", "1", "--out", clips),
        ("export", run, "--to", "card", "--out", tmp_path / "mine"),
    ):
        before = {p: p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("[!.]*"))}
        code, said = call(*arguments)
        assert code in (1, 2), arguments
        assert "unforeseen" not in said
        assert "Traceback" not in said
        after = {p: p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("[!.]*")) if p.is_file()}
        assert after == {p: t for p, t in before.items() if p.is_file()}, (arguments, said)


HOSTILE = ("..", "/etc/x", "C:\\x", "a/b", "x" * 300, "CON", "\N{WHALE}", "\u202eniF", "=cmd()", "tab\there")


@pytest.mark.parametrize("names", [HOSTILE[:4], HOSTILE[4:8], (*HOSTILE[8:], "Fin?", "Fin 2")], ids=ascii)
def test_species_of_any_name_are_written_inside_out(
    call: Call, simulated: Path, tiny: str, tmp_path: Path, names: tuple[str, ...]
) -> None:
    with open(simulated / "labels.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    of = dict(zip(sorted({row["species"] for row in rows}), names, strict=True))
    table = tmp_path / "labels.csv"
    write_csv(table, ("file", "species", "group"), [(r["file"], of[r["species"]], r["group"]) for r in rows])
    out = tmp_path / "deep" / "out"
    data = ("--audio", simulated / "audio", "--labels", table, "--preset", tiny, "--device", "cpu")
    beside = set(tmp_path.parent.iterdir())
    for arguments in (
        ("run", *data, "--set", "training.epochs=1", "--out", out / "run"),
        ("map", out / "run"),
        ("package", out / "run", out / "package"),
        ("export", out / "run", "--to", "card", "--out", out / "card.md"),
        ("train", "gaussian", *data, "--set", "model.n_components=8", "--out", out / "generator"),
        (
            "generate",
            out / "generator",
            "--all",
            "-n",
            "1",
            "--vocoder",
            "griffin-lim",
            "--out",
            out / "clips",
        ),
        ("vocode", out / "clips" / "spectrograms.npz", "--preset", tiny, "--out", out / "sounds"),
    ):
        code, said = call(*arguments)
        assert code == 0, (arguments[0], said)
    assert {path.name for path in tmp_path.iterdir()} == {"labels.csv", "deep"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    assert set(tmp_path.parent.iterdir()) == beside
    assert len(list((out / "clips").glob("*.wav"))) == len(list((out / "sounds").glob("*.wav"))) == 4
    for path in out.rglob("*"):
        assert is_portable(path.name), path


def test_a_lock_that_kill_minus_nine_left_does_not_block(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE)
    while not (tmp_path / LOCK).exists() or not (tmp_path / LOCK).read_bytes():
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert (tmp_path / LOCK).read_bytes(), "it still names the dead process"
    with only_writer(tmp_path):
        assert str(os.getpid()) in (tmp_path / LOCK).read_text()
