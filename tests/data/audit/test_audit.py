"""The audit on recordings made so that each finding is known beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from finback.audio import io
from finback.core.errors import LeakError, SplitError
from finback.data.audit import baselines, findings
from finback.data.audit.audit import Audit
from finback.data.audit.clip_findings import FLAGS, Section
from finback.data.audit.quality import flags, measure
from finback.data.dataset import prepare_and_audit
from finback.data.index import IndexRequest, index
from finback.data.manifest import Manifest
from finback.data.splits.split import SplitSettings

RATES = {"a": 8000, "b": 11_025, "c": 16_000, "d": 12_000, "e": 9600, "f": 22_050}
TAPES = {"fin": ("a", "b", "c"), "minke": ("d", "e"), "sei": ("f",)}
ROLE = ("group_leak_share", "group_lookup_accuracy", "metadata_accuracy")


def record(folder: Path, groups: bool = True, extra: str = "") -> Manifest:
    """Four clips of noise per tape, each tape with a rate and a level of its own, and a copy of one of them.

    The labels come with groups or without; `extra` is another column's name, filled with a set for each tape.
    """
    rng = np.random.default_rng(0)
    (folder / "audio").mkdir()
    rows = ["file,species" + (",group" if groups else "") + (f",{extra}" if extra else "")]
    subset = {"a": "train", "d": "train", "f": "train", "b": "val", "c": "test", "e": "test"}
    for species, tapes in TAPES.items():
        for tape in tapes:
            for n in range(4):
                rate = RATES[tape]
                level = 0.02 * (1 + ord(tape) - ord("a"))
                x = (level * rng.standard_normal(rate)).astype(np.float32)
                if (tape, n) == ("b", 3):  # the last clip of b is an excerpt of one of a
                    whole, rate_a = io.read(folder / "audio" / "a0.wav"), RATES["a"]
                    x, rate = np.float32(0.5) * whole[1000:7000], rate_a
                io.write(folder / "audio" / f"{tape}{n}.wav", x, rate)
                given = f",{tape}" if groups else ""
                rows.append(f"{tape}{n}.wav,{species}{given}" + (f",{subset[tape]}" if extra else ""))
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return index(IndexRequest(audio=folder / "audio", labels=folder / "labels.csv", source="folder"))


def audit(manifest: Manifest, split: SplitSettings | None = None, **more: int) -> Audit:
    return prepare_and_audit(manifest, split=split, **more)[1]


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "TREES", 15)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "TREES", 15)
        return audit(record(tmp_path_factory.mktemp("made")), min_clips=4)


def test_random_leaks_and_whole_groups_do_not(made: Audit) -> None:
    found = made.to_json()
    assert found["random"]["group_leak_share"] > 0.95
    assert found["random"]["group_lookup_accuracy"] > 0.95
    assert found["random"]["metadata_accuracy"] > 0.9
    for name in ("grouped", "in_use"):
        assert found[name]["group_leak_share"] == 0
        assert found[name]["group_lookup_accuracy"] < 0.6
    assert found["random"]["n_clips"] == 24
    assert found["grouped"]["n_clips"] == 20  # sei has one tape


def test_intervals_hold_their_figure(made: Audit) -> None:
    for name in ("random", "grouped", "in_use"):
        for role in ROLE:
            low, high = made.to_json()[name][f"{role}_ci"]
            assert low <= made.to_json()[name][role] <= high


def test_groups_that_share_sound_are_merged_and_reported(made: Audit) -> None:
    found = made.to_json()
    (pair,) = found["near_duplicates"]
    assert (pair["a"], pair["b"], pair["kind"]) == ("a0.wav", "b3.wav", "excerpt")
    assert pair["offset_s"] == pytest.approx(1000 / 8000, abs=0.01)
    assert found["merged_groups"][0]["groups"] == ["a", "b"]
    assert {c.group for c in made.clips} == {"a", "c", "d", "e", "f"}
    assert [p["kind"] for p in found["problems"]] == ["shared_sound"]
    used = {c.group: name for name in ("train", "val", "test") for c in made.splits[0].split.subset(name)}
    assert used["a"] in ("train", "test")


def test_what_cannot_be_tested(made: Audit) -> None:
    found = made.to_json()
    assert found["single_group_species"] == ["sei"]
    assert list(found["untestable"]) == ["sei"]
    assert {r["species"]: (r["n_clips"], r["n_groups"], r["testable"]) for r in found["species"]} == {
        "fin": (12, 2, True),
        "minke": (8, 2, True),
        "sei": (4, 1, False),
    }


def test_the_object_is_json_and_has_every_promised_key(made: Audit) -> None:
    found = json.loads(json.dumps(made.to_json(), allow_nan=False))
    lists = ("exact_duplicates", "near_duplicates", "label_conflicts", "single_group_species", "problems")
    assert all(isinstance(found[key], list) for key in lists)
    assert set(ROLE) <= set(found["random"])
    assert set(ROLE) <= set(found["grouped"])
    assert (found["n_clips"], found["n_groups"], found["groups_known"]) == (24, 5, 1.0)
    assert found["min_clips_for_audit"] == 4
    assert found["duration_s"] == pytest.approx(23.75, abs=0.01)


def test_the_page_has_the_findings(made: Audit) -> None:
    page = "\n".join(made.lines())
    for words in (
        "24 clips of 3 species, 24 seconds, from 5 recording groups",
        "Not with a random split of the clips",
        "b3.wav in a0.wav: excerpt, from 0.1",
        "(fin)",
        "Groups a and b have different names but share sound",
    ):
        assert words in page
    assert "1 species cannot be evaluated" in page
    assert "sei" in page.split("WHAT CANNOT BE TESTED")[1]


PROMISED = {
    "random": {"group_leak_share": 0.97, "group_lookup_accuracy": 0.94, "metadata_accuracy": 0.73},
    "grouped": {"group_leak_share": 0.0, "group_lookup_accuracy": 0.05, "metadata_accuracy": 0.21},
    "exact_duplicates": [],
    "near_duplicates": [{"a": "x.wav", "b": "y.wav", "similarity": 0.98765, "kind": "gain"}],
    "label_conflicts": [{"a": "p.wav", "a_species": "fin", "b": "q.wav", "b_species": "minke"}],
    "single_group_species": ["Narwhal"],
    "problems": [{"kind": "no_group", "file": "gone.wav", "message": "no tape", "repair": "name it"}],
}


def by_title(found: dict) -> dict[str, Section]:
    return {section.title: section for section in findings.sections(found)}


def test_findings_need_only_their_own_keys() -> None:
    assert findings.lines({}) == []
    for left_out in PROMISED:
        assert findings.lines({key: value for key, value in PROMISED.items() if key != left_out})
    found = by_title(PROMISED)
    assert "97 %" in found["Is a test result on these recordings trustworthy?"].paragraphs[0]
    assert found["Clips that share sound"].items == (
        "y.wav and x.wav: copy at another level, similarity 0.99",
    )
    assert found["One sound, two species"].items == ("p.wav and q.wav (labels differ: fin; minke)",)
    assert "Narwhal" in found[findings.UNTESTABLE].paragraphs[0]
    assert found["Problems in files and labels"].items == ("gone.wav: no tape; name it",)
    assert "The same clip twice" not in found


@pytest.mark.parametrize(
    ("seconds", "words"), [(90, "90 seconds"), (1450.5, "24 minutes"), (7200, "2 hours"), (4e6, "1111 hours")]
)
def test_lengths_are_in_a_unit_that_fits(seconds: float, words: str) -> None:
    found = {"n_clips": 1, "n_groups": 1, "species": [], "duration_s": seconds}
    assert f", {words}, from 1 recording group." in by_title(found)["The recordings"].paragraphs[0]


def test_findings_that_make_figures_wrong_are_serious() -> None:
    assert [title for title, section in by_title(PROMISED).items() if section.serious] == [
        "One sound, two species"
    ]
    for worse in (
        {"grouped": None},
        {"grouped": {"group_leak_share": 0.2}},
        {"in_use": {"group_leak_share": 0.9}},
        {"warnings": ["few tapes"]},
    ):
        assert by_title({**PROMISED, **worse})["Is a test result on these recordings trustworthy?"].serious


@pytest.mark.parametrize(
    ("offset_s", "line"),
    [(1.5, "b.wav in a.wav: overlap, from 1.50 s"), (-0.8, "a.wav in b.wav: overlap, from 0.80 s")],
)
def test_an_overlap_is_described_from_the_clip_that_begins_first(offset_s: float, line: str) -> None:
    pair = {"a": "a.wav", "b": "b.wav", "a_species": "fin", "b_species": "minke"}
    pair |= {"kind": "overlap", "offset_s": offset_s}
    (item,) = by_title({"near_duplicates": [pair]})["Clips that share sound"].items
    labels = "minke; fin" if offset_s > 0 else "fin; minke"
    assert item == f"{line} (labels differ: {labels})"
    spans = {**pair, "a_start_s": 12.0, "b_start_s": 0.0}
    assert "a.wav at 12.00 s" in by_title({"near_duplicates": [spans]})["Clips that share sound"].items[0]


def test_long_lists_are_cut_on_the_page_and_show_every_kind() -> None:
    many = [{"kind": "short", "file": f"{i}.wav", "message": "m", "repair": "r"} for i in range(20)]
    found = {"problems": [*many, {"kind": "spelling", "file": "z.wav", "message": "m", "repair": "r"}]}
    assert len(by_title(found)["Problems in files and labels"].items) == 21
    page = findings.lines(found)
    assert "  z.wav: m; r" in page
    assert any("16 more" in line for line in page)


def test_no_finding_is_shown_twice() -> None:
    same = {"kind": "duplicate_sound", "file": "y.wav", "message": "m", "repair": "r"}
    shared = {"kind": "shared_sound", "file": "s.wav", "message": "m", "repair": "r"}
    found = {"problems": [same, shared]}
    assert len(by_title(found)["Problems in files and labels"].items) == 2
    found |= {"exact_duplicates": [{"a": "x.wav", "b": "y.wav"}], "merged_groups": []}
    assert list(by_title(found)) == ["The same clip twice"]


def test_without_groups_shared_sound_makes_them(tmp_path: Path) -> None:
    result = audit(record(tmp_path, groups=False), SplitSettings(folds=3))
    groups = {c.recording.path.name: c.group for c in result.clips}
    assert groups["a0.wav"] == groups["b3.wav"]
    assert len(set(groups.values())) == 23
    found = result.to_json()
    assert found["groups_known"] == 0
    assert "The labels do not name the groups" in "\n".join(result.lines())
    assert found["merged_groups"] == []
    assert len(result.splits) == 3
    assert found["in_use"]["protocol"].startswith("3-fold")


def test_the_split_column_is_used_and_may_not_leak(tmp_path: Path) -> None:
    manifest = record(tmp_path, extra="split")
    with pytest.raises(LeakError):  # b3 is an excerpt of a0, in another set
        audit(manifest)
    result = audit(manifest, SplitSettings(by="clip"))
    assert {c.recording.path.name[0] for c in result.splits[0].split.test} == {"c", "e"}
    assert any("not species" in w for w in result.to_json()["warnings"])


def test_bad_recordings_are_named_and_the_others_are_audited(tmp_path: Path) -> None:
    record(tmp_path)
    io.write(tmp_path / "audio" / "c0.wav", np.zeros(16_000, np.float32), 16_000)
    manifest = index(IndexRequest(audio=tmp_path / "audio", labels=tmp_path / "labels.csv", source="folder"))
    (tmp_path / "audio" / "d1.wav").write_bytes(b"RIFF")  # after it was indexed
    found = audit(manifest).to_json()
    assert found["quality"]["silent"] == ["c0.wav"]
    assert "d1.wav" in [p["file"] for p in found["problems"] if p["kind"] == "unreadable"]
    assert found["n_clips"] == 23


def test_all_species_are_evaluated_when_none_has_enough_clips(tmp_path: Path) -> None:
    found = audit(record(tmp_path), min_clips=1000).to_json()
    assert found["random"]["n_clips"] == 24


def test_nothing_to_test_is_reported(tmp_path: Path) -> None:
    manifest = record(tmp_path)
    one = [c for c in manifest.clips if c.label == "sei"]
    alone = Manifest(tuple(one), (), manifest.source, manifest.audio)
    result = audit(alone)
    found = result.to_json()
    assert found["grouped"] is None
    assert found["in_use"] is None
    assert "says nothing about new recordings" in "\n".join(result.lines())
    with pytest.raises(SplitError, match="no clips to audit"):
        audit(Manifest((), (), manifest.source, manifest.audio))


def test_every_flag_has_a_sentence() -> None:
    rng = np.random.default_rng(0)
    gap = np.concatenate([rng.standard_normal(9000), np.zeros(300), rng.standard_normal(900)]) * 0.1
    bad = [np.zeros(9000), np.clip(rng.standard_normal(9000).cumsum(), -1, 1), gap, 0.3 + gap, gap * 5e-3]
    names = {name for x in bad for name in flags(measure(x.astype(np.float32), 8000))}
    assert {"silent", "clipped", "dropouts", "offset", "quiet"} <= names <= set(FLAGS)


def test_real_tapes(watkins: Path) -> None:
    """Every fourth cut: random splits leak and group lookup predicts the species; whole groups in one set
    do not leak."""
    request = IndexRequest(
        audio=watkins / "audio", labels=watkins / "labels.csv", groups=f"{watkins / 'metadata.csv'}:group"
    )
    manifest = index(request)
    result = audit(Manifest(manifest.clips[::4], (), manifest.source, manifest.audio))
    found = result.to_json()
    assert found["random"]["group_leak_share"] >= 0.9
    assert found["random"]["group_lookup_accuracy"] >= 0.85
    assert found["grouped"]["group_leak_share"] == 0
    assert found["grouped"]["group_lookup_accuracy"] <= 0.15
    assert found["in_use"]["group_leak_share"] == 0
