"""Names of species that look like something else: digits, formulas, paths. Each is text, everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hand_made import clip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sounds import sound, table

from finback.core.runs.split_table import load_split, save_split
from finback.core.types import Split
from finback.data.audit.baselines import evaluate
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest

ODD = [
    "137091",
    "001",
    "1",
    "1e5",
    "TRUE",
    "None",
    "=1+1",
    "-3",
    "@x",
    "a/b",
    "a\\b",
    "C:x",
    "<b>",
    "e\u0301",
]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A clip of each odd name."""
    root = tmp_path_factory.mktemp("odd")
    rows = [f"{i}.wav,{name},t{i}" for i, name in enumerate(ODD)]
    for i in range(len(ODD)):
        sound(root / "audio" / f"{i}.wav", seed=i)
    labels = table(root / "labels.csv", "\n".join(["file,species,group", *rows, ""]))
    return index(IndexRequest(audio=root / "audio", labels=labels))


def test_every_name_is_kept_as_text(indexed: Manifest) -> None:
    assert [c.label for c in indexed.clips] == [*ODD[:-1], "é"]  # accents are composed
    assert indexed.problems == ()


def test_names_come_back_from_the_manifest_also_as_a_labels_file(indexed: Manifest, tmp_path: Path) -> None:
    indexed.save(tmp_path / "manifest.csv")
    assert Manifest.load(tmp_path / "manifest.csv") == indexed
    again = index(IndexRequest(audio=indexed.audio, labels=tmp_path / "manifest.csv"))
    assert [c.label for c in again.clips] == [c.label for c in indexed.clips]
    assert again.fingerprint == indexed.fingerprint


NAME = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.text(st.characters(blacklist_categories=("Cs",)), min_size=1), min_size=3, max_size=3)
)
def test_a_split_comes_back_with_any_names(tmp_path: Path, names: list[str]) -> None:
    clips = [clip(name, f"g{i}", i) for i, name in enumerate(names)]
    split = Split((clips[0],), (clips[1],), (clips[2],))
    save_split(tmp_path / "split.csv", split)
    assert load_split(tmp_path / "split.csv", clips, "group") == split


def test_the_baselines_take_names_of_digits() -> None:
    """AphiaIDs of WoRMS: scikit-learn would take them for numbers."""
    clips = [clip(name, f"{name}-{n}", n) for n, name in enumerate(["137091", "137102"] * 4)]
    features = {c: np.full(5, float(c.label == "137091")) for c in clips}
    hits = evaluate([Split(tuple(clips[:6]), (), tuple(clips[6:]))], features, {"137091", "137102"})
    assert hits.metadata_only.tolist() == [True, True]


@pytest.mark.parametrize("name", ["NA", "nan", "NaN", "null", "N/A", "-", "?"])
def test_a_name_that_means_nothing_is_said(tmp_path: Path, name: str) -> None:
    sound(tmp_path / "audio" / "a.wav")
    sound(tmp_path / "audio" / "b.wav")
    labels = table(tmp_path / "labels.csv", f"file,species\na.wav,{name}\nb.wav,Walrus\n")
    (problem,) = index(IndexRequest(audio=tmp_path / "audio", labels=labels)).problems
    assert problem.kind == "empty_label"
    assert problem.message == f"'{name}' is read as no species"


def test_a_name_with_a_line_break_is_refused_with_the_true_reason(tmp_path: Path) -> None:
    for name in ("a", "b"):
        sound(tmp_path / "audio" / f"{name}.wav")
    labels = table(tmp_path / "labels.csv", 'file,species\na.wav,"Fin\nwhale"\nb.wav,Walrus\n')
    (problem,) = index(IndexRequest(audio=tmp_path / "audio", labels=labels)).problems
    assert (problem.kind, problem.row, problem.message) == ("line_break", 2, "the species has a line break")


def test_a_name_of_thousands_of_letters_is_refused(tmp_path: Path) -> None:
    sound(tmp_path / "audio" / "a.wav")
    sound(tmp_path / "audio" / "b.wav")
    labels = table(tmp_path / "labels.csv", f"file,species\na.wav,{'x' * 200_000}\nb.wav,Walrus\n")
    (problem,) = index(IndexRequest(audio=tmp_path / "audio", labels=labels)).problems
    assert problem.message == "a species name of 200000 characters (at most 500)"
