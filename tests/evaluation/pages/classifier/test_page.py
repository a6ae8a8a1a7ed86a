"""The page shows what a whole run folder holds, and escapes all names."""

from __future__ import annotations

import base64
import io
import json
import wave
from dataclasses import replace

from classifier_run import AUDIT, NASTY, SPECIES
from page_checks import problems

from finback.data.audit import findings
from finback.evaluation.pages import classifier as page
from finback.evaluation.pages import confusions
from finback.report.pages.classifier import findings_of


def test_the_page_is_light_and_loads_nothing_from_elsewhere(finished, seen):
    assert (finished / "report.html").stat().st_size < 5_000_000
    assert problems((finished / "report.html").read_text(encoding="utf-8")) == []
    for tag, attributes in seen.tags:
        for key in ("src", "href", "data", "poster", "action"):
            value = attributes.get(key) or "#"
            assert value.startswith(("#", "data:")), (tag, key, value[:60])
    assert not [a for tag, a in seen.tags if tag in ("link", "iframe", "object", "embed", "base")]
    policy = next(a["content"] for t, a in seen.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy


def test_names_are_text_and_nothing_else(seen):
    assert sum(tag == "script" for tag, _ in seen.tags) == 2  # the boxes that scroll, the sorter
    assert NASTY in seen.text
    assert "<i>p</i>.wav and q.wav (labels differ: x; y)" in seen.text


def test_the_headline_shows_the_no_audio_baselines(finished, seen):
    metrics = json.loads((finished / "metrics.json").read_text())
    low, high = metrics["accuracy_ci"]
    assert f"{100 * metrics['accuracy']:.1f} %" in seen.words
    assert f"{100 * low:.1f} to {100 * high:.1f} %" in seen.words
    for text in ("94 %", "73 %", "97 %", "21.0 %"):
        assert text in seen.words


def test_every_part_is_on_the_page(seen):
    for text in (
        "3 of 4 species were tested",
        "Narwhal 3 clips all its clips come from one",
        "b0.wav in a0.wav: excerpt, from 0.62 s, similarity 0.99",
        "12 more",
        "gone.wav: no such file; remove row 7",
        "classified as",
        "Learning curves",
        "temperature 1.25",
        "Nobody 2020",
        "finback train cnn2d --preset settings.toml",
    ):
        assert text in seen.words, text
    assert sum(tag == "img" for tag, _ in seen.tags) >= 6


def test_figures_are_left_as_png_and_svg(finished):
    found = sorted(p.name for p in (finished / "figures").iterdir())
    names = ("confusion", "headline", "learning_curves", "reliability", "roc", "species")
    assert found == sorted(f"{name}.{kind}" for name in names for kind in ("png", "svg"))


def test_players_hold_short_mono_sound_of_what_is_shown(seen):
    players = [a["src"] for tag, a in seen.tags if tag == "audio"]
    assert 0 < len(players) <= confusions.MOST
    for uri in players:
        with wave.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as file:
            assert file.getnchannels() == 1
            assert file.getframerate() <= 22_050
            assert 0.3 < file.getnframes() / file.getframerate() <= 3.01


def test_the_species_table_can_be_sorted(seen):
    rows = [a for tag, a in seen.tags if tag == "td" and "data-sort" in a]
    assert len(rows) == 9 * len(SPECIES)
    for cell in rows[1:9]:
        float(cell["data-sort"])


def test_the_audit_on_the_page_is_the_audit_in_the_terminal(finished, seen):
    for section in findings.sections(AUDIT):
        in_a_table_of_its_own = section.title == findings.UNTESTABLE  # has a table of its own
        for text in (section.title, *section.paragraphs, *section.items):
            assert (text in seen.words) != in_a_table_of_its_own, text
    untested = replace(page.collect(finished), metrics={})
    sections = findings_of(untested)
    assert sections is not None
    assert findings.UNTESTABLE in [section.title for section in sections]
