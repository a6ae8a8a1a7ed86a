"""Samples of a tape and variations of a real clip: what they are near to, what the folder says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finback.core.errors import InputError, LeftOut, RunError, SettingsError
from finback.core.storage.csv_files import read_csv
from finback.core.storage.files import read_json
from finback.data.dataset import Dataset
from finback.data.provenance import leaks, read_provenance
from finback.features.extract import Extractor
from finback.generation.diffusion.samplers import SAMPLERS, levels_for, levels_from, sigma_of_strength
from finback.generation.diffusion.seeds import Streams
from finback.generation.generate import SampleRequest, generate_clips, vary
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.generation.originals import Original
from finback.generation.synthesizer import SynthesisConfig
from finback.training.generator import train_generator
from finback.training.plan import Plan
from finback.training.settings import resolve

SMALL = (
    *("training.epochs=2", "model.diffusion.width=16", "model.diffusion.depth=1"),
    *("model.diffusion.frame_width=48", "model.diffusion.frame_depth=1"),
)


@pytest.fixture(scope="module")
def run(tiny_dataset: Dataset, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = resolve(tiny, SMALL, "diffusion")
    out = tmp_path_factory.mktemp("runs") / "diffusion"
    return train_generator(Plan("diffusion", settings, device="cpu"), tiny_dataset, out).path


@pytest.fixture(scope="module")
def generator(run: Path) -> SpectrogramGenerator:
    return SpectrogramGenerator.load(run, "cpu")


def test_a_tape_gives_its_colour(generator: SpectrogramGenerator) -> None:
    names = generator.run.info.tapes
    assert len(names) >= 8
    label = generator.labels.index("Killer whale")
    tapes = generator.model.tapes_of(label)
    assert len(tapes) >= 2
    y, seeds = [label] * 12, list(range(12))
    colours = [
        generator.sample(y, seeds, Sampling(tape=names[tape], guidance=1)).mean(axis=(0, 2)) for tape in tapes
    ]
    scale, recordings = generator.model.scale, generator.model.recordings
    for tape, colour in zip(tapes, colours, strict=True):
        wanted = (recordings.spectra[tape] * scale.deviation + scale.mean).numpy()
        away = [np.abs(c - c.mean() - wanted + wanted.mean()).mean() for c in (colour, *colours)]
        assert away[0] == min(away)


def test_an_unknown_tape_is_answered_with_the_nearest(
    generator: SpectrogramGenerator, generator_run: Path
) -> None:
    name = generator.run.info.tapes[0]
    with pytest.raises(InputError, match=f"unknown tape '{name}x'.*nearest are: .*{name}"):
        generator.sample([0], [0], Sampling(tape=f"{name}x"))
    with pytest.raises(InputError, match="trained without recording groups"):
        SpectrogramGenerator.load(generator_run, "cpu").sample([0], [0], Sampling(tape=name))


def test_variations_are_nearer_to_their_clip_the_weaker_they_are(
    generator: SpectrogramGenerator, tiny_dataset: Dataset
) -> None:
    clip = next(c for c in tiny_dataset.clips if c.label == "Killer whale")
    x = Extractor(generator.spec, "logmel")(clip)[:1]
    label = generator.labels.index("Killer whale")
    away = []
    for strength in (0.05, 0.4, 0.7):
        made = generator.vary(x, [40], [label], [1], strength)
        assert made.shape == x.shape
        assert made.mean() == pytest.approx(x.mean(), abs=1), "at the level of the clip"
        away.append(float(np.abs(made - x).mean()))
    assert away[0] < 1.0 < away[1] < away[2]


def test_the_folder_names_the_original(
    run: Path, simulated: Path, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    clip = next(c for c in tiny_dataset.clips if c.label == "Killer whale")
    path = clip.recording.path
    original = Original(path, 0.3)
    config = SynthesisConfig(str(run), vocoder="griffin-lim", device="cpu", original=original)
    request = SampleRequest(("Killer whale",), n=2)
    generate_clips(config, request, tmp_path / "made")
    rows = read_csv(tmp_path / "made" / "manifest.csv")
    assert [row["parents"] for row in rows] == [path.name] * 2
    assert [row["synthetic"] for row in rows] == ["true"] * 2
    settings = read_json(tmp_path / "made" / "generated.json")["settings"]
    assert settings["original_recording"] == clip.recording.id
    assert settings["strength"] == 0.3
    assert generate_clips(config, request, tmp_path / "made").n_existing == 2
    with pytest.raises(RunError, match="other settings"):
        generate_clips(SynthesisConfig(str(run), device="cpu"), request, tmp_path / "made")
    models = read_provenance(tmp_path / "made" / "generated.json") or ()
    (source,) = [m for m in models if m.role == "original"]
    split = tiny_dataset.make_splits(resolve("watkins").split)[0].split
    tested = next(c for c in (*split.val, *split.test))
    (found,) = leaks(split, [type(source)("original", "call.wav", frozenset([tested.recording.id]))])
    assert "variations of call.wav, which is of group" in str(found)


def test_a_long_clip_says_that_its_beginning_is_varied(run: Path, tmp_path: Path) -> None:
    from finback.audio.io import write

    write(tmp_path / "long.wav", np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32), 8000)
    with pytest.warns(LeftOut, match="only its beginning is varied"):
        made = vary(run, tmp_path / "long.wav", "Killer whale", n=1, out=tmp_path / "made", steps=18)
    assert made.n_new == 1


def test_what_cannot_be_varied_is_refused(generator_run: Path, tmp_path: Path, simulated: Path) -> None:
    with pytest.raises(SettingsError, match=r"strength 1\.5: not above 0 and at most 1"):
        Original(tmp_path / "call.wav", 1.5)
    plain = SpectrogramGenerator.load(generator_run, "cpu")
    with pytest.raises(SettingsError, match="does not work in steps"):
        plain.vary(np.zeros((1, 32, 60), np.float32), [60], [0], [0], 0.5)


def test_the_strength_is_a_share_of_the_noise_levels() -> None:
    assert sigma_of_strength(0.5) == pytest.approx(2.5, abs=0.1)
    levels = levels_from("dpmpp-3m", 18, 0.5)
    assert len(levels) == 10
    assert float(levels[0]) == pytest.approx(sigma_of_strength(0.5))
    classic = levels_from("ddpm", 1000, 0.5)
    assert float(classic[0]) == pytest.approx(sigma_of_strength(0.5), rel=0.05)


def test_the_denoiser_of_a_batch_gives_its_samples(generator: SpectrogramGenerator) -> None:
    how = Sampling(guidance=2.0)
    denoise, noise = generator.denoiser([0, 1], [3, 4], how)
    levels = levels_for(how.sampler, how.steps)
    units = SAMPLERS[how.sampler](denoise, noise, levels, Streams([3, 4]), None)
    found = (units * generator.model.scale.deviation)[:, 0].numpy() + generator.model.scale.mean[
        :, None
    ].numpy()
    made = generator.sample([0, 1], [3, 4], how)
    away = (found - found.mean(axis=(1, 2), keepdims=True)) - (made - made.mean(axis=(1, 2), keepdims=True))
    assert np.abs(away).mean() < 0.1  # dB; the lowest values are cut off in the samples
