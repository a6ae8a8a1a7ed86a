"""Hard negatives: the highest windows of each cluster, never copies of one sound alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scanned import LABELS, file_of, header, scanned, scores, spans_of

from finback.core.errors import RunError
from finback.scan.journal import Journal
from finback.scan.mining import mine
from finback.scan.negatives import write_same
from finback.scan.spans import FileState

N_SQUEAKS = 200


def heard(
    folder: Path,
    logits: Mapping[str, ArrayLike],
    embeddings: Mapping[str, ArrayLike],
    labels: Sequence[str] = LABELS,
) -> Journal:
    """A journal with the logits (W, K) and the embeddings (W, D) of each file."""
    head = header(labels, keep_embeddings=True)
    journal = Journal.open(folder, head)
    for path, x in logits.items():
        file = file_of(path, len(np.asarray(x)))
        (span,) = spans_of(head, file)
        journal.write_part([scores(span, x, embeddings=embeddings[path])])
        journal.record([FileState(file)])
    return Journal.read(folder)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """200 windows of one squeak with high scores in a.wav; three rarer sounds with lower ones in b.wav."""
    rng = np.random.default_rng(0)
    squeak, *others = np.eye(8)[:4] * 10
    few = np.concatenate([np.tile(one, (6, 1)) for one in others])
    sounds = {"a.wav": np.tile(squeak, (N_SQUEAKS, 1)), "b.wav": few}
    embeddings = {name: x + 0.05 * rng.standard_normal(x.shape) for name, x in sounds.items()}
    logits = {"a.wav": rng.uniform(3, 5, (N_SQUEAKS, 2)), "b.wav": rng.uniform(0, 1, (len(few), 2))}
    for name in logits:
        logits[name][:, 1] = 0
    return heard(tmp_path, logits, embeddings)


def test_each_cluster_gives_its_highest_windows(journal: Journal) -> None:
    result = mine(journal, n_clusters=4, per_cluster=2)
    assert [c.n_taken for c in result.clusters] == [2, 2, 2, 2]
    assert sorted(c.n_windows for c in result.clusters) == [6, 6, 6, N_SQUEAKS]
    assert result.clusters[0].n_windows == N_SQUEAKS  # the highest score
    assert [w.path for w in result.windows].count("a.wav") == 2
    assert {w.taken_for for w in result.windows} == {LABELS[0]}
    assert result.n_windows == N_SQUEAKS + 18
    best = max(w.score for w in result.windows)
    assert best == result.clusters[0].score


def test_windows_that_are_taken_do_not_overlap(journal: Journal) -> None:
    windows = mine(journal, n_clusters=4, per_cluster=50).windows
    for one, other in pairwise(windows):
        assert one.path != other.path or one.stop_s <= other.start_s


def test_the_same_journal_gives_the_same_windows(journal: Journal) -> None:
    assert mine(journal, 3, 5) == mine(Journal.read(journal.folder), 3, 5)


def test_one_sound_is_one_cluster(tmp_path: Path) -> None:
    logits = np.zeros((9, 2))
    same = {"a.wav": np.ones((9, 4))}
    result = mine(heard(tmp_path, {"a.wav": logits}, same))
    assert [c.n_windows for c in result.clusters] == [9]


def test_a_background_class_is_not_what_a_window_is_taken_for(tmp_path: Path) -> None:
    logits = {"a.wav": np.array([[0.0, 5.0], [1.0, 0.0]])}
    embeddings = {"a.wav": np.eye(2)}
    made = heard(tmp_path, logits, embeddings, ("Fin", "Background"))
    windows = mine(made, per_cluster=1).windows
    assert {w.taken_for for w in windows} == {"Fin"}


def test_a_journal_without_embeddings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="--keep embeddings"):
        mine(scanned(tmp_path, {"a.wav": np.zeros((3, 2))}))


def test_a_table_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    write_same(path, "a\n")
    write_same(path, "a\n")
    with pytest.raises(RunError, match="holds something else"):
        write_same(path, "b\n")
    assert path.read_text() == "a\n"
