"""From labels and recordings to clips: whole files, spans, channels, groups, sets, and public data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from labelled import REST, indexed, kinds
from sounds import sound, table

from finback.audio.io import read
from finback.core.errors import ManifestError
from finback.data.index import IndexRequest, index
from finback.data.problems import counts


def test_whole_files_in_the_order_of_the_labels(tmp_path: Path, audio: Path) -> None:
    manifest = indexed(tmp_path, "file,species\nd.wav,Walrus\nA,Fin Whale\nC.wav,Fin Whale\nb.wav,Walrus\n")
    assert manifest.problems == ()
    assert [manifest.file_of(clip) for clip in manifest.clips] == ["d.wav", "a.wav", "c.flac", "b.wav"]
    assert all((clip.start, clip.stop, clip.channel) == (0, 2000, None) for clip in manifest.clips)
    assert {clip.recording.source for clip in manifest.clips} == {"folder"}
    assert manifest.audio == audio.resolve()
    assert manifest.source.chosen == "auto: a labels file"
    assert manifest.subset_of is None


def test_spans_channels_groups_sets_and_licences(tmp_path: Path, audio: Path) -> None:
    manifest = indexed(
        tmp_path,
        "file;species;group;start_s;end_s;channel;split;licence\n"
        "a.wav;Walrus;t1;0,25;0,5;;Training;CC0\n"
        "a.wav;Walrus;t1;0.5;1.004;0;dev;\n"
        "d.wav;Walrus;t2;;0.3;1;test;\n"
        "b.wav;Walrus;;0.75;;;;\n"
        "c.flac;Walrus;t2;;;;;\n",
    )
    assert [p.kind for p in manifest.problems] == ["half_span", "half_span"]  # rows 4 and 5
    spans = [(clip.start, clip.stop, clip.channel, clip.group) for clip in manifest.clips]
    assert spans == [
        (500, 1000, None, "t1"),
        (1000, 2000, None, "t1"),
        (0, 600, 1, "t2"),
        (1500, 2000, None, ""),
        (0, 2000, None, "t2"),
    ]
    assert manifest.subset_of == ("train", "val", "test", "", "")
    assert [clip.recording.licence for clip in manifest.clips[:3]] == ["CC0", "CC0", "unknown"]
    assert manifest.source.chosen == "auto: the labels name groups"
    assert manifest.clips[0].recording is manifest.clips[1].recording


def test_a_channel_for_all(tmp_path: Path, audio: Path) -> None:
    text = f"file,species\na.wav,Walrus\n{REST}"
    assert {clip.channel for clip in indexed(tmp_path, text, channel=0).clips} == {None, 0}
    manifest = indexed(tmp_path, text, channel=1)
    assert [clip.channel for clip in manifest.clips] == [1]
    assert counts(manifest.problems) == {"bad_channel": 3}


def test_a_short_sound_at_a_high_rate_is_kept(tmp_path: Path) -> None:
    sound(tmp_path / "audio" / "click.wav", 0.0002, rate=500_000)
    manifest = indexed(tmp_path, "file,species\nclick.wav,Harbour Porpoise\n")
    assert kinds(manifest) == [("short", 2)]
    assert manifest.clips[0].n_samples == 100


def test_min_clips(tmp_path: Path, audio: Path) -> None:
    manifest = indexed(tmp_path, f"file,species\na.wav,Walrus\n{REST}", min_clips=2)
    assert manifest.problems == ()
    manifest = indexed(tmp_path, f"file,species\na.wav,Fin Whale\n{REST}", min_clips=2, strict=True)
    assert manifest.labels.names == ("Fin Whale",)
    assert [(p.kind, p.file, p.message) for p in manifest.problems] == [
        ("too_few", "Walrus", "1 of at least 2 clips, left out")
    ]


def test_a_recording_is_opened_once(tmp_path: Path, audio: Path) -> None:
    rows = "".join(f"a.wav,Walrus,{i / 10},{i / 10 + 0.1}\n" for i in range(10))
    steps: list[object] = []

    def progress(items, what, total):
        assert (what, total) == ("reading audio", 4)
        for item in items:
            steps.append(item)
            yield item

    labels = table(tmp_path / "labels.csv", f"file,species,start_s,end_s\n{rows}{REST}")
    manifest = index(IndexRequest(audio=audio, labels=labels), progress)
    assert len(steps) == 4
    assert len(manifest.clips) == 13
    assert len({id(clip.recording) for clip in manifest.clips}) == 4


def test_a_span_is_decoded_once(tmp_path: Path, audio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[tuple[str, int, int | None]] = []

    def reading(path: Path, start: int, stop: int | None, channel: int | None) -> np.ndarray:
        decoded.append((path.name, start, stop))
        return read(path, start, stop, channel)

    monkeypatch.setattr("finback.audio.samples.read", reading)
    monkeypatch.setattr("finback.data.index.BLOCK_SAMPLES", 1500)
    indexed(tmp_path, "file,species,end_s\na.wav,Walrus,\na.wav,Walrus,1\na.wav,Ross Seal,0.5\n")
    assert decoded == [("a.wav", 0, 1500), ("a.wav", 1500, 2000), ("a.wav", 0, 1000)]


def test_other_columns(tmp_path: Path, audio: Path) -> None:
    text = "Begin File,Common name\na.wav,Walrus\nb.wav,Walrus\nc.flac,Walrus\nd.wav,Walrus\n"
    manifest = indexed(tmp_path, text, file_column="begin file", species_column="common name")
    assert len(manifest.clips) == 4
    with pytest.raises(ManifestError, match=r"no column 'file' .* --file-column 'Begin File'"):
        indexed(tmp_path, text)
    with pytest.raises(ManifestError, match=r"no column 'species' .* --species-column 'Common name'"):
        indexed(tmp_path, text, file_column="begin file")


def test_the_clip_is_what_was_labelled(tmp_path: Path, audio: Path) -> None:
    """The span's samples are those of the file at the times that the labels name."""
    clip = indexed(tmp_path, f"file,species,start_s,end_s\n{REST}a.wav,Walrus,0.25,0.75\n").clips[-1]
    samples, rate = soundfile.read(clip.recording.path)
    assert rate == clip.recording.sample_rate
    assert np.array_equal(samples[500:1500], samples[clip.start : clip.stop])


@pytest.mark.real
def test_watkins(watkins: Path) -> None:
    manifest = index(IndexRequest(audio=watkins / "audio", labels=watkins / "labels.csv"))
    assert len(manifest.clips) == 623
    assert len(manifest.labels) == 31
    assert manifest.source.name == "watkins"
    assert "443 of 623" in manifest.source.chosen
    assert counts(manifest.problems) == {"unknown_tape": 2, "duplicate_sound": 1}
    assert all(clip.group for clip in manifest.clips)


@pytest.mark.real
def test_right_whale_upcalls(real_data: Path) -> None:
    folder = real_data / "right_whale_upcalls"
    manifest = index(IndexRequest(audio=folder / "audio", labels=folder / "labels.csv", strict=True))
    assert manifest.species_counts() == {"Northern Right Whale": 1016, "noise": 984}
    assert manifest.source.name == "folder"
    assert manifest.problems == ()
    assert {clip.recording.sample_rate for clip in manifest.clips} == {2000}
