"""Generated clips among real ones, and the recordings that the models behind them were trained on.

`finback generate` and `finback synthesize` write `generated.json` next to their `manifest.csv`. Its key
`provenance` lists the models that made the clips (generator, vocoder, classifier), each with the recordings
it was trained on. A generator that was trained on a tape can carry that tape's answer into training, so such
clips may not be used where that tape is tested on: `refuse_leaks` looks for exactly that, by the content of
the recordings, whatever the files are called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from finback.core.errors import LeakError, ManifestError
from finback.core.files import read_json
from finback.core.renames import current
from finback.core.run_files import MANIFEST
from finback.core.types import Clip, Split
from finback.data.manifest import Manifest, ModelProvenance
from finback.data.problems import Problem

GENERATED = "generated.json"
AGAIN = "generate the clips again: finback generate, finback synthesize"


def table_of(path: Path) -> Path:
    """The manifest of generated clips, given by its own path or by that of its folder."""
    return path / MANIFEST if path.is_dir() else path


def joined(real: Manifest, generated: Manifest, table: Path) -> Manifest:
    """Real clips, then the generated ones of `table` whose species are among the real ones.

    Raises `ManifestError` when a row there is not marked as synthetic, or `generated.json` is damaged.
    """
    for clip in generated.clips:
        if not clip.synthetic:
            raise ManifestError(
                f"{table}: {generated.file_of(clip)} is not marked synthetic=true",
                "give real recordings as --audio and --labels",
            )
    known = {_plain(name): name for name in real.labels.names}
    kept = [replace(c, label=known[_plain(c.label)]) for c in generated.clips if _plain(c.label) in known]
    problems = [*real.problems, *generated.problems, *_without_real_clips(generated, known)]
    provenance = read_provenance(table.with_name(GENERATED))
    if provenance is None or not all(t.recordings for t in provenance):
        why = "generated.json is missing" if provenance is None else "the generator's run has no split.csv"
        message = f"{why}, so the tapes used to train the generator are unknown"
        repair = "test results on these tapes would be too high"
        problems.append(Problem("unknown_generator", table.name, None, message, repair))
    return replace(
        real,
        clips=(*real.clips, *kept),
        problems=tuple(problems),
        subset_of=None if real.subset_of is None else (*real.subset_of, *[""] * len(kept)),
        provenance=(*real.provenance, *(t for t in provenance or () if t not in real.provenance)),
    )


def _without_real_clips(generated: Manifest, known: dict[str, str]) -> list[Problem]:
    """A note for each species without a real clip: it could be trained on, but never tested."""
    tally: dict[str, int] = {}
    for clip in generated.clips:
        if _plain(clip.label) not in known:
            tally[clip.label or ""] = tally.get(clip.label or "", 0) + 1
    without = "of this species are synthetic and none is real: left out"
    return [
        Problem("no_real_clip", name, None, f"{n} clips {without}", "label real clips of it")
        for name, n in sorted(tally.items())
    ]


def _plain(name: str | None) -> str:
    return "".join((name or "").casefold().split())


def read_provenance(path: Path) -> tuple[ModelProvenance, ...] | None:
    """The models behind the clips in the folder of this `generated.json`; None where there is no such file.

    Raises `ManifestError` when it is damaged.
    """
    if not path.exists():
        return None
    try:
        return tuple(ModelProvenance.of(row) for row in current(read_json(path))["provenance"])
    except (KeyError, TypeError) as error:
        raise ManifestError(f"{path}: damaged ({error})", AGAIN) from None


Subset = Literal["val", "test"]
# The sets that a model must not have been trained on. For a classifier, which only accepts or rejects samples
# and uses its validation set in any case, this is the test set alone.
PROTECTED: dict[str, tuple[Subset, ...]] = {"generator": ("val", "test"), "vocoder": ("val", "test")}


@dataclass(frozen=True)
class Leak:
    """A model that was trained on tapes which a split validates or tests on."""

    model: ModelProvenance
    subset: Subset
    clips: tuple[Clip, ...]

    def __str__(self) -> str:
        tapes = sorted({f"'{c.group_key}'" for c in self.clips})
        named = ", ".join(tapes[:3]) + (f" and {len(tapes) - 3} more" if len(tapes) > 3 else "")
        which = "tape" if len(tapes) == 1 else "tapes"
        name = {"val": "validation", "test": "test"}[self.subset]
        return f"the {self.model.role} {self.model.name} was trained on {which} {named} of the {name} set"


def leaks(split: Split, provenance: Sequence[ModelProvenance]) -> list[Leak]:
    """Every model that was trained on tapes of a protected set; on recordings of it, in a split by clip."""
    everything = (*split.train, *split.val, *split.test, *split.set_aside)
    found = []
    for model in provenance:
        seen = {c.recording.id for c in everything if c.recording.id in model.recordings}
        tapes = {c.group for c in everything if c.recording.id in seen and c.group and not c.synthetic}
        for subset in PROTECTED.get(model.role, ("test",)):
            own = [
                c
                for c in split.subset(subset)
                if c.recording.id in seen or (split.by == "group" and c.group in tapes)
            ]
            if own:
                found.append(Leak(model, subset, tuple(own)))
    return found


def refuse_leaks(split: Split, provenance: Sequence[ModelProvenance]) -> None:
    """Raises `LeakError` naming model and tapes when a model was trained on clips of a protected set."""
    found = leaks(split, provenance)
    if found:
        raise LeakError(
            f"synthetic clips: {found[0]}",
            "train generator and classifier with the same labels, --split and --seed, or leave them out",
        )


def refuse_synthetic(clips: Sequence[Clip], what: str) -> None:
    """Raises `LeakError` naming the first synthetic clip; `what` is the purpose of the clips."""
    synthetic = [c for c in clips if c.synthetic]
    if synthetic:
        name = synthetic[0].recording.path.name
        raise LeakError(
            f"{name}: {len(synthetic)} of {len(clips)} clips for {what} are synthetic",
            "only classifiers may be trained on generated sound; give real recordings",
        )
