"""Generated clips among real clips, and the recordings that their generators were trained on.

`finback generate` and `finback synthesize` write `generated.json` next to their `manifest.csv`. Its key
`provenance` lists the models behind the clips (generator, vocoder, classifier), each with the recordings in
its training set. A generator that was trained on a recording group (a tape, a deployment, a site-day) can put
the sound of this group into its clips. Such clips may not be used for training where the group is in the
validation or test set. `refuse_leaks` finds such cases by the content of the recordings, not by file names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finback.core.errors import LeakError, ManifestError, RunError
from finback.core.runs.data_documents import GeneratedFile
from finback.core.runs.documents import read_document
from finback.core.runs.files import MANIFEST
from finback.core.types import SUBSET_WORDS, Clip, Split, Subset
from finback.data.manifest import Manifest, ModelProvenance
from finback.data.problems import Problem

GENERATED = "generated.json"
ORIGINAL = "original"  # the role of a real clip whose variations were generated
AGAIN = "generate the clips again: finback generate, finback synthesize"


def table_of(path: Path) -> Path:
    """The path of the manifest of generated clips, from this path or from the path of its folder."""
    return path / MANIFEST if path.is_dir() else path


def joined(real: Manifest, generated: Manifest, table: Path) -> Manifest:
    """Real clips, then the generated clips of `table` whose species have real clips.

    Raises `ManifestError` when a row of `table` is not marked as synthetic, or `generated.json` is damaged.
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
    if provenance is None or not all(model.recordings for model in provenance):
        why = "generated.json is missing" if provenance is None else "the generator's run has no split.csv"
        message = f"{why}, so the groups used to train the generator are unknown"
        repair = "if these groups are in the test set, the results are too high"
        problems.append(Problem("unknown_generator", table.name, None, message, repair))
    return replace(
        real,
        clips=(*real.clips, *kept),
        problems=tuple(problems),
        subset_of=None if real.subset_of is None else (*real.subset_of, *[""] * len(kept)),
        provenance=(*real.provenance, *(model for model in provenance or () if model not in real.provenance)),
    )


def _without_real_clips(generated: Manifest, known: dict[str, str]) -> list[Problem]:
    """A note for each species without a real clip: a model could train on it, but no clip could test it."""
    tally: dict[str, int] = {}
    for clip in generated.clips:
        if _plain(clip.label) not in known:
            tally[clip.label or ""] = tally.get(clip.label or "", 0) + 1
    without = "of this species are synthetic and none is real, so they are left out"
    return [
        Problem("no_real_clip", name, None, f"{n} clips {without}", "label real clips of this species")
        for name, n in sorted(tally.items())
    ]


def _plain(name: str | None) -> str:
    return "".join((name or "").casefold().split())


def read_provenance(path: Path) -> tuple[ModelProvenance, ...] | None:
    """The models behind the clips in the folder of this `generated.json`; None when the file is missing.

    Raises `ManifestError` when the file is damaged.
    """
    if not path.exists():
        return None
    try:
        models = read_document(path, GeneratedFile)["provenance"]
    except RunError as error:
        raise ManifestError(error.problem, AGAIN) from None
    return tuple(ModelProvenance.of(row) for row in models)


# A model behind synthetic clips may not be trained on groups of these sets. For a classifier this is only the
# test set: a classifier only accepts or rejects samples, and uses its validation set in any case.
# The original of a variation is in the clip itself.
PROTECTED: dict[str, tuple[Subset, ...]] = {
    "generator": ("val", "test"),
    "vocoder": ("val", "test"),
    ORIGINAL: ("val", "test"),
}


@dataclass(frozen=True)
class Leak:
    """A model that was trained on groups that are in the validation or test set of a split."""

    model: ModelProvenance
    subset: Subset
    clips: tuple[Clip, ...]

    def __str__(self) -> str:
        groups = sorted({f"'{c.group_key}'" for c in self.clips})
        named = ", ".join(groups[:3]) + (f" and {len(groups) - 3} more" if len(groups) > 3 else "")
        noun = "group" if len(groups) == 1 else "groups"
        where = f"{noun} {named} of the {SUBSET_WORDS[self.subset]}"
        if self.model.role == ORIGINAL:
            return f"clips are variations of {self.model.name}, which is of {where}"
        return f"the {self.model.role} {self.model.name} was trained on {where}"


def leaks(split: Split, provenance: Sequence[ModelProvenance]) -> list[Leak]:
    """Every model that was trained on groups of a protected set (in a split by clip: on recordings of it)."""
    everything = (*split.train, *split.val, *split.test, *split.set_aside)
    leaking = []
    for model in provenance:
        seen = {c.recording.id for c in everything if c.recording.id in model.recordings}
        groups = {c.group for c in everything if c.recording.id in seen and c.group and not c.synthetic}
        for subset in PROTECTED.get(model.role, ("test",)):
            own = [
                c
                for c in split.subset(subset)
                if c.recording.id in seen or (split.by == "group" and c.group in groups)
            ]
            if own:
                leaking.append(Leak(model, subset, tuple(own)))
    return leaking


def refuse_leaks(split: Split, provenance: Sequence[ModelProvenance]) -> None:
    """Raises `LeakError` with model and groups when a model was trained on groups of a protected set."""
    leaking = leaks(split, provenance)
    if leaking:
        raise LeakError(
            f"synthetic clips: {leaking[0]}",
            "train generator and classifier with the same labels, --split and --seed, or omit --synthetic",
        )


def refuse_synthetic(clips: Sequence[Clip], what: str) -> None:
    """Raises `LeakError` when a clip is synthetic; `what` is the purpose of the clips."""
    synthetic = [c for c in clips if c.synthetic]
    if synthetic:
        name = synthetic[0].recording.path.name
        raise LeakError(
            f"{name}: {len(synthetic)} of {len(clips)} clips for {what} are synthetic",
            "give real recordings; generated sound may only be used to train classifiers",
        )
