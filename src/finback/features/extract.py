"""From sound to the input of a network: the one path that training, evaluation and prediction share.

    extractor = Extractor(spec, "logmel")
    features = extractor(clip)                        # (W, M, F): all windows of a clip
    for windows in extractor.frame(samples): ...      # the same of a file, an array or a stream

A clip longer than the spec's window is covered by several windows, evenly spaced, so that no sample is
ignored; a shorter one is padded as the spec says. Every window is read from native integer
samples, freed of its offset, resampled and fitted by itself, so it has the same numbers from every
source. (Resampling a stream as a whole, by `audio.resample.resample_stream`, would change their last bits.)
A few windows go through together, which saves time and changes no bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from finback.audio.level import normalise, remove_dc_into
from finback.audio.resample import padded, resample_rows
from finback.audio.samples import Samples, samples_of
from finback.audio.windows import regular_windows, windows
from finback.core.errors import AudioError, SettingsError
from finback.core.types import Clip
from finback.features.background import MedianBackground
from finback.features.frontends import FrontEnd, create
from finback.features.spec import FeatureSpec

PIECE = 32  # windows at a time
TOGETHER = 16  # windows that are resampled together,
TOGETHER_BYTES = 1 << 23  # and the native samples of more than one
Place = tuple[int, int]  # first sample of a window, and the sample after its last


class TakesFeatures(Protocol):
    """The part of a model that an extractor needs: the features that are its input."""

    spec: FeatureSpec

    @property
    def input(self) -> str:
        """Name of its front end."""
        ...

    @property
    def front_end_settings(self) -> Mapping[str, str]:
        """Settings of its front end apart from the spec, such as the file of a backbone."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class Framed:
    """Some windows of a sound, in order."""

    start: NDArray[np.int64]  # (w,) native samples
    stop: NDArray[np.int64]  # (w,)
    features: NDArray[np.float32]  # (w, M, F), (w, T) or (w, D)


class Extractor:
    """Sound -> features of one spec through one front end.

    Keeps the background of a few stretches, and no audio.
    """

    def __init__(self, spec: FeatureSpec, front_end: str | FrontEnd = "logmel") -> None:
        """`front_end`: one of `finback.features.frontends`, or its name.

        Raises `SettingsError` as `create` does.
        """
        self.spec = spec
        self.front_end = create(front_end, spec) if isinstance(front_end, str) else front_end
        self._background = MedianBackground(spec)

    @classmethod
    def for_model(cls, model: TakesFeatures) -> Extractor:
        """The features that are the input of a model.

        Raises `SettingsError` where its front end cannot be had here.
        """
        return cls(model.spec, create(model.input, model.spec, **model.front_end_settings))

    def window_samples(self, sample_rate: int) -> int:
        """Native samples that one window stands for: windows that far apart leave no sample out."""
        return max(1, self.front_end.covered_samples * sample_rate // self.spec.sample_rate)

    def windows(self, clip: Clip) -> list[Clip]:
        """The spans of `clip` that one input each stands for; together they cover it."""
        spans = self.spans(samples_of(clip), None, clip.start, clip.stop)
        return [replace(clip, start=start, stop=stop) for start, stop in spans]

    def __call__(self, clip: Clip) -> NDArray[np.float32]:
        """(W, M, F) log-mels, (W, T) waves or (W, D) vectors of all windows of a clip."""
        return np.concatenate(list(self.stream(clip)))

    def stream(self, clip: Clip) -> Iterator[NDArray[np.float32]]:
        """The same in pieces of about `PIECE` windows, so that memory does not grow with the clip."""
        return (part.features for part in self.frame(samples_of(clip), None, clip.start, clip.stop))

    def waves(self, clip: Clip) -> NDArray[np.float32]:
        """(W, T) the clip's windows as they are before the front end."""
        samples = samples_of(clip)
        placed = self.spans(samples, None, clip.start, clip.stop)
        together = self.in_groups(placed, samples.sample_rate)
        return np.concatenate([self._waves(samples, places, clip.stop) for places in together])

    def spans(
        self, samples: Samples, hop_s: float | None = None, start: int = 0, stop: int | None = None
    ) -> Iterator[tuple[int, int]]:
        """(start, stop) of the windows over native samples `start` to `stop`; None: to the end.

        With a `stop` and no `hop_s` the windows are evenly spaced. Else they start every `hop_s` seconds
        (None: a whole window), and one more stops at the end. Raises `SettingsError` for a hop that would
        leave samples out.
        """
        length = self.window_samples(samples.sample_rate)
        if stop is not None and hop_s is None:
            placed: Iterable[tuple[int, int]] = windows(stop - start, length, length)
        else:

            def reaches(n: int) -> bool:
                return (stop is None or start + n <= stop) and samples.reaches(start + n)

            hop = length if hop_s is None else self._hop(hop_s, samples.sample_rate)
            placed = regular_windows(reaches, length, hop)
        return ((start + a, start + b) for a, b in placed)

    def _hop(self, hop_s: float, sample_rate: int) -> int:
        """Native samples of a hop in seconds."""
        longest = self.window_samples(sample_rate) / sample_rate
        hop = round(hop_s * sample_rate) if 0 < hop_s <= longest else 0
        if hop < 1:
            raise SettingsError(
                f"a hop of {hop_s:g} s between windows of {longest:g} s",
                f"give a hop above 0 s and at most {longest:g} s, so that no sound is left out",
            )
        return hop

    def frame(
        self, samples: Samples, hop_s: float | None = None, start: int = 0, stop: int | None = None
    ) -> Iterator[Framed]:
        """Windows over `samples`, placed as `spans` says, in pieces of about `PIECE` windows.

        A stream keeps a few windows (with `background = "median"` two stretches more) and one block, not the
        sound. Raises `AudioError` naming the sound where a feature is not finite.
        """
        found: list[Place] = []
        features: list[NDArray[np.float32]] = []
        for places in self.in_groups(self.spans(samples, hop_s, start, stop), samples.sample_rate):
            features.append(require_finite(samples.name, self.features(samples, places, stop)))
            samples.forget(self.first_needed(places[-1][0], samples.sample_rate))
            found += places
            if len(found) >= PIECE:
                yield _framed(found, features)
                found, features = [], []
        if found:
            yield _framed(found, features)

    def in_groups(self, placed: Iterable[Place], sample_rate: int) -> Iterator[list[Place]]:
        """Windows in lists of those that are computed together: few enough for a processor's cache."""
        native = 4 * self.spec.native(self.spec.clip_samples, sample_rate)
        return in_pieces(placed, max(1, min(TOGETHER, TOGETHER_BYTES // native)))

    def features(
        self, samples: Samples, places: Sequence[Place], limit: int | None = None
    ) -> NDArray[np.float32]:
        """(w, M, F), (w, T) or (w, D) features of windows, read no further than `limit` (None: the end)."""
        waves = self._waves(samples, places, limit)
        if self.spec.background == "median" and self.front_end.background == "subtracted":
            background_db = np.stack([self._background(samples, *place) for place in places])  # (w, M)
            return self.front_end(waves, torch.from_numpy(background_db))
        return self.front_end(waves)

    def _waves(
        self, samples: Samples, places: Sequence[Place], limit: int | None = None
    ) -> NDArray[np.float32]:
        """(w, T) windows, read no further than `limit` (None: the end)."""
        # Beyond the centre of the last frame the STFT needs half an n_fft more: it gets the sound that is
        # there.
        native = self.spec.native(self.spec.clip_samples, samples.sample_rate)
        bounds = [(start, self._stop(samples, start + native, limit)) for start, _ in places]
        alike = [list(group) for _, group in groupby(bounds, lambda bound: bound[1] - bound[0])]
        waves = [self._alike(samples, group) for group in alike]
        return waves[0] if len(waves) == 1 else np.concatenate(waves)

    def _stop(self, samples: Samples, stop: int, limit: int | None) -> int:
        """The sample at which reading ends that should go on until `stop`."""
        stop = stop if limit is None else min(stop, limit)
        if samples.reaches(stop):
            return stop
        if limit is not None:
            raise AudioError(
                f"the sound ends at sample {samples.n_samples}, before sample {limit}",
                "give the true number of samples, or leave it out",
            )
        return samples.n_samples

    def _alike(self, samples: Samples, bounds: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
        """(w, n T) windows of w spans of native samples that have one length; n = 1 at one speed."""
        found = [
            self._at(speed, samples, bounds, n)
            for speed, n in zip(self.spec.speeds, self.spec.windows_per_speed, strict=True)
        ]
        return found[0] if len(found) == 1 else np.concatenate(found, axis=1)

    def _at(
        self, speed: float, samples: Samples, bounds: Sequence[tuple[int, int]], n_windows: int
    ) -> NDArray[np.float32]:
        """(w, n_windows T) the same spans played at a speed."""
        n, rate, rate_out = bounds[0][1] - bounds[0][0], samples.sample_rate, self.spec.rate_at(speed)
        x = padded(len(bounds), n, rate, rate_out)
        for row, (start, stop) in zip(x, bounds, strict=True):
            remove_dc_into(row[:n], samples.read(start, stop))
        waves = resample_rows(x, n, rate, rate_out)
        if n_windows > 1:
            waves = fit_length(waves, self.spec, n_windows).reshape(-1, self.spec.clip_samples)
        if self.spec.level != "none":
            waves = np.stack([normalise(wave, self.spec.level) for wave in waves])
        return fit_length(waves, self.spec).reshape(len(bounds), -1)

    def background_db(self, window: Clip) -> NDArray[np.float32]:
        """(M,) median dB per band over the stretch of recording that holds the window's middle."""
        return self._background(samples_of(window), window.start, window.stop)

    def first_needed(self, start: int, sample_rate: int) -> int:
        """The first native sample that windows from `start` on need."""
        if self.spec.background == "median" and self.front_end.background == "subtracted":
            return min(start, self._background.first_needed(start, sample_rate))
        return start


def require_finite(name: str, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The features, unchanged. Raises `AudioError` naming the sound if one is NaN or infinite."""
    if not np.isfinite(features).all():
        raise AudioError(
            f"{name}: its features are not finite numbers",
            "check the level of its samples, which should lie between -1 and 1, or leave the file out",
        )
    return features


def _framed(found: Sequence[Place], features: Sequence[NDArray[np.float32]]) -> Framed:
    first, last = np.array([a for a, _ in found]), np.array([b for _, b in found])
    return Framed(first, last, np.concatenate(features))


def in_pieces(found: Iterable[Place], size: int) -> Iterator[list[Place]]:
    """Lists of `size` windows, the last one shorter."""
    piece: list[Place] = []
    for window in found:
        piece.append(window)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece


def fit_length(x: NDArray[np.float32], spec: FeatureSpec, n_windows: int = 1) -> NDArray[np.float32]:
    """(..., n) -> (..., n_windows T): cut at the end, or padded there by zeros, repetition or reflection."""
    length = n_windows * spec.clip_samples
    missing = length - x.shape[-1]
    if missing <= 0:
        return x[..., :length]
    mode = {"zero": "constant", "tile": "wrap", "reflect": "symmetric"}[spec.pad]
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)], mode=mode)  # type: ignore[call-overload]
