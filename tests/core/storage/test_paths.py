"""One place joins outside names to a folder; names of files are valid everywhere and never shared."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finback.core.errors import InputError
from finback.core.storage.paths import (
    MAX_BYTES,
    file_name,
    folded,
    inside,
    is_portable,
    portable,
    quoted,
    refuse_overwriting,
)

ANY = st.text(st.characters(codec=None), max_size=400)
# Texts that look alike: the same letters in other cases, with other signs between and after them.
ALIKE = st.text(st.sampled_from("Ffi n-_?2'éé/0"), max_size=8)

LEADS_OUT = (
    "..",
    "../x",
    "a/../../x",
    "/etc/passwd",
    "//host/x",
    "C:\\x",
    "C:x",
    "c:/x",
    "a\\..\\..\\x",
    "\\x",
)
NOT_A_NAME = ("", ".", "./", "/", "a\0b", "a\nb", "\x1b[2Jx", "n" * 256, "é" * 128, "\ud800")


@pytest.mark.parametrize("name", LEADS_OUT + NOT_A_NAME, ids=ascii)
def test_a_name_that_does_not_stay_inside_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as error:
        inside(tmp_path, name)
    assert quoted(name) in str(error.value)
    assert error.value.repair
    assert "\n" not in str(error.value)
    with pytest.raises(InputError):
        inside(tmp_path, "a", name)


@pytest.mark.parametrize(
    "name", ["a.wav", "Fin whale/a.wav", "./a", "..a", "a..", "12:30.wav", "クジラ", "n" * 255]
)
def test_a_name_that_stays_inside_is_joined(tmp_path: Path, name: str) -> None:
    assert inside(tmp_path, name) == tmp_path / name


@given(ANY)
def test_whatever_is_joined_stays_inside(name: str) -> None:
    root = Path("/nowhere/out")
    try:
        path = inside(root, name)
    except InputError:
        return
    assert os.path.normpath(path).startswith("/nowhere/out/")


def test_a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "link").symlink_to(elsewhere)
    (out / "own").symlink_to(out)
    (out / "loop").symlink_to(out / "loop")
    (tmp_path / "alias").symlink_to(out)
    with pytest.raises(InputError, match="leads out of the folder"):
        inside(out, "link", "a.wav")
    with pytest.raises(InputError, match="leads out of the folder"):
        inside(out, "own")
    assert inside(out, "own", "a.wav") == out / "own" / "a.wav"
    assert inside(tmp_path / "alias", "a.wav") == tmp_path / "alias" / "a.wav"


def valid_everywhere(name: str) -> bool:
    """Microsoft's rules and 255 bytes, written a second time."""
    return (
        0 < len(name.encode("utf-8", "surrogatepass")) <= 255
        and not re.search("[\ud800-\udfff]", name)
        and not set(name) & set('<>:"/\\|?*')
        and min(map(ord, name)) >= 32
        and not name.endswith((" ", "."))
        and not re.fullmatch(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?", name, re.S)
    )


@given(ANY)
@example("CON")
@example("Con")
@example("nul.wav")
@example("COM¹")
@example("\u202eFin")
def test_every_text_has_a_name_that_is_valid_everywhere(text: str) -> None:
    name = file_name(text)
    assert re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*", name), (
        "also an HTML id, and never an option of a command"
    )
    assert valid_everywhere(name)
    assert valid_everywhere(f"{name}.wav")
    assert len(name) <= 71
    assert file_name(text) == name


@given(st.one_of(ANY, ALIKE), st.one_of(ANY, ALIKE))
@example("Fin 2", "Fin?")
@example("fin whale", "Fin whale")
@example("fin-whale", "Fin whale")
@example("Fin Whale", "Fin whale")
@example("Fin_whale", "Fin Whale")
@example("é", unicodedata.normalize("NFD", "é"))
@example("x" * 60, "x" * 61)
def test_two_texts_never_share_a_name(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)
    assert (portable(one) == portable(other)) == (one == other)


@given(st.one_of(ANY, ALIKE))
def test_a_name_that_finback_made_is_not_the_name_of_another_text(text: str) -> None:
    assert (file_name(file_name(text)) == file_name(text)) == (file_name(text) == text)
    assert (portable(portable(text)) == portable(text)) == (portable(text) == text)


@given(st.one_of(ANY, ALIKE))
@example("Косатка")
@example("シャチ")
@example("Straße")
@example("n" * 250)
@example("鯨" * 200)
def test_a_name_in_its_own_script_is_valid_everywhere_too(text: str) -> None:
    name = file_name(text, script=True)
    assert valid_everywhere(f"{name}-000000.wav")
    assert folded(name) == name
    assert not name.startswith(("-", "."))


@given(st.one_of(ANY, ALIKE), st.one_of(ANY, ALIKE))
@example("Косатка", "косатка")
@example("é", unicodedata.normalize("NFD", "é"))
@example("ΣΑΣ", "σας")
@example("İ", "i̇")
def test_two_texts_never_share_a_name_in_their_own_script(one: str, other: str) -> None:
    names = {folded(file_name(text, script=True)) for text in (one, other)}
    assert (len(names) == 1) == (one == other)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Косатка", "косатка"),
        ("シャチ", "シャチ"),
        ("Épaulard", "épaulard"),
        ("Fin Whale", "fin_whale"),
        ("虎鲸", "虎鲸"),
    ],
)
def test_letters_of_every_script_stay(text: str, name: str) -> None:
    assert file_name(text, script=True) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Fin whale", "fin-whale"),
        ("Balaenoptera physalus", "balaenoptera-physalus"),
        ("Fin 2", "fin-2"),
        ("Fin?", "fin-"),
        ("fin whale", "fin-whale-"),
        ("Clymene Dolphin", "clymene_dolphin"),
        ("Clymene DOLPHIN", "clymene-dolphin-"),
        ("Con", "con-"),
        ("クジラ", "unnamed-"),
        ("", "unnamed-"),
        ("../../etc", "etc-"),
    ],
)
def test_names_are_readable(text: str, name: str) -> None:
    made = file_name(text)
    assert made == name if not name.endswith("-") else re.fullmatch(f"{name}[0-9a-f]{{10}}", made)


@given(ANY)
@example("n" * 250 + ".wav")
@example("é" * 200)
def test_a_name_from_elsewhere_is_made_valid(name: str) -> None:
    made = portable(name)
    assert valid_everywhere(made)
    assert is_portable(made)
    assert len(made.encode()) <= MAX_BYTES
    assert valid_everywhere(name) or made != name


def test_a_name_from_elsewhere_is_kept_when_it_is_valid() -> None:
    for name in ("Fin Whale (1).WAV", "クジラ.wav", ".hidden", "a.b.flac"):
        assert portable(name) == name
    assert re.fullmatch(r"12_30 fin-[0-9a-f]{10}\.wav", portable("12:30 fin.wav"))
    assert re.fullmatch(r"aux-[0-9a-f]{10}\.wav", portable("aux.wav"))
    assert is_portable(portable("con.:.wav"))


def test_names_that_a_file_system_may_take_for_one_have_one_key() -> None:
    assert folded("É.WAV") == folded(unicodedata.normalize("NFD", "é.wav"))
    assert folded("a") != folded("b")


def test_an_output_that_is_an_input_is_refused(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.touch()
    (tmp_path / "link.csv").symlink_to(labels)
    for out in (labels, tmp_path / "." / "labels.csv", tmp_path / "link.csv"):
        with pytest.raises(InputError, match=r"is the input .*labels.csv; give another name"):
            refuse_overwriting(out, None, tmp_path / "nothing.csv", labels)
    refuse_overwriting(tmp_path / "new.csv", labels)
    refuse_overwriting(labels, tmp_path)
