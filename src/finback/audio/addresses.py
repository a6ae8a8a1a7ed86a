"""Addresses of sound files that are not on this computer's disks: s3://, gs://, https:// and http://.

    place("site/a.wav")                      # PosixPath("site/a.wav")
    place("s3://bucket/site/a.wav").name     # "a.wav"

An address never becomes a `Path`, which would make one bar of its two. A signed address holds a secret in
its query; so an `Address` is shown, and kept in files, without user and password and without all of the query
that may be a secret. Only `url` has all of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from finback.core.errors import AudioError

WEB = frozenset(("https", "http"))
SCHEMES = frozenset(("s3", "gs", "gcs", "memory")) | WEB  # memory: of fsspec, within this process
_FORM = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)  # one letter would be a Windows drive
# Of AWS, Google, Azure, Akamai and others. A long value without a point or a blank is no name of a file.
_SECRET_NAME = re.compile(
    r"x-\w+-|sig|token|key|secret|pass|pwd|auth|cred|policy|expire|jwt|hmac|session|hdn|accessid"
    r"|^(?:s[vspetr]|srt|spr|sip|scid|sdd|sk(?:oid|tid|t|e|s|v))$",
    re.IGNORECASE,
)
_RANDOM = re.compile(r"[\w+/=~-]{24,}")
_COLLAPSED = re.compile(r"(s3|gs|gcs|https?|memory):/[^/]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """The address of one file; made by `place`. `str()` of it holds no secret."""

    url: str

    def __str__(self) -> str:
        return shown(self.url)

    @property
    def scheme(self) -> str:
        """s3, gs, https ..., in lower case."""
        return self.url.partition("://")[0].lower()

    @property
    def name(self) -> str:
        """The last part, as a file would be called."""
        last = _without_query(self.url).partition("://")[2].rstrip("/").rpartition("/")[2]
        return unquote(last) if self.scheme in WEB else last

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    def with_name(self, name: str) -> Address:
        """Another file in the same folder, without the query, which may sign this file only."""
        return Address(_without_query(self.url).rpartition("/")[0] + "/" + name)


Place = Path | Address


class RemoteError(OSError):
    """Why a file at an address cannot be read, and the repair. It passes through readers of files."""

    def __init__(self, problem: str, repair: str) -> None:
        super().__init__(problem)
        self.problem, self.repair = problem, repair


def is_address(text: object) -> bool:
    """Whether this is an address, of a kind that finback reads or of another."""
    return isinstance(text, Address) or (isinstance(text, str) and _FORM.fullmatch(text) is not None)


def place(text: Path | str | Address) -> Place:
    """A path of this computer, or an address. Raises `AudioError` for addresses of other kinds."""
    if isinstance(text, Address):
        return text
    if isinstance(text, Path):
        if _COLLAPSED.match(str(text)):
            raise AudioError(f"{text}: an address was made a Path, which loses a /", "give it as a str")
        return text
    form = _FORM.fullmatch(text)
    if form is None:
        return Path(text)
    scheme, rest = form[1].lower(), form[2]
    if scheme not in SCHEMES:
        repair = (
            "give the path without file://" if scheme == "file" else "give s3://, gs://, https:// or a path"
        )
        raise AudioError(f"{shown(text)}: addresses of this kind are not read", repair)
    if not rest.strip("/"):
        raise AudioError(f"{shown(text)}: names no file", "write what follows the two bars, too")
    return Address(f"{scheme}://{rest}")


def local(text: Path | str | Address, why: str) -> Path:
    """A path of this computer. Raises `AudioError` with the reason why an address will not do."""
    found = place(text)
    if isinstance(found, Address):
        raise AudioError(
            f"{found}: {why}", "copy the file to this computer and give its path, or use finback scan"
        )
    return found


def shown(text: str) -> str:
    """A path as it is; an address without user, password, and fields of the query that may be secrets."""
    form = _FORM.fullmatch(text)
    if form is None:
        return text
    scheme, rest = form[1].lower(), form[2]
    if scheme not in WEB:
        return f"{scheme}://{rest}"
    site, bar, path = rest.partition("/")
    path, _, query = path.partition("#")[0].partition("?")
    fields = [f for f in query.split("&") if f and not _is_secret(*f.partition("=")[::2])]
    return f"{scheme}://{site.rpartition('@')[2]}{bar}{path}{'?' if fields else ''}{'&'.join(fields)}"


def _is_secret(name: str, value: str) -> bool:
    return bool(_SECRET_NAME.search(name) or _RANDOM.fullmatch(unquote(value)))


def _without_query(url: str) -> str:
    """In names of objects in a bucket, ? and # are letters as others are."""
    web = url.partition("://")[0].lower() in WEB
    return re.split(r"[?#]", url, maxsplit=1)[0] if web else url
