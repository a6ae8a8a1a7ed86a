"""Known faults of dependencies. `python .ci/audit_dependencies.py`, with --offline without pip-audit.

Offline, one thing can be known: whether the minimum versions in pyproject.toml, and the versions that are
installed here, are below the first version without a fault that was known when the table was written. That is
no proof of safety. With a network, pip-audit asks the data base of PyPI about everything that is installed.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
# The first version without the fault. Written in November 2026; add a line when an advisory is published.
FIRST_WITHOUT_FAULT = {
    "filelock": ("3.20.1", "CVE-2025-68146: a link is followed while a lock file is made"),
    "jinja2": ("3.1.6", "CVE-2025-27516: the sandbox can be left"),
    "onnx": ("1.17", "CVE-2024-7776: files outside the folder are written on download"),
    "pillow": ("11.3", "CVE-2025-48379: buffer overflow in DDS files"),
    "pyarrow": ("14.0.1", "CVE-2023-47248: code in a file runs when it is read"),
    "requests": ("2.32.4", "CVE-2024-47081: passwords of .netrc reach other hosts"),
    "scikit-learn": ("1.5", "CVE-2024-5206: training texts stay in a fitted vectoriser"),
    "torch": ("2.6", "CVE-2025-32434: code in weights runs although weights_only is set"),
    "urllib3": ("2.6", "CVE-2025-66418, CVE-2025-66471: a compressed answer fills the memory"),
}


def requirements(pyproject: str) -> list[Requirement]:
    """All requirements of finback, also of its extras."""
    project = tomllib.loads(pyproject)["project"]
    lines = [
        *project["dependencies"],
        *(r for extra in project["optional-dependencies"].values() for r in extra),
    ]
    return [r for r in map(Requirement, lines) if r.name != "finback"]


def minimum(requirement: Requirement) -> Version | None:
    """The lowest version that is allowed; None without one."""
    lowest = [Version(s.version) for s in requirement.specifier if s.operator in (">=", "==", "~=")]
    return max(lowest) if lowest else None


def faults(pyproject: str, installed: Mapping[str, str]) -> Iterator[str]:
    """A line for each minimum and each installed version that has a known fault."""
    for requirement in requirements(pyproject):
        name = canonicalize_name(requirement.name)
        first, fault = FIRST_WITHOUT_FAULT.get(name, ("0", ""))
        lowest = minimum(requirement)
        if lowest is None:
            yield f"pyproject.toml: {requirement} has no minimum version"
        elif lowest < Version(first):
            yield f"pyproject.toml: {requirement} allows a version with {fault}; write >={first}"
    for name, (first, fault) in FIRST_WITHOUT_FAULT.items():
        if name in installed and Version(installed[name]) < Version(first):
            yield f"installed: {name} {installed[name]} has {fault}; install {first} or newer"


def main(offline: bool) -> int:
    """Print what was found; 1 if anything was."""
    here = {canonicalize_name(d.metadata["Name"]): d.version for d in metadata.distributions()}
    found = list(faults((ROOT / "pyproject.toml").read_text(encoding="utf-8"), here))
    print("\n".join(found) or f"no known fault in {len(here)} installed packages, by the table of this file")
    if offline:
        return bool(found)
    if find_spec("pip_audit") is None:
        print("pip-audit is not installed, so the data base was not asked: python -m pip install pip-audit")
        return bool(found)
    code = subprocess.run([sys.executable, "-m", "pip_audit", "--progress-spinner", "off"]).returncode
    if code:
        print("pip-audit found a fault, or had no network: see above")
    return bool(found) or code


if __name__ == "__main__":
    sys.exit(main("--offline" in sys.argv[1:]))
