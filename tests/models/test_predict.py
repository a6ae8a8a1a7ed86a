"""Sounds of any kind give the same answers: paths, recordings, clips, arrays."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import finback
from finback.audio.io import open_recording, read
from finback.core.errors import AudioError, InputError
from finback.core.types import Clip
from finback.models.predict import Model
from finback.models.predictions import Prediction
from finback.models.predictor import Predictor


@pytest.fixture(scope="module")
def model(sharp: Path) -> Model:
    return finback.load(sharp, "cpu")


@pytest.fixture(scope="module")
def long(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of several windows."""
    from finback.audio.io import write

    x = np.random.default_rng(1).normal(0, 0.1, 40_000)
    path = tmp_path_factory.mktemp("long") / "long.wav"
    write(path, x, 4000)
    return path


def test_the_whole_is_what_scores_gives(model: Model, sharp: Path, simulated: Path, long: Path) -> None:
    predictor = Predictor.load(sharp, "cpu")
    for path in (long, *sorted((simulated / "audio").iterdir())[:3]):
        recording = open_recording(path)
        clip = Clip(recording, 0, recording.n_samples)
        found = model.predict(path)
        assert np.array_equal(found.probabilities, predictor.scores([clip]).probabilities[0])
        assert found.file == str(path)
        assert found.start_s[0] == 0
        assert found.end_s[-1] == pytest.approx(recording.duration_s)


def test_every_kind_of_sound_gives_the_same(model: Model, long: Path) -> None:
    recording = open_recording(long)
    samples = read(long, 0, recording.n_samples)
    whole = model.predict(long)
    clip = Clip(recording, 0, recording.n_samples)
    for sound in (str(long), recording, clip, (samples, recording.sample_rate), (samples[None], 4000)):
        found = model.predict(sound)
        assert np.array_equal(found.probabilities, whole.probabilities)
        assert np.array_equal(found.window_probabilities, whole.window_probabilities)
        assert np.array_equal(found.end_s, whole.end_s)
    assert len(whole.start_s) > 3


def test_several_sounds_keep_their_order_and_name_the_bad(model: Model, long: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("not sound")
    found = model.predict([long, bad, str(long)])
    assert [prediction.file for prediction in found] == [str(long), str(long)]
    assert "bad.wav" in found.errors[0]
    assert found.top(2)[str(long)] == found[0].top(2)
    assert len(found[1:]) == 1
    with pytest.raises(AudioError, match=r"bad\.wav"):
        model.predict(bad)


def test_rows_are_windows(model: Model, long: Path, tmp_path: Path) -> None:
    found = model.predict([long])
    rows = found.rows(top=2)
    assert len(rows) == 2 * len(found[0].start_s)
    assert list(rows[0]) == ["file", "start_s", "end_s", "species", "probability", "known", "warnings"]
    assert rows[0]["probability"] >= rows[1]["probability"]
    table = found.to_csv(tmp_path / "found.csv").read_text(encoding="utf-8").splitlines()
    assert table[0] == "file,start_s,end_s,species,probability,known,warnings"
    assert len(table) == 1 + len(found[0].start_s)
    frame = found.to_pandas()
    assert list(frame.columns) == list(rows[0])
    assert len(frame) == len(found[0].start_s)


def test_texts_are_short_and_escaped(model: Model, long: Path) -> None:
    found = model.predict([long])
    assert "windows" in repr(found[0])
    assert "Predictions of 1 files" in repr(found)
    assert "long.wav" in found._repr_html_()
    assert "4 species" in repr(model)


def test_embeddings_of_files(model: Model, long: Path) -> None:
    assert model.embed([long, str(long)]).shape == (2, model.embed(long).shape[1])


def test_what_is_no_sound_is_refused(model: Model) -> None:
    with pytest.raises(InputError, match="int is no sound"):
        model.predict([3])  # type: ignore[list-item]


def test_what_was_repaired_in_a_file_is_said_with_the_answer(
    model: Model, long: Path, tmp_path: Path
) -> None:
    died = tmp_path / "died.wav"
    content = bytearray(long.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = bytes(4)  # the recorder lost power before the size was written
    died.write_bytes(content)
    found = model.predict([died, long])
    assert np.array_equal(found[0].probabilities, found[1].probabilities)
    assert found[1].remarks == ()
    (remark,) = found.remarks
    assert remark.startswith(f"{died}: the WAV header does not give the number of samples; ")
    assert "remarks: 1" in repr(found)
    assert remark.split(": ", 1)[1] in repr(found[0])
    assert "does not give" in found[0]._repr_html_()


def test_the_best_windows_do_not_overlap_and_become_events(model: Model, long: Path) -> None:
    found = model.predict(long)
    best = found.best_windows(3)
    assert len(best) == 3
    assert [w["start_s"] for w in best] == sorted(w["start_s"] for w in best)
    assert all(a["end_s"] <= b["start_s"] for a, b in pairwise(best))
    highest = max(row["probability"] for row in found.rows())
    assert max(w["probability"] for w in best) == highest
    events = found.events()
    assert [(e.start_s, e.label, e.score) for e in events] == [
        (row["start_s"], row["species"], row["probability"]) for row in found.rows()
    ]
    assert {e.file for e in events} == {str(long.absolute())}


def test_warnings_go_with_the_answer(model: Model, tmp_path: Path) -> None:
    found = model.predict([(np.zeros(12_000), 4000)])
    assert found[0].warnings[0].kind == "silence"
    assert found.warnings[0].startswith("array: digital silence")
    assert all("silence" in row["warnings"] for row in found.rows())
    assert "warnings:" in repr(found)
    assert "digital silence" in repr(found[0])
    assert "digital silence" in found._repr_html_()


def test_predictions_come_one_by_one(model: Model, long: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("not sound")
    each = model.predict_each([long, bad])
    assert isinstance(next(each), Prediction)
    assert isinstance(next(each), AudioError)
