"""Names that come from outside, as paths: the one place that joins them to a folder, and the rule for names.

    inside(out, "Fin whale", "a.wav")     # out/Fin whale/a.wav
    inside(out, "..", "a.wav")            # InputError: the name leads out of the folder
    file_name("Fin whale")                # fin-whale
    file_name("Fin Whale")                # fin_whale
    file_name("Fin?")                     # fin-1c0d1a9f0b: the digest keeps it apart from `Fin`
    file_name("Косатка", script=True)     # косатка
    portable("12:30 fin.wav")             # 12_30 fin-5b1d0c7a44.wav

A name from a table, a listing, an archive or an option is never joined to a folder with `/`; see
docs/decisions/0030.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path

from finback.core.errors import InputError
from finback.core.text import printable

MAX_BYTES = 255  # of one name, in UTF-8: the limit of ext4, APFS, NTFS (in UTF-16 units) and exFAT
# A name that finback makes is much shorter: suffixes of clips and files still have to fit.
MAX_SLUG = 60
DIGEST = 10  # hexadecimal digits
ENDS_LIKE_A_DIGEST = re.compile(rf"(^|-)[0-9a-f]{{{DIGEST}}}$", re.IGNORECASE)

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file: devices, with any extension after them.
PORTS = (f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³")
RESERVED = frozenset(("con", "prn", "aux", "nul", "conin$", "conout$", *PORTS))
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f]')  # by Windows, and what a terminal acts on
REPAIR = "names from tables, listings and archives must stay in the folder: give a plain name"


def inside(root: Path, *parts: str | os.PathLike[str]) -> Path:
    """`root` and the parts as one path, which lies below `root` also when links are followed.

    A part is a name, or names joined by `/`. The path need not exist.

    Raises `InputError` that names the part: empty, absolute, with `..`, with a drive letter or a backslash
    (as Windows reads them), with control characters, too long for a file system; or a link that leads out.
    """
    for part in parts:
        problem = _why_not_inside(os.fspath(part))
        if problem:
            raise InputError(f"{root}: the name {quoted(os.fspath(part))} {problem}", REPAIR)
    path = Path(root).joinpath(*parts)
    home, end = os.path.realpath(root), os.path.realpath(path)
    if not Path(end).is_relative_to(home) or end == home:
        names = quoted("/".join(os.fspath(part) for part in parts))
        raise InputError(f"{root}: the name {names} leads out of the folder (to {end})", REPAIR)
    return path


def refuse_overwriting(out: Path, *inputs: Path | None) -> None:
    """Raises `InputError` when an output file is one of the files that the work reads."""
    for given in inputs if os.path.exists(out) else ():
        if given is not None and os.path.exists(given) and os.path.samefile(out, given):
            raise InputError(f"--out {out}: is the input {given}", "give another name for the output")


def file_name(text: str, script: bool = False) -> str:
    """A name of a-z, 0-9, dashes and underscores for a text (a species), for files, folders and HTML ids.

    `Fin whale` gives `fin-whale`, `Fin Whale` gives `fin_whale`. A text that neither form gives back
    (`fin whale`, `Fin?`) gets a digest of the exact text at the end. So two texts never share a name, also
    where case and accents make no difference, over all runs; and the same text always has the same name. At
    most 71 bytes, no suffix. `script`: letters of every script stay (`Косатка` gives `косатка`), at most
    191 bytes.
    """
    if script:
        plain = folded(text)
        slug = re.sub(r"[\W_]+", "-", plain.replace("'", "")).strip("-")
    else:
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
        slug = re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")
    words = slug.split("-")
    is_kept = is_portable(slug) and folded(slug) == slug and len(slug.encode()) <= MAX_BYTES - 75
    if not ENDS_LIKE_A_DIGEST.search(slug) and is_kept and len(slug) <= MAX_SLUG:
        if " ".join(words).capitalize() == text:
            return slug
        if " ".join(word.capitalize() for word in words) == text:
            return "_".join(words)
    return f"{slug[:MAX_SLUG].strip('-') or 'unnamed'}-{_digest(text)}"


def portable(name: str) -> str:
    """The name of a file from elsewhere: as it is if it is valid on every system, else the nearest one.

    Forbidden characters become `_`; a digest of the exact name goes before the suffix, so two names never
    become one. Names that differ only in case or in the form of accents stay different: compare `folded`.
    """
    if is_portable(name) and not ENDS_LIKE_A_DIGEST.search(_stem_and_suffix(name)[0]):
        return name
    clean = FORBIDDEN.sub("_", name.encode("utf-8", "replace").decode()).strip(" .")
    stem, suffix = _stem_and_suffix(clean)
    room = MAX_BYTES - DIGEST - 2 - len(suffix)
    stem = stem.encode()[:room].decode("utf-8", "ignore").strip(" .") or "unnamed"
    if "." in stem and stem.split(".")[0].rstrip(" ").casefold() in RESERVED:  # `con.a`: a digest is no help
        stem = f"_{stem}"
    return f"{stem}-{_digest(name)}{suffix}"


def is_portable(name: str) -> bool:
    """Whether a name is valid for a file on Linux, macOS and Windows, at most 255 bytes in UTF-8."""
    device = name.split(".")[0].rstrip(" ").casefold()
    if not name or FORBIDDEN.search(name) or name[-1] in " ." or name[0] == " " or device in RESERVED:
        return False
    try:
        return len(name.encode()) <= MAX_BYTES
    except UnicodeEncodeError:  # half of a surrogate pair: not text
        return False


def folded(name: str) -> str:
    """A key that is equal for names that a file system may take for the same (case, form of accents)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def quoted(name: str) -> str:
    """A name for messages: visible (core/text.py), between quotes, at most 80 characters."""
    shown = printable(name)
    return f"'{shown}'" if len(shown) <= 80 else f"'{shown[:70]}...' ({len(name)} characters)"


def _why_not_inside(part: str) -> str:
    """What is wrong with a part, or nothing. Links are not looked at."""
    names = part.split("/")
    if not part or not any(name not in ("", ".") for name in names):
        return "is empty"
    if part.startswith("/") or re.match(r"[A-Za-z]:", part):
        return "is an absolute path"
    if "\\" in part:
        return "holds a backslash, which Windows reads as a folder"
    if ".." in names:
        return "leads out of the folder"
    if re.search(r"[\x00-\x1f\x7f-\x9f]", part):
        return "holds control characters"
    try:
        longest = max(len(os.fsencode(name)) for name in names)
    except UnicodeEncodeError:
        return "is not valid text"
    if longest > MAX_BYTES:
        return f"is too long for a file system ({longest} of {MAX_BYTES} bytes)"
    if os.name == "nt" and not all(name in ("", ".") or is_portable(name) for name in names):
        return "is not valid on Windows"
    return ""


def _stem_and_suffix(name: str) -> tuple[str, str]:
    """`a.b.wav` gives `a.b` and `.wav`; a suffix is at most ten letters and digits."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if stem and re.fullmatch(r"[A-Za-z0-9]{1,10}", suffix) else (name, "")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST // 2).hexdigest()
