"""The page of a comparison: it separates what is established from what is not, and loads nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from finback.metrics.classification import METRICS
from finback.report.pages import leaderboard as page
from finback.report.pages.common import embed


def row(rank: int | None, merit: float, versus: list[float] | None = None, **other: Any) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    for name in METRICS:
        metrics |= {name: merit, f"{name}_ci": [merit - 0.05, merit + 0.05], f"{name}_sd": None}
    difference = {"difference": -0.1, "ci": versus, "ahead": 0.03}
    return {
        **metrics,
        "rank": rank,
        "seeds": [0],
        "error": None,
        "n_clips": 50,
        "n_groups": 12,
        "n_parameters": 1234567,
        "training_s": 75.0,
        "clips_per_s": 480.0,
        "random_split": {"accuracy": 0.93, "accuracy_ci": [0.9, 0.96], "n_clips": 20, "run": "x"},
        "versus_leader": {"accuracy": difference, "macro_f1_multi_group": difference} if versus else None,
        "per_species": {"Fin & <whale>": {"f1": merit, "n_clips": 50, "n_groups": 12, "noisy": False}},
        **other,
    }


def board_of(**families: dict[str, Any]) -> dict[str, Any]:
    return {
        "leader": next(iter(families), None),
        "families": families,
        "no_audio_baselines": {
            "grouped": {"group_lookup_accuracy": 0.05, "metadata_accuracy": 0.3},
            "random": {"group_lookup_accuracy": 0.94, "metadata_accuracy": 0.9},
        },
        "species": ["Fin & <whale>"],
        "multi_group": ["Fin & <whale>"],
        "folds": 5,
        "seeds": [0],
        "command": "finback compare --out 'a <b>'",
        "data_fingerprint": "abc",
        "source": "folder",
        "licence": "unknown",
        "citation": "",
    }


THREE = board_of(
    cnn2d=row(1, 0.5), lstm=row(2, 0.48, [-0.08, 0.03]), dnn=row(3, 0.2, [-0.4, -0.2])
)  # lstm does not differ clearly from the leader, dnn does


def text_of(html: str) -> str:
    body = re.sub(r"<(style|script).*?</\1>", " ", html, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_verdict_separates_established_differences_from_others() -> None:
    text = " ".join(page.verdict(THREE))
    assert "cnn2d ranks first with 50.0 %" in text
    assert "Clearly behind cnn2d: dnn." in text
    assert "Not clearly worse than cnn2d: lstm." in text
    assert "is clearly more than the 30.0 %" in text
    weak = board_of(cnn2d=row(1, 0.32))
    assert "is not clearly more than the 30.0 %" in " ".join(page.verdict(weak))


@pytest.mark.parametrize(
    ("ci", "word"),
    [([-0.2, -0.1], "behind"), ([-0.2, 0.0], "not established"), ([0.1, 0.2], "ahead"), (None, "unknown")],
)
def test_an_interval_that_contains_0_establishes_nothing(ci: list[float] | None, word: str) -> None:
    versus = {"accuracy": {"difference": 0.1, "ci": ci, "ahead": 0.5}}
    assert page.established(versus, "accuracy") == word
    assert page.established(None, "accuracy") == "unknown"


def test_the_winners_curse_is_explained_where_there_was_a_choice() -> None:
    assert "chosen on these same clips" in page.warnings(THREE)[0]
    assert not [w for w in page.warnings(board_of(cnn2d=row(1, 0.5))) if "chosen" in w]


def test_unknown_groups_few_groups_failures_and_missing_seeds_are_warned_of() -> None:
    odd = board_of(
        cnn2d=row(1, 0.5, n_clips=4, n_groups=4),
        lstm=row(2, 0.4, [-0.1, 0.1], seeds=[1], n_clips=4, n_groups=4),
        dnn=row(None, 0.0, error="the loss is nan"),
    )
    text = " ".join(page.warnings(odd))
    for part in ("a group of its own", "Only 4 groups", "failed: dnn", "fewer seeds than requested: lstm"):
        assert part in text


def html_of(comparison: dict[str, Any]) -> str:
    pictures = {name: embed(figure, alt) for name, (figure, alt) in page.figures(comparison).items()}
    return page.render(page.ComparisonPage("four models", comparison, pictures))


def test_the_page_holds_every_figure_and_loads_nothing() -> None:
    broken = {**THREE["families"], "rnn": row(None, 0.0, error="the <loss> is nan", per_species={})}
    html = html_of({**THREE, "families": broken})
    text = text_of(html)
    for part in ("1. cnn2d", "3. dnn", "rnn failed", "1,234,567", "75 s", "93.0 %", "-40.0 to -20.0"):
        assert part in text.replace("\N{NO-BREAK SPACE}", " "), part
    assert "no: the interval contains 0" in text
    assert "yes, worse" in text
    assert "no audio: group lookup" in text
    assert "the &lt;loss&gt; is nan" in html
    assert "a &lt;b&gt;" in html
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)
    assert html.count("<figure>") == 2


def test_without_a_random_split_without_seeds_and_without_any_finished_family() -> None:
    alone = board_of(
        cnn2d=row(1, 0.5, random_split=None, macro_f1_multi_group=None, macro_f1_multi_group_ci=None)
    )
    alone["no_audio_baselines"] = {"grouped": None, "random": None}
    text = text_of(html_of(alone))
    assert "This comparison has no random split" in text
    assert "There is no second family" in text
    assert "ranks first with 50.0 % accuracy" in " ".join(page.verdict(alone))
    none = board_of(cnn2d=row(None, 0.0, error="disk full", per_species={}, n_clips=0, n_groups=0))
    assert "No family has finished" in text_of(html_of(none))


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (3.21, "3.2 s"), (42.4, "42 s"), (186.0, "3.1 min"), (8640.0, "2.4 h")]
)
def test_seconds_read_well(value: float | None, text: str) -> None:
    assert page.seconds(value) == text
