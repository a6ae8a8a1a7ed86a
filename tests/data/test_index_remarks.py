"""What was repaired in a recording reaches the manifest as a note, once a recording."""

from __future__ import annotations

import struct
from pathlib import Path

from sounds import sound, table

from finback.audio.io import read, write
from finback.data.index import IndexRequest, index


def died(path: Path) -> Path:
    """A WAV whose recorder lost power: the size of its samples was never written."""
    content = bytearray(sound(path).read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", 0)
    path.write_bytes(content)
    return path


def test_a_repaired_header_is_a_note_of_the_manifest(tmp_path: Path) -> None:
    died(tmp_path / "audio" / "died.wav")
    sound(tmp_path / "audio" / "whole.wav")
    rows = "file,start_s,end_s,species\ndied.wav,0,0.1,Fin\ndied.wav,0.1,0.2,Fin\nwhole.wav,0,0.1,Fin\n"
    labels = table(tmp_path / "labels.csv", rows)
    manifest = index(IndexRequest(audio=tmp_path / "audio", labels=labels, strict=True))
    assert len(manifest.clips) == 3
    (problem,) = manifest.problems
    assert (problem.kind, problem.file, problem.row, problem.is_note) == ("remark", "died.wav", None, True)
    assert "does not give the number of samples" in problem.message
    assert "holds 400" in problem.repair
    assert not str(problem).endswith("; ")
    again = type(manifest).load(_saved(manifest, tmp_path / "manifest.csv"))
    assert again == manifest


def _saved(manifest: object, path: Path) -> Path:
    manifest.save(path)  # type: ignore[attr-defined]
    return path


def test_the_audit_of_a_report_lists_the_remark(tmp_path: Path) -> None:
    from finback.data.audit.clip_findings import problems

    died(tmp_path / "audio" / "died.wav")
    labels = table(tmp_path / "labels.csv", "file,species\ndied.wav,Fin\n")
    manifest = index(IndexRequest(audio=tmp_path / "audio", labels=labels))
    section = problems({"problems": [p.as_dict() for p in manifest.problems if p.kind == "remark"]})
    assert section is not None
    assert any("died.wav: the WAV header does not give" in item for item in section.items)


def test_a_label_after_the_end_that_a_header_gives(tmp_path: Path) -> None:
    path = sound(tmp_path / "audio" / "piped.wav", seconds=2)
    piped = path.with_suffix(".flac")
    write(piped, read(path), 2000)
    path.unlink()
    content = bytearray(piped.read_bytes())
    content[21] &= 0xF0  # the number of samples, which an encoder that writes to a pipe does not know
    content[22:26] = bytes(4)
    piped.write_bytes(content)
    labels = table(tmp_path / "labels.csv", "file,start_s,end_s,species\npiped.flac,1.7,2.0,Fin\n")
    manifest = index(IndexRequest(audio=tmp_path / "audio", labels=labels, strict=True))
    (clip,) = manifest.clips
    assert (clip.start, clip.stop, clip.recording.n_samples) == (3400, 4000, 4000)
    assert [p.kind for p in manifest.problems if p.kind != "start_time"] == ["remark"]
