"""The training of the family `calls`: every training clip is analysed, window by window.

There is no gradient and no step to resume from: an interrupted training starts again. A window takes about a
tenth of a second; clips that were analysed before are not analysed again (`scene_cache`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finback.core.progress import Progress
from finback.core.types import Clip, Labels
from finback.features.extract import Extractor
from finback.models.networks.calls.analysis import analyse
from finback.models.networks.calls.network import Calls
from finback.models.networks.calls.sounds import Scene
from finback.training.scene_cache import SceneCache

SHORTEST = 8  # frames of the analysis; a shorter clip is repeated to this length
SILENCE = 1e-7  # root mean square


def fit_calls(
    model: Calls, clips: Sequence[Clip], labels: Labels, progress: Progress, folder: Path | None = None
) -> list[str]:
    """Analyse the training clips and keep their calls in the model; the names of the tapes, by number.

    Windows without sound are left out, except of a species that has no others. `folder` keeps the analyses.
    """
    extractor = Extractor(model.spec, "wave")
    kept = SceneCache(model, extractor, folder)
    tapes = {name: i for i, name in enumerate(sorted({clip.group_key for clip in clips}))}
    scenes: list[Scene] = []
    silent: list[Scene] = []
    for clip in progress(clips, "analysing the calls of the training clips", len(clips)):
        species, tape = labels.index(clip.label or ""), tapes[clip.group_key]
        found = kept(clip, partial(_analysed, clip, extractor, model))
        for number, (scene, has_sound) in enumerate(found):
            own = replace(scene, species=species, tape=tape, window=number)
            (scenes if has_sound else silent).append(own)
    known = {scene.species for scene in scenes}
    model.keep([*scenes, *(scene for scene in silent if scene.species not in known)])
    return list(tapes)


def _analysed(clip: Clip, extractor: Extractor, model: Calls) -> list[tuple[Scene, bool]]:
    """The scenes of a clip, and whether their windows have sound."""
    waves = list(_windows(clip, extractor, model))
    return [(analyse(x, model.grid), bool(np.sqrt(np.square(x).mean()) > SILENCE)) for x in waves]


def _windows(clip: Clip, extractor: Extractor, model: Calls) -> Iterator[NDArray[np.float32]]:
    """The windows of a clip that are analysed, evenly spread over the clip, without padding."""
    spec = model.spec
    places = extractor.windows(clip)
    chosen = np.unique(np.linspace(0, len(places) - 1, min(model.windows, len(places))).round().astype(int))
    for i in chosen:
        window = places[i]
        seconds = (window.stop - window.start) / clip.recording.sample_rate
        n = max(1, min(spec.covered_samples, math.floor(seconds * spec.sample_rate)))
        wave = extractor.waves(window)[0, :n]
        least = SHORTEST * model.grid.hop
        yield wave if n >= least else np.resize(wave, least)
