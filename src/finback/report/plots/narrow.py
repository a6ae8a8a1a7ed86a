"""A drawn figure made as wide as a column of a journal, with text that stays readable.

Lines and markers shrink with the width; text shrinks less, and never below `LEAST_PT`. Titles, legends and
names that would then be too wide are wrapped (`wrapping.py`), and the figure grows taller until no two texts
overlap. Where no height helps, for example numbers in the cells of a large matrix, another form of the figure
is drawn, if it has one (`instead`), or the width that would do is returned.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

import numpy as np
from matplotlib.axis import Axis
from matplotlib.collections import Collection, PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from finback.report.plots.wrapping import Wrapper

LEAST_PT = 6.0  # the least size of text that journals print
TEXT_SHRINKS_TO = 0.66  # of its size in a wide figure, at most
LINES_SHRINK_TO = 0.6
GROWTH, STEPS = 1.13, 12  # of the height: one step, and how many at most
FLATTEST = 0.7  # of its shape in a wide figure, how flat a panel may become
GAP_PX = 3.0  # between two texts of one line
TOUCH = 0.14  # of its height, the part of a text's box that may lie under another: the space above letters
MOST_STRETCH = 3.0
COLLAPSED = ".*layout not applied.*"  # what matplotlib says where text leaves no room for the axes

# Another form of a figure, for widths that do not fit it.
_instead: WeakKeyDictionary[Figure, Callable[[], Figure]] = WeakKeyDictionary()


def instead(figure: Figure, draw: Callable[[], Figure]) -> None:
    """Draw this where a width has no room for the figure. `draw` must not hold the figure itself."""
    _instead[figure] = draw


def other_form(figure: Figure) -> Figure | None:
    """The form of the figure for a narrow column, newly drawn; None: it has none."""
    draw = _instead.get(figure)
    return None if draw is None else draw()


def fit(figure: Figure, width_in: float) -> float | None:
    """Make the figure `width_in` inches wide; None, or the width in inches that its text would need."""
    wide, high = figure.get_size_inches()
    scale = width_in / wide
    figure.draw_without_rendering()
    shapes = _shapes(figure)
    _scale_parts(figure, scale)
    wrapper, tried = Wrapper(figure), []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", COLLAPSED, UserWarning)
        for step in range(STEPS):
            figure.set_size_inches(width_in, high * scale * GROWTH**step)
            wrapper.wrap()
            stretch = _stretch(figure)
            flat = bool(np.any(_shapes(figure) < FLATTEST * shapes))
            tried.append(math.inf if flat else stretch)
            if stretch <= 1.0 and not flat:
                return None
            if step > 1 and stretch > 0.99 * tried[-3]:
                break  # more height does not help
        figure.set_size_inches(width_in, high * scale * GROWTH ** int(np.argmin(tried)))
        wrapper.wrap()
    return width_in * max(1.1, min(MOST_STRETCH, *tried))


def _shapes(figure: Figure) -> np.ndarray:
    """Height / width of each panel that can be seen."""
    boxes = [axes.get_window_extent() for axes in figure.axes if axes.get_visible()]
    return np.array([box.height / max(box.width, 1.0) for box in boxes])


def _scale_parts(figure: Figure, scale: float) -> None:
    text, lines = (min(1.0, max(scale, least)) for least in (TEXT_SHRINKS_TO, LINES_SHRINK_TO))
    axes_of = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    ticks = [max(LEAST_PT, text * _tick_size(axis)) for axis in axes_of]
    for artist in figure.findobj():
        if isinstance(artist, Text):
            artist.set_fontsize(max(LEAST_PT, text * float(artist.get_fontsize())))
        elif isinstance(artist, Line2D):
            artist.set_linewidth(lines * artist.get_linewidth())
            artist.set_markersize(lines * artist.get_markersize())
        elif isinstance(artist, Collection):
            artist.set_linewidth([lines * float(one) for one in np.atleast_1d(artist.get_linewidth())])
            if isinstance(artist, PathCollection):  # a scatter
                artist.set_sizes(lines**2 * np.asarray(artist.get_sizes()))
    for axis, size in zip(axes_of, ticks, strict=True):
        axis.set_tick_params(which="both", labelsize=size)


def _tick_size(axis: Axis) -> float:
    labels = axis.get_ticklabels()
    return float(labels[0].get_fontsize()) if labels else 0.0


def _stretch(figure: Figure) -> float:
    """By which factor the figure had to be larger for its texts not to overlap; 0 where they do not."""
    if _is_collapsed(figure):
        return math.inf
    boxes = np.array([[box.x0, box.y0, box.x1, box.y1] for box in text_boxes(figure)]).reshape(-1, 4)
    if not len(boxes):
        return 0.0
    width, height = figure.bbox.width, figure.bbox.height
    outside = (boxes[:, 2] > 1.01 * width) | (boxes[:, 0] < -0.01 * width) | (boxes[:, 3] > 1.02 * height)
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6)  # (n, 2)
    flat = size[:, 0] >= size[:, 1]  # a line of text; else it is written upwards
    allowed = TOUCH * size.min(axis=1)
    middle = (boxes[:, 2:] + boxes[:, :2]) / 2
    far = np.abs(middle[:, None] - middle[None])  # (n, n, 2)
    need = (size[:, None] + size[None]) / 2 - np.stack(
        [np.where(flat, -GAP_PX, allowed), np.where(flat, allowed, 0)], 1
    )[:, None]
    stretch = (need / np.maximum(far, 1e-3)).min(axis=2)
    np.fill_diagonal(stretch, 0.0)
    worst = min(MOST_STRETCH, float(stretch.max(initial=0.0)))
    return max(worst, 1.1 if outside.any() else 0.0) if worst > 1.0 or outside.any() else 0.0


def _is_collapsed(figure: Figure) -> bool:
    """Draw; whether the texts leave no room for the axes."""
    with warnings.catch_warnings(record=True) as said:
        warnings.filterwarnings("always", COLLAPSED, UserWarning)
        figure.draw_without_rendering()
    return any("layout not applied" in str(one.message) for one in said)


def text_boxes(figure: Figure) -> Iterator[Bbox]:
    """The boxes, in pixels, of all texts that are drawn. The figure must have been drawn before."""
    ticks = {id(label): shown for label, shown in _tick_labels(figure)}
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible() and ticks.get(id(text), True) and _is_shown(text):
            yield Text.get_window_extent(text)  # of an annotation: without its arrow


def _tick_labels(figure: Figure) -> Iterator[tuple[Text, bool]]:
    """Each label of a tick, and whether its tick is within the axis."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            edge = 1e-6 * (high - low)
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                within = low - edge <= tick.get_loc() <= high + edge
                for label in (tick.label1, tick.label2):
                    yield label, bool(within and tick.get_visible() and axes.axison and axes.get_visible())


def _is_shown(text: Text) -> bool:
    axes = text.axes
    return axes is None or bool(axes.get_visible())
