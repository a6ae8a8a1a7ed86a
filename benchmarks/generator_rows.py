"""The figures of benchmarks/generators.py: real clips and samples of a generator, embedded and measured."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from generator_twins import Sides, Twin
from numpy.typing import NDArray

import finback
from finback.core.types import Clip
from finback.evaluation.generator_audit.by_embedding import EmbeddedSets, Row, Vectors
from finback.evaluation.generator_audit.embeddings import WaveEmbedder, first_sounds, reference_embedders
from finback.evaluation.generator_audit.structure import Means, Spectrograms, compared, species_means
from finback.evaluation.generator_audit.windows import cached
from finback.features.lengths import true_frames
from finback.features.spec import FeatureSpec
from finback.generation.synthesizer import SynthesisConfig, Synthesizer
from finback.generation.vocoders.clips import logmel_of
from finback.generation.vocoders.inversion import to_waves
from finback.generation.vocoders.vocode import Vocoder
from finback.metrics.copying import CopyThresholds, copying, shifted_distances, whitened

N = 20  # samples of each species
SAMPLES, SAME, UNSEEN, VOCODED = "samples", "real same tapes", "real unseen tapes", "real vocoded"
Waves = NDArray[np.float32]
# Code on which samples and vocoded clips depend.
SAMPLING = ("generation", "models/networks")
VOCODING = ("generation/vocoders", "models/networks/vocoder.py", "features")


class Yard:
    """Real clips of the two sides as generated sound is: one window of each, at the rate of the generator."""

    def __init__(self, sides: Sides, spec: FeatureSpec, cache: Path) -> None:
        self.sides, self.spec, self.cache = sides, spec, cache
        self.embedders = reference_embedders(spec)
        self.vocoder = Vocoder.load("auto", spec, "cpu")
        self.train, self.unseen = sides.train, sides.unseen
        self.y = {SAME: sides.labels.targets(self.train), UNSEEN: sides.labels.targets(self.unseen)}
        self.waves = {SAME: first_sounds(self.train, spec), UNSEEN: first_sounds(self.unseen, spec)}
        self.logmels = {name: logmel_of(waves, spec) for name, waves in self.waves.items()}
        self.vocoded = self.kept("vocoded", self.logmels[SAME], self.vocode)

    def kept(self, what: str, of: Waves, make: Callable[[Waves], Waves]) -> Waves:
        """An array that is made from another one, read from the cache if it was made before."""
        key = {"of": _hash(of.tobytes()), "vocoder": self.vocoder_id if what == "vocoded" else None}
        return cached(self.cache, what, key, lambda: make(of))

    @cached_property
    def vocoder_id(self) -> str:
        """The vocoder and the code of it."""
        run = self.vocoder.run
        return f"{run.fingerprint() if run else self.vocoder.name} {_code(VOCODING)}"

    def vocode(self, logmels: Waves) -> Waves:
        """(N, M, F) dB -> (N, T'), one by one, as samples are."""
        return np.concatenate([to_waves(x[None], self.vocoder) for x in logmels])

    def vectors(
        self, embedder: WaveEmbedder, waves: Waves, y: NDArray[np.int64], clips: Sequence[Clip] = ()
    ) -> Vectors:
        """The embedding of waves, from the cache if there."""
        name = f"{embedder.name}-{embedder.backbone.version}"
        return Vectors(self.kept(name, waves, embedder), y, tuple(c.group_key for c in clips))

    @cached_property
    def embedded(self) -> dict[str, EmbeddedSets]:
        """The real clips in each reference embedding, by its name."""
        found = {}
        for one in self.embedders:
            train = self.vectors(one, self.waves[SAME], self.y[SAME], self.train)
            vocoded = self.vectors(one, self.vocoded, self.y[SAME], self.train)
            unseen = self.vectors(one, self.waves[UNSEEN], self.y[UNSEEN], self.unseen)
            found[one.name] = EmbeddedSets(train, vocoded, unseen)
        return found

    @cached_property
    def frames(self) -> dict[str, NDArray[np.int64]]:
        """How many frames of each real log-mel are sound and not padding."""
        return {SAME: true_frames(self.train, self.spec), UNSEEN: true_frames(self.unseen, self.spec)}

    @cached_property
    def between(self) -> NDArray[np.float32]:
        """Whitened distances between clips of the training side."""
        x = whitened(self.logmels[SAME])
        return self.kept("whitened", self.logmels[SAME], lambda _: shifted_distances(x, x))

    def copies(self, x: Waves) -> float | None:
        """Share of log-mels nearer to a training clip than 1 % of clips are to a clip of another tape."""
        groups = [c.group_key for c in self.train]
        thresholds = CopyThresholds.of(self.between, groups, np.zeros(0))
        nearest = shifted_distances(whitened(x), whitened(self.logmels[SAME])).min(axis=1)
        share: float | None = copying(nearest, thresholds)["below_nearest"]
        return share

    @cached_property
    def real_means(self) -> dict[str, Means]:
        """Coherence of the species in real clips, and in real clips vocoded."""
        frames, names = self.frames, self.sides.labels.names
        sets = {
            SAME: Spectrograms(self.logmels[SAME], self.y[SAME], frames[SAME]),
            UNSEEN: Spectrograms(self.logmels[UNSEEN], self.y[UNSEEN], frames[UNSEEN]),
            VOCODED: Spectrograms(logmel_of(self.vocoded, self.spec), self.y[SAME], frames[SAME]),
        }
        return {name: species_means(own, self.spec, names) for name, own in sets.items()}

    def structures(self, samples: Spectrograms | None = None) -> dict[str, Any]:
        """The rows of coherence of real clips and of samples."""
        names = self.sides.labels.names
        own = {SAMPLES: species_means(samples, self.spec, names)} if samples else {}
        return compared({**self.real_means, **own}, SAME)

    def controls(self) -> dict[str, Row]:
        """The figures of real clips, by the name of their set."""
        structures = self.structures()
        rows = {}
        for name in (SAME, UNSEEN, VOCODED):
            figures = {
                SAME: EmbeddedSets.of_train,
                UNSEEN: EmbeddedSets.of_unseen,
                VOCODED: EmbeddedSets.of_vocoded,
            }
            copies = self.copies(self.logmels[UNSEEN]) if name == UNSEEN else None
            by_name = {k: figures[name](sets) for k, sets in self.embedded.items()}
            rows[name] = _row(by_name, structures[name], copies)
        return rows


def row_of(twin: Twin, yard: Yard, n: int = N) -> Row:
    """The figures of a generator, from `n` samples of each species that it was trained on."""
    synthesizer = Synthesizer(SynthesisConfig(str(twin.folder), device="cpu"))
    known = sorted(synthesizer.trained_species & set(yard.sides.labels.names))
    names = np.repeat(known, n)
    waves = _samples(synthesizer, names, n, yard.cache)
    y = np.array([yard.sides.labels.index(name) for name in names])
    logmels = logmel_of(waves, yard.spec)
    # A generator of waves used no vocoder, but the real clips beside it did.
    again = yard.kept("vocoded", logmels, yard.vocode) if makes_waves(synthesizer) else None
    figures = {}
    for one in yard.embedders:
        made = yard.vectors(one, waves, y)
        figures[one.name] = yard.embedded[one.name].of_samples(
            made, None if again is None else yard.vectors(one, again, y)
        )
    row = _row(figures, yard.structures(Spectrograms(logmels, y))[SAMPLES], yard.copies(logmels))
    return {**row, "n_samples": len(y), "about": twin.about, "run": twin.folder.name}


def makes_waves(synthesizer: Synthesizer) -> bool:
    """Whether the generator makes sound itself, and no log-mels for a vocoder."""
    return synthesizer.vocoder is None


def _samples(synthesizer: Synthesizer, names: NDArray[np.str_], n: int, cache: Path) -> Waves:
    """(N, T') the samples with the seeds 0 to n - 1 of each species."""
    wanted = [(synthesizer.labels.index(name), i % n) for i, name in enumerate(names)]
    key = {**synthesizer.settings, "wanted": wanted, "code": _code(SAMPLING), "version": finback.__version__}
    return cached(cache, "samples", key, lambda: synthesizer.sample(wanted)[1])


def _row(figures: dict[str, Row], structure: Row, copies: float | None) -> Row:
    """One row: the figures of the best embedding, and all of each."""
    best = next(iter(figures))
    within = structure["within"] or {}
    return {
        **figures[best],
        "embedding": best,
        "coherence_ok_species": within.get("common_share"),
        "periodicity_ok_species": within.get("periodicity"),
        "ridge_ok_species": within.get("ridge_s"),
        "kurtosis_ok_species": within.get("kurtosis"),
        "n_species": structure["n_species"],
        "near_copies": copies,
        "coherence": structure,
        "embeddings": figures,
    }


def _code(parts: Sequence[str]) -> str:
    """A hash of source files and folders: other code, other sounds."""
    paths = [Path(finback.__file__).parent / part for part in parts]
    files = sorted(file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py")))
    return _hash(b"".join(path.read_bytes() for path in files))


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
