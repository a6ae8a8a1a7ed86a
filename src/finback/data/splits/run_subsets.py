"""The clips of the run of a generator or vocoder, by the set that each clip was in."""

from __future__ import annotations

from finback.core.runs.folder import RunFolder
from finback.core.runs.split_table import load_held_out, load_split
from finback.core.types import Clip
from finback.data.manifest import Manifest


def run_subsets(run: RunFolder) -> dict[str, tuple[Clip, ...]]:
    """Clips of a generator's run: `train`, `held_out` (same groups), `validation`, `test` (other groups)."""
    manifest = Manifest.load(run.manifest)
    split = load_split(run.split_table, manifest.clips, "group")
    return load_held_out(run.held_out_table, manifest.clips, split)
