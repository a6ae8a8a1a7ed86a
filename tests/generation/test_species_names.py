"""Species of any name are found as people type them, and have files of their own."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from made_folders import rows_of

from finback.cli import main
from finback.core.errors import InputError, RunError
from finback.core.storage.paths import folded, is_portable
from finback.core.types import Labels
from finback.generation.generate import SampleRequest, generate_clips
from finback.generation.species import species_id
from finback.generation.synthesizer import SynthesisConfig
from finback.report.plots import fonts


def test_species_are_found_as_people_type_them() -> None:
    labels = Labels(("Beluga, White Whale", "Killer Whale", "Ross Seal", "White-beaked Dolphin"))
    for text in ("beluga, white whale", "Beluga,White Whale", "beluga", " WHITE whale"):
        assert species_id(labels, text) == 0
    assert species_id(labels, "white beaked dolphin") == 3
    with pytest.raises(InputError, match="unknown species 'Ross Seel'; did you mean 'Ross Seal'"):
        species_id(labels, "Ross Seel")
    with pytest.raises(InputError, match="known: Beluga, White Whale; Killer"):
        species_id(labels, "xyz")


def test_the_exact_name_always_means_its_species() -> None:
    labels = Labels(("..", "Fin whale", "fin whale", "Fin-Whale", "Fin, Finback", "🐋"))
    for name in labels.names:
        assert labels.names[species_id(labels, name)] == name
    with pytest.raises(InputError, match="can mean 'Fin whale'; 'fin whale'; 'Fin-Whale'; write"):
        species_id(labels, "FIN WHALE")
    with pytest.raises(InputError, match="unknown species"):
        species_id(Labels(("..", "Fin whale")), "!!")


def hostile_run(generator_run: Path, folder: Path, names: dict[str, str]) -> Path:
    """A copy of the generator whose species have other names."""
    shutil.copytree(generator_run, folder)
    for path in folder.iterdir():
        if path.suffix in (".json", ".csv"):
            text = path.read_text(encoding="utf-8")
            for old, new in names.items():
                quoted = json.dumps(new, ensure_ascii=False)[1:-1] if path.suffix == ".json" else new
                text = text.replace(old, quoted)
            path.write_text(text, encoding="utf-8")
    return folder


HOSTILE = (
    ("..", "/etc/x", "C:\\x", "a/b"),
    ("x" * 300, "CON", "con", "Con"),
    ("🐋", "\u202eniF", "Fin?", "Fin 2"),
    ("fin whale", "Fin Whale", "FIN WHALE", "Fin-whale"),
    ("é", "e\u0301", "E\u0301", "É"),
    ("-rf", "~", "=cmd()", ".hidden"),
)


@pytest.mark.parametrize("names", HOSTILE, ids=ascii)
def test_species_of_any_name_have_files_of_their_own_inside_out(
    generator_run: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    species = ("Bearded seal", "Humpback whale", "Killer whale", "Sperm whale")
    run = hostile_run(generator_run, tmp_path / "run", dict(zip(species, names, strict=True)))
    config = SynthesisConfig(str(run), vocoder="griffin-lim", device="cpu")
    out = tmp_path / "a" / "out"
    for name in names:  # one run after the other into one folder
        made = generate_clips(config, SampleRequest((name,), n=1), out)
        assert [path.parent for path in made.files[name]] == [out]
    rows = rows_of(out)
    assert {row["species"] for row in rows} == set(names)
    assert len({folded(row["file"]) for row in rows}) == len(names) == len(list(out.glob("*.wav")))
    assert all(is_portable(row["file"]) for row in rows)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "run"]
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["out"]
    with np.load(out / "spectrograms.npz") as kept:
        assert sorted(kept) == sorted(Path(row["file"]).stem for row in rows)


def test_a_name_that_figures_cannot_show_is_said_once_in_our_words(
    generator_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fonts._say_that_letters_are_missing.cache_clear()  # it is said once in a process
    run = hostile_run(generator_run, tmp_path / "run", {"Killer whale": "🐋", "Sperm whale": "抹香鯨"})
    out = ["--out", str(tmp_path / "out"), "--vocoder", "griffin-lim"]
    monkeypatch.setattr(sys, "argv", ["finback", "generate", str(run), "🐋;抹香鯨", "-n", "1", *out])
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr().err
    assert not stop.value.code, said
    assert said.count("finback: figures write some letters by their Unicode names") == 1
    assert "Warning" not in said
    assert "Glyph" not in said


def test_a_folder_in_which_two_species_share_a_file_is_refused(
    config: SynthesisConfig, tmp_path: Path
) -> None:
    generate_clips(config, SampleRequest(("killer whale",), n=1), tmp_path)
    table = tmp_path / "manifest.csv"
    row = table.read_text().splitlines()[1]
    table.write_text(table.read_text() + row.replace("Killer whale", "Killer?") + "\n")
    with pytest.raises(RunError, match=r"clip of two species \('Killer whale' and 'Killer\?'\)"):
        generate_clips(config, SampleRequest(("killer whale",), n=1), tmp_path)
