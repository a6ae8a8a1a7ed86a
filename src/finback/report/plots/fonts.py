"""Which font draws which letter, so that names in every script print, and never as boxes.

Figures are drawn in DejaVu Sans, which comes with matplotlib and has Latin, Greek, Cyrillic, Arabic and
Hebrew letters. For others, such as Chinese, Japanese and Korean ones, a font of this machine is used that has
them, or that of the package `EXTRA`. A letter that no font has is written in Latin letters by its Unicode
name (`シ` as `si`) or number (`鲸` as `u9cb8`), and finback says so once.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import unicodedata
import warnings
from collections.abc import Iterable
from pathlib import Path

from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font

from finback.core.errors import NotDrawn
from finback.core.extras import install

FONT = "DejaVu Sans"  # comes with matplotlib, so text has one width everywhere
WEIGHTS = ("normal", "bold")  # of the text in figures; the bold font has fewer letters
EXTRA = "noto_cjk_sans_jp_regular"  # the package of the extra `fonts`
# Sans-serif fonts with many letters, as systems and people install them; others are tried after these.
PREFERRED = (
    *(
        "Noto Sans CJK SC",
        "Noto Sans CJK JP",
        "Noto Sans CJK KR",
        "Noto Sans SC",
        "Noto Sans JP",
        "Noto Sans KR",
    ),
    *(
        "Source Han Sans SC",
        "PingFang SC",
        "Hiragino Sans",
        "Apple SD Gothic Neo",
        "Microsoft YaHei",
        "Yu Gothic",
    ),
    *(
        "Malgun Gothic",
        "WenQuanYi Micro Hei",
        "WenQuanYi Zen Hei",
        "IPAexGothic",
        "Noto Sans",
        "Arial Unicode MS",
    ),
)
UNUSABLE = "Last Resort"  # a font that has a box for every letter
TRUETYPE = (b"\x00\x01\x00\x00", b"true")  # how the tables of a TrueType font begin


def families(text: str = "") -> list[str]:
    """The fonts that draw this text, in the order in which they are tried for each letter."""
    found = [FONT]
    for character in text:
        if not character.isascii() and (name := _font_of(character)) and name not in found:
            found.append(name)
    return found


def drawable(text: str) -> str:
    """The text in letters that a font of this machine has: others are replaced by `latin`, with a warning."""
    if text.isascii():
        return text
    shown = "".join(c if c.isascii() or c.isspace() or _font_of(c) else latin(c) for c in text)
    if shown != text:
        _say_that_letters_are_missing()
    return shown


@functools.cache
def _say_that_letters_are_missing() -> None:
    """Once in a process: a block of `catch_warnings` would make Python forget that it has been said."""
    warnings.warn(
        "figures write some letters by their Unicode names or numbers: no font of this machine has them; "
        f"{install('fonts')} brings Chinese, Japanese and Korean letters",
        NotDrawn,
        stacklevel=1,  # one place, so it is said once
    )


def latin(character: str) -> str:
    """A letter in ASCII: `シ` is `si`, `고` is `go`, `鲸` is `u9cb8`, a picture is its name in brackets."""
    name = unicodedata.name(character, "")
    if " LETTER " in name or " SYLLABLE " in name:
        return name.split()[-1].lower()
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return ""
    if "IDEOGRAPH" in name or not name:
        return f"u{ord(character):x}"
    return f"({name.lower()})"


def all_truetype(names: set[str]) -> bool:
    """Whether all these fonts have TrueType outlines, which matplotlib can embed in a PDF as they are."""
    return all(_begins(str(findfont(FontProperties(family=name)))) in TRUETYPE for name in names)


def _begins(path: str) -> bytes:
    with open(path, "rb") as file:
        tag = file.read(4)
        if tag != b"ttcf":
            return tag
        file.seek(12)  # of a collection: where the tables of its first font are
        file.seek(int.from_bytes(file.read(4), "big"))
        return file.read(4)


@functools.lru_cache(maxsize=4096)
def _font_of(character: str) -> str:
    """The name of a font that has the character, "" if there is none."""
    if _has(FONT, character):
        return FONT
    _add_extra()
    for new in (False, True):
        if new and not _add_system_fonts():
            break
        for name in _candidates():
            _serve_all_weights(name)
            if _has(name, character):
                return name
    return ""


def _has(name: str, character: str) -> bool:
    weights = WEIGHTS if name == FONT else WEIGHTS[:1]
    fonts = (get_font(findfont(FontProperties(family=name, weight=weight))) for weight in weights)
    try:
        return all(font.get_char_index(ord(character)) for font in fonts)
    except (OSError, RuntimeError):  # a font file that cannot be read is no reason to draw nothing
        return False


def _candidates() -> list[str]:
    known = {entry.name for entry in fontManager.ttflist if UNUSABLE not in entry.name}
    first = [name for name in PREFERRED if name in known]
    return [*first, *sorted(known - set(first) - {FONT}, key=lambda name: ("Sans" not in name, name))]


def _add_extra() -> None:
    package = importlib.util.find_spec(EXTRA)
    for folder in (package.submodule_search_locations or ()) if package else ():
        _add(str(path) for path in sorted(Path(folder).glob("*.[ot]tf")))


def _add_system_fonts() -> bool:
    """Add fonts that were installed after matplotlib wrote its list of fonts; whether there are any."""
    return _add(findSystemFonts())


def _add(paths: Iterable[str]) -> bool:
    known = {str(entry.fname) for entry in fontManager.ttflist}
    new = [path for path in paths if path not in known]
    for path in new:
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError):
            continue
    return bool(new)


def _serve_all_weights(name: str) -> None:
    """Let a font of one weight serve for the others too; matplotlib would log that it looks for them."""
    own = [entry for entry in fontManager.ttflist if entry.name == name and entry.style == "normal"]
    have = {entry.weight for entry in own}
    for weight in (400, 700):
        if own and weight not in have and not (weight == 700 and "bold" in have):
            fontManager.ttflist.append(dataclasses.replace(own[0], weight=weight))
