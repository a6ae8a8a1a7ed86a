"""Names in figures: characters that the font does not have become boxes, and no other library warns."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from finback.core.errors import NotDrawn
from finback.report.plots.confusion import confusion
from finback.report.plots.style import BOX, drawable, message, render

NAMES = ("🐋 whale", "ミンククジラ", "Ballena jorobada", "Кит")


def test_a_character_that_the_font_has_stays() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert drawable("Ballena, baleine à bosse, Кит, φάλαινα\n5 × 10 – 20 …") == (
            "Ballena, baleine à bosse, Кит, φάλαινα\n5 × 10 – 20 …"
        )


def test_another_character_is_a_box_and_this_is_said() -> None:
    with pytest.warns(NotDrawn, match="figures show □ for characters that their font"):
        assert drawable(NAMES[1]) == 6 * BOX
    with pytest.warns(NotDrawn):
        shown = render(message(NAMES[0]), "png")
    assert shown == render(message(f"{BOX} whale"), "png")


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_names_at_ticks_are_drawn_without_a_warning_of_matplotlib(kind: str) -> None:
    with pytest.warns(NotDrawn) as said:
        render(confusion(np.eye(4, dtype=int), NAMES), kind)
    assert {warning.category for warning in said} == {NotDrawn}
    assert len({str(warning.message) for warning in said}) == 1
