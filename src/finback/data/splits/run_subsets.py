"""The clips of a trained generator or vocoder, by the set that each was in."""

from __future__ import annotations

from finback.core.runs import RunFolder
from finback.core.split_table import load_split
from finback.core.types import Clip
from finback.data.manifest import Manifest


def run_subsets(run: RunFolder) -> dict[str, tuple[Clip, ...]]:
    """Clips of a generator's run: `learnt`, `held` (of the same tapes), `val` and `test` (other tapes)."""
    manifest = Manifest.load(run.manifest)
    split = load_split(run.split_table, manifest.clips, "group")
    held = load_split(run.held_out_table, manifest.clips, "group")
    return {"train": held.set_aside, "held_out": held.train, "val": split.val, "test": split.test}
