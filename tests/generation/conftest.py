"""Generated clips of the small generator."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.generation.generate import SampleRequest, generate_clips
from finback.generation.synthesizer import SynthesisConfig


@pytest.fixture(scope="session")
def config(generator_run: Path) -> SynthesisConfig:
    return SynthesisConfig(str(generator_run), vocoder="griffin-lim", device="cpu")


@pytest.fixture(scope="session")
def folder(config: SynthesisConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips of two species."""
    out = tmp_path_factory.mktemp("generated") / "out"
    made = generate_clips(config, SampleRequest(("killer WHALE", "Bearded  seal"), n=6, seed=3), out)
    assert (made.n_new, made.n_existing, made.parents) == (12, 0, "nearest")
    assert [p.name for p in made.files["Killer whale"]][:2] == [
        "killer-whale-000003.wav",
        "killer-whale-000004.wav",
    ]
    return out
