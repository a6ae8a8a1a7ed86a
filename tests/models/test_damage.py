"""Damage anywhere in weights, a checkpoint or a table is an error that names the file, or changes nothing."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from finback.core.errors import RunError
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import tensors_digest
from finback.core.storage.parquet import read_table, write_table
from finback.models.load import load_model
from finback.models.predictor import Predictor
from finback.models.weights import load_tensors, save_tensors


def weights(path: Path) -> None:
    tensors = {
        "head.weight": torch.arange(60, dtype=torch.float32).reshape(3, 20),
        "half": torch.ones(40, dtype=torch.float16),
        "n": torch.tensor(7),
        "mask": torch.tensor([True, False]),
        "none": torch.zeros(0, 4),
    }
    save_tensors(path, tensors, {"step": 3, "best": 0.5})


def scores(path: Path) -> None:
    columns = {
        "recording_id": ["0123456789abcdef", "fedcba9876543210"] * 20,
        "start": list(range(40)),
        "species": ["Fin whale", None] * 20,
        "logits": pa.array(list(np.arange(120, dtype=np.float32).reshape(40, 3)), pa.list_(pa.float32())),
        "seen": [True, False] * 20,
    }
    write_table(path, pa.table(columns), {"labels": "Fin whale\nSei whale\nMinke whale"})


def as_text(path: Path) -> str:
    if path.suffix == ".parquet":
        table, metadata = read_table(path, {})
        return repr((table.to_pydict(), metadata))
    tensors, metadata = load_tensors(path)
    return repr(({k: (v.dtype, v.tolist()) for k, v in sorted(tensors.items())}, metadata))


def as_text_or_error(path: Path) -> str:
    try:
        return as_text(path)
    except RunError as error:
        return str(error)


KINDS = {"weights.safetensors": weights, "scores.parquet": scores}


@functools.cache
def whole(folder: Path, name: str) -> tuple[bytes, str]:
    """The bytes of an undamaged file, and its content as text."""
    KINDS[name](folder / name)
    return (folder / name).read_bytes(), as_text(folder / name)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_flipped_bits_are_an_error_or_change_nothing(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damage"
    folder.mkdir(exist_ok=True)
    content, text = whole(folder, name)
    flips = st.dictionaries(st.integers(0, len(content) - 1), st.integers(1, 255), min_size=1, max_size=50)
    damaged = bytearray(content)
    for at, bits in data.draw(flips).items():
        damaged[at] ^= bits
    (folder / name).write_bytes(damaged[: data.draw(st.just(len(content)) | st.integers(0, len(content)))])
    found = as_text_or_error(folder / name)
    assert found == text or found.startswith(f"{folder / name}: damaged (")


@pytest.mark.parametrize("name", KINDS)
def test_every_single_byte_counts(name: str, tmp_path: Path) -> None:
    content, text = whole(tmp_path, name)
    rng, silent = np.random.default_rng(0), 0
    for at in rng.permutation(len(content))[:400]:
        damaged = bytearray(content)
        damaged[at] ^= int(rng.integers(1, 256))
        (tmp_path / name).write_bytes(damaged)
        found = as_text_or_error(tmp_path / name)
        assert found == text or found.startswith(f"{tmp_path / name}: damaged (")
        silent += found == text
    assert silent < 200  # bytes that carry nothing, such as the statistics of parquet


def test_fifty_bytes_of_a_trained_run(trained: Path, tmp_path: Path) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    path = run / "weights.safetensors"
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(1)
    for at in rng.integers(len(data) // 2, len(data), 50):
        data[at] ^= 0x40
    path.write_bytes(data)
    with pytest.raises(RunError, match=r"weights\.safetensors: damaged .*restore the file from a copy"):
        Predictor.load(run, "cpu")


def without_digest(path: Path) -> None:
    """As version 0.1.0 wrote it."""
    save_file(load_file(path), path, {"facts": '{"step": 3}'})


def without_metadata(path: Path) -> None:
    save_file(load_file(path), path)


@pytest.mark.parametrize("rewrite", [without_digest, without_metadata])
def test_weights_without_a_digest_are_read(rewrite: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    weights(path)
    before, _ = load_tensors(path)
    rewrite(path)
    after, metadata = load_tensors(path)
    assert metadata == ({"step": 3} if rewrite is without_digest else {})
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_digest_cannot_be_hidden_by_another_name(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    weights(path)
    whole = path.read_bytes()
    for word, other in ((b"digest", b"digesu"), (b"facts", b"fects")):
        assert word in whole
        path.write_bytes(whole.replace(word, other))
        with pytest.raises(RunError, match="damaged"):
            load_tensors(path)


@pytest.mark.parametrize("metadata", [None, {}, {"labels": "Fin whale", "digesu": "0"}])
def test_a_table_whose_digest_is_hidden_is_damaged(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    """One flipped bit in the footer of a parquet file can hide all of its metadata."""
    path = tmp_path / "scores.parquet"
    table = pa.table({"start": [1, 2]})
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(RunError, match=r"scores\.parquet: damaged"):
        read_table(path, {})
    pq.write_table(table.replace_schema_metadata({"labels": "Fin whale"}), path)  # as version 0.1.0 did
    assert read_table(path, {})[0] == table.replace_schema_metadata({"labels": "Fin whale"})


def test_equal_weights_are_equal_files(tmp_path: Path) -> None:
    """The parts of a header have no order of chance."""
    names = [tmp_path / f"{i}.safetensors" for i in range(12)]
    for path in names:
        weights(path)
    assert len({path.read_bytes() for path in names}) == 1


def test_weights_are_those_that_their_run_names(trained: Path, tmp_path: Path) -> None:
    """A run of version 0.1.0 may have the digest of its weights in run.json."""
    run = RunFolder(shutil.copytree(trained, tmp_path / "run"))
    run.note(weights_digest=tensors_digest(run.weights).hex())
    load_model(run.path, "classifier", "cpu")
    path = run.weights
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match=r"weights\.safetensors: damaged"):
        load_model(run.path, "classifier", "cpu")
