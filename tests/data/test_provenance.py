"""Synthetic clips join training and move no real clip; models trained on test groups are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hand_made import THREE, clip, clips_of
from sounds import sound, table

from finback.core.errors import LeakError, ManifestError, SplitError
from finback.core.storage.files import write_json
from finback.core.types import Clip, Split
from finback.data.dataset import prepare_request
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest, ModelProvenance
from finback.data.provenance import leaks, refuse_leaks, refuse_synthetic
from finback.data.splits.groups import assign_groups
from finback.data.splits.split import SplitSettings, from_column, make_folds, make_split
from finback.training.settings import resolve

ROWS = "file,species,group,synthetic,seed\n"


@pytest.fixture
def real(tmp_path: Path) -> IndexRequest:
    names = [f"{species}{n}.wav" for species in ("Walrus", "Beluga") for n in range(4)]
    for name in names:
        sound(tmp_path / "audio" / name)
    rows = "".join(f"{name},{name[:6]},tape{n % 4}\n" for n, name in enumerate(names))
    return IndexRequest(
        audio=tmp_path / "audio", labels=table(tmp_path / "labels.csv", "file,species,group\n" + rows)
    )


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """A folder as `finback generate` leaves it: two clips of a known species and one of another."""
    rows = ROWS
    for n, species in enumerate(("walrus", "walrus", "Narwhal")):
        sound(tmp_path / "made" / f"{n}.wav", seed=n)
        rows += f"{n}.wav,{species},synthetic:abc,true,{n}\n"
    return table(tmp_path / "made" / "manifest.csv", rows)


def write_provenance(folder: Path, role: str, recordings: list[str]) -> None:
    write_json(
        folder / "generated.json",
        {"provenance": [{"role": role, "name": "runs/g", "recordings": recordings}]},
    )


def test_generated_clips_join_the_real_ones_marked(
    real: IndexRequest, generated: Path, tmp_path: Path
) -> None:
    write_provenance(generated.parent, "generator", ["ff"])
    for given in (generated, generated.parent):
        found = index(real.model_copy(update={"synthetic": (given,)}))
        assert [c.synthetic for c in found.clips] == [False] * 8 + [True] * 2
        assert {c.label for c in found.clips[8:]} == {"Walrus"}, "the real labels' spelling"
        assert {c.group for c in found.clips[8:]} == {"synthetic:abc"}
        assert "no_real_clip" in [p.kind for p in found.problems]
        assert found.provenance == (ModelProvenance("generator", "runs/g", frozenset({"ff"})),)
        found.save(tmp_path / "kept" / "manifest.csv")
        assert Manifest.load(tmp_path / "kept" / "manifest.csv") == found
    twice = index(real.model_copy(update={"synthetic": (generated, generated)}))
    assert len(twice.provenance) == 1
    unmarked = replace(found, clips=tuple(replace(c, synthetic=False) for c in found.clips))
    assert unmarked.fingerprint != found.fingerprint


def test_a_manifest_without_synthetic_clips_is_written_as_before(real: IndexRequest, tmp_path: Path) -> None:
    index(real).save(tmp_path / "manifest.csv")
    assert "synthetic" not in (tmp_path / "manifest.csv").read_text()


def test_an_unknown_generator_is_reported(real: IndexRequest, generated: Path) -> None:
    found = index(real.model_copy(update={"synthetic": (generated,), "strict": True}))
    assert "unknown_generator" in [p.kind for p in found.problems]
    write_provenance(generated.parent, "generator", [])
    found = index(real.model_copy(update={"synthetic": (generated,)}))
    assert "unknown_generator" in [p.kind for p in found.problems]
    write_provenance(generated.parent, "generator", ["ff"])
    found = index(real.model_copy(update={"synthetic": (generated,)}))
    assert "unknown_generator" not in [p.kind for p in found.problems]
    write_json(generated.with_name("generated.json"), {"provenance": [{"role": "generator"}]})
    with pytest.raises(ManifestError, match=r"generated\.json: damaged"):
        index(real.model_copy(update={"synthetic": (generated,)}))


def test_real_clips_are_not_taken_for_generated_ones(real: IndexRequest) -> None:
    with pytest.raises(ManifestError, match=r"Walrus0\.wav is not marked synthetic=true"):
        index(real.model_copy(update={"synthetic": (real.labels,)}))


def test_the_labels_themselves_may_mark_clips(real: IndexRequest) -> None:
    assert real.labels is not None
    rows = real.labels.read_text().splitlines()
    marks = ["synthetic", "true", "0", "", "Yes", "maybe", "FALSE", "", ""]
    real.labels.write_text("\n".join(f"{row},{mark}" for row, mark in zip(rows, marks, strict=True)))
    found = index(real)
    assert [c.synthetic for c in found.clips] == [True, False, False, True, False, False, False]
    assert [p.kind for p in found.problems if not p.is_note] == ["synthetic_word", "unlabelled"][:1]
    few = index(real.model_copy(update={"min_clips": 3}))
    assert {c.label for c in few.clips} == {"Beluga"}, "generated sound does not make a species common"


@pytest.mark.parametrize("folds", [0, 3])
def test_synthetic_clips_move_no_real_clip(folds: int) -> None:
    real = clips_of(THREE)
    generated = [clip("sei", "synthetic:g", 500 + n, synthetic=True) for n in range(40)]
    settings = SplitSettings(folds=folds, seed=3)
    make = make_folds if folds else lambda clips, s: [make_split(clips, s)]
    for plain, filled in zip(make(real, settings), make([*generated, *real], settings), strict=True):
        assert filled.split.val == plain.split.val
        assert filled.split.test == plain.split.test
        assert set(filled.split.train) == {*plain.split.train, *generated}
        assert filled.balance.lines() == plain.balance.lines()
        assert filled.untestable == plain.untestable


class Pairs:
    def __init__(self, *pairs: tuple[Clip, Clip]) -> None:
        self.pairs = pairs

    def links(self) -> tuple[tuple[Clip, Clip], ...]:
        return self.pairs


def test_a_generator_joins_no_groups_and_its_copies_stay_in_the_group() -> None:
    one, other = clip("fin", "a", 1), clip("fin", "b", 2)
    generated = [clip("fin", "synthetic:g", n, synthetic=True) for n in (3, 4, 5)]
    grouped = assign_groups([one, other, *generated], Pairs((one, generated[0]), (generated[1], other)))
    assert [c.group for c in grouped] == ["a", "b", "a", "b", "synthetic:g"]
    both = assign_groups([one, other, generated[0]], Pairs((one, generated[0]), (generated[0], other)))
    assert [c.group for c in both] == ["a", "b", "a"]


def test_a_generator_trained_on_a_tested_group_is_refused_by_name() -> None:
    seen, same_tape, apart = clip("fin", "a", 1), clip("fin", "a", 2), clip("fin", "b", 3)
    generated = clip("fin", "synthetic:g", 9, synthetic=True)
    model = ModelProvenance("generator", "runs/g", frozenset({seen.recording.id}))
    refuse_leaks(Split(train=(seen, same_tape, generated), test=(apart,)), [model])
    with pytest.raises(LeakError, match="the generator runs/g was trained on group 'a' of the test set"):
        refuse_leaks(Split(train=(apart, generated), test=(seen, same_tape)), [model])
    aside = Split(train=(apart, generated), val=(same_tape,), set_aside=(seen,))
    (found,) = leaks(aside, [model])
    assert (found.subset, found.clips) == ("val", (same_tape,)), (
        "by the group, although this clip is not in training"
    )
    by_clip = Split(train=(seen, generated), test=(same_tape,), by="clip")
    refuse_leaks(by_clip, [model])
    with pytest.raises(LeakError, match="runs/g"):
        refuse_leaks(Split(train=(same_tape, generated), test=(seen,), by="clip"), [model])
    classifier = replace(model, role="classifier")
    assert not leaks(Split(train=(apart,), val=(seen,)), [classifier]), (
        "a classifier uses its validation set in any case"
    )
    assert leaks(Split(train=(apart,), test=(seen,)), [classifier])


def test_make_splits_looks_for_leaks(real: IndexRequest, generated: Path) -> None:
    settings = resolve(split={"fractions": (0.5, 0.25, 0.25)})
    plain = prepare_request(real, settings.rare).make_splits(settings.split)[0].split
    request = real.model_copy(update={"synthetic": (generated,)})
    write_provenance(generated.parent, "generator", [c.recording.id for c in plain.train])
    filled = prepare_request(request, settings.rare).make_splits(settings.split)[0].split
    assert (filled.val, filled.test) == (plain.val, plain.test)
    assert sum(c.synthetic for c in filled.train) == 2
    write_provenance(generated.parent, "vocoder", [plain.test[0].recording.id])
    with pytest.raises(LeakError, match="the vocoder runs/g"):
        prepare_request(request, settings.rare).make_splits(settings.split)


def test_the_sets_of_the_table_do_not_test_on_synthetic_clips() -> None:
    real, generated = clip("fin", "a", 1), clip("fin", "g", 2, synthetic=True)
    assert from_column([real, generated], ["train", ""]).split.train == (real, generated)
    with pytest.raises(LeakError, match=r"2\.wav is synthetic and in the test set"):
        from_column([real, generated], ["train", "test"])


def test_synthetic_clips_alone_are_refused() -> None:
    generated = clip("fin", "g", 2, synthetic=True)
    with pytest.raises(SplitError, match="all 1 clips are synthetic"):
        make_split([generated])
    with pytest.raises(LeakError, match=r"2\.wav: 1 of 2 clips for testing are synthetic"):
        refuse_synthetic([clip("fin", "a", 1), generated], "testing")
