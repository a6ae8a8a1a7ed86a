"""Sound files in object stores: an S3 on this machine (moto), and fsspec's memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("s3fs", reason="needs finback[remote]")
pytest.importorskip("moto.server", reason="needs moto[server], of finback[dev]")

import fsspec
from moto.server import ThreadedMotoServer

from finback.audio import io
from finback.audio.addresses import place
from finback.audio.remote import objects, store
from finback.audio.remote.listing import list_addresses
from finback.core.errors import AudioError

RATE, SECONDS = 24_000, 40
NAMES = ("2020/a.wav", "2020/b.flac", "2021/c.AIFF", "2021/d.mp3", "2021/notes.txt", "odd[1].wav", "e.ogg")
MEMORY = "memory://finback-tests"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bucket")
    noise = np.random.default_rng(1).standard_normal(SECONDS * RATE).astype(np.float32)
    for name in NAMES:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        kind = {"txt": "RAW", "mp3": "MP3"}.get(name[-3:].lower(), name.rpartition(".")[2].upper())
        soundfile.write(
            path, (0.1 * noise).clip(-1, 1), RATE, "PCM_16" if kind == "RAW" else None, None, kind
        )
    return folder


@pytest.fixture(scope="module")
def s3(folder: Path) -> Iterator[Any]:
    """The client of an S3 with the bucket `deep`; the variables are those that a user would set."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        import boto3

        client = boto3.client("s3")
        client.create_bucket(Bucket="deep")
        for name in NAMES:
            client.upload_file(str(folder / name), "deep", name)
        yield client
        objects.forget()
    server.stop()


@pytest.fixture(scope="module")
def memory(folder: Path) -> Any:
    system = fsspec.filesystem("memory")
    for name in NAMES:
        system.pipe(f"{MEMORY}/{name}", (folder / name).read_bytes())
    return system


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    store._store.cache_clear()
    monkeypatch.setattr(store, "FRESH_S", 0.0)
    monkeypatch.setattr(store, "WAITS_S", (0.0, 0.01))


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("txt")])
@pytest.mark.parametrize("root", ["s3://deep", MEMORY])
def test_reads_equal_local_reads(s3: Any, memory: Any, folder: Path, root: str, name: str) -> None:
    path, address = folder / name, f"{root}/{name}"
    here, there = io.probe(path), io.probe(address)
    assert (there.n_samples, there.subtype, there.remarks) == (here.n_samples, here.subtype, here.remarks)
    n = here.n_samples
    for start, stop in ((0, 1), (n - 5000, n), (n // 2, n // 2 + RATE)):
        assert np.array_equal(io.read(address, start, stop), io.read(path, start, stop))
    both = zip(io.blocks(address, 70_000), io.blocks(path, 70_000), strict=True)
    assert all(np.array_equal(one, two) for one, two in both)


def test_a_folder_is_listed(s3: Any, memory: Any) -> None:
    sounds = sorted(name for name in NAMES if not name.endswith("txt"))
    for root in ("s3://deep", MEMORY):
        assert list_addresses(root) == [f"{root}/{name}" for name in sounds]
        assert list_addresses(root + "/") == [f"{root}/{name}" for name in sounds]
        assert list_addresses(f"{root}/2020") == [f"{root}/2020/a.wav", f"{root}/2020/b.flac"]


def test_hidden_files_are_left_out(memory: Any) -> None:
    for name in ("._a.wav", ".trash/b.wav", "c.wav"):
        memory.pipe(f"/hidden/{name}", b"RIFF")
    assert list_addresses("memory://hidden") == ["memory://hidden/c.wav"]
    assert list_addresses("memory://hidden/.trash") == ["memory://hidden/.trash/b.wav"]
    assert list_addresses("memory://hidden/._a.wav") == ["memory://hidden/._a.wav"]


def test_patterns_and_single_files(s3: Any, memory: Any) -> None:
    for root in ("s3://deep", MEMORY):
        assert list_addresses(f"{root}/*/?.wav") == [f"{root}/2020/a.wav"]
        assert list_addresses(f"{root}/202[01]/[bc].*") == [f"{root}/2020/b.flac", f"{root}/2021/c.AIFF"]
        assert list_addresses(f"{root}/odd[1].wav") == [f"{root}/odd[1].wav"]
        assert list_addresses(f"{root}/2021/notes.txt") == [f"{root}/2021/notes.txt"]  # named: tried


def test_what_cannot_be_listed_is_said(s3: Any, memory: Any) -> None:
    for root in ("s3://deep", MEMORY):
        with pytest.raises(AudioError, match=r"no such file|no sound files"):
            list_addresses(f"{root}/nothing")
        with pytest.raises(AudioError, match="no sound files"):
            list_addresses(f"{root}/*.wave")
    with pytest.raises(AudioError, match="no such file"):
        list_addresses("s3://no-such-bucket/site")
    for address in ("https://host.org/site/", "https://host.org/*.wav"):
        with pytest.raises(AudioError, match=r"does not list its files.*one a line"):
            list_addresses(address)
    assert list_addresses("https://host.org/a.wav?sig=1") == ["https://host.org/a.wav?sig=1"]


def test_missing_files_and_folders_are_refused(s3: Any, memory: Any) -> None:
    for root in ("s3://deep", MEMORY):
        with pytest.raises(AudioError, match="no such file"):
            io.probe(f"{root}/nothing.wav")
        with pytest.raises(AudioError, match=r"a folder|no such file"):
            io.probe(f"{root}/2020")


def test_a_file_that_changes_while_it_is_read_is_an_error(s3: Any, memory: Any, folder: Path) -> None:
    body = (folder / "2020/a.wav").read_bytes()
    other = body[:44] + body[:43:-1]
    for root, put in (
        ("s3://deep", lambda data: s3.put_object(Bucket="deep", Key="changing.wav", Body=data)),
        (MEMORY, lambda data: memory.pipe(f"{MEMORY}/changing.wav", data)),
    ):
        put(body)
        blocks = io.blocks(f"{root}/changing.wav", 5000)
        next(blocks)
        put(other)
        if root == MEMORY:  # no versions: the next look at the file notices
            assert io.read(f"{root}/changing.wav", 0, 9) is not None
        with pytest.raises(AudioError, match="changed while it was read"):
            for _ in blocks:
                pass
    s3.delete_object(Bucket="deep", Key="changing.wav")
    memory.rm(f"{MEMORY}/changing.wav")


def test_without_credentials_public_files_are_read_anonymously(
    s3: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    objects.forget()
    s3.put_object_acl(Bucket="deep", Key="2020/a.wav", ACL="public-read")
    assert np.array_equal(io.read("s3://deep/2020/a.wav", 5, 99), io.read(folder / "2020/a.wav", 5, 99))
    assert place("s3://deep/2020/a.wav").name == "a.wav"
    objects.forget()


def test_faults_of_the_store_are_tried_again_and_then_named(
    s3: Any, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    io.probe("s3://deep/2020/a.wav")
    file = store._store(place("s3://deep/2020/a.wav"), os.getpid()).source._open[1]  # type: ignore[attr-defined]
    real, faults = type(file).read, [ConnectionResetError("reset"), TimeoutError("late"), None]

    def unsteady(self: Any, n: int) -> bytes:
        fault = faults.pop(0) if faults else None
        if fault is not None:
            raise fault
        return real(self, n)[: 1000 if faults else None]

    monkeypatch.setattr(type(file), "read", unsteady)
    assert np.array_equal(
        io.read("s3://deep/2020/a.wav", 300_000, 310_000), io.read(folder / "2020/a.wav", 300_000, 310_000)
    )
    monkeypatch.setattr(
        type(file), "read", lambda self, n: (_ for _ in ()).throw(OSError(5, "reset by peer"))
    )
    with pytest.raises(AudioError, match=r"a\.wav: .*reset by peer; 3 tries; check the connection"):
        io.read("s3://deep/2020/a.wav", 600_000, 610_000)


def test_an_endpoint_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, s3: Any) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    objects.forget()
    for use in (io.probe, list_addresses):
        with pytest.raises(AudioError, match=r"127\.0\.0\.1:1.*3 tries"):
            use("s3://deep/2020/a.wav")
    objects.forget()


def test_a_child_that_was_forked_reads_too(s3: Any, folder: Path) -> None:
    script = (
        "import multiprocessing as m\nfrom finback.audio import io\n"
        "def work(i): return float(io.read('s3://deep/2020/b.flac', i * 9000, i * 9000 + 9000).sum())\n"
        "here = work(3)\n"
        "with m.get_context('fork').Pool(2) as pool: assert pool.map(work, range(6))[3] == here\n"
        "print('read')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "read", done.stderr
