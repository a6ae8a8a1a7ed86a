"""The page of a comparison: what is established is said so, what is not is not, and nothing is loaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from finback.metrics.classification import METRICS
from finback.report.pages import leaderboard as page


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
        "random": {"accuracy": 0.93, "accuracy_ci": [0.9, 0.96], "n_clips": 20, "run": "x"},
        "versus_leader": {"accuracy": difference, "macro_f1_multi_group": difference} if versus else None,
        "per_species": {"Fin & <whale>": {"f1": merit, "n_clips": 50, "n_groups": 12, "noisy": False}},
        **other,
    }


def found(**families: dict[str, Any]) -> dict[str, Any]:
    return {
        "leader": next(iter(families), None),
        "families": families,
        "no_audio_baselines": {
            "grouped": {"group_lookup_accuracy": 0.05, "metadata_only_accuracy": 0.3},
            "random": {"group_lookup_accuracy": 0.94, "metadata_only_accuracy": 0.9},
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


THREE = found(
    cnn2d=row(1, 0.5), lstm=row(2, 0.48, [-0.08, 0.03]), dnn=row(3, 0.2, [-0.4, -0.2])
)  # lstm cannot be told from the leader, dnn can


def text_of(html: str) -> str:
    body = re.sub(r"<(style|script).*?</\1>", " ", html, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_what_is_established_is_said_and_what_is_not_is_not() -> None:
    said = " ".join(page.verdict(THREE))
    assert "cnn2d leads with 50.0 %" in said
    assert "Clearly behind it: dnn." in said
    assert "Not established to be worse: lstm." in said
    assert "is clearly more than the 30.0 %" in said
    weak = found(cnn2d=row(1, 0.32))
    assert "is not clearly more than the 30.0 %" in " ".join(page.verdict(weak))


@pytest.mark.parametrize(
    ("ci", "word"),
    [([-0.2, -0.1], "behind"), ([-0.2, 0.0], "not established"), ([0.1, 0.2], "ahead"), (None, "unknown")],
)
def test_an_interval_that_holds_nought_establishes_nothing(ci: list[float] | None, word: str) -> None:
    versus = {"accuracy": {"difference": 0.1, "ci": ci, "ahead": 0.5}}
    assert page.words_of(versus, "accuracy") == word
    assert page.words_of(None, "accuracy") == "unknown"


def test_the_winners_curse_is_told_where_there_was_a_choice() -> None:
    assert "chosen on these same clips" in page.warnings(THREE)[0]
    assert not [w for w in page.warnings(found(cnn2d=row(1, 0.5))) if "chosen" in w]


def test_unknown_tapes_few_tapes_failures_and_missing_seeds_are_warned_of() -> None:
    odd = found(
        cnn2d=row(1, 0.5, n_clips=4, n_groups=4),
        lstm=row(2, 0.4, [-0.1, 0.1], seeds=[1], n_clips=4, n_groups=4),
        dnn=row(None, 0.0, error="the loss is nan"),
    )
    said = " ".join(page.warnings(odd))
    for part in ("a tape of its own", "Only 4 tapes", "dnn failed", "Fewer seeds than asked for: lstm"):
        assert part in said


def test_the_page_holds_every_figure_and_loads_nothing(tmp_path: Path) -> None:
    broken = {**THREE["families"], "rnn": row(None, 0.0, error="the <loss> is nan", per_species={})}
    path = page.render({**THREE, "families": broken}, tmp_path)
    html = path.read_text(encoding="utf-8")
    text = text_of(html)
    for part in ("1. cnn2d", "3. dnn", "rnn failed", "1,234,567", "75 s", "93.0 %", "-40.0 to -20.0"):
        assert part in text.replace("\N{NO-BREAK SPACE}", " "), part
    assert "no: the interval holds 0" in text
    assert "yes, behind" in text
    assert "no audio: group lookup" in text
    assert "the &lt;loss&gt; is nan" in html
    assert "a &lt;b&gt;" in html
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)
    names = sorted(p.name for p in (tmp_path / "figures").iterdir())
    assert names == [f"{n}.{s}" for n in ("leaderboard", "species_by_family") for s in ("png", "svg")]


def test_without_a_random_split_without_seeds_and_without_any_finished_family(tmp_path: Path) -> None:
    alone = found(cnn2d=row(1, 0.5, random=None, macro_f1_multi_group=None, macro_f1_multi_group_ci=None))
    alone["no_audio_baselines"] = {"grouped": None, "random": None}
    text = text_of(page.render(alone, tmp_path / "a").read_text(encoding="utf-8"))
    assert "The random split was left out" in text
    assert "There is no second family" in text
    assert "leads with 50.0 % accuracy" in " ".join(page.verdict(alone))
    none = found(cnn2d=row(None, 0.0, error="disk full", per_species={}, n_clips=0, n_groups=0))
    assert "No family has finished" in text_of(page.render(none, tmp_path / "b").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (3.21, "3.2 s"), (42.4, "42 s"), (186.0, "3.1 min"), (8640.0, "2.4 h")]
)
def test_seconds_read_well(value: float | None, text: str) -> None:
    assert page.seconds(value) == text
