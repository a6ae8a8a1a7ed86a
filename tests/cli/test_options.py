"""`takes` turns the fields of a dataclass into options of a command, and fills the dataclass from them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from finback.cli.options import SettingOptions, takes


@dataclass(frozen=True)
class Sound:
    rate: Annotated[int, typer.Option(help="Sample rate.")]
    gain_db: Annotated[float, typer.Option(help="Gain.", min=-40)] = 0.0


@dataclass(frozen=True)
class Place:
    site: Annotated[str, typer.Option(help="Site.")] = "harbour"


def app(seen: list[Any]) -> typer.Typer:
    found = typer.Typer()

    @found.command()
    @takes(sound=Sound, place=Place)
    def record(
        sound: Sound, place: Place, file: Annotated[str, typer.Argument()], json: bool = False
    ) -> None:
        """Record a sound."""
        seen.append((sound, place, file, json))

    return found


def test_a_command_gets_filled_groups_and_its_own_options() -> None:
    seen: list[Any] = []
    done = CliRunner().invoke(
        app(seen), ["a.wav", "--rate", "8000", "--gain-db", "-3", "--site", "bay", "--json"]
    )
    assert done.exit_code == 0, done.output
    assert seen == [(Sound(8000, -3.0), Place("bay"), "a.wav", True)]
    assert CliRunner().invoke(app(seen), ["a.wav", "--rate", "8000"]).exit_code == 0
    assert seen[1] == (Sound(8000), Place(), "a.wav", False)


def test_options_keep_their_help_limits_and_defaults() -> None:
    text = CliRunner().invoke(app([]), ["--help"]).output
    for words in ("Record a sound.", "--rate", "Sample rate.", "--gain-db", "--site", "harbour", "file"):
        assert words in text
    for arguments in (["a.wav"], ["a.wav", "--rate", "x"], ["a.wav", "--rate", "1", "--gain-db", "-41"]):
        assert CliRunner().invoke(app([]), arguments).exit_code == 2


def test_the_signature_has_the_fields_instead_of_the_group() -> None:
    @takes(place=Place)
    def command(place: Place, n: int = 1) -> None: ...

    assert list(inspect.signature(command).parameters) == ["n", "site"]


def test_every_option_that_is_a_number_has_bounds() -> None:
    """Nothing is out of the table, and `nan` and huge numbers are refused with the name of the option."""
    from finback.cli.app import app

    for words, option in (
        (("train", "cnn2d", "--audio", "a", "--out", "o"), "--seed"),
        (("train", "cnn2d", "--audio", "a", "--out", "o"), "--folds"),
        (("simulate", "o"), "--clips"),
        (("sheet", "run", "species"), "--guidance"),
        (("generate", "watkins", "--out", "o"), "--guidance-to"),
        (("compare", "--audio", "a", "--out", "o"), "--hours"),
        (("vae", "interpolate", "run", "a", "b"), "--steps"),
    ):
        for value in ("nan", "-500", "1" + "0" * 30):
            if option != "--guidance-to" or value[0] != "1":
                with pytest.raises(typer.exceptions.TyperException) as raised:
                    app(args=[*words, option, value], standalone_mode=False)
                assert option in raised.value.format_message()


def test_a_settings_file_keeps_what_no_option_changes(tmp_path: Path) -> None:
    """`--folds`, `--by` and `--seed` have no defaults that would silently replace those of the file."""
    (tmp_path / "mine.toml").write_text('[split]\nby = "clip"\nfolds = 4\nseed = 7\n')
    preset = str(tmp_path / "mine.toml")
    kept = SettingOptions(preset=preset).resolve().split
    assert (kept.by, kept.folds, kept.seed) == ("clip", 4, 7)
    changed = SettingOptions(preset=preset, by="group", folds=0, seed=0).resolve().split
    assert (changed.by, changed.folds, changed.seed) == ("group", 0, 0)
