"""Damaged files of every kind: what is read is the true beginning with a remark, or nothing is read.

Never other samples without a word, as far as the file can tell, and never an error without the file's name.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from damaged_sounds import HEADER_BYTES, KINDS, Kind, content, tolerance
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finback.audio import io
from finback.audio.info import AudioInfo
from finback.core.errors import AudioError

each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
bounded = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def look(path: Path, data: bytes) -> tuple[AudioInfo, np.ndarray] | None:
    """The file of these bytes, opened and read; None where it is refused by name."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    try:
        info = io.probe(path)
        return info, io.read_channels(path)
    except AudioError as error:
        assert str(path) in str(error)  # noqa: PT017
        assert error.repair  # noqa: PT017
        return None


@each_kind
def test_a_good_file_has_no_remark(kind: Kind, tmp_path: Path) -> None:
    found = look(tmp_path / "good", content(*kind))
    assert found is not None
    assert found[0].remarks == ()
    assert not found[0].repaired


@each_kind
@bounded
@given(data=st.data())
def test_a_file_cut_anywhere_is_its_beginning(kind: Kind, tmp_path: Path, data: st.DataObject) -> None:
    whole = content(*kind)
    keep = data.draw(st.integers(1, len(whole) - 1))
    good = look(tmp_path / "good", whole)
    found = look(tmp_path / "cut", whole[:keep])
    if good is None or found is None:
        return
    (_, x), (info, y) = good, found
    assert len(y) <= len(x)
    np.testing.assert_allclose(y, x[: len(y)], atol=tolerance(kind[0]), rtol=0)
    assert info.remarks or len(y) == len(x)


@pytest.mark.parametrize("kind", [k for k in KINDS if k[0] in ("WAV", "WAVEX", "W64", "CAF", "FLAC")])
@bounded
@given(data=st.data())
def test_a_header_with_a_wrong_byte_is_never_believed_silently(
    kind: Kind, tmp_path: Path, data: st.DataObject
) -> None:
    container, subtype, _ = kind
    whole = content(*kind)
    at = data.draw(st.integers(0, HEADER_BYTES[container] - 1))
    value = data.draw(st.integers(0, 255))
    if cannot_be_told(container, subtype, at) or value == whole[at]:
        return
    good = look(tmp_path / "good", whole)
    found = look(tmp_path / "flipped", whole[:at] + bytes([value]) + whole[at + 1 :])
    if good is None or found is None:
        return
    (right, x), (info, y) = good, found
    said = bool(info.remarks)
    same = y.shape == x.shape and np.array_equal(x, y) and info.sample_rate == right.sample_rate
    assert said or same, (at, value)


def cannot_be_told(container: str, subtype: str, at: int) -> bool:
    """Fields of which a header has no second copy: a rate, a coding of the same width, a decoder's table."""
    if container == "CAF":
        return 20 <= at < 28 or subtype.startswith("ALAC") or at in (33, 34, 35) or 44 <= at < 52
    if container in ("WAV", "WAVEX", "W64"):
        first = 64 if container == "W64" else 20
        of_coding = at in (first, first + 1) or (container == "WAVEX" and 44 <= at < 60)
        rate = first + 4 <= at < first + 8 and subtype not in (
            "PCM_16",
            "PCM_24",
            "PCM_32",
            "FLOAT",
            "DOUBLE",
        )
        return of_coding or rate or (subtype.endswith(("32", "610", "16", "24")) and "PCM" not in subtype)
    return False


@pytest.mark.parametrize("kind", [k for k in KINDS if k[0] not in ("MP3", "OGG")])
@bounded
@given(data=st.data())
def test_no_damage_ends_otherwise_than_by_name(kind: Kind, tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(content(*kind))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, min(len(whole), 200) - 1))] = data.draw(st.integers(0, 255))
    found = look(tmp_path / "any", bytes(whole))
    if found is not None:
        info, y = found
        assert y.shape == (info.n_samples, info.n_channels)


@pytest.mark.parametrize("kind", [k for k in KINDS if k[0] in ("MP3", "OGG")])
@bounded
@given(data=st.data())
def test_damage_anywhere_in_mp3_and_ogg(
    kind: Kind, tmp_path: Path, data: st.DataObject, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = bytearray(content(*kind))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    found = look(tmp_path / "any", bytes(whole))
    if found is not None and kind[0] == "OGG":
        good = look(tmp_path / "good", content(*kind))
        assert good is not None
        n = len(found[1])
        assert np.array_equal(found[1], good[1][:n])
        assert n == len(good[1]) or found[0].remarks
    assert capfd.readouterr() == ("", "")  # nor does the decoder complain on the terminal
