"""Addresses: what is one, what of it is shown, and that it never becomes a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from finback.audio import io
from finback.audio.addresses import Address, is_address, place, shown
from finback.audio.content import content_id
from finback.core.errors import AudioError

SIGNED = "https://me:pass@host.org/site/a%20b.flac?X-Amz-Signature=5ecret&x=1#part"


def test_addresses_are_told_from_paths() -> None:
    assert place("s3://bucket/a.wav") == Address("s3://bucket/a.wav")
    assert place("S3://Bucket/a.wav") == Address("s3://Bucket/a.wav")
    for text in ("a.wav", "/site/a.wav", "C://site/a.wav", "odd://"[:4] + "a.wav", "site:a.wav"):
        assert place(text) == Path(text)
        assert not is_address(text)
    assert not is_address(Path("a.wav"))


@pytest.mark.parametrize("text", ["ftp://host/a.wav", "file:///site/a.wav", "s3://", "https:///"])
def test_addresses_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(AudioError, match="://") as refused:
        io.probe(text)
    assert refused.value.repair


def test_an_address_that_was_made_a_path_is_refused() -> None:
    with pytest.raises(AudioError, match="loses a /"):
        io.probe(Path("s3://bucket/a.wav"))


def test_names_are_those_of_files() -> None:
    address = Address(SIGNED)
    assert (address.name, address.stem, address.suffix) == ("a b.flac", "a b", ".flac")
    assert address.with_name("a.log.xml").url == "https://me:pass@host.org/site/a.log.xml"
    assert Address("s3://bucket/what?#1.wav").name == "what?#1.wav"  # letters of a name, in a bucket


def test_what_is_shown_holds_no_secret() -> None:
    assert shown(SIGNED) == str(Address(SIGNED)) == "https://host.org/site/a%20b.flac?x=1"
    assert shown("s3://bucket/a@b?c.wav") == "s3://bucket/a@b?c.wav"
    assert shown("/site/a?b.wav") == "/site/a?b.wav"
    two = [shown(f"https://host/get?file={name}.wav&access_token=5ecret&sv=2022") for name in "ab"]
    assert two == ["https://host/get?file=a.wav", "https://host/get?file=b.wav"]
    assert shown("https://host/a.wav?v=" + "5ecret" * 5) == "https://host/a.wav"


def test_recordings_are_not_hashed_at_addresses() -> None:
    for use in (content_id, io.open_recording):
        with pytest.raises(AudioError, match="not fetched"):
            use("s3://bucket/a.wav")
