"""The packages that finback needs, and their licences, as their installed metadata gives them.

    for package in installed():
        package.name, package.version, package.licence, package.needed_for

Requirements are followed from finback's own metadata through those of its dependencies. A package that is not
installed has no licence to read: its version is "" and its licence "not installed".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import PackageMetadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

OWN = "finback"
NOT_INSTALLED = "not installed"
NOT_SAID = "not given in its metadata"
LONGEST = 80  # some packages give the whole text of their licence
_CLASSIFIER = "License :: OSI Approved :: "


@dataclass(frozen=True, slots=True)
class Package:
    """A package. `needed_for` is `finback`, an extra of it such as `finback[onnx]`, or another package."""

    name: str
    version: str
    licence: str
    needed_for: str


def installed() -> list[Package]:
    """Every package that finback needs, directly or not, each once, sorted by name; of packages that are
    missing only those that finback names itself."""
    found: dict[str, Package] = {}
    asked = sorted(((_asked_by(r), r) for r in _requirements(OWN)), key=lambda pair: _order(pair[0]))
    waiting = [(requirement, needed_for, True) for needed_for, requirement in asked]
    while waiting:
        requirement, needed_for, direct = waiting.pop(0)
        name = canonicalize_name(requirement.name)
        if name in found or name == OWN:
            continue
        package = _package(requirement.name, needed_for)
        if package.version or direct:
            found[name] = package
        inner = _requirements(name) if package.version else ()
        extras = requirement.extras | {""}
        for r in inner:
            if r.marker is None or any(r.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append((r, package.name, False))
    return sorted(found.values(), key=lambda p: canonicalize_name(p.name))


def _order(needed_for: str) -> tuple[bool, bool]:
    """finback itself, then its extras, `dev` last."""
    return (needed_for != OWN, needed_for == f"{OWN}[dev]")


def _requirements(name: str) -> Iterator[Requirement]:
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return
    for line in lines:
        try:
            yield Requirement(line)
        except InvalidRequirement:  # of a time before the rules
            continue


def _asked_by(requirement: Requirement) -> str:
    """`finback`, or `finback[extra]` if only that extra needs it."""
    marker = str(requirement.marker or "")
    _, _, extra = marker.partition('extra == "')
    return f"{OWN}[{extra.partition(chr(34))[0]}]" if extra else OWN


def _package(name: str, needed_for: str) -> Package:
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return Package(name, "", NOT_INSTALLED, needed_for)
    return Package(_first(about, "Name") or name, _first(about, "Version"), licence_of(about), needed_for)


def licence_of(about: PackageMetadata) -> str:
    """The licence in a package's metadata: its expression (PEP 639), else its classifiers, else its text."""
    if expression := _first(about, "License-Expression"):
        return expression
    classifiers = [c.removeprefix(_CLASSIFIER) for c in about.get_all("Classifier") or [] if _CLASSIFIER in c]
    text = _first(about, "License")
    if classifiers:
        return "; ".join(sorted(set(classifiers)))
    return text[:LONGEST] if text and text.upper() != "UNKNOWN" else NOT_SAID


def _first(about: PackageMetadata, field: str) -> str:
    """The first line of a field; "" without it."""
    lines = str((about.get_all(field) or [""])[0]).strip().splitlines()
    return lines[0].strip() if lines else ""
