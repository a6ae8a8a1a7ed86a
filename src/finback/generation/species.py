"""The species that a person names, among those of a generator."""

from __future__ import annotations

import difflib

from finback.core.errors import InputError
from finback.core.types import Labels

SHOWN = 60  # names of a list in a message


def species_id(labels: Labels, text: str) -> int:
    """The class id of a species as a person types it: any case, any spaces, the whole name or a part.

    "beluga" is "Beluga, White Whale" if no other species has that name. The exact name of a species always
    means this species. Raises `InputError` with all species, the nearest first, or with all that are meant.
    """
    if text in labels:
        return labels.index(text)
    asked = _plain(text)
    meant = [k for k, name in enumerate(labels.names) if _plain(name) == asked != ""]
    if not meant and asked:
        meant = [k for k, name in enumerate(labels.names) if asked in map(_plain, name.split(","))]
    if len(meant) == 1:
        return meant[0]
    if meant:
        names = "; ".join(f"'{labels.names[k]}'" for k in meant)
        raise InputError(f"'{text}' can mean {names}", "write the name exactly")
    near = near_names(labels, text)
    sure = difflib.get_close_matches(asked, map(_plain, near), n=1, cutoff=0.7)
    guess = next((f"did you mean '{name}'? " for name in near if _plain(name) in sure), "")
    ordered = [*near, *(name for name in labels.names if name not in near)]
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    known = "known, nearest first" if near else "known"
    raise InputError(f"unknown species '{text}'", f"{guess}{known}: {'; '.join(ordered[:SHOWN])}{more}")


def near_names(labels: Labels, text: str) -> list[str]:
    """The names that share a word with the text or are spelt alike, nearest first."""
    asked = _plain(text)
    words = set(text.casefold().replace(",", " ").split())

    def likeness(name: str) -> float:
        shared = words & set(name.casefold().replace(",", " ").split())
        return difflib.SequenceMatcher(None, asked, _plain(name)).ratio() + 0.2 * len(shared)

    likely = {name: likeness(name) for name in labels.names}
    return sorted((name for name in likely if likely[name] >= 0.6), key=lambda name: -likely[name])


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
