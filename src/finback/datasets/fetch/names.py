"""File names from listings and archives: what a site says, as a path in the audio folder.

Every part is made valid on all systems by `portable`, and joined by `inside` only (core/storage/paths.py).
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from finback.core.storage.paths import portable, quoted
from finback.core.text import printable
from finback.datasets.fetch.errors import PermanentError

MAX_SPECIES = 200  # characters; longer text is no name
LOOK = "look into the archive before you use it"
MAX_DEPTH = 20  # folders in an archive


def name_of(address: str) -> str:
    """The file name for an address: its last part, valid on every system."""
    last = PurePosixPath(unquote(urlsplit(address).path)).name
    return portable(last) if last.strip(". ") else "file"


def member_path(member: str) -> str:
    """The path of a file of an archive, below the audio folder.

    Raises `PermanentError` for `../`, `/etc` or `C:`, and for a path that is too deep.
    """
    parts = PurePosixPath(member.replace("\\", "/")).parts
    problem = ""
    if not parts or ".." in parts or parts[0].startswith("/") or re.match("[A-Za-z]:", parts[0]):
        problem = "leads out of the folder"
    elif len(parts) > MAX_DEPTH:
        problem = f"has more than {MAX_DEPTH} folders"
    if problem:
        raise PermanentError(f"the path {quoted(member)} {problem}", LOOK)
    return "/".join(portable(part) for part in parts)


def species_name(text: str) -> str:
    """A species as the site writes it, on one line. Raises `PermanentError` for text that is no name."""
    name = " ".join(text.split())
    if len(name) > MAX_SPECIES or printable(name) != name:
        problem = f"the species {quoted(name)} is no name"
        raise PermanentError(problem, "correct species below [labels] in the TOML file of the source")
    return name
