"""Build the wheel of finback without bundled weights: `python .ci/core_wheel.py DIST`.

The usual wheel contains weights that may not be used commercially, and its metadata says so. This one has
none of them, so its licence is that of the code. The weights of YAMNet stay: they have the same licence. The
version of this wheel ends in `+core`, so that nobody takes it for the other. The files of the repository are
copied; nothing in them changes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEIGHTS = Path("src/finback/weights")
NEEDED = ("pyproject.toml", "README.md", "LICENSE", "src")
NOTICE = """finback
Copyright The finback authors

Licensed under the Apache License, Version 2.0 (see LICENSE).

Contains the weights of YAMNet, Copyright 2019-2022 The TensorFlow Authors, under the same licence, in another
format (finback/features/backbones/yamnet/PROVENANCE.md).
"""


def core_pyproject(text: str) -> str:
    """pyproject.toml with the licence of the code alone."""
    text = re.sub(r"^license = .*$", 'license = "Apache-2.0"', text, flags=re.M)
    text = re.sub(r"^license-files = .*$", 'license-files = ["LICENSE", "NOTICE"]', text, flags=re.M)
    project = tomllib.loads(text)["project"]
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE", "NOTICE"])
    return text


def copy_without_weights(to: Path) -> None:
    """What a wheel is built from, changed as the module says."""
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", "weights"))
        else:
            shutil.copy(source, to / name)
    (to / "NOTICE").write_text(NOTICE, encoding="utf-8")
    pyproject = to / "pyproject.toml"
    pyproject.write_text(core_pyproject(pyproject.read_text(encoding="utf-8")), encoding="utf-8")
    version = to / "src/finback/core/version.py"
    text = version.read_text(encoding="utf-8")
    version.write_text(re.sub(r'(__version__ = "[^"+]*)"', r'\1+core"', text), encoding="utf-8")


def main(dist: str) -> None:
    """Build, and check that no weights came along."""
    with tempfile.TemporaryDirectory() as folder:
        copy_without_weights(Path(folder))
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(Path(dist).resolve()), folder]
        subprocess.run(build, check=True)


if __name__ == "__main__":
    main(sys.argv[1])
