"""The whole way: list, fetch, tables, `finback index`; and every way to be interrupted."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from misbehaving import SOUNDS, Site, drip, hang, refuse, status, watkins_like, wav, web_page

from finback.config import build
from finback.data.index import IndexRequest, index
from finback.errors import FinbackError, InputError, SettingsError
from finback.fetch.faults import Halt
from finback.fetch.pool import only_one
from finback.fetch.source import Source, load
from finback.fetch.work import Report, Request, fetch

LARGE = wav(9, 200_000)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def recordings(simulated: Path) -> dict[str, dict[str, bytes]]:
    """Simulated calls under record ids, by species: three tapes each."""
    with open(simulated / "labels.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tapes = {group: f"{60 + i}0{i:02d}" for i, group in enumerate(dict.fromkeys(r["group"] for r in rows))}
    named: dict[str, dict[str, bytes]] = {}
    for row in rows:
        clips = named.setdefault(row["species"], {})
        clips[f"{tapes[row['group']]}{len(clips):03d}.wav"] = (simulated / "audio" / row["file"]).read_bytes()
    return named


def own(**listing: Any) -> Source:
    facts = {"name": "own", "title": "t", "homepage": "https://e.org", "licence": "CC0", "terms": "Take it."}
    return build(Source, {**facts, "listing": listing})


def a_list(site: Site, files: dict[str, bytes], **more: Any) -> Source:
    listed = [
        {"url": site.put(f"/{name}", data), "species": "Walrus", **more} for name, data in files.items()
    ]
    return own(kind="files", files=listed)


def run(source: Source, out: Path, **more: Any) -> Report:
    quick = {"rate": 1000, "backoff_s": 0.01, "tries": 2, "timeout_s": 5, "jobs": 2}
    return fetch(build(Request, {"source": source, "out": out, **quick, **more}))


def sounds(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (out / "audio").rglob("*") if p.is_file()}


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_from_the_pages_to_an_index(
    site: Site, recordings: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    url = watkins_like(site, recordings, others=20)
    wanted = {"source": load("watkins"), "url": url, "species": tuple(recordings)}
    report = run(out=tmp_path, **wanted)  # type: ignore[arg-type]
    everything = {name: data for clips in recordings.values() for name, data in clips.items()}
    assert sounds(tmp_path) == everything
    assert (report.listed, report.new, report.had, report.failed) == (len(everything), len(everything), 0, [])
    for row in table(tmp_path / "fetched.csv"):
        data = everything[row["file"]]
        assert row["url"] == f"{site.url}{SOUNDS}/WhaleSounds/{row['file']}"
        assert (int(row["bytes"]), row["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert row["licence"].startswith("free for personal")
        assert row["date"].endswith("Z")
    for source in ("auto", "watkins"):
        found = index(
            IndexRequest(audio=tmp_path / "audio", labels=tmp_path / "labels.csv", source=source, strict=True)  # type: ignore[arg-type]
        )
        assert found.species_counts() == {name: len(clips) for name, clips in recordings.items()}
        assert {clip.group for clip in found.clips} == {name[:5] for name in everything}
        assert {clip.recording.licence for clip in found.clips} == {load("watkins").licence}

    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "audio").iterdir()}
    site.log.clear()
    again = run(out=tmp_path, **wanted)  # type: ignore[arg-type]
    assert (again.new, again.had) == (0, len(everything))
    assert not [path for path, _, _ in site.log if path.endswith(".wav")]
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "audio").iterdir()}


def test_only_what_is_missing_or_damaged_is_fetched_again(site: Site, tmp_path: Path) -> None:
    source = a_list(site, {"a.wav": wav(1), "b.wav": wav(2), "c.wav": wav(3)})
    run(source, tmp_path)
    (tmp_path / "audio/a.wav").unlink()
    (tmp_path / "audio/b.wav").write_bytes(wav(2)[:500])
    spoilt = bytearray(wav(3))
    spoilt[1000] ^= 1
    (tmp_path / "audio/c.wav").write_bytes(spoilt)
    site.log.clear()
    assert run(source, tmp_path).new == 2
    assert sorted(path for path, _, _ in site.log) == ["/a.wav", "/b.wav"]
    assert run(source, tmp_path, check=True).new == 1  # only by reading it again is c.wav seen to be spoilt
    assert sounds(tmp_path) == {"a.wav": wav(1), "b.wav": wav(2), "c.wav": wav(3)}


def test_files_that_no_table_knows_are_taken_up_by_their_content(site: Site, tmp_path: Path) -> None:
    digest = hashlib.md5(wav(1)).hexdigest()
    source = a_list(site, {"a.wav": wav(1)}, checksum=f"md5:{digest}")
    run(source, tmp_path)
    for name in ("fetched.csv", "labels.csv"):
        (tmp_path / name).unlink()
    site.log.clear()
    assert run(source, tmp_path).had == 1
    assert not site.log
    assert table(tmp_path / "fetched.csv")[0]["sha256"] == hashlib.sha256(wav(1)).hexdigest()
    (tmp_path / "fetched.csv").unlink()
    (tmp_path / "audio/a.wav").write_bytes(wav(2))  # sound, but not that one
    assert run(source, tmp_path).new == 1
    assert sounds(tmp_path) == {"a.wav": wav(1)}


def test_a_file_that_fails_does_not_keep_the_others(site: Site, tmp_path: Path) -> None:
    source = a_list(site, {f"{i}.wav": wav(i) for i in range(6)})
    site.spoil("/0.wav", status(404))
    site.spoil("/2.wav", web_page())
    site.spoil("/4.wav", status(500), status(500))
    report = run(source, tmp_path)
    assert {file for file, _ in report.failed} == {"0.wav", "2.wav", "4.wav"}
    assert {row["file"] for row in table(tmp_path / "labels.csv")} == {"1.wav", "3.wav", "5.wav"}
    assert run(source, tmp_path).new == 3
    assert len(table(tmp_path / "labels.csv")) == 6


def test_a_site_that_goes_down_stops_the_work_and_keeps_what_came(site: Site, tmp_path: Path) -> None:
    source = a_list(site, {f"{i:02d}.wav": wav(i) for i in range(30)})
    source = source.model_copy(update={"instead": ("watkins-archive",)})
    for i in range(4, 30):
        site.spoil(f"/{i:02d}.wav", *[refuse] * 4)
    with pytest.raises(Halt, match="finback fetch watkins-archive") as caught:
        run(source, tmp_path, jobs=1)
    assert "e.org" in str(caught.value)
    assert len(site.log) < 20  # not all thirty, several times each
    assert len(table(tmp_path / "labels.csv")) == len(sounds(tmp_path)) == 4


def test_a_full_disk_is_told_by_the_file_that_met_it(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    source = a_list(site, {"a.wav": wav(1), "b.wav": wav(2)})

    def no_room(*arguments: object) -> None:
        raise FinbackError("fetched.csv: could not be written")

    (tmp_path / "audio").mkdir()
    (tmp_path / "audio/b.wav.part").symlink_to(full)
    with monkeypatch.context() as patch:
        patch.setattr("finback.fetch.tables.write_fetched", no_room)
        with pytest.raises(Halt, match=r"b\.wav: the disk is full"):
            run(source, tmp_path, jobs=1)
    (tmp_path / "audio/b.wav.part").unlink()
    assert run(source, tmp_path).had == 1
    assert sounds(tmp_path) == {"a.wav": wav(1), "b.wav": wav(2)}


def test_a_site_that_is_not_there_says_what_to_do(site: Site, tmp_path: Path) -> None:
    site.spoil(f"{SOUNDS}/index.cfm", *[refuse] * 9)
    site.put("/robots.txt", "", kind="text/plain")
    with pytest.raises(Halt) as caught:
        run(load("watkins"), tmp_path, url=f"{site.url}{SOUNDS}/index.cfm")
    for told in ("the line was cut", "watkins-archive", "whoicf2.whoi.edu", "--url"):
        assert told in str(caught.value)


def test_the_way_of_a_zip(site: Site, tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for species in ("Walrus", "Killer_Whale"):
            for i in range(2):
                file.writestr(f"{species}/{61 + i}02500A.wav", wav(i + len(species)))
    url = site.put("/watkins.zip", data.getvalue(), kind="application/zip")
    source = load("watkins-archive")
    listing = source.listing.model_copy(
        update={
            "url": url,
            "bytes": len(data.getvalue()),
            "checksum": "md5:" + hashlib.md5(data.getvalue()).hexdigest(),
        }
    )
    source = source.model_copy(update={"listing": listing})
    report = run(source, tmp_path, species=("walrus",))
    assert (report.listed, report.new) == (2, 2)
    report = run(source, tmp_path)
    assert (report.listed, report.had, report.new) == (4, 2, 2)
    assert len(site.asked("/watkins.zip")) == 1
    found = index(IndexRequest(audio=tmp_path / "audio", labels=tmp_path / "labels.csv", strict=True))
    assert found.species_counts() == {"Killer Whale": 2, "Walrus": 2}
    assert {row["file"] for row in table(tmp_path / "fetched.csv")} >= {"../downloads/watkins.zip"}
    wrong = source.model_copy(update={"listing": listing.model_copy(update={"checksum": "md5:" + "0" * 32})})
    with pytest.raises(Halt, match="as the source states"):
        run(wrong, tmp_path / "other")
    assert not (tmp_path / "other/audio").exists()


def test_files_without_a_species_are_told(site: Site, tmp_path: Path) -> None:
    report = run(own(kind="files", files=[{"url": site.put("/a.wav", wav())}]), tmp_path)
    assert report.rows == 0
    assert "1 files have no species" in report.notes[0]


def test_one_at_a_time_in_a_folder(site: Site, tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(InputError, match="another finback fetch"):
        run(a_list(site, {"a.wav": wav()}), tmp_path)
    assert not site.log


def test_an_address_for_a_list_that_has_none(site: Site, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--url"):
        run(a_list(site, {"a.wav": wav()}), tmp_path, url="https://e.org/x")
    with pytest.raises(InputError, match="cannot be fetched by a program"):
        run(load("orcasound"), tmp_path)


def test_without_the_extra_package_its_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finback.fetch.work.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"finback\[fetch\]"):
        run(load("watkins"), tmp_path)


# From outside: the command, killed and called again.


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "finback", "fetch", "--source", "own.toml", "--rate", "10", *arguments]


def write_source(site: Site, folder: Path) -> None:
    site.put("/large.wav", LARGE)
    site.put("/small.wav", wav(1))
    (folder / "own.toml").write_text(
        f"""
        name = "own"
        title = "Sounds"
        homepage = "{site.url}/"
        licence = "CC0"
        terms = "Take them."
        [listing]
        kind = "files"
        [[listing.files]]
        url = "{site.url}/small.wav"
        species = "Walrus"
        [[listing.files]]
        url = "{site.url}/large.wav"
        species = "Walrus"
        """
    )


def interrupted(site: Site, folder: Path, how: signal.Signals) -> subprocess.Popen[str]:
    """The command, interrupted in the middle of the large file."""
    write_source(site, folder)
    site.spoil("/large.wav", drip(8192, 0.05))
    arguments = command(folder, "--accept-licence")
    process = subprocess.Popen(arguments, cwd=folder, stderr=subprocess.PIPE, text=True)
    part = folder / "own/audio/large.wav.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 50_000):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(how)
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_interrupted_and_gone_on(site: Site, tmp_path: Path, how: signal.Signals) -> None:
    process = interrupted(site, tmp_path, how)
    _, said = process.communicate(timeout=20)
    assert process.returncode == (130 if how is signal.SIGINT else -signal.SIGKILL)
    if how is signal.SIGINT:
        assert "the same command goes on" in said
        assert [row["file"] for row in table(tmp_path / "own/labels.csv")] == ["small.wav"]
    have = (tmp_path / "own/audio/large.wav.part").stat().st_size
    assert 50_000 < have < len(LARGE)
    site.log.clear()
    done = subprocess.run(
        command(tmp_path, "--json"), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert (told["n_had"], told["n_new"], told["n_rows"]) == (1, 1, 2)
    assert "licence: CC0 (accepted" in done.stderr  # not asked for again
    (asked,) = site.asked("/large.wav")
    assert asked["range"] == f"bytes={have}-"
    assert not site.asked("/small.wav")
    assert sounds(tmp_path / "own") == {"large.wav": LARGE, "small.wav": wav(1)}


def test_ctrl_c_does_not_wait_for_a_silent_server(site: Site, tmp_path: Path) -> None:
    write_source(site, tmp_path)
    site.spoil("/large.wav", hang(60))
    arguments = command(tmp_path, "--accept-licence")
    process = subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not (site.asked("/large.wav") and (tmp_path / "own/audio/small.wav").exists()):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)  # the server would be waited for 30 s
    assert process.returncode == 130


def test_the_licence_comes_before_any_request(site: Site, tmp_path: Path) -> None:
    write_source(site, tmp_path)
    done = subprocess.run(
        command(tmp_path), cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert "Take them." in done.stderr
    assert "--accept-licence" in done.stderr
    assert not site.log
    assert not (tmp_path / "own").exists()


def test_a_person_is_asked(site: Site, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    write_source(site, tmp_path)
    for answer, code in (("n\n", 2), ("y\n", 0)):
        mine, theirs = pty.openpty()
        process = subprocess.Popen(
            command(tmp_path, "--json"), cwd=tmp_path, stdin=theirs, stdout=-1, stderr=-1, text=True
        )
        os.write(mine, answer.encode())
        written, said = process.communicate(timeout=60)
        assert process.returncode == code, said
        assert "Do you accept these terms?" in said
        assert bool(site.log) == (code == 0)
        os.close(mine)
        os.close(theirs)
    told = json.loads(written)  # the question was not asked on stdout
    assert told["next"] == "finback run --audio own/audio --labels own/labels.csv --out runs/own"


def test_what_failed_makes_the_command_fail(site: Site, tmp_path: Path) -> None:
    write_source(site, tmp_path)
    site.spoil("/small.wav", status(404))
    done = subprocess.run(
        command(tmp_path, "--accept-licence", "--out", "here"), cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "not fetched: small.wav" in done.stdout
    assert "next: finback run --audio here/audio" in done.stdout
