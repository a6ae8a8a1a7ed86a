"""Damage to bytes, text and JSON; every choice is drawn from the generator of the mutant."""

from __future__ import annotations

import json
import random
from typing import Any

NASTY_NUMBERS = (
    *(
        0,
        -1,
        1,
        2**31,
        -(2**31),
        2**32,
        2**62,
        2**63,
        2**64,
        10**30,
        10**400,
        0.5,
        -0.0,
        1e308,
        -1e308,
        1e-320,
    ),
    *(float("nan"), float("inf"), float("-inf"), True, False, None),
)
NASTY_TEXT = (
    *(
        "",
        " ",
        "\0",
        "..",
        "/",
        "../../etc/passwd",
        "C:\\x",
        "CON",
        "a" * 300,
        "é",
        "\u202e",
        "\ud800",
        "\x1b[2J",
    ),
    *("nan", "1e999", "-1", "=1+1", "{{7*7}}", "<script>", "%s%n", "\n", '"', "'", ";", "🐋", "0" * 5000),
)
EDGE_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFF)


def damaged_bytes(data: bytes, rng: random.Random, head: int = 0) -> bytes:
    """Bytes with one kind of damage; `head`: half of it is within so many first bytes, where headers are."""
    if not data:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(64)))
    out = bytearray(data)
    limit = min(len(out), head) if head and rng.random() < 0.5 else len(out)
    at = rng.randrange(limit)
    what = rng.randrange(10)
    if what == 0:
        return bytes(out[:at])
    if what == 1:
        out[at:at] = bytes(rng.randrange(256) for _ in range(rng.choice((1, 2, 7, 100, 5000))))
    elif what == 2:
        del out[at : at + rng.choice((1, 2, 4, 64, 1000))]
    elif what == 3:
        out[at : at + 4] = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80"))
    elif what == 4:
        n = rng.choice((8, 100, 4096))
        out[at : at + n] = bytes(len(out[at : at + n]))
    elif what == 5:
        out += out[: rng.choice((1, 100, len(out)))]
    elif what == 6:
        n = rng.choice((50, 500))
        for _ in range(n):
            out[rng.randrange(limit)] = rng.randrange(256)
    else:
        for _ in range(rng.choice((1, 1, 2, 5))):
            k = rng.randrange(limit)
            out[k] = rng.choice(
                (out[k] ^ (1 << rng.randrange(8)), rng.choice(EDGE_BYTES), rng.randrange(256))
            )
    return bytes(out)


def nasty(rng: random.Random) -> Any:
    """A value that a reader may not expect."""
    pool: list[Any] = [*NASTY_NUMBERS, *NASTY_TEXT, [], {}, [[]], [None], {"a": 1}, [1, "a"], [0.1] * 50]
    return rng.choice(pool)


def damaged_value(value: Any, rng: random.Random) -> Any:
    """A JSON value with one place changed: another value, a key removed or doubled, a list cut or longer."""
    value = json.loads(json.dumps(value))
    at, key = value, None
    parents: list[tuple[Any, Any]] = []
    while isinstance(at, dict | list) and at and (not parents or rng.random() < 0.75):
        key = rng.choice(list(at)) if isinstance(at, dict) else rng.randrange(len(at))
        parents.append((at, key))
        at = at[key]
    if not parents:
        return nasty(rng)
    holder, key = parents[-1]
    what = rng.randrange(5)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, list):
        holder.append(holder[key])
    elif what == 1:
        holder[rng.choice(("x", "", str(key).upper()))] = holder.pop(key)
    elif what == 2 and isinstance(at, int | float) and not isinstance(at, bool):
        holder[key] = rng.choice((-at, at + 1, at * 1000, at / 2, str(at), [at]))
    elif what == 3 and isinstance(at, str):
        holder[key] = rng.choice((at + "x", at[:-1], at.upper(), [at], rng.choice(NASTY_TEXT)))
    else:
        holder[key] = nasty(rng)
    return value


def damaged_json(data: bytes, rng: random.Random) -> bytes:
    """A JSON file, damaged as text or as a value."""
    if rng.random() < 0.25:
        return damaged_bytes(data, rng)
    if rng.random() < 0.03:
        return rng.choice(
            (b"[" * 50_000, b'{"a":' * 5_000, b"1" * 10_000, b"", b"null", b"[]", b"{}", b"NaN")
        )
    value = json.loads(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        value = damaged_value(value, rng) if isinstance(value, dict | list) else value
    return json.dumps(value).encode("utf-8", "surrogatepass")


def damaged_text(text: str, rng: random.Random) -> bytes:
    """A text file with lines changed, in some encoding."""
    lines = text.splitlines()
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(lines)) if lines else 0
        what = rng.randrange(6)
        if what == 0 and lines:
            del lines[at]
        elif what == 1 and lines:
            lines.insert(at, rng.choice(lines))
        elif what == 2:
            lines.insert(at, str(nasty(rng)))
        elif what == 3 and lines:
            words = lines[at].split(" ")
            words[rng.randrange(len(words))] = str(nasty(rng))
            lines[at] = " ".join(words)
        elif lines:
            k = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:k] + rng.choice(NASTY_TEXT) + lines[at][k + rng.randrange(3) :]
    encoding = rng.choice(("utf-8",) * 6 + ("utf-8-sig", "utf-16", "latin-1"))
    return rng.choice(("\n", "\n", "\r\n", "\r")).join(lines).encode(encoding, "replace")
