"""Soundscapes for `detections.py`: to train on, to fit thresholds on, to test on, with nothing in common.

With real recordings ($FINBACK_DATA or ../shared/data): the species of `watkins_all` with at least `GROUPS`
recording groups (tapes). The tapes of each species are dealt to training, test and fit in turn, those with
most clips first; noise (folder `noise`, and the places of `sites` with kind "other") is dealt by place. So no
tape and no place is in two of the three. Without them: simulated calls of other seeds.

Each of the three has a soundscape in real noise (if there is any) and one in simulated sea noise.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import recordings

from finback.core.storage.csv_files import read_csv, write_csv
from finback.core.types import Clip
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest
from finback.datasets.simulate.soundscape import (
    FoundNoise,
    Soundscape,
    SoundscapeSettings,
    find_noise,
    simulate_soundscape,
)

RATE = 22_050  # Hz, of the tapes and of the model
WINDOW_S = 1.0
GROUPS = 4
PARTS = ("train", "test", "fit")  # in the order in which tapes are dealt
SIMULATED = ("Bowhead whale", "Humpback whale", "Killer whale", "North Atlantic right whale", "Walrus")


@dataclass(frozen=True)
class Plenty:
    """How much of each part: tapes and minutes of a tape, calls per hour and species."""

    tapes: int
    minutes: float
    calls_per_hour: float
    snr_db: tuple[float, ...]
    between: bool = False


FULL = {
    "train": Plenty(8, 10, 120, (0, 18), True),
    "fit": Plenty(6, 10, 30, (0, 6, 12)),
    "test": Plenty(6, 10, 30, (0, 6, 12)),
}
QUICK = {
    "train": Plenty(4, 1.5, 120, (6, 20), True),
    "fit": Plenty(2, 2, 120, (6, 12)),
    "test": Plenty(2, 2, 120, (6, 12)),
}


@dataclass(frozen=True)
class Sources:
    """Clips and noise of each part; None: simulated."""

    clips: dict[str, list[Clip]] | None
    noise: dict[str, FoundNoise] | None

    @property
    def what(self) -> str:
        """For the first line of the output."""
        if self.clips is None:
            return "simulated calls"
        groups = {part: len({c.group for c in clips}) for part, clips in self.clips.items()}
        return "clips of watkins_all, tapes: " + ", ".join(f"{n} {part}" for part, n in groups.items())


def sources(real: bool = True) -> Sources:
    """Real clips and noise if they are there."""
    root = recordings.data_folder()
    if not real or not (root / "watkins_all").is_dir():
        return Sources(None, None)
    return Sources(_clips(root), _noise(root))


def _clips(root: Path) -> dict[str, list[Clip]]:
    labels, groups = root / "watkins_all" / "labels.csv", root / "watkins_all" / "metadata.csv"
    dataset = prepare_request(IndexRequest(audio=root, labels=labels, groups=f"{groups}:group"))
    of_species: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for clip in dataset.clips:
        of_species[clip.label or ""][clip.group] += 1
    part_of: dict[str, str] = {}
    chosen = [name for name, sizes in sorted(of_species.items()) if len(sizes) >= GROUPS]
    for name in chosen:
        sizes = of_species[name]
        ranked = sorted((g for g in sizes if g not in part_of), key=lambda g: (-sizes[g], g))
        for i, group in enumerate(ranked):
            part_of[group] = PARTS[i % len(PARTS)]
    found: dict[str, list[Clip]] = {part: [] for part in PARTS}
    for clip in dataset.clips:
        if clip.label in chosen:
            found[part_of[clip.group]].append(clip)
    return found


def _noise(root: Path) -> dict[str, FoundNoise]:
    places: dict[str, list[Path]] = defaultdict(list)
    for path in sorted((root / "noise").glob("*.wav")):
        places["ambient" if path.name.startswith("live") else "ships"].append(path)
    with open(root / "sites" / "manifest.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["kind"] == "other":
                places[row["site"] or row["set"]].append(root / "sites" / row["file"])
    seconds = {name: sum(_seconds(p) for p in paths) for name, paths in places.items()}
    dealt: dict[str, list[Path]] = {part: [] for part in PARTS}
    total = dict.fromkeys(PARTS, 0.0)
    for name in sorted(places, key=lambda n: (-seconds[n], n)):  # to the part that has least so far
        if seconds[name] > 0:
            part = min(PARTS, key=lambda p: total[p])
            dealt[part] += places[name]
            total[part] += seconds[name]
    return {part: find_noise(paths) for part, paths in dealt.items()}


def _seconds(path: Path) -> float:
    """Seconds of noise at the rate of the soundscapes, 0 if it cannot be used."""
    from finback.core.errors import InputError

    try:
        (info,) = find_noise([path]).files
    except InputError:
        return 0.0
    return info.n_samples / info.sample_rate if info.sample_rate >= RATE else 0.0


def soundscapes(work: Path, found: Sources, quick: bool, seed: int = 0) -> dict[str, list[Soundscape]]:
    """For each part the soundscape in real noise, if there is any, and the one in simulated noise."""
    made: dict[str, list[Soundscape]] = {}
    for n, (part, plenty) in enumerate((QUICK if quick else FULL).items()):
        clips = None if found.clips is None else found.clips[part]
        beds = {"sea": None} if found.noise is None else {"real": found.noise[part], "sea": None}
        made[part] = []
        for i, (name, noise) in enumerate(beds.items()):
            settings = _settings(part, plenty, seed + 2 * n + i, clips is None)
            made[part].append(simulate_soundscape(work / f"{part}-{name}", settings, clips, noise))
    return made


def _settings(part: str, plenty: Plenty, seed: int, simulated: bool) -> SoundscapeSettings:
    return SoundscapeSettings(
        tapes=plenty.tapes,
        minutes=plenty.minutes,
        calls_per_hour=plenty.calls_per_hour,
        snr_db=plenty.snr_db,
        snr_between=plenty.between,
        sample_rate=RATE,
        species=SIMULATED if simulated else None,
        longest_s=4.0,
        window_s=WINDOW_S,
        apart=part == "train",  # so that some tapes can validate the training
        seed=seed,
    )


def training_table(work: Path, parts: Sequence[Soundscape]) -> Path:
    """One table of the training windows of several soundscapes, below the folder of them all.

    A tape is a recording group there. Tapes of two soundscapes that have the same clips become one group when
    finback looks for repeated sounds.
    """
    rows = [row for made in parts for row in _rows(made)]
    path = work / "training.csv"
    write_csv(path, ("file", "species", "group", "start_s", "end_s"), rows)
    return path


def _rows(made: Soundscape) -> Iterable[tuple[str, ...]]:
    for row in read_csv(made.labels):
        file = f"{made.folder.name}/audio/{row['file']}"
        yield file, row["species"], f"{made.folder.name}-{row['file']}", row["start_s"], row["end_s"]
