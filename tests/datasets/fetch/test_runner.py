"""The whole way: list, fetch, tables, `finback index`; what is missing, damaged, silent or full."""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
import zipfile
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from fetched import sounds, table
from misbehaving import SOUNDS, Site, refuse, status, watkins_like, wav, web_page

from finback.core.errors import FinbackError, InputError, LockError, SettingsError
from finback.core.settings import build
from finback.data.index import IndexRequest, index
from finback.datasets.fetch.errors import FetchAborted
from finback.datasets.fetch.part import Part
from finback.datasets.fetch.runner import Report, Request, fetch
from finback.datasets.fetch.source import Source, load

LARGE = wav(9, 200_000)


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
    with pytest.raises(FetchAborted, match="finback fetch watkins-archive") as caught:
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

    begin = Part.begin

    def begin_b_on_a_full_disk(part: Part, url: str = "", version: str = "") -> FileIO:
        return FileIO(full, "wb") if part.path.name == "b.wav.part" else begin(part, url, version)

    with monkeypatch.context() as patch:
        patch.setattr(Part, "begin", begin_b_on_a_full_disk)
        patch.setattr("finback.datasets.fetch.tables.write_fetched", no_room)
        with pytest.raises(FetchAborted, match=r"b\.wav: the disk is full"):
            run(source, tmp_path, jobs=1)
    assert run(source, tmp_path).had == 1
    assert sounds(tmp_path) == {"a.wav": wav(1), "b.wav": wav(2)}


def test_a_site_that_is_not_there_says_what_to_do(site: Site, tmp_path: Path) -> None:
    site.spoil(f"{SOUNDS}/index.cfm", *[refuse] * 9)
    site.put("/robots.txt", "", kind="text/plain")
    with pytest.raises(FetchAborted) as caught:
        run(load("watkins"), tmp_path, url=f"{site.url}{SOUNDS}/index.cfm")
    for words in ("the connection was lost", "watkins-archive", "whoicf2.whoi.edu", "--url"):
        assert words in str(caught.value)


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
    with pytest.raises(FetchAborted, match="as the source states"):
        run(wrong, tmp_path / "other")
    assert not (tmp_path / "other/audio").exists()


def test_files_without_a_species_are_told(site: Site, tmp_path: Path) -> None:
    report = run(own(kind="files", files=[{"url": site.put("/a.wav", wav())}]), tmp_path)
    assert report.rows == 0
    assert "1 files have no species" in report.notes[0]


def test_one_at_a_time_in_a_folder(site: Site, tmp_path: Path) -> None:
    words = "import sys; from pathlib import Path; from finback.core.storage.locks import only_writer\n"
    words += "with only_writer(Path(sys.argv[1])): print('locked', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", words, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(LockError, match=f"process {other.pid}"):
            run(a_list(site, {"a.wav": wav()}), tmp_path)
        other.communicate("\n")
    assert not site.log
    assert run(a_list(site, {"a.wav": wav()}), tmp_path).new == 1


def test_an_address_for_a_list_that_has_none(site: Site, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--url"):
        run(a_list(site, {"a.wav": wav()}), tmp_path, url="https://e.org/x")
    with pytest.raises(InputError, match="cannot be fetched by a program"):
        run(load("orcasound"), tmp_path)


def test_without_the_extra_package_its_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finback.datasets.fetch.runner.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install .requests"):
        run(load("watkins"), tmp_path)
