"""Labelled recordings made ready: indexed, and every clip in its group."""

from __future__ import annotations

from dataclasses import replace

from finback.core.progress import Progress, no_progress
from finback.data.audit.duplicates import Duplicates, find
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest
from finback.data.splits.groups import with_groups


def dataset(request: IndexRequest, progress: Progress = no_progress) -> Manifest:
    """Index the recordings and settle their groups."""
    manifest = index(request, progress)
    return settle(manifest, find(manifest.clips, progress))


def settle(manifest: Manifest, duplicates: Duplicates) -> Manifest:
    """The manifest with a group for every clip: sounds that are copies of one another stay together."""
    return replace(manifest, clips=with_groups(manifest.clips, duplicates))
