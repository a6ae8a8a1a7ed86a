"""The page of a run's embedding map, `map.html`, and the same map for print in `figures/`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finback.core.errors import FinbackError
from finback.core.progress import Progress, no_progress
from finback.core.runs.files import RunFiles
from finback.core.storage.files import write_atomic
from finback.core.storage.keeping import writable_folder
from finback.core.storage.locks import only_writer
from finback.core.types import Clip
from finback.evaluation.embedding_map.make import EmbeddingMap, make_map
from finback.evaluation.embedding_map.neighbours import Neighbours
from finback.evaluation.pages.clips import around, n_frames, playable
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.features.spec import ONE_SPEED
from finback.models.pretrained import own_run
from finback.report.pages.common import percent
from finback.report.pages.embedding_map import Excerpt, MapClip, MapPage, grey_picture, render
from finback.report.plots.embedding_map import embedding_map
from finback.report.plots.style import save

FIGURE = "map"
HOW_TO_READ = (
    "Clusters of one colour on the left are species that the model separates. If such a cluster splits on "
    "the right into smaller clusters of one colour each, these are recording groups: the model has learned "
    "how each group was recorded."
)


@dataclass(frozen=True)
class Written:
    """The files that were written for a run."""

    map: EmbeddingMap
    figure: Path
    page: Path
    n_silent: int  # clips whose sound could not be read

    def to_json(self) -> dict[str, Any]:
        return {
            "figure": str(self.figure),
            "page": str(self.page),
            "n_clips": len(self.map.clips),
            "layouts": list(self.map.layouts),
            "neighbours": asdict(self.map.neighbours),
            "n_silent": self.n_silent,
        }


def write(
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
    path = own_run(path, "a map", "or label your clips, and train: finback run")
    with only_writer(path, required=False):
        clip_map = make_map(path, methods, seed=seed, device=device, progress=progress)
        return _write(clip_map, collect(clip_map, sound, progress))


def _write(clip_map: EmbeddingMap, page: MapPage) -> Written:
    species = [clip.species for clip in page.clips]
    seen = clip_map.seen_in_training
    notes = [*page.notes, *measured(clip_map.neighbours)]
    figure = embedding_map(clip_map.layouts, species, clip_map.groups, seen, heading(clip_map), notes)
    folder = writable_folder(clip_map.run)
    png, *_ = save(figure, folder / "figures", FIGURE)
    out = RunFiles(folder).map_page
    write_atomic(out, render(page))
    return Written(clip_map, png, out, page.n_silent)


def collect(clip_map: EmbeddingMap, sound: bool = True, progress: Progress = no_progress) -> MapPage:
    """What the page of a map shows; with `sound`, the loudest window of each clip is read."""
    excerpts = _excerpts(clip_map, progress) if sound else [None] * len(clip_map.clips)
    clips = [
        MapClip(
            clip.label or "",
            clip.group,
            bool(seen),
            clip.recording.path.name,
            clip.start_s,
            clip.stop_s,
            excerpt,
        )
        for clip, seen, excerpt in zip(clip_map.clips, clip_map.seen_in_training, excerpts, strict=True)
    ]
    return MapPage(
        title=clip_map.run.resolve().name,
        content=clip_map.what,
        spec=clip_map.spec,
        layouts=clip_map.layouts,
        clips=clips,
        verdict=verdict(clip_map.neighbours),
        notes=notes(clip_map),
        sound=sound,
    )


def heading(clip_map: EmbeddingMap) -> str:
    """A heading for the figure."""
    content = clip_map.what[0].upper() + clip_map.what[1:]
    return f"{content}: {len(clip_map.clips)} clips in two dimensions"


def notes(clip_map: EmbeddingMap) -> list[str]:
    """How to read the map, in sentences."""
    lines = [HOW_TO_READ]
    if clip_map.left_out:
        lines.append(f"{clip_map.left_out} more clips, chosen at random, are not shown.")
    return lines


def verdict(near: Neighbours) -> str:
    """Whether the vectors separate species, and how much of that may be the recordings."""
    if near.same_species is None and near.same_species_new is None:
        unknown = (
            "Whether the vectors separate species cannot be measured: no species has clips of two groups."
        )
        return " ".join([unknown, *measured(near)])
    return " ".join(reversed(measured(near)))


def measured(near: Neighbours) -> list[str]:
    """The measured neighbours, in sentences."""
    lines = []
    if near.same_group is not None:
        lines.append(
            "Measured on the vectors themselves, not on the map: for "
            f"{percent(near.same_group, 0)} of the clips the nearest clip is from the same group "
            f"(by chance: {percent(near.same_group_by_chance, 0)})."
        )
    shares = [
        f"{percent(share, 0)} of the {which}"
        for share, which in (
            (near.same_species, "training clips"),
            (near.same_species_new, "clips that were not in training"),
        )
        if share is not None
    ]
    if shares:
        lines.append(
            f"For {' and '.join(shares)}, the nearest clip of another group is of the same species "
            f"(by chance: {percent(near.same_species_by_chance, 0)})."
        )
    return lines


def _excerpts(clip_map: EmbeddingMap, progress: Progress) -> list[Excerpt | None]:
    """The loudest window of each clip; None where the recording is gone or cannot be read."""
    # A backbone may hear a recording at several speeds; a picture shows it at one.
    spec = clip_map.spec.model_copy(update={"playback": ONE_SPEED})
    store = FeatureStore(Extractor(spec), default_folder())

    def excerpt(clip: Clip) -> Excerpt | None:
        try:
            windows = store.extractor.windows(clip)
            logmel = store(clip)  # (W, M, F)
            loudest = int(logmel.mean(axis=(1, 2)).argmax())
            window = windows[loudest]
            n = min(spec.n_frames, max(2, round(n_frames(window, spec))))
            sound = playable(around(window, clip, spec.top_hz), spec.top_hz, compact=True)
        except FinbackError:
            return None
        return Excerpt(grey_picture(logmel[loudest][:, :n]), n * spec.hop / spec.sample_rate, sound)

    return [excerpt(clip) for clip in progress(clip_map.clips, "sounds", len(clip_map.clips))]
