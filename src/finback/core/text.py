r"""Text from outside, made safe for a terminal and for a spreadsheet.

File names, species names and cells come from other people. A terminal obeys escape sequences in them, a
reader is deceived by marks that turn the direction of writing, and a spreadsheet runs a cell that starts with
`=`. `printable` is for everything that is shown, `cell` for everything that is written into CSV or TSV.
"""

from __future__ import annotations

import html
import json
import re

# Control characters (C0, delete, C1), marks of direction, separators of lines and paragraphs, lone surrogates
# (bytes of a file name that are not UTF-8), notes between lines, and tags that no font shows.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
# Labels that mean "no call", as `plain_label` writes them.
NO_CALL = frozenset(
    (
        *("noise", "background", "ambient", "ambientnoise", "backgroundnoise", "seanoise", "none", "nothing"),
        *("noneofthese", "nocall", "nocalls", "nowhale", "noevent", "nosignal", "negative", "empty"),
        *("silence", "unlabelled", "unlabeled"),
    )
)
_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}

_MARKDOWN = re.compile(r"[\\`*_\[\]|~$#]|(?<=\])\(|^[-+=]")

# A spreadsheet runs what follows these signs, also in their full-width forms, also behind blanks.
_BLANKS = "[^\\S\t\r\n]|[\x00-\x08\x0e-\x1b\x7f-\x9f\u00ad\u200b-\u200f\u2060\ufeff]"
_FORMULA = re.compile(rf"'*(?:{_BLANKS})*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"-|[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-](?:inf|nan)", re.ASCII)
_STARTS_WITH_BREAK = re.compile(rf"'*(?:{_BLANKS})*")
# With another separator than ours a spreadsheet cuts a cell in parts; each part can be a formula.
_SEPARATOR = re.compile("([;\t\r\n])")


def printable(text: str, keep: str = "") -> str:
    r"""The text on one line, with all that a terminal obeys or hides made visible: `\x1b`, `\n`, `\u202e`.

    Letters of every script, combining marks and emoji stay as they are, and so do the characters in `keep`.
    """
    return _UNSEEN.sub(lambda m: m[0] if m[0] in keep else _SHORT.get(m[0]) or _escaped(m[0]), text)


def printable_json(text: str) -> str:
    """JSON with the same content, in which all that a terminal obeys or hides is escaped as JSON does."""
    return _UNSEEN.sub(lambda m: m[0] if m[0] == "\n" else json.dumps(m[0])[1:-1], text)


def markdown(text: str) -> str:
    """The text as one line of Markdown that shows it as it is: no link, no emphasis, no HTML."""
    return _MARKDOWN.sub(r"\\\g<0>", html.escape(printable(text), quote=False))


def markdown_code(text: str) -> str:
    """The text as code within a line of Markdown."""
    shown = printable(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}" if "`" in shown else f"`{shown}`"


def _escaped(character: str) -> str:
    code = ord(character)
    return rf"\x{code:02x}" if code < 0x100 else rf"\u{code:04x}" if code < 0x10000 else rf"\U{code:08x}"


def cell(text: str) -> str:
    """The text as a cell that no spreadsheet runs: a `'` before each part that looks like a formula.

    A plain number such as `-3.5` and a lone `-` stay as they are. `from_cell` undoes it exactly.
    """
    if _is_harmless(text):
        return text
    return "".join(f"'{part}" if risky else part for part, risky in _parts(text))


def from_cell(text: str) -> str:
    """The text that `cell` was given; other text stays, but one `'` before a formula goes."""
    if _is_harmless(text):
        return text
    return "".join(part[1:] if risky and part[:1] == "'" else part for part, risky in _parts(text))


def _is_harmless(text: str) -> bool:
    """Whether a text is one part that begins with a letter or a digit, as nearly all cells are."""
    return text[:1].isalnum() and _SEPARATOR.search(text) is None


def _parts(text: str) -> list[tuple[str, bool]]:
    """The parts between separators, and the separators, each with: would a spreadsheet run it?

    Leading `'` do not count: what is risky with them is risky without them, so that `cell` and `from_cell`
    see the same parts.
    """
    if _SEPARATOR.search(text) is None:
        return [(text, _is_formula(text))]
    parts = _SEPARATOR.split(text)
    risky = [i % 2 == 0 and _is_formula(part) for i, part in enumerate(parts)]
    # A cell that starts with a tab or a line break: some programs drop the break and run the rest.
    risky[0] = risky[0] or (parts[1] != ";" and _STARTS_WITH_BREAK.fullmatch(parts[0]) is not None)
    return list(zip(parts, risky, strict=True))


def _is_formula(part: str) -> bool:
    return _FORMULA.match(part) is not None and _NUMBER.fullmatch(part.lstrip("'")) is None


def plain_label(label: str) -> str:
    """The name of a class as names are compared: without case, spaces, hyphens and underscores."""
    return re.sub(r"[\s_\-]+", "", label).casefold()


def means_no_call(label: str) -> bool:
    """Whether a label is one of the usual words for sound without a call."""
    return plain_label(label) in NO_CALL


def counted(n: int, what: str) -> str:
    """`1 event`, `2 events`, `1,200 events`."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
