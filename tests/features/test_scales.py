"""Linear power is the same as dB without the logarithm: in features, networks, exports, and back to sound."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from finback import models
from finback.core.errors import SettingsError
from finback.features.backbones.mfcc import Mfcc
from finback.features.logmel import LogMel
from finback.features.scales import in_db, of_db
from finback.features.spec import FeatureSpec
from finback.generation.vocoders.vocode import Vocoder
from finback.models.export.frontend import LogMelGraph
from finback.models.inference import for_inference

DB, POWER = FeatureSpec(), FeatureSpec(scale="power")


def waves(n: int = 2) -> torch.Tensor:
    """A rising tone over faint noise, each wave quieter than the one before."""
    rng = np.random.default_rng(0)
    t = np.arange(DB.clip_samples) / DB.sample_rate
    tone = np.sin(2 * np.pi * (400 + 300 * t) * t) * np.hanning(len(t))
    x = tone + 0.003 * rng.normal(size=(n, len(t)))
    return torch.from_numpy(x * 0.5 / 30.0 ** np.arange(n)[:, None]).float()


@pytest.mark.parametrize("top_db", [80.0, 30.0, None])
def test_power_and_db_hold_the_same(top_db: float | None) -> None:
    db_spec, power_spec = (s.model_copy(update={"top_db": top_db}) for s in (DB, POWER))
    db, power = LogMel(db_spec)(waves()), LogMel(power_spec)(waves())
    assert power.min() > 0
    torch.testing.assert_close(in_db(power, power_spec), db, atol=1e-3, rtol=0)
    torch.testing.assert_close(of_db(db, power_spec), power, atol=1e-9, rtol=1e-3)
    assert power_spec.fingerprint != db_spec.fingerprint
    assert power_spec.in_db == db_spec


def test_the_background_is_taken_from_power_too() -> None:
    background = torch.linspace(-20, 10, DB.n_mels).repeat(2, 1)
    db, power = (LogMel(spec)(waves(), background) for spec in (DB, POWER))
    torch.testing.assert_close(in_db(power, POWER), db, atol=1e-3, rtol=0)
    bands = (LogMel(spec).band_power(x, background) for spec, x in ((DB, db), (POWER, power)))
    torch.testing.assert_close(*bands, atol=1e-9, rtol=1e-3)


def test_power_has_an_inverse_and_pcen_has_none() -> None:
    magnitudes = [LogMel(spec).inverse(LogMel(spec)(waves())) for spec in (DB, POWER)]
    torch.testing.assert_close(*magnitudes, atol=1e-6, rtol=5e-3)
    with pytest.raises(SettingsError, match="PCEN"):
        in_db(torch.ones(1, 1, 4, 4), FeatureSpec(scale="pcen"))


@pytest.mark.parametrize("method", ["components", "griffin-lim"])
def test_vocoding_power_gives_the_sound_of_the_same_spectrogram(method: str) -> None:
    power = LogMel(POWER)(waves(1))
    wave = Vocoder.load(method, POWER, "cpu", rounds=4)(power)
    again = LogMel(DB)(torch.nn.functional.pad(wave, (0, DB.clip_samples - wave.shape[1])))
    first = in_db(power, POWER)
    same = Vocoder.load(method, DB, "cpu", rounds=4)(first)
    torch.testing.assert_close(wave, same)
    loud = first > first.amax() - 30
    assert float((again - first)[loud].abs().mean()) < 2.0  # dB


@pytest.mark.parametrize("family", ["cnn2d", "dnn", "lstm", "transformer"])
def test_networks_read_power_of_any_level_and_answer_the_same_when_folded(family: str) -> None:
    network = models.create(family, POWER, 3).eval()
    with torch.inference_mode():
        x = LogMel(POWER)(waves())
        logits = network(x)
        quiet = network(x * 1e-6)  # a hydrophone of 60 dB less gain
        silent = network(torch.full_like(x, 1e-10))
        torch.testing.assert_close(quiet, logits, atol=1e-3, rtol=1e-3)
        assert torch.isfinite(silent).all()
        assert not torch.allclose(silent, logits)
        torch.testing.assert_close(for_inference(network)(x * 1e-6), quiet, atol=1e-3, rtol=1e-3)


def test_the_graph_of_an_export_makes_the_same_power() -> None:
    theirs, ours = LogMelGraph(POWER)(waves()), LogMel(POWER)(waves())
    torch.testing.assert_close(in_db(theirs, POWER), in_db(ours, POWER), atol=0.02, rtol=0)


def test_cepstra_are_of_the_logarithm() -> None:
    x = waves().numpy()
    np.testing.assert_allclose(Mfcc(POWER).vectors(x), Mfcc(DB).vectors(x), atol=1e-4)


def test_a_generator_refuses_power_by_name() -> None:
    with pytest.raises(SettingsError, match=r"features.scale = 'power' with a generator"):
        models.create("gaussian", POWER, 3)
