"""The leaderboard's figure and the heat map: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from finback.report.plots import style
from finback.report.plots.leaderboard import NoAudioBaseline, Row, SpeciesF1, heat_map, leaderboard

ROWS = [
    Row("cnn2d", 0.5, [0.4, 0.6], 0.45, [0.35, 0.55], random=0.93),
    Row("a_family_with_a_very_long_name_indeed", 0.3, None, 0.25, [0.2, 0.3]),
    Row("dnn", None, None, 0.1, None, random=0.5),
]
BASELINES = [NoAudioBaseline("group lookup", 0.02, 0.94), NoAudioBaseline("file metadata", 0.3, None)]


def texts(figure: Figure) -> list[str]:
    return [t.get_text() for axes in figure.axes for t in axes.texts]


def test_bars_and_intervals_are_the_figures() -> None:
    left, right = leaderboard(ROWS, BASELINES).axes
    assert [bar.get_width() for bar in left.patches] == [0.5, 0.3]  # undefined: no bar
    assert [bar.get_width() for bar in right.patches] == [0.45, 0.25, 0.1]
    ends = [tuple(line.get_xdata()) for line in left.get_lines() if len(line.get_xdata()) == 2]
    assert ends == [(0.4, 0.6)]
    assert {"50.0", "30.0", "not defined"} == {t.get_text() for t in left.texts}


def test_the_random_split_is_grey_and_apart() -> None:
    figure = leaderboard(ROWS, BASELINES)
    marks = [line for line in figure.axes[1].get_lines() if line.get_marker() == "D"]
    assert [float(np.ravel(m.get_xdata())[0]) for m in marks] == [0.93, 0.5]
    red, green, blue = (int(marks[0].get_markerfacecolor()[i : i + 2], 16) for i in (1, 3, 5))
    assert red == green == blue
    assert not [line for line in figure.axes[0].get_lines() if line.get_marker() == "D"]


def test_no_audio_baselines_are_lines_named_with_their_figures() -> None:
    figure = leaderboard(ROWS, BASELINES)
    upright = [line for line in figure.axes[1].get_lines() if list(line.get_ydata()) == [0, 1]]
    assert sorted(line.get_xdata()[0] for line in upright) == [0.02, 0.3, 0.94]
    named = [t.get_text() for t in figure.legends[0].get_texts()]
    assert "no audio, split by group: group lookup (2 %)" in named
    assert "no audio, random split: group lookup (94 %)" in named
    without = leaderboard(ROWS[1:2]).legends[0].get_texts()
    assert not any("random" in t.get_text() or "no audio" in t.get_text() for t in without)


def test_the_leader_is_set_off() -> None:
    first, second = leaderboard(ROWS).axes[0].patches
    assert first.get_facecolor() != second.get_facecolor()
    assert next(t.get_text() for t in leaderboard(ROWS).axes[0].get_yticklabels()) == "cnn2d"


def some_species() -> list[SpeciesF1]:
    return [
        SpeciesF1("Fin whale", 4, 2, True, [0.2, 0.4]),
        SpeciesF1("Blue whale", 40, 5, False, [0.9, 0.7]),
        SpeciesF1("Sei whale", 0, 0, True, [None, None]),
        SpeciesF1("Minke whale", 12, 1, True, [0.5, None]),
    ]


def test_heat_map_writes_every_cell_best_species_first() -> None:
    axes = heat_map(["cnn2d", "dnn"], some_species()).axes[0]
    labels = [t.get_text() for t in axes.get_yticklabels()]
    assert [label.split("  ")[0] for label in labels] == ["Blue whale", "Fin whale *", "Minke whale *"]
    assert labels[0].endswith("(40 clips, 5 groups)")
    assert labels[2].endswith("(12 clips, 1 group)")
    cells = {t.get_position(): t.get_text() for t in axes.texts}
    assert cells == {(0, 0): "90", (1, 0): "70", (0, 1): "20", (1, 1): "40", (0, 2): "50", (1, 2): "–"}
    assert axes.images[0].get_array().tolist()[0] == pytest.approx([0.9, 0.7])


def test_few_clips_are_explained_only_where_there_are_some() -> None:
    assert "*" in heat_map(["cnn2d", "dnn"], some_species()).get_suptitle()
    assert "*" not in heat_map(["cnn2d", "dnn"], some_species()[1:2]).get_suptitle()


def test_nothing_to_draw_says_so() -> None:
    for figure in (leaderboard([]), heat_map([], some_species()), heat_map(["dnn"], some_species()[2:3])):
        assert figure.texts[0].get_text().startswith("No ")


def test_files_are_the_same_twice(tmp_path) -> None:
    first = style.render(leaderboard(ROWS, BASELINES), "svg")
    assert first == style.render(leaderboard(ROWS, BASELINES), "svg")
    png, svg = style.save(heat_map(["cnn2d", "dnn"], some_species()), tmp_path, "heat")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert svg.stat().st_size < 200_000
