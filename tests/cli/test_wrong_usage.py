"""Every command refuses wrong usage at once: before torch is imported, sound is read or a file is made."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import typer
from wrong_usage import WRONG

from finback.cli.app import app
from finback.generation.names import SAMPLERS, VOCODERS

# All rows in one new process, so that what a refusal imports is seen; each row is told as a line of JSON.
EACH = """
import contextlib, io, json, sys
from finback.cli import _run

HEAVY, seen = ("torch", "sklearn", "matplotlib"), []

for line in sys.stdin.read().splitlines():
    sys.argv = ["finback", *json.loads(line)]
    err, code = io.StringIO(), 0
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(err):
        try:
            code = _run(False)
        except BaseException as error:
            code = repr(error)
    new = [name for name in HEAVY if name in sys.modules and name not in seen]
    seen += new
    print(json.dumps([code, err.getvalue(), new]), flush=True)
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, simulated: Path) -> dict[str, Path]:
    """See `wrong_usage`; the runs are the bundled models."""
    home = tmp_path_factory.mktemp("wrong")
    lines = (simulated / "labels.csv").read_text().splitlines()
    species = lines[1].split(",")[lines[0].split(",").index("species")]
    weights = Path(str(resources.files("finback"))) / "weights"
    made = {
        "audio": simulated / "audio",
        "labels": simulated / "labels.csv",
        "sound": min((simulated / "audio").iterdir()),
        "one": home / "one.csv",
        "nospecies": home / "nospecies.csv",
        "text": home / "text.txt",
        "here": home / "here",
        "begun": home / "begun",
        "scan": home / "scan",
        "clips": home / "clips",
        "new": home / "new",
        "below": home / "text.txt" / "below",
        "classifier": weights / "watkins-small" / "classifier",
        "generator": weights / "watkins" / "generator",
        "diffusion": weights / "watkins-diffusion" / "generator",
        "vocoder": weights / "watkins" / "vocoder",
    }
    made["one"].write_text("\n".join([lines[0], *(line for line in lines[1:] if species in line)]))
    made["nospecies"].write_text("\n".join([lines[0].replace("species", "taxon"), *lines[1:]]))
    made["text"].write_text("This is not what you are looking for.")
    for folder in ("here", "begun", "scan", "clips"):
        made[folder].mkdir()
    info = json.loads((made["classifier"] / "run.json").read_text())
    (made["begun"] / "run.json").write_text(json.dumps({**info, "trained": False}))
    (made["scan"] / "scan.json").write_text("{}")
    shutil.copy(made["labels"], made["clips"] / "manifest.csv")
    return made


def commands(group: Any = None, words: str = "") -> list[str]:
    """The names of all commands: `train`, `vae interpolate`."""
    group = typer.main.get_command(app) if group is None else group
    names = []
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        names += commands(command, f"{words}{name} ") if inner else [f"{words}{name}"]
    return names


def test_every_command_has_wrong_usages() -> None:
    assert set(WRONG) - {""} == set(commands())
    assert all(WRONG.values())
    assert sum(map(len, WRONG.values())) >= 100


def ask(rows: list[list[str]]) -> list[Any]:
    """(exit code, text, heavy modules) of each row, in one new process."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    done = subprocess.run(
        [sys.executable, "-c", EACH], input=lines, capture_output=True, encoding="utf-8", check=False
    )
    assert not done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def typed(command: str, arguments: str, places: dict[str, Path]) -> list[str]:
    words = [*command.removesuffix(" clips").split(), *arguments.split()]
    return [
        word.format(**places).replace("_", " ") if "{" not in word else word.format(**places)
        for word in words
    ]


def tree(places: dict[str, Path]) -> dict[Path, int]:
    return {path: path.stat().st_size for path in places["here"].parent.rglob("*")}


def test_wrong_usage_is_refused_before_any_work(places: dict[str, Path]) -> None:
    rows = [(command, *row) for command, of in WRONG.items() for row in of]
    before = tree(places)
    told = ask([typed(command, arguments, places) for command, arguments, _ in rows])
    wrong = []
    for (command, arguments, words), (code, said, heavy) in zip(rows, told, strict=False):
        lines = said.strip().splitlines()
        faults = [f"no {word!r}" for word in words.split() if word.lower() not in said.lower()]
        faults += [] if code == 2 else [f"exit code {code}"]
        faults += [] if 1 <= len(lines) <= 2 else [f"{len(lines)} lines"]
        faults += [] if said.startswith("finback: ") else ["not a message of finback"]
        faults += [f"imports {heavy}"] if heavy else []
        if faults:
            wrong.append(f"finback {command} {arguments}\n    {'; '.join(faults)}\n    {said.strip()}")
    assert not wrong, "\n".join(wrong)
    assert len(told) == len(rows)
    assert tree(places) == before, "something was written"


def test_names_without_torch_are_those_of_the_registries() -> None:
    from finback.cli import first_rules
    from finback.features.backbones.added import ADDABLE
    from finback.features.frontends import FRONT_ENDS
    from finback.generation.diffusion import samplers
    from finback.generation.vocoders.inversion import METHODS

    assert sorted(samplers.SAMPLERS) == list(SAMPLERS)
    assert sorted(ADDABLE) == sorted(first_rules.ADDABLE)
    assert sorted(FRONT_ENDS) == sorted(first_rules.FRONT_ENDS)
    assert set(METHODS) == set(VOCODERS) - {"auto"}
