"""Titles, legends and names of species wrapped to the room that a narrow figure has for them."""

from __future__ import annotations

import textwrap
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

ROUNDS = 3  # wrapping changes the layout, and with it the room
FEWEST_LETTERS = 9  # no line of wrapped text is made shorter than this
NAMES_TAKE = 0.4  # of the width, at most, of the names of the rows
FEW_TICKS = 3
TICK_GAP_PX = 4.0  # between two numbers of an axis: more than `narrow` asks of any two texts


class Wrapper:
    """Wraps the texts of one figure; it keeps each as it was, so that a text may be wrapped again."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self._whole: dict[Text, str] = {}
        self._names: dict[Axis, list[str]] = {}

    def wrap(self) -> None:
        """Wrap what is wider than its room; call again after the size of the figure has changed."""
        for _ in range(ROUNDS):
            self.figure.draw_without_rendering()
            changed = [self._texts(), self._legends(), self._row_names(), self._ticks()]
            if not any(changed):
                return

    def _texts(self) -> bool:
        figure, changed = self.figure, False
        for axes in figure.axes:
            for title in (axes.title, *(getattr(axes, f"_{side}_title") for side in ("left", "right"))):
                changed |= self._shorten(title, self._room_of_title(axes, title))
            changed |= self._shorten(axes.xaxis.label, self._room_of_label(axes))
            changed |= self._shorten(axes.yaxis.label, 0.9 * figure.bbox.height, upwards=True)
        for text in figure.findobj(Text, include_self=False):
            if text.axes is None and text.get_rotation() == 0 and text in self._own_texts():
                changed |= self._shorten(text, self._room(text))
        return changed

    def _own_texts(self) -> list[Text]:
        """The title of the whole figure, its label and its notes."""
        named = (getattr(self.figure, name) for name in ("_suptitle", "_supxlabel"))
        return [*(text for text in named if text is not None), *self.figure.texts]

    def _room(self, text: Text) -> float:
        """Pixels from where the text stands to the edge of the figure."""
        box, width = text.get_window_extent(), self.figure.bbox.width
        side = text.get_horizontalalignment()
        if side == "left":
            return width - box.x0
        middle = (box.x0 + box.x1) / 2
        return box.x1 if side == "right" else 2 * min(middle, width - middle)

    def _room_of_title(self, axes: Axes, title: Text) -> float:
        """As `_room`; where another panel stands beside this one, the room of this panel."""
        own = axes.get_window_extent()
        boxes = [other.get_window_extent() for other in self.figure.axes if other is not axes]
        right = [b.x0 for b in boxes if b.x0 > own.x1 - 1 and b.y0 < own.y1 and b.y1 > own.y0]
        if not right or min(right) - own.x0 > 2 * own.width:
            return self._room(title)
        return min(right) - own.x0 - 4

    def _room_of_label(self, axes: Axes) -> float:
        """Pixels for the label of a horizontal axis; beside another panel, as far as to that one's middle."""
        own = axes.get_window_extent()
        level = [other.get_window_extent() for other in self.figure.axes if other.get_xlabel()]
        far = [abs(b.x0 + b.x1 - own.x0 - own.x1) / 2 for b in level if abs(b.y0 - own.y0) < 1]
        return min([self._room(axes.xaxis.label), *(one - 4 for one in far if one > 1)])

    def _shorten(self, text: Text, room: float, upwards: bool = False) -> bool:
        box = text.get_window_extent()
        size = box.height if upwards else box.width
        if not text.get_text().strip() or size <= room + 1:
            return False
        return self._set(text, room / size)

    def _set(self, text: Text, share: float) -> bool:
        now = text.get_text()
        whole = self._whole.setdefault(text, now)
        text.set_text(in_lines(whole, share * longest_line(now)))
        return text.get_text() != now

    def _legends(self) -> bool:
        changed = False
        of_axes = {axes.get_legend(): axes for axes in self.figure.axes}
        for legend in self.figure.findobj(Legend):
            axes = of_axes.get(legend)
            room = self.figure.bbox.width if axes is None else axes.get_window_extent().width
            width = legend.get_window_extent().width
            if width > room + 1:
                letters = 0.95 * room / width * max(longest_line(t.get_text()) for t in legend.get_texts())
                for text in legend.get_texts():
                    changed |= self._set(text, min(1.0, letters / max(1, longest_line(text.get_text()))))
                changed |= self._shorten(legend.get_title(), room)
        return changed

    def _row_names(self) -> bool:
        """Names of rows, at the left, that take too much of the width."""
        changed = False
        room = NAMES_TAKE * self.figure.bbox.width
        for axes in self.figure.axes:
            axis = axes.yaxis
            labels = axis.get_ticklabels()
            widest = max((label.get_window_extent().width for label in labels), default=0.0)
            if isinstance(axis.get_major_locator(), FixedLocator) and widest > room + 1:
                old = [label.get_text() for label in labels]
                letters = room / widest * max(map(longest_line, old))
                new = [in_lines(text, letters) for text in self._names.setdefault(axis, old)]
                axis.set_ticks(axis.get_majorticklocs(), new)
                changed |= new != old
        return changed

    def _ticks(self) -> bool:
        """Fewer numbers at horizontal axes where they touch each other."""
        changed = False
        for axes in self.figure.axes:
            labels = [t for t in axes.xaxis.get_ticklabels() if t.get_text() and t.get_visible()]
            boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
            level = not any(label.get_rotation() for label in labels)
            if level and any(left.x1 + TICK_GAP_PX > right.x0 for left, right in pairwise(boxes)):
                changed |= _thin(axes.xaxis)
        return changed


def longest_line(text: str) -> int:
    """The number of letters in the longest line."""
    return max(map(len, text.split("\n")))


def in_lines(text: str, letters: float) -> str:
    """The text in lines of at most so many letters, where its words allow it."""
    n = max(FEWEST_LETTERS, int(letters))
    parts = [textwrap.wrap(line, n, break_long_words=False) or [line] for line in text.split("\n")]
    return "\n".join(line for part in parts for line in part)


def _thin(axis: Axis) -> bool:
    """Keep every second number, of three the outer ones; where numbers are chosen freely, choose few."""
    locator, formatter = axis.get_major_locator(), axis.get_major_formatter()
    if not isinstance(locator, FixedLocator):
        axis.set_major_locator(MaxNLocator(FEW_TICKS))
        return True
    places = axis.get_majorticklocs()
    if len(places) < FEW_TICKS:
        return False
    step = 2 if len(places) > FEW_TICKS else len(places) - 1
    if isinstance(formatter, FixedFormatter):
        axis.set_major_formatter(FixedFormatter(list(formatter.seq)[::step]))
    axis.set_major_locator(FixedLocator([float(place) for place in places[::step]]))
    return True
