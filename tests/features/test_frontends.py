"""The contract of front ends, over the registry: shapes, no neighbours, what others may ask of each."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from finback.core.errors import SettingsError
from finback.features.frontends import FRONT_ENDS, FrontEnd, backbone, create, front_end_class
from finback.features.spec import FeatureSpec
from finback.models import CLASSIFIERS, family
from finback.models.export.frontend import GRAPHS

SPEC = FeatureSpec(sample_rate=2000, clip_samples=2000, n_fft=128, hop=32, n_mels=24, n_frames=50)
OWN = {
    "birdnet": SPEC.model_copy(update={"sample_rate": 48_000, "clip_samples": 144_000}),
    "aisfx": SPEC.model_copy(update={"sample_rate": 44_100, "clip_samples": 102_400}),
    "yamnet": SPEC.model_copy(update={"sample_rate": 16_000, "clip_samples": 16_000}),
}
each = pytest.mark.parametrize("name", sorted(FRONT_ENDS))


def ready(name: str) -> tuple[FrontEnd, np.ndarray]:
    """A front end and three windows (3, T) for it, or a skip that says what is missing."""
    spec = OWN.get(name, SPEC)
    try:
        front_end = create(name, spec)
    except SettingsError as error:
        pytest.skip(str(error))
    waves = np.random.default_rng(0).normal(0, 0.1, (3, spec.clip_samples)).astype(np.float32)
    return front_end, waves


@each
def test_a_front_end_knows_its_name_and_describes_itself(name: str) -> None:
    kind = front_end_class(name)
    assert kind.name == name
    assert str(OWN.get(name, SPEC).sample_rate) in kind.describe(OWN.get(name, SPEC))
    assert bool(kind.install) <= bool(kind.licence)
    assert kind.background in ("subtracted", "ignored", "refused")


@each
def test_each_window_has_features_of_its_own(name: str) -> None:
    front_end, waves = ready(name)
    features = front_end(waves)
    assert features.dtype == np.float32
    assert len(features) == 3
    alone = np.concatenate([front_end(wave[None]) for wave in waves])
    np.testing.assert_allclose(features, alone, atol=1e-4)
    assert 1 <= front_end.covered_samples <= waves.shape[1]


@each
def test_cached_features_and_augmented_waves_become_the_same_input(name: str) -> None:
    front_end, waves = ready(name)
    features = front_end(waves)
    x = front_end.batch(features)
    assert x.shape == ((3, 1, *features.shape[1:]) if front_end.is_spectrogram else features.shape)
    assert torch.equal(x, front_end.from_waves(torch.from_numpy(waves)))


@each
def test_a_graph_of_the_front_end_or_the_reason_why_there_is_none(name: str) -> None:
    assert (name in GRAPHS) != bool(front_end_class(name).no_graph)


@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
def test_every_family_names_a_front_end(name: str) -> None:
    assert family(name).input in FRONT_ENDS


def test_what_is_no_backbone_is_refused_as_one() -> None:
    assert backbone("mfcc", SPEC).n_features == 80
    with pytest.raises(SettingsError, match="not a backbone; there are: aisfx"):
        backbone("logmel", SPEC)


def test_a_new_backbone_is_one_class_and_one_line_as_the_docs_show() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/model-family.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.S) if "Backbone" in block]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
