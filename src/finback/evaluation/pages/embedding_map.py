"""`map.html`: the map of a run's clips as a page where a point plays its clip and shows its spectrogram.

One file that loads nothing from elsewhere: sounds are in it as MP3, spectrograms as a few kB of grey values
that the page colours. The same map is drawn for print in `figures/map.png` and `.svg`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps

from finback.core.errors import FinbackError
from finback.core.files import write_atomic
from finback.core.progress import Progress, no_progress
from finback.core.run_files import RunFiles
from finback.core.types import Clip
from finback.evaluation.embedding_map.make import Map, make_map
from finback.evaluation.embedding_map.neighbours import Neighbours
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.features.mel import band_centres_hz
from finback.features.spec import FeatureSpec
from finback.report.pages.classifier import environment
from finback.report.pages.sound import Sound, around, playable
from finback.report.pages.summary import percent
from finback.report.plots.embedding_map import REST, colour_of, latents, marks
from finback.report.plots.spectrogram import nice_ticks
from finback.report.plots.style import save

FIGURE = "map"
SHOWN_DB = 60.0  # below a picture's loudest point: deeper is noise to the eye
KIND = ("name", "colour", "shape")
PICTURE = (48, 56)  # bands and frames of a picture on the page, at most


@dataclass(frozen=True)
class Written:
    """What was made of a run."""

    map: Map
    figure: Path
    page: Path
    unheard: int  # clips whose sound could not be read

    def to_json(self) -> dict[str, Any]:
        return {
            "figure": str(self.figure),
            "page": str(self.page),
            "n_clips": len(self.map.clips),
            "layouts": list(self.map.layouts),
            "neighbours": asdict(self.map.neighbours),
            "unheard": self.unheard,
        }


def render(
    path: Path,
    methods: tuple[str, ...] = (),
    sound: bool = True,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = no_progress,
) -> Written:
    """Lay out a run's clips and write `figures/map.png`, `.svg` and `map.html` into its folder.

    Raises what `make_map` raises. Without `sound` the page is small and silent.
    """
    found = make_map(path, methods, seed=seed, device=device, progress=progress)
    species = [clip.label or "" for clip in found.clips]
    figure = latents(found.layouts, species, found.tapes, found.heard, title(found), notes(found))
    png, _ = save(figure, found.run / "figures", FIGURE)
    silent: list[_Heard | None] = [None] * len(found.clips)
    heard = _sounds(found, progress) if sound else silent
    page = environment().get_template("map.html.j2").render(
        title=found.run.resolve().name,
        found=found,
        lines=notes(found),
        look=LOOK,
        species=sorted(set(species)),
        n_tapes=len(set(found.tapes) - {""}),
        sound=sound,
        unheard=sum(h is None for h in heard) if sound else 0,
        data=_data(found, heard),
    )  # fmt: skip
    path = RunFiles(found.run).map_page
    write_atomic(path, page)
    return Written(found, png, path, sum(h is None for h in heard) if sound else 0)


LOOK = (
    "Groups of one colour on the left are species that the model tells apart. If a group on the left falls "
    "apart into groups of one colour each on the right, those are tapes: the model has learnt how each was "
    "recorded."
)


def title(found: Map) -> str:
    """A heading for the figure."""
    what = found.what[0].upper() + found.what[1:]
    return f"{what}: {len(found.clips)} clips, like beside like"


def notes(found: Map) -> list[str]:
    """What to look for, and what was measured: sentences for below the figure."""
    lines = [LOOK, *measured(found.neighbours)]
    if found.left_out:
        lines.append(f"{found.left_out} more clips, drawn at random, are not shown.")
    return lines


def measured(near: Neighbours) -> list[str]:
    """The neighbours in words."""
    lines = []
    if near.same_tape is not None:
        lines.append(
            "Measured among the vectors themselves: the nearest clip is of the same tape for "
            f"{percent(near.same_tape, 0)} of clips (at random: {percent(near.same_tape_by_chance, 0)})."
        )
    shares = [
        f"{percent(share, 0)} of clips that {what} learnt from"
        for share, what in ((near.same_species, "were"), (near.same_species_new, "were never"))
        if share is not None
    ]
    if shares:
        lines.append(
            f"The nearest clip of another tape is of the same species for {' and '.join(shares)} "
            f"(at random: {percent(near.same_species_by_chance, 0)})."
        )
    return lines


@dataclass(frozen=True)
class _Heard:
    """A clip's loudest window: a picture (m, f) of 0..255, how long it is, its sound."""

    picture: np.ndarray
    seconds: float
    sound: Sound


def _sounds(found: Map, progress: Progress) -> list[_Heard | None]:
    """None where the recording is gone or cannot be read."""
    store = FeatureStore(Extractor(found.spec), default_folder())

    def hear(clip: Clip) -> _Heard | None:
        try:
            windows = store.extractor.windows(clip)
            mel = store(clip)  # (W, M, F)
            loudest = int(mel.mean(axis=(1, 2)).argmax())
            window = windows[loudest]
            n = _frames(window, found.spec)
            sound = playable(around(window, clip, found.spec.top_hz), found.spec.top_hz, compact=True)
        except FinbackError:
            return None
        return _Heard(picture(mel[loudest][:, :n]), n * found.spec.hop / found.spec.sample_rate, sound)

    return [hear(clip) for clip in progress(found.clips, "sounds", len(found.clips))]


def _frames(window: Clip, spec: FeatureSpec) -> int:
    """Frames of a window before what a short clip was padded with begins."""
    length = window.n_samples / window.recording.sample_rate * spec.sample_rate
    return min(spec.n_frames, max(2, round(length / spec.hop)))


def picture(mel: np.ndarray) -> np.ndarray:
    """(M, F) -> at most `PICTURE` of uint8, 255 the loudest, 0 what lies `SHOWN_DB` below it or deeper."""
    for axis, most in enumerate(PICTURE):
        step = -(-mel.shape[axis] // most)
        mel = np.maximum.reduceat(mel, np.arange(0, mel.shape[axis], step), axis=axis)
    top = float(mel.max())
    scaled = (mel - (top - SHOWN_DB)) / SHOWN_DB
    grey: np.ndarray = np.round(255 * scaled.clip(0, 1)).astype(np.uint8)
    return grey


def _data(found: Map, heard: list[_Heard | None]) -> Mapping[str, Any]:
    """What the page's script reads; short keys, since there is one entry a clip."""
    names = sorted({clip.label or "" for clip in found.clips})
    tapes = sorted(set(found.tapes))
    looks = marks([clip.label or "" for clip in found.clips])
    centres = band_centres_hz(found.spec.n_mels, found.spec.f_min, found.spec.top_hz)
    ticks = nice_ticks(float(centres[0]), float(centres[-1]), centres, gap=0.14)
    places = np.interp(ticks, centres, np.linspace(0, 1, len(centres)))
    return {
        "layouts": {name: np.round(flat, 3).tolist() for name, flat in found.layouts.items()},
        "species": [dict(zip(KIND, (n, *looks.get(n, (REST, "o"))), strict=True)) for n in names],
        "tapes": [{"name": t, "colour": colour_of(t) if t else REST} for t in tapes],
        "ticks": [{"at": float(p), "label": f"{t / 1000:g}"} for p, t in zip(places, ticks, strict=True)],
        "magma": _base64((255 * colormaps["magma"](np.arange(256))[:, :3]).round().astype(np.uint8)),
        "clips": [
            {
                "s": names.index(clip.label or ""),
                "t": tapes.index(clip.group),
                "new": int(not learnt),
                "file": clip.recording.path.name,
                "from": round(clip.start_s, 2),
                "to": round(clip.stop_s, 2),
                **({} if h is None else _sounding(h)),
            }
            for clip, learnt, h in zip(found.clips, found.heard, heard, strict=True)
        ],
    }  # fmt: skip


def _sounding(heard: _Heard) -> dict[str, Any]:
    return {
        "wav": heard.sound.uri,
        "note": heard.sound.note,
        "w": heard.picture.shape[1],
        "long": round(heard.seconds, 3),
        "mel": _base64(heard.picture),
    }


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
