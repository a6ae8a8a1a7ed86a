"""Pages drawn from made-up data: no training, no run folder, no recordings."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from finback import report
from finback.report.pages import classifier, common, generator, vocoder
from finback.report.pages.common import Picture, Reproduction, Table
from finback.report.pages.sound import Sound

NASTY = "<b>Fin</b> & <whale>"
PICTURE = Picture("data:image/png;base64,AA==", "what it shows", 300)
SOUND = Sound("data:audio/wav;base64,AA==", 0.5, "played 2 times slower")
SETTINGS = {"training": {"epochs": 3, "steps": None}, "split": {"fractions": [0.5, 0.5]}}
HOW = Reproduction("finback train x", [("seed", "7")], {"n_mels": 96}, SETTINGS)
COUNTS = {"n_clips": 8, "n_groups": 4}
TESTED = {
    "precision": 0.5,
    "recall": 0.25,
    "f1": 0.4,
    "auc": 0.75,
    "n_clips": 8,
    "n_groups": 4,
    "noisy": True,
}


def text_of(html: str) -> str:
    body = re.sub(r"<(style|script).*?</\1>", " ", html, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("\N{NO-BREAK SPACE}", " ").split())


def classifier_page(**changes) -> classifier.ClassifierPage:
    species = [
        classifier.SpeciesRow(NASTY, 20, 6, TESTED),
        classifier.SpeciesRow("Narwhal", 1, 1, {}, "all its clips are from one group"),
    ]
    confusion = classifier.Confusion(NASTY, "Narwhal", 0.9, 0.1, 3, 8, "a.wav", "", PICTURE, SOUND)
    metrics = {
        "accuracy": 0.5,
        "accuracy_ci": [0.4, 0.6],
        "n_clips": 8,
        "n_groups": 4,
        "per_species": {"x": {}},
    }
    audit = {"in_use": {"group_lookup_accuracy": 0.1, "metadata_accuracy": 0.3}}
    page = {"metrics": metrics, "audit": audit, "species": species, "confusions": [confusion]}
    return classifier.ClassifierPage("a run", HOW, **{**page, **changes})


def test_a_classifier() -> None:
    html = classifier.render(classifier_page(warnings=["Only 3 groups."], pictures={"roc": PICTURE}))
    text = text_of(html)
    for part in (
        "Warning. Only 3 groups.",
        "tested on 8 clips of 4 recording groups",
        "40.0 to 60.0 %",
        "This is clearly more than the best baseline that uses no audio, which reaches 30.0 %",
        "1 of 2 species were tested. Results for all of these are rough estimates",
        "1 was not tested",
        "all its clips are from one group",
        "3 of 8 test clips of",
        "played 2 times slower",
        "epochs = 3",
        "seed 7",
    ):
        assert part in text, part
    assert "<whale>" not in html
    assert html.count("<figure>") == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"metrics": {}}, "This run has not been evaluated."),
        ({"metrics": {}, "has_test_set": False}, "This run has no test set"),
        ({"audit": None}, "The data of this run were not audited."),
        ({"confusions": None}, "There are no scored test clips"),
        ({"confusions": []}, "every test clip was classified correctly"),
        ({"missing": ["audit.json is missing."]}, "Missing from this run folder (1) audit.json is missing."),
        ({"family": "lstm", "n_folds": 5}, "a lstm classifier of 2 species, 5-fold cross-validation"),
        ({"members": [classifier.Member("runs/a", "lstm", [0.25, 0.5])]}, "an ensemble of 1 classifiers"),
        ({"members": [classifier.Member("runs/a", "lstm", [0.25, 0.5])]}, "runs/a lstm 0.25, 0.50"),
    ],
)
def test_what_is_there_and_what_is_missing(changes, sentence) -> None:
    assert sentence in text_of(classifier.render(classifier_page(**changes)))


def test_a_generator() -> None:
    samples = generator.SpeciesSamples(NASTY, 1, 1, PICTURE, [], [SOUND, SOUND])
    page = generator.GeneratorPage(
        "g", "diffusion", HOW, 12, 3, 2, 1, "griffin-lim", True, [samples], {"guidance": PICTURE}, None
    )
    text = text_of(generator.render(page))
    for part in (
        "trained on 12 clips of 3 recording groups. 2 clips of the same groups and 1 clip of other groups",
        "Warning. Generated sound is no evidence",
        "have not been audited",
        "trained on 1 clip of 1 group",
        "no longer at their paths",
        "generated (played 2 times slower)",
        "A weight of 1 means no guidance.",
    ):
        assert part in text, part


def test_a_generator_without_steps_has_no_section_of_steps() -> None:
    page = generator.GeneratorPage("g", "gaussian", HOW, 12, 3, 2, 1, "griffin-lim", licence="CC BY 4.0")
    html = generator.render(page)
    assert 'id="steps"' not in html
    assert "fitted in one step" in html
    assert "also applies to it (CC BY 4.0)." in html


def test_a_vocoder() -> None:
    table = Table("How close?", "Lower is better.", ("vocoder", "error"), [("griffin-lim", "1.0")])
    clips = [vocoder.VocodedClip("a.wav", PICTURE, [("real", SOUND), ("griffin-lim", SOUND)])]
    text = text_of(vocoder.render(vocoder.VocoderPage("v", HOW, 12, 5, table, clips)))
    assert "Vocoded clips of groups that were not in training" in text
    assert "How close? Lower is better. vocoder error griffin-lim 1.0" in text
    without = text_of(vocoder.render(vocoder.VocoderPage("v", HOW, 12, 0)))
    assert "Warning. All groups were used to train this vocoder." in without
    assert "no longer at their paths" in without


def test_settings_are_a_file_that_can_be_read_back() -> None:
    text = common.toml({"seed": 1, "name": 'a "b" \\ \n', **SETTINGS, "empty": {"none": None}})
    assert tomllib.loads(text) == {
        "seed": 1,
        "name": 'a "b" \\ \n',
        "training": {"epochs": 3},
        "split": {"fractions": [0.5, 0.5]},
    }


PAGES = {"classifier", "generator", "vocoder", "leaderboard", "embedding_map"}
READS = (
    "finback.core.runs.folder",
    "finback.core.runs.files",
    "finback.features.extract",
    "finback.features.cache",
)


@pytest.mark.parametrize("path", sorted(Path(report.__path__[0]).rglob("*.py")), ids=lambda p: p.stem)
def test_pages_do_not_know_each_other_and_read_no_run_folder(path: Path) -> None:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    names = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}
    names |= {str(node.module) for node in nodes}
    for page in PAGES - {path.stem}:
        assert f"finback.report.pages.{page}" not in names
    assert not names & set(READS), "evaluation/pages reads run folders and computes features"
    assert "finback.audio.io.read" not in names
