"""How wide samples are: by the closed form, by many samples, and the warning that says it."""

from __future__ import annotations

import warnings

import pytest
import torch
from analytic import Pooled, gaussian

from finback.core.errors import Inexact
from finback.generation.diffusion.accuracy import warn_of_width, width_errors
from finback.generation.diffusion.samplers import SAMPLERS, levels_for


@pytest.mark.parametrize(("sampler", "steps"), [("ancestral", 18), ("ddim", 18), ("ddpm", 100)])
def test_the_closed_form_is_the_width_of_many_samples(sampler: str, steps: int) -> None:
    least, most = width_errors(sampler, steps)
    streams, levels = Pooled(20_000), levels_for(sampler, steps)
    found = []
    for deviation in (0.2, 10.0):
        data = gaussian(torch.zeros(1).double(), torch.full((1, 1), deviation**2).double())
        x = SAMPLERS[sampler](data, streams.normal((1,)), levels, streams, None)
        found.append(float(x.std()) / deviation - 1)
    assert least - 0.02 < min(found) <= max(found) < most + 0.02
    assert max(abs(a - b) for a, b in zip(sorted(found), (least, most), strict=True)) < 0.03


def test_few_steps_of_ancestral_are_said_in_one_line() -> None:
    with pytest.warns(Inexact, match="71 to 81 % of the variation") as said:
        warn_of_width("ancestral", 18)
    assert len(said) == 1


@pytest.mark.parametrize(("sampler", "steps"), [("ancestral", 100), ("dpmpp-3m", 18), ("heun", 18)])
def test_enough_steps_are_silent(sampler: str, steps: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_width(sampler, steps)
