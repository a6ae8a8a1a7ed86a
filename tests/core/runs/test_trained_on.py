"""A species whose training clips come from one tape is named, with the number of its clips."""

from __future__ import annotations

from pathlib import Path

from finback.core.runs.folder import RunFolder
from finback.core.runs.trained_on import TrainedOn, caution, of_one_group, trained_on

HEADER = "recording_id,file,start,stop,channel,species,group,subset\n"


def run(folder: Path, rows: list[tuple[str, str, str]]) -> RunFolder:
    lines = [f"r{i},r{i}.wav,0,10,-1,{name},{tape},{part}" for i, (name, tape, part) in enumerate(rows)]
    RunFolder(folder).held_out_table.write_text(HEADER + "\n".join(lines) + "\n")
    return RunFolder(folder)


def test_groups_of_the_training_set_are_counted(tmp_path: Path) -> None:
    rows = [("Walrus", "tape a", "train"), ("Walrus", "tape a", "train"), ("Walrus", "tape b", "test")]
    rows += [("Orca", "tape c", "train"), ("Orca", "tape d", "train"), ("Orca", "tape d", "validation")]
    rows += [("Seal", "", "train"), ("Seal", "", "train"), ("Beluga", "", "train")]
    known = trained_on(run(tmp_path, rows))
    assert known == {
        "Beluga": TrainedOn(1, 1),
        "Orca": TrainedOn(2, 2),
        "Seal": TrainedOn(2, 2),  # without groups, each recording may be another tape
        "Walrus": TrainedOn(2, 1),
    }
    assert of_one_group(known) == {"Beluga": 1, "Walrus": 2}


def test_the_line_names_species_and_clips() -> None:
    assert caution({}) == ""
    assert caution({"Walrus": 1}) == (
        "species with training clips of one tape only: Walrus (1 clip); "
        "the generator cannot tell the animal from the tape"
    )
    many = caution({f"species {i}": i + 2 for i in range(9)})
    assert "species 0 (2 clips), species 1 (3 clips)" in many
    assert "and 3 more; the generator" in many
