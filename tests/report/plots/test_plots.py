"""The figures show the numbers: read back from the drawn objects. Their look was checked by eye."""

import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from sklearn.metrics import roc_auc_score

from finback.metrics import calibration as calibrate
from finback.report.plots import (
    confusion,
    reliability,
    roc,
    species,
    spectrogram,
    style,
)
from finback.report.plots import (
    learning_curves as curves,
)

NAMES = [
    "Short-Finned (Pacific) Pilot Whale",
    "Grampus, Risso's Dolphin",
    "a <b> & $5 \\frac",
    "never tested",
]
COUNTS = np.array([[7, 1, 0, 0], [0, 2, 0, 1], [0, 0, 5, 0], [0, 0, 0, 0]])


def texts(axes) -> list[str]:
    return [t.get_text() for t in axes.texts]


def scored(n: int = 120, k: int = 3):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, k, n)
    logits = rng.normal(size=(n, len(NAMES)))
    logits[np.arange(n), truth] += 1.5
    return truth, calibrate.apply(logits, 1.0)


def some_figures():
    truth, p = scored()
    facts = {
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "auc": 0.9,
        "n_clips": 9,
        "n_groups": 2,
        "noisy": True,
    }
    log = [
        {"step": s, "cross_entropy": 3.0, "loss": 3 - s / 10, "val_loss": 3.0, "val_macro_f1": s / 20}
        for s in range(10)
    ]
    return {
        "confusion": confusion.confusion(COUNTS, NAMES),
        "roc": roc.roc(truth, p, NAMES, NAMES[:1]),
        "reliability": reliability.reliability(calibrate.reliability_table(p, truth), 0.1),
        "species": species.species_bars(dict.fromkeys(NAMES, facts)),
        "headline": species.headline({"run": [species.Bar("model", 0.5, [0.4, 0.6])]}),
        "learning": curves.learning([curves.History.of(log)]),
        "spectrogram": spectrogram.spectrogram(np.zeros((9, 50)), np.linspace(20, 11000, 9), 0.02, NAMES[2]),
    }


def test_every_figure_is_saved_whole_as_png_and_svg(tmp_path):
    for name, figure in some_figures().items():
        png, svg = style.save(figure, tmp_path / "figures", name)
        assert png.read_bytes().startswith(b"\x89PNG")
        assert ET.parse(svg).getroot().tag.endswith("svg")
        assert svg.stat().st_size < 500_000
    assert len(list((tmp_path / "figures").iterdir())) == 14  # nothing temporary is left


def test_the_same_figure_is_the_same_file():
    for format in ("svg", "png"):
        first, second = (style.render(confusion.confusion(COUNTS, NAMES), format) for _ in range(2))
        assert first == second


def test_no_screen_no_pyplot_and_no_global_style():
    before = dict(mpl.rcParams)
    some_figures()
    assert dict(mpl.rcParams) == before
    names = "confusion, learning_curves, reliability, roc, species, spectrogram, style"
    code = (
        f"import sys; from finback.report.plots import {names}; sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_confusion_writes_each_count_in_its_cell_and_greys_the_untested():
    axes = confusion.confusion(COUNTS, NAMES).axes[0]
    cells = {(t.get_position()): t.get_text() for t in axes.texts if t.get_text().isdigit()}
    assert cells == {(j + 0.5, i + 0.5): str(n) for (i, j), n in np.ndenumerate(COUNTS) if n}
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        f"{n}  ({c})" for n, c in zip(NAMES, [8, 3, 5, 0], strict=True)
    ]
    assert "not tested: no clip in the test set" in texts(axes)
    assert axes.get_xticklabels()[3].get_color() == style.GREY


def test_confusion_orders_tested_first_and_counts_those_left_out():
    counts = np.zeros((4, 4), int)
    counts[2, 2], counts[3, 0] = 3, 1
    figure = confusion.confusion(counts, NAMES)
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == [NAMES[2], NAMES[3], NAMES[0]]
    assert "1 more species" in figure.get_suptitle()


def test_roc_legend_has_the_auc_of_each_species_and_names_the_few():
    truth, p = scored()
    figure = roc.roc(truth, p, NAMES, noisy=[NAMES[1]])
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    for k in range(3):
        label = next(text for text in lines if NAMES[k] in text)
        assert label.startswith(f"{roc_auc_score(truth == k, p[:, k]):.2f}")
        assert f"({(truth == k).sum()}" in label
        assert (lines[label].get_linewidth() < 1.5) == (k == 1) == ("few" in label)
    assert not any(NAMES[3] in text for text in lines)
    assert any("mean of the 3 species" in t.get_text() for t in figure.legends[0].get_texts())


def test_roc_of_many_species_has_a_plot_for_each_with_its_auc():
    k = roc.TOGETHER + 3
    rng = np.random.default_rng(0)
    truth = np.arange(110) % k
    p = calibrate.apply(rng.normal(size=(110, k)) + 2 * np.eye(k)[truth], 1.0)
    names = [f"Species {i}" for i in range(k)]
    figure = roc.roc(truth, p, names, noisy=names[:1])
    titles = {axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()}
    assert len(titles) == k + 1
    for i, name in enumerate(names):
        few = ", few" if i == 0 else ""
        assert f"{name}\nAUC {roc_auc_score(truth == i, p[:, i]):.2f}\n10 clips{few}" in titles
    own = [line for axes in figure.axes for line in axes.get_lines() if line.get_color() == style.BLUE]
    assert len(own) == k  # one line of each plot stands out


def test_roc_curves_are_one_a_species_best_first():
    truth, p = scored()
    curves = roc.curves_of(truth, p, NAMES)
    assert [c.area for c in curves] == sorted((c.area for c in curves), reverse=True)
    assert {c.name: c.n_clips for c in curves} == {NAMES[k]: int((truth == k).sum()) for k in range(3)}
    for curve in curves:
        for rate in (curve.false_rate, curve.true_rate):
            assert (rate[0], rate[-1]) == (0, 1)


def test_reliability_bars_are_the_table():
    truth, p = scored()
    table = [row for row in calibrate.reliability_table(p, truth) if row["n"]]
    axes, counts = reliability.reliability(table, 0.123).axes
    bars = sorted(axes.patches, key=lambda bar: bar.get_x())
    assert [bar.get_height() for bar in bars] == pytest.approx([row["accuracy"] for row in table])
    assert [bar.get_x() for bar in bars] == pytest.approx([row["low"] for row in table])
    assert [bool(bar.get_hatch()) for bar in bars] == [row["n"] < reliability.FEW_CLIPS for row in table]
    assert [int(t) for t in texts(counts)] == [row["n"] for row in table]
    assert "12.3 percentage points" in axes.get_title(loc="left")


def test_species_bars_are_sorted_by_f1_with_their_clips_and_groups():
    table = {
        "weak": {"f1": 0.2, "n_clips": 40, "n_groups": 5, "noisy": False},
        "strong": {"f1": 0.9, "n_clips": 1, "n_groups": 1, "noisy": True},
        "absent": {"f1": 0.0, "n_clips": 0, "n_groups": 0, "noisy": True},
    }
    axes = species.species_bars(table).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["strong", "weak", "absent"]
    assert [bar.get_width() for bar in axes.patches[:2]] == [0.9, 0.2]
    assert [bool(bar.get_hatch()) for bar in axes.patches[:2]] == [True, False]
    assert max(bar.get_width() for bar in axes.patches) == 0.9  # no bar for what was not tested
    assert {"1 clip, 1 group", "40 clips, 5 groups", "not tested"} <= set(texts(axes))


def test_headline_sets_the_model_beside_the_no_audio_baselines():
    bars = [species.Bar("model", 0.5, [0.4, 0.6]), species.Bar("group lookup", 0.05, None, uses_audio=False)]
    sections = {
        "by tape": bars,
        "random": [species.Bar("group lookup", 0.94, None, uses_audio=False)],
        "none": [],
    }
    honest, illusion = species.headline(sections).axes
    assert [axes.get_title(loc="left") for axes in (honest, illusion)] == ["by tape", "random"]
    assert [bar.get_width() for bar in honest.patches] == [0.5, 0.05]
    assert honest.get_lines()[0].get_xdata().tolist() == [0.4, 0.6]
    assert [bool(bar.get_hatch()) for bar in honest.patches] == [False, True]
    assert texts(illusion) == ["94.0 %"]
    assert illusion.get_xlabel().endswith(
        "(lines: 95 % intervals; hatched bars: baselines that use no audio)"
    )
    assert species.headline({"one": bars[:1]}).axes[0].get_xlabel() == "accuracy (lines: 95 % intervals)"


def test_learning_curves_show_loss_and_accuracy_and_take_uneven_logs():
    log = [
        {"step": 10, "loss": 3.0},
        {"step": 20, "loss": 2.0, "val_loss": 2.5, "val_macro_f1": 0.3}
        | {"val_accuracy": 0.5, "accuracy": 0.6},
        {"step": 30, "loss": None, "val_loss": 2.6, "val_macro_f1": 0.4, "val_accuracy": 0.6},
        {
            "step": 40,
            "loss": 1.0,
            "val_loss": 2.9,
            "val_macro_f1": 0.35,
            "val_accuracy": 0.7,
            "accuracy": 0.9,
        },
    ]
    history = curves.History.of(log)
    assert history.loss[0].tolist() == [10, 20, 40]
    assert history.best == (30, 0.4)
    figure = curves.learning([history])
    losses, shares = figure.axes
    assert texts(losses) == ["kept: step 30"]
    assert {tuple(line.get_ydata()) for line in losses.get_lines()} >= {(3.0, 2.0, 1.0), (2.5, 2.6, 2.9)}
    drawn = {tuple(line.get_ydata()) for line in shares.get_lines()}
    assert {(0.6, 0.9), (0.5, 0.6, 0.7), (0.3, 0.4, 0.35)} <= drawn
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["training", "validation", "validation macro-F1", "best macro-F1: 40.0 %"]
    folds = [text.get_text() for text in curves.learning([history] * 5).legends[0].get_texts()]
    assert folds[-5:] == [f"fold {i}, best macro-F1 40.0 %" for i in range(5)]


def test_learning_curves_of_an_old_log_say_that_the_accuracy_of_training_is_missing():
    log = [
        {"step": s, "loss": 1.0, "val_loss": 1.0, "val_macro_f1": 0.5, "val_accuracy": 0.5} for s in (1, 2)
    ]
    assert "no accuracy of training" in curves.learning([curves.History.of(log)]).axes[1].get_xlabel()


@pytest.mark.parametrize(
    ("top_hz", "unit", "ticks"),
    [
        (11_000, "kHz", {"1", "2", "5", "10"}),
        (960, "Hz", {"200", "500"}),
        (90_000, "kHz", {"10", "20", "50"}),
    ],
)
def test_spectrogram_axis_is_in_the_unit_of_its_band(top_hz, unit, ticks):
    from finback.features.mel import band_centres_hz

    centres = band_centres_hz(96, 0, top_hz)
    axes = spectrogram.spectrogram(np.random.default_rng(0).normal(size=(96, 40)), centres, 0.01).axes[0]
    assert axes.get_ylabel().startswith(unit)
    shown = [t.get_text() for t in axes.get_yticklabels()]
    assert ticks <= set(shown)
    for place, text in zip(axes.get_yticks(), shown, strict=True):
        hz = float(text) * (1000 if unit == "kHz" else 1)
        assert np.interp(place, np.arange(96), centres) == pytest.approx(hz)


def test_short_sounds_are_drawn_in_milliseconds():
    draw = spectrogram.spectrogram
    assert draw(np.eye(8), np.arange(1.0, 9) * 100, 0.001).axes[0].get_xlabel() == "ms"
    assert draw(np.eye(8), np.arange(1.0, 9) * 100, 0.1).axes[0].get_xlabel() == "s"


def test_nothing_to_draw_is_said():
    empty = [
        confusion.confusion(np.zeros((2, 2), int), ["a", "b"]),
        roc.roc(np.zeros(3, int), np.ones((3, 2)) / 2, ["a", "b"]),
        reliability.reliability([], None),
        curves.learning([curves.History.of([])]),
        species.species_bars({}),
        species.headline({}),
    ]
    for figure in empty:
        assert figure.texts[0].get_text()


def test_long_names_leave_room():
    assert style.short("x" * 80) == "x" * 39 + "…"
    assert style.short("Minke  Whale\n") == "Minke Whale"


@pytest.mark.parametrize("k", [2, 6, 13])
def test_the_title_of_a_confusion_matrix_is_not_cut_off(k: int) -> None:
    figure = confusion.confusion(3 * np.eye(k, dtype=int), [f"S{i}" for i in range(k)])
    FigureCanvasAgg(figure).draw()
    title = figure._suptitle
    assert title.get_window_extent().x1 <= figure.bbox.x1
