"""The presets for a GPU: they resolve, make larger models, and have the input of the default."""

from __future__ import annotations

import pytest

from finback import models
from finback.training.settings import resolve


@pytest.mark.parametrize("family", ["diffusion", "vae", "vocoder"])
def test_large_is_larger_and_hears_the_same(family: str) -> None:
    usual, large = resolve("watkins", family=family), resolve(f"{family}-large", family=family)
    assert large.features == usual.features
    sizes = [models.create(family, s.features, 17, **s.model).n_parameters for s in (usual, large)]
    assert sizes[1] > 2 * sizes[0]
    assert large.training.epochs >= usual.training.epochs
