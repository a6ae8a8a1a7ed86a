"""Errors of object stores: which may pass, and what the others mean."""

from __future__ import annotations

import re
from importlib.util import find_spec

from finback.audio.addresses import RemoteError
from finback.audio.remote.source import Answer, no_file, no_permission

PASSING = frozenset((408, 429, 500, 502, 503, 504))  # HTTP
# Of botocore: the connection failed. Others of its errors are settings that are wrong.
BROKEN = ("HTTPClientError", "ConnectionError", "IncompleteReadError", "ResponseParserError", "ClientError")
UNKNOWN = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "DefaultCredentialsError",
)


def faults(scheme: str) -> tuple[type[Exception], ...]:
    """What the packages of a scheme raise when a file cannot be read."""
    found: tuple[type[Exception], ...] = (OSError, ValueError)
    if find_spec("aiohttp") is not None:
        from aiohttp import ClientError

        found += (ClientError,)
    if scheme == "s3":
        from botocore.exceptions import BotoCoreError
        from botocore.exceptions import ClientError as AnswerOfS3

        found += (BotoCoreError, AnswerOfS3)
    if scheme in ("gs", "gcs"):
        from gcsfs.retry import HttpError
        from google.auth.exceptions import GoogleAuthError

        found += (HttpError, GoogleAuthError)
    return found


def lacks_permission(error: Exception) -> bool:
    """Whether other credentials, or none, could help."""
    forbidden = str(error).startswith("Forbidden") or _code(error) in (401, 403)
    return isinstance(error, PermissionError) or forbidden or type(error).__name__ in UNKNOWN


def fault_of(error: Exception) -> Answer:
    """A fault that may pass. Raises `RemoteError` for others."""
    if isinstance(error, FileNotFoundError):
        raise no_file() from error
    if lacks_permission(error):
        raise no_permission(words(error)) from error
    if isinstance(error, IsADirectoryError):
        raise RemoteError("a folder, not a sound file", "name the files in it") from error
    names = {kind.__name__ for kind in type(error).__mro__}
    wrong = "BotoCoreError" in names and names.isdisjoint(BROKEN)
    code = _code(error)
    if wrong or isinstance(error, ValueError) or (code is not None and code not in PASSING):
        raise RemoteError(words(error), "check the address, and your settings for this store") from error
    return Answer(fault=words(error))


def words(error: Exception) -> str:
    """The first line, without what follows a question mark: it may be a secret."""
    text = re.sub(r"\?\S*", "", str(error).strip().partition("\n")[0])[:200].rstrip(".")
    return text or type(error).__name__


def _code(error: Exception) -> int | None:
    code = getattr(error, "code", None)
    return code if isinstance(code, int) else None
