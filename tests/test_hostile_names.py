"""Names of an attacker go through every command: nothing that is shown or written runs them."""

from __future__ import annotations

import csv
import html.parser
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from finback.cli import main

SPECIES = (
    "<img src=x onerror=alert(1)>\"'><script>alert(2)</script><!--",
    "\x1b]0;owned\x07[red]x[/red] :whale: \u202e \x9b31m",
    "=cmd|' /C calc'!A0",
    "](javascript:alert(3)) $\\frac{ *b* `c` | {{7*7}} ${x} # d",
)
STEMS = (
    "<svg onload=alert(4)>",
    "\x1b[2J\u202e",
    "=1+1",
    "-2+3",
    "@x",
    "](javascript:x)",
    "[red]r[_red] $_{",
)
TERMINAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]")


class Page(html.parser.HTMLParser):
    """What a browser would run of a page: script texts, event handlers, addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        for name, value in attributes:
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.runs.append(f"{tag} {name}={value}")
            if name in ("src", "href") and not re.match(r"data:|#|https?://", value or ""):
                self.runs.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self._inside == "script" and re.match(r"\s*alert\(", data):
            self.runs.append(data)


@pytest.fixture(scope="module")
def hostile(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated recordings under hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "audio").mkdir()
    with open(simulated / "labels.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    name_of = dict(zip(sorted({row["species"] for row in rows}), SPECIES, strict=True))
    with open(folder / "labels.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "species", "group"])
        for i, row in enumerate(rows):
            new = f"{STEMS[i % len(STEMS)]}{i}{Path(row['file']).suffix}"
            shutil.copy(simulated / "audio" / Path(row["file"]).name, folder / "audio" / new)
            table.writerow([new, name_of[row["species"]], f"=tape {row.get('group', row['file'])}"])
    return folder


Call = Callable[..., tuple[int, str]]


@pytest.fixture
def finback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command line in this process: exit code and all that it printed, which must be harmless."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["finback", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        printed = captured.out + captured.err
        assert not TERMINAL.search(printed.replace("\n", "")), (arguments, TERMINAL.findall(printed))
        assert "Traceback" not in printed
        return int(stop.value.code or 0), printed

    return call


def check_files(folder: Path) -> list[Path]:
    """Every file that was written is harmless where it is opened."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in found:
        if path.suffix in (".csv", ".tsv"):
            check_table(path)
        elif path.suffix in (".html", ".svg"):
            check_page(path)
        elif path.suffix == ".md":
            check_markdown(path)
    return found


def check_table(path: Path) -> None:
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","):
            for cell in row:
                number = re.fullmatch(r"[+-]?[0-9.]+(e[+-]?[0-9]+)?|-", cell)
                assert number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (path, cell)


def check_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not CONTROLS.search(text), (path, CONTROLS.findall(text)[:3])
    page = Page()
    page.feed(text)
    assert not page.runs, (path, page.runs)
    for raw in ("<img src=x", "<script>alert", "<svg onload"):
        assert raw not in text, (path, raw)


def check_markdown(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not CONTROLS.search(text), path
    for raw in ("<img", "<script", "<svg", "](javascript:", "\n# d"):
        assert raw not in text, (path, raw)


def test_through_every_command(hostile: Path, tiny: str, tmp_path: Path, finback: Call) -> None:
    data = ["--audio", hostile / "audio", "--labels", hostile / "labels.csv"]
    grouped = ["--groups", f"{hostile / 'labels.csv'}:group"]
    small = ["--preset", tiny, "--device", "cpu"]
    clips = sorted((hostile / "audio").iterdir())[:9]
    run, generator = tmp_path / "run", tmp_path / "generator"
    gaussian = ["--preset", tiny, "--set", "model.n_components=4", "--device", "cpu"]
    two = ["--families", "cnn2d,mfcc-plda", "--folds", "2"]
    commands: list[list[object]] = [
        ["index", *data, *grouped, "--out", tmp_path / "manifest.csv"],
        ["index", *data, *grouped, "--json"],
        ["audit", *data, *grouped],
        ["split", *data, *grouped, "--split", "60/20/20", "--out", tmp_path / "split.csv"],
        ["run", *data, *grouped, *small, "--out", run],
        ["evaluate", run, "--device", "cpu"],
        ["evaluate", run, *data, "--device", "cpu"],
        ["predict", run, *clips, "--device", "cpu"],
        ["predict", run, *clips, "--device", "cpu", "--json"],
        ["map", run, "--device", "cpu", "--method", "t-SNE"],
        ["package", run, tmp_path / "packaged"],
        ["export", run, "--to", "card", "--out", tmp_path / "card.md"],
        ["train", "gaussian", *data, *grouped, *gaussian, "--out", generator],
        ["generate", generator, "--all", "-n", "1", "--device", "cpu", "--out", tmp_path / "generated"],
        ["report", generator],
        ["package", generator, tmp_path / "packaged-generator"],
        ["compare", *data, *grouped, *small, *two, "--out", tmp_path / "compared"],
    ]
    for command in commands:
        code, printed = finback(*command)
        assert code == 0, (command[:2], printed)
    written = {path.suffix for path in check_files(tmp_path)}
    assert {".csv", ".html", ".svg", ".md"} <= written


@pytest.mark.parametrize("name", [*SPECIES, *STEMS])
def test_errors_name_names_as_text(trained: Path, tmp_path: Path, finback: Call, name: str) -> None:
    for arguments in (
        ["predict", trained, tmp_path / name],
        ["predict", tmp_path / name, "a.wav"],
        ["generate", trained, name, "--out", tmp_path / "x"],
        ["train", name, "--audio", tmp_path, "--out", tmp_path / "y"],
        [name],
        ["train", f"--{name}"],
    ):
        code, _ = finback(*arguments)
        assert code in (1, 2)
