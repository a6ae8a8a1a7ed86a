"""The journal: what is written is read again, whatever the bundles, the order, repetitions and damage."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scanned import LABELS, file_of, header, scanned, scores, spans_of

from finback.core.errors import RunError
from finback.scan.journal import Journal
from finback.scan.spans import FileState, ScannedFile, Span, SpanError, SpanScores

RNG = np.random.default_rng(0)


def logits(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 4, (n, len(LABELS))).astype(np.float32)


def part(span: Span, first: int, last: int) -> Span:
    return replace(span, first=first, last=last)


def of(span: Span, x: np.ndarray) -> SpanScores:
    return scores(span, x[span.first : span.last])


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    x = {"b.wav": logits(3, 1), "a.wav": logits(4, 2)}
    when = datetime(2023, 5, 4, 19, 52, 2, tzinfo=UTC)
    journal = scanned(tmp_path / "j", x, faults={"a.wav": [0, 1, 0, 2]}, start_times={"a.wav": when})
    a, b = journal.sounds()
    assert (a.file.path, b.file.path, a.channel) == ("a.wav", "b.wav", None)
    assert a.file.start_time == when
    assert np.array_equal(a.logits, x["a.wav"].astype(np.float16).astype(np.float32))
    assert a.logits.dtype == np.float32
    assert a.faults.tolist() == [0, 1, 0, 2]
    assert a.start.tolist() == [0, 1000, 2000, 3000]
    assert a.stop.tolist() == [2000, 3000, 4000, 5000]
    assert a.cell_stop.tolist() == [1000, 2000, 3000, 5000]
    assert a.embeddings is None
    assert journal.labels.names == LABELS
    assert not journal.errors()


def test_embeddings_of_16_bits(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, header(keep_embeddings=True))
    (span,) = spans_of(journal.header, file_of("a.wav", 3))
    e = RNG.normal(0, 1, (3, 8)).astype(np.float32)
    journal.write_part([scores(span, logits(3), embeddings=e)])
    (sound,) = Journal.read(tmp_path).sounds()
    assert sound.embeddings is not None
    assert np.array_equal(sound.embeddings, e.astype(np.float16).astype(np.float32))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bundles_order_and_repetition_do_not_matter(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    head = header()
    files = [file_of(name, n) for name, n in (("a.wav", 7), ("b.wav", 1), ("c.wav", 12))]
    x = {file.path: logits(12, i) for i, file in enumerate(files)}
    pieces: list[SpanScores] = []
    for file in files:
        (span,) = spans_of(head, file)
        cuts = sorted({0, span.last, *data.draw(st.lists(st.integers(0, span.last), max_size=3))})
        pieces += [of(part(span, a, b), x[file.path]) for a, b in pairwise(cuts)]
    pieces += data.draw(st.lists(st.sampled_from(pieces), max_size=3))
    pieces = data.draw(st.permutations(pieces))
    journal = Journal.open(tmp_path_factory.mktemp("j"), head)
    while pieces:
        n = data.draw(st.integers(1, len(pieces)))
        journal.write_part(pieces[:n])
        pieces = pieces[n:]
    for sound in Journal.read(journal.folder).sounds():
        n = len(sound.start)
        assert np.array_equal(sound.logits, x[sound.file.path][:n].astype(np.float16).astype(np.float32))
        assert np.array_equal(sound.cell_stop[:-1], sound.start[1:])
        assert sound.cell_stop[-1] == sound.file.n_samples


def test_what_remains_of_a_span(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, header())
    (span,) = spans_of(journal.header, file_of("a.wav", 10))
    assert journal.remaining(span) == [span]
    journal.write_part([of(part(span, 2, 4), logits(10)), of(part(span, 6, 7), logits(10))])
    left = [(s.first, s.last) for s in journal.remaining(span)]
    assert left == [(0, 2), (4, 6), (7, 10)]
    assert journal.finished([part(span, 2, 4), part(span, 3, 7)]) == [True, False]
    (sound,) = journal.sounds()
    assert sound.start.tolist() == [2000, 3000, 6000]


def test_segments_of_a_recorder_that_sleeps(tmp_path: Path) -> None:
    t = datetime(2020, 1, 1, tzinfo=UTC)
    file = file_of("a.x.wav", 9, schedule=((0, t), (4500, t + timedelta(hours=1))))
    journal = scanned(tmp_path, {"a.x.wav": logits(11)}, files={"a.x.wav": file})
    (sound,) = journal.sounds()
    assert sound.start.tolist() == [0, 1000, 2000, 2500, 4500, 5500, 6500, 7500, 8000]
    assert sound.cell_stop.tolist() == [1000, 2000, 2500, 4500, 5500, 6500, 7500, 8000, 10000]
    assert sound.file.schedule == file.schedule


def test_another_header_is_refused_and_the_keys_are_listed(tmp_path: Path) -> None:
    Journal.open(tmp_path / "j", header())
    Journal.open(tmp_path / "j", header(model="the same under another name", finback="9.9.9"))
    with pytest.raises(RunError) as error:
        Journal.open(tmp_path / "j", header(hop_s=0.5, fingerprint="ffffffffffff"))
    text = str(error.value)
    assert "hop_s: 1.0 there, 0.5 now" in text
    assert "fingerprint: 0123456789ab there, ffffffffffff now" in text
    assert f"--out {tmp_path / 'j-2'}" in text
    with pytest.raises(RunError, match="numbers: 1 there, 2 now"):
        Journal.open(tmp_path / "j", header(numbers=2))


def test_a_folder_without_a_journal_and_a_damaged_header(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no scan\.json"):
        Journal.read(tmp_path)
    Journal.open(tmp_path, header())
    path = tmp_path / "scan.json"
    values = json.loads(path.read_text())
    for change in ({"labels": []}, {"sample_rate": "x"}, {"format": 2}):
        path.write_text(json.dumps({**values, **change}))
        if "labels" not in change:
            with pytest.raises(RunError, match=r"scan\.json"):
                Journal.read(tmp_path)
    path.write_text("{")
    with pytest.raises(RunError, match=r"scan\.json: damaged"):
        Journal.read(tmp_path)


@pytest.mark.parametrize("how", ["flip", "cut", "empty"])
def test_a_damaged_part_is_named_and_not_used(how: str, tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, header())
    (span,) = spans_of(journal.header, file_of("a.wav", 4))
    journal.write_part([of(part(span, 0, 2), logits(4))])
    name = journal.write_part([of(part(span, 2, 4), logits(4))])
    (path,) = (tmp_path / "parts").rglob(name)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes({"flip": bytes(data), "cut": bytes(data[:-9]), "empty": b""}[how])
    again = Journal.read(tmp_path)
    assert [str(path) in remark for remark in again.remarks] == [True]
    assert [(s.first, s.last) for s in again.remaining(span)] == [(2, 4)]
    again.write_part([of(part(span, 2, 4), logits(4))])
    assert not again.remarks
    assert not Journal.read(tmp_path).remarks
    assert len(next(iter(again.sounds())).start) == 4


def test_a_file_that_changed_is_analysed_anew(tmp_path: Path) -> None:
    journal = scanned(tmp_path, {"a.wav": logits(4)})
    changed = file_of("a.wav", 4, modified_ns=2)
    (span,) = spans_of(journal.header, changed)
    assert journal.remaining(span) == [span]
    journal.record([FileState(changed)])
    assert not list(journal.sounds())
    journal.write_part([scores(span, -logits(4))])
    for one in (journal, Journal.read(tmp_path)):
        (sound,) = one.sounds()
        assert np.array_equal(sound.logits, (-logits(4)).astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("context_s", [2.0, 3.5])
def test_a_file_that_grew_keeps_what_does_not_depend_on_its_old_end(tmp_path: Path, context_s: float) -> None:
    old = replace(file_of("a.wav", 5), n_samples=6500)  # 5 regular windows, one more at 4,500
    journal = Journal.open(tmp_path, header(context_s=context_s))
    (span,) = spans_of(journal.header, old)
    assert span.last == 6
    journal.write_part([scores(span, logits(6))])
    journal.record([FileState(old)])
    new = file_of("a.wav", 9, modified_ns=5, digest="longer", grown_from=((old.size, 1, old.digest),))
    (span,) = spans_of(journal.header, new)
    (left,) = journal.remaining(span)
    kept = 5 if context_s == 2 else 4
    assert (left.first, left.last) == (kept, 9)
    journal.record([FileState(new)])
    journal.write_part([of(left, logits(9, 7))])
    for one in (journal, Journal.read(tmp_path)):
        (sound,) = one.sounds()
        assert sound.start.tolist() == [1000 * i for i in range(9)]
        whole = np.concatenate([logits(6)[:kept], logits(9, 7)[kept:]])
        assert np.array_equal(sound.logits, whole.astype(np.float16).astype(np.float32))


def test_errors_of_files_and_of_spans(tmp_path: Path) -> None:
    journal = scanned(tmp_path, {"a.wav": logits(1)}, errors={"b.wav": "empty, 0 bytes"})
    (span,) = spans_of(journal.header, file_of("c.wav", 10))
    journal.write_part([SpanError(part(span, 0, 4), "damaged"), of(part(span, 4, 10), logits(10))])
    journal.record([FileState(span.file)])
    low = FileState(file_of("d.wav", 3), "the band is missing", was_skipped=True)
    journal.record([low])
    for one in (journal, Journal.read(tmp_path)):
        found = [(p.file.path, p.start, p.stop, p.reason, p.was_skipped) for p in one.errors()]
        assert found == [
            ("b.wav", 0, 0, "empty, 0 bytes", False),
            ("c.wav", 0, 4000, "damaged", False),
            ("d.wav", 0, 4000, "the band is missing", True),
        ]


def test_an_error_is_tried_again_by_the_next_process_and_only_then(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, header())
    (span,) = spans_of(journal.header, file_of("a.wav", 4))
    journal.write_part([SpanError(span, "no permission to read it")])
    assert journal.remaining(span) == [span]
    assert not journal.remaining(span, retry=False)
    again = Journal.read(tmp_path)
    assert again.remaining(span, retry=False) == [span]
    again.write_part([SpanError(part(span, 0, 2), "damaged"), of(part(span, 2, 4), logits(4))])
    (problem,) = Journal.read(tmp_path).errors()
    assert (problem.start, problem.stop, problem.reason) == (0, 2000, "damaged")


def test_results_of_other_processes_are_seen(tmp_path: Path) -> None:
    one, other = (Journal.open(tmp_path, header()) for _ in range(2))
    (span,) = spans_of(one.header, file_of("a.wav", 4))
    other.write_part([of(span, logits(4))], unit="ab12")
    assert one.remaining(span) == [span]
    one.refresh("cd34")
    assert one.remaining(span) == [span]
    one.refresh("ab12")
    assert not one.remaining(span)


@pytest.mark.skipif(os.name != "posix", reason="names are text elsewhere")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"/data/\xff\xfe.wav")
    journal = scanned(tmp_path, {name: logits(2)}, errors={name + "x": "empty"})
    assert [s.file.path for s in journal.sounds()] == [name]
    assert [p.file.path for p in journal.errors()] == [name + "x"]


def test_scores_off_the_grid_are_refused(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, header())
    (span,) = spans_of(journal.header, file_of("a.wav", 4))
    good = scores(span, logits(4))
    for wrong in (
        replace(good, start=good.start + 1),
        replace(good, logits=logits(3)),
        replace(good, faults=np.zeros(3, np.uint8)),
    ):
        with pytest.raises(ValueError, match="windows"):
            journal.write_part([wrong])
    assert not (tmp_path / "parts").exists()


def test_large_logits_stay_finite(tmp_path: Path) -> None:
    journal = scanned(tmp_path, {"a.wav": [[1e9, -1e9]]})
    (sound,) = journal.sounds()
    assert np.isfinite(sound.logits).all()


def test_a_file_that_is_only_known_from_its_parts(tmp_path: Path) -> None:
    """A process was killed before it wrote the list of files."""
    journal = Journal.open(tmp_path, header())
    (span,) = spans_of(journal.header, file_of("a.wav", 4))
    journal.write_part([of(span, logits(4))])
    assert [s.file for s in Journal.read(tmp_path).sounds()] == [span.file]
    assert [s.file for s in Journal.read(tmp_path).files()] == [span.file]


def test_a_file_is_recorded_once(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, header())
    states = [FileState(file_of("a.wav")), FileState(ScannedFile("b", 0, 0, "", 0, 0, 0), "empty")]
    for one in (journal, journal, Journal.read(tmp_path)):
        one.record(states)
    assert len(list((tmp_path / "files").iterdir())) == 1


def test_a_sound_in_sections_is_the_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finback.scan.sounds.FEWEST", 3)
    monkeypatch.setattr("finback.scan.sounds.NUMBERS", 3)
    faults = {"a.wav": [0, 0, 1, 1, 1, 0, 4, 0, 0, 0, 0], "b.wav": [0] * 2}
    sounds = {"a.wav": logits(11, 1), "b.wav": logits(2, 2)}
    journal = scanned(tmp_path, sounds, faults=faults)
    for whole, (file, sections) in zip(journal.sounds(), journal.sections(), strict=True):
        parts = list(sections)
        assert file == whole.file
        assert [len(part.start) for part in parts] == ([3, 3, 3, 2] if file.path == "a.wav" else [2])
        for name in ("start", "stop", "cell_stop", "logits", "faults"):
            joined = np.concatenate([getattr(part, name) for part in parts])
            assert np.array_equal(joined, getattr(whole, name)), name
    ((_, cells),) = journal.cells(journal.files()[0].file)
    assert cells.start.tolist() == [0, 2000, 5000, 6000, 7000]
    assert cells.cell_stop.tolist() == [2000, 5000, 6000, 7000, 12000]
    assert cells.faults.tolist() == [0, 1, 0, 4, 0]
