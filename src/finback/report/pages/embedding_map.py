"""The page of an embedding map: a point for each clip, which plays the clip and shows its spectrogram.

One file that loads nothing from elsewhere. Sounds are in it as MP3, spectrograms as a few kB of grey values
that the page's script colours.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

from finback.features.mel import band_centres_hz
from finback.features.spec import FeatureSpec
from finback.report.pages.common import render_page
from finback.report.pages.sound import Sound
from finback.report.plots.embedding_map import REST, colour_of, markers
from finback.report.plots.spectrogram import nice_ticks

SHOWN_DB = 60.0  # below a picture's loudest point: what is deeper looks like noise
KEYS = ("name", "colour", "shape", "dark")
DARK_PAGE = (0x15, 0x18, 0x1C)  # --page of the style sheet where the reader prefers dark
PICTURE = (48, 56)  # bands and frames of a picture on the page, at most


@dataclass(frozen=True, slots=True, eq=False)
class Excerpt:
    """The loudest window of a clip: `grey` values (m, f) of 0..255, its length, its sound."""

    grey: NDArray[np.uint8]
    duration_s: float
    sound: Sound


@dataclass(frozen=True, slots=True, eq=False)
class MapClip:
    """One point of the map."""

    species: str
    group: str  # "" where it is not known
    seen_in_training: bool
    file: str
    start_s: float
    end_s: float
    excerpt: Excerpt | None = None  # None: without sound, or the recording cannot be read


@dataclass(frozen=True, eq=False)
class MapPage:
    """Everything that the page shows."""

    title: str
    content: str  # what the points are, such as "embeddings of a cnn2d classifier"
    spec: FeatureSpec
    layouts: Mapping[str, NDArray[np.floating]]  # name -> (N, 2) within -1 to 1
    clips: Sequence[MapClip]  # N
    verdict: str  # what was measured among the vectors
    notes: Sequence[str] = field(default_factory=tuple)  # sentences above the map
    sound: bool = True  # was the page made with sound?

    @property
    def n_groups(self) -> int:
        return len({clip.group for clip in self.clips} - {""})

    @property
    def n_silent(self) -> int:
        """Clips whose sound could not be read."""
        return sum(clip.excerpt is None for clip in self.clips) if self.sound else 0


def render(page: MapPage) -> str:
    """The page as HTML."""
    species = sorted({clip.species for clip in page.clips})
    return render_page(
        "map.html.j2",
        page.title,
        "map",
        page.verdict,
        page=page,
        species=species,
        data=script_data(page),
    )


def grey_picture(logmel: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(M, F) in dB -> at most `PICTURE`: 255 is the loudest point, 0 is `SHOWN_DB` below that or deeper."""
    for axis, most in enumerate(PICTURE):
        step = -(-logmel.shape[axis] // most)
        logmel = np.maximum.reduceat(logmel, np.arange(0, logmel.shape[axis], step), axis=axis)
    scaled = (logmel - (float(logmel.max()) - SHOWN_DB)) / SHOWN_DB
    return np.round(255 * scaled.clip(0, 1)).astype(np.uint8)


def script_data(page: MapPage) -> dict[str, Any]:
    """What the page's script reads; short keys, since there is one entry a clip."""
    names = sorted({clip.species for clip in page.clips})
    groups = sorted({clip.group for clip in page.clips})
    looks = dict.fromkeys(names, (REST, "o")) | markers([clip.species for clip in page.clips])
    colours = {g: colour_of(g) if g else REST for g in groups}
    spec = page.spec
    centres = band_centres_hz(spec.n_mels, spec.f_min, spec.top_hz)
    ticks = nice_ticks(float(centres[0]), float(centres[-1]), centres, gap=0.14)
    places = np.interp(ticks, centres, np.linspace(0, 1, len(centres)))
    return {
        "layouts": {name: np.round(points, 3).tolist() for name, points in page.layouts.items()},
        "species": [dict(zip(KEYS, (n, *looks[n], on_dark(looks[n][0])), strict=True)) for n in names],
        "groups": [{"name": g, "colour": c, "dark": on_dark(c)} for g, c in colours.items()],
        "ticks": [{"at": float(p), "label": f"{t / 1000:g}"} for p, t in zip(places, ticks, strict=True)],
        "magma": _base64((255 * colormaps["magma"](np.arange(256))[:, :3]).round().astype(np.uint8)),
        "clips": [
            {
                "s": names.index(clip.species),
                "g": groups.index(clip.group),
                "new": int(not clip.seen_in_training),
                "file": clip.file,
                "from": round(clip.start_s, 2),
                "to": round(clip.end_s, 2),
                **({} if clip.excerpt is None else _excerpt(clip.excerpt)),
            }
            for clip in page.clips
        ],
    }


def _excerpt(excerpt: Excerpt) -> dict[str, Any]:
    return {
        "wav": excerpt.sound.uri,
        "note": excerpt.sound.note,
        "w": excerpt.grey.shape[1],
        "long": round(excerpt.duration_s, 3),
        "mel": _base64(excerpt.grey),
    }


def on_dark(colour: str) -> str:
    """The colour `#rrggbb`, mixed with white until it stands out from the dark page (WCAG 2.2: 3 to 1)."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    for white in np.linspace(0, 1, 21):
        mixed = [round(value + white * (255 - value)) for value in rgb]
        if contrast(mixed, DARK_PAGE) >= 3.2:
            break
    return "#" + "".join(f"{value:02x}" for value in mixed)


def contrast(one: Sequence[int], other: Sequence[int]) -> float:
    """The contrast of two colours (3,) of 0..255: 1 to 21 (WCAG 2.2)."""
    light = []
    for colour in (one, other):
        linear = [v / 12.92 if (v := c / 255) <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for c in colour]
        light.append(float(np.dot((0.2126, 0.7152, 0.0722), linear)))
    return (max(light) + 0.05) / (min(light) + 0.05)


def _base64(values: NDArray[np.uint8]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
