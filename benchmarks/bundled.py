"""The bundled classifiers, made again from the recordings: `make bundled`, or

    python benchmarks/bundled.py [watkins] [watkins-small]      # without a name: both

`watkins` is trained on all tapes (85/15/0, then again on training and validation clips together). Its figures
are those of the same recipe in five folds by tape, because no tape is left to test a model that learned from
all: of `make evidence` where its runs are there, else trained here. `watkins-small` takes longer to train, so
it leaves 15 % of the clips out, and is tested on their tapes. Both are packaged into
`src/finback/weights/NAME/classifier`. Runs are in `runs/bundled`; a finished one is not trained again. The
old folder of the weights is replaced: it is in git.

The generator and the vocoder in `src/finback/weights/watkins` are not made here.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from recordings import data_folder

from finback.core.runs.folder import RunFolder
from finback.models import pretrained

ROOT = Path(__file__).parents[1]
WEIGHTS, RUNS = ROOT / "src" / "finback" / "weights", ROOT / "runs" / "bundled"
EVIDENCE = ROOT / "runs" / "carry-over" / "tapes" / "runs"  # of benchmarks/carry_over.py
# The recipe for new tapes with a free backbone; a network that scans fast and can be exported.
FAMILIES = {"watkins": "yamnet-mix", "watkins-small": "cnn2d"}
SPLITS = {"watkins": "85/15/0", "watkins-small": "70/15/15"}
TERMS = "- terms of these weights: the same ({reference}, see TERMS.md in the folder above)"


def finback(*arguments: str | Path) -> None:
    """A command of finback, in the root of the project."""
    print("finback", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "finback", *map(str, arguments)], cwd=ROOT, check=True)


def trained(name: str) -> tuple[Path, tuple[str | Path, ...]]:
    """The run for use, trained; and what `finback package` is told about its figures."""
    tables = data_folder() / "watkins_all"
    asked: tuple[str | Path, ...] = (FAMILIES[name], "--audio", data_folder(), "--source", "watkins")
    asked += ("--labels", tables / "labels.csv", "--groups", f"{tables / 'metadata.csv'}:group")
    asked += ("--min-clips", "10", "--seed", "0")
    use, folds = RUNS / name, RUNS / f"{name}-folds"
    finback("train", *asked, "--split", SPLITS[name], "--out", use)
    if not SPLITS[name].endswith("/0"):
        finback("evaluate", use)
        return use, ()
    if RunFolder(EVIDENCE / f"{FAMILIES[name]}-seed0").metrics.is_file():
        return use, ("--measured", EVIDENCE / f"{FAMILIES[name]}-seed0")
    # The gate changes no figure of a closed set.
    finback("train", *asked, "--folds", "5", "--set", "unknown.method=none", "--out", folds)
    finback("evaluate", folds)
    return use, ("--measured", folds)


def bundle(name: str, use: Path, measured: tuple[str | Path, ...]) -> None:
    """Replace the folder of the weights, and name their terms in its card."""
    out = WEIGHTS / name / "classifier"
    if out.exists():
        shutil.rmtree(out)
    finback("package", use, out, *measured)
    (out / ".finback.lock").unlink(missing_ok=True)
    terms = TERMS.format(reference=pretrained.LICENCE_REFS[name])
    card = RunFolder.open(out).card
    before, line, after = card.read_text(encoding="utf-8").partition("\n- cite:")
    assert line, f"{card}: no line to cite"
    card.write_text(f"{before}\n{terms}{line}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the bundled classifiers again.")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(FAMILIES)}; none: all")
    names = parser.parse_args().names or list(FAMILIES)
    if unknown := set(names) - set(FAMILIES):
        parser.error(f"{', '.join(unknown)}: not a bundled classifier; there are {', '.join(FAMILIES)}")
    for name in names:
        bundle(name, *trained(name))


if __name__ == "__main__":
    main()
