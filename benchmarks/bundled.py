"""The bundled models, made again from the recordings: `make bundled`, or

    python benchmarks/bundled.py [watkins] [watkins-small] [calls] [diffusion] [vocoder]   # no name: all
    python benchmarks/bundled.py --training-clips    # only what the training clips of classifiers are like

Classifiers: `watkins` is trained on all tapes (85/15/0, then again on all of its training clips). Its figures
are those of the same recipe in five folds by tape, because no tape is left to test a model that was trained
on all: of `make evidence` where its runs are there, else trained here. `watkins-small` takes longer to train,
so it leaves 15 % of the clips out, and is tested on their tapes.

`calls`, the generator of `watkins`, and its vocoder are trained on all tapes. Their figures are those of a
twin: the same settings, without 30 % of the clips, and audited on their tapes. `diffusion`, the generator of
`watkins-diffusion`, trains for more than an hour, so it is such a twin itself. The twins are those of
`benchmarks/generators.py`.

Each model is packaged into `src/finback/weights/NAME/KIND`. Runs are in `runs/bundled`; a finished one is not
trained again. The old folder of the weights is replaced: it is in git.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from recordings import data_folder

from finback.core.runs.folder import RunFolder
from finback.models import pretrained

ROOT = Path(__file__).parents[1]
WEIGHTS, RUNS = ROOT / "src" / "finback" / "weights", ROOT / "runs" / "bundled"
EVIDENCE = ROOT / "runs" / "carry-over" / "tapes" / "runs"  # of benchmarks/carry_over.py
TWINS = ROOT / "runs" / "generators"  # of benchmarks/generators.py
TERMS = "- terms of these weights: the same ({reference}, see TERMS.md in the folder above)"
Options = tuple[str | Path, ...]


@dataclass(frozen=True)
class Bundle:
    """A bundled model: its name, its kind, its recipe, and the shares of its three sets."""

    name: str
    kind: pretrained.Kind
    family: str
    split: str


BUNDLES = {
    # The recipe for new tapes with a free backbone; a network that scans fast and can be exported.
    "watkins": Bundle("watkins", "classifier", "yamnet-mix", "85/15/0"),
    "watkins-small": Bundle("watkins-small", "classifier", "cnn2d", "70/15/15"),
    "calls": Bundle("watkins", "generator", "calls", "100/0/0"),
    "diffusion": Bundle("watkins-diffusion", "generator", "diffusion", "70/15/15"),
    "vocoder": Bundle("watkins", "vocoder", "vocoder", "100/0/0"),
}


def finback(*arguments: str | Path) -> None:
    """A command of finback, in the root of the project."""
    print("finback", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "finback", *map(str, arguments)], cwd=ROOT, check=True)


def trained(key: str) -> tuple[Path, Options]:
    """The run for use, trained; and what `finback package` is told about its figures."""
    bundle, tables = BUNDLES[key], data_folder() / "watkins_all"
    asked: Options = (bundle.family, "--audio", data_folder(), "--source", "watkins")
    asked += ("--labels", tables / "labels.csv", "--groups", f"{tables / 'metadata.csv'}:group")
    asked += ("--min-clips", "10", "--seed", "0")
    if bundle.kind != "classifier" and not bundle.split.endswith("/0"):
        return _twin(key, asked), ()
    use = RUNS / key
    finback("train", *asked, "--split", bundle.split, "--out", use)
    if bundle.kind != "classifier":
        return use, ("--measured", _twin(key, asked))
    if not bundle.split.endswith("/0"):
        finback("evaluate", use)
        return use, ()
    return use, ("--measured", _folds(key, asked))


def _folds(key: str, asked: Options) -> Path:
    """A run with folds of the same recipe, evaluated."""
    evidence, folds = EVIDENCE / f"{BUNDLES[key].family}-seed0", RUNS / f"{key}-folds"
    if RunFolder(evidence).metrics.is_file():
        return evidence
    # The gate changes no figure of a closed set.
    finback("train", *asked, "--folds", "5", "--set", "unknown.method=none", "--out", folds)
    finback("evaluate", folds)
    return folds


def _twin(key: str, asked: Options) -> Path:
    """A run of the same recipe that left tapes out, audited."""
    twin = TWINS / key
    finback("train", *asked, "--split", "70/15/15", "--out", twin)
    if not (RunFolder(twin).generator_audit.is_file() or RunFolder(twin).vocoder_audit.is_file()):
        finback("audit", twin)
    return twin


def bundle(key: str, use: Path, measured: Options) -> None:
    """Replace the folder of the weights, and name their terms in its card."""
    model = BUNDLES[key]
    out = WEIGHTS / model.name / model.kind
    if out.exists():
        shutil.rmtree(out)
    finback("package", use, out, *measured)
    (out / ".finback.lock").unlink(missing_ok=True)
    terms = TERMS.format(reference=pretrained.LICENCE_REFS[model.name])
    card = RunFolder.open(out).card
    before, line, after = card.read_text(encoding="utf-8").partition("\n- cite:")
    assert line, f"{card}: no line to cite"
    card.write_text(f"{before}\n{terms}{line}{after}", encoding="utf-8")


def training_clips(name: str) -> None:
    """Write `training_clips.json` of a bundled classifier again, from the recordings; the weights stay.

    The gate of the model is not changed either: a second fit gives the left-out calls.
    """
    from finback.core.runs.split_table import load_split
    from finback.core.runs.training_clips import save_training_clips
    from finback.data.dataset import prepare_request
    from finback.data.index import IndexRequest
    from finback.features.cache import FeatureStore, default_folder
    from finback.features.extract import Extractor
    from finback.models.load import load_model
    from finback.training.describe_clips import described
    from finback.training.gate import fit_gate_of
    from finback.training.unknown_settings import UnknownSettings

    data, run = data_folder(), RunFolder.open(WEIGHTS / name / "classifier")
    tables = data / "watkins_all"
    groups = f"{tables / 'metadata.csv'}:group"
    labels = tables / "labels.csv"
    request = IndexRequest(audio=data, labels=labels, groups=groups, source="watkins", min_clips=10)
    split = load_split(run.split_table, prepare_request(request).clips, run.info.split_by)
    model = load_model(run.path, "classifier").network
    store = FeatureStore(Extractor.for_model(model), default_folder())
    clips = (*split.train, *split.val)
    settings = UnknownSettings.model_validate(run.info.settings["unknown"])
    least = fit_gate_of(model, store, clips, settings).least_known
    save_training_clips(run.training_clips, described(clips, least))
    print(f"{run.training_clips}: {len(clips)} clips, least known {least}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the bundled models again.")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BUNDLES)}; none: all")
    parser.add_argument("--training-clips", action="store_true", help="only write training_clips.json")
    given = parser.parse_args()
    if given.training_clips:
        for name in pretrained.names("classifier"):
            training_clips(name)
        return
    names = given.names or list(BUNDLES)
    if unknown := set(names) - set(BUNDLES):
        parser.error(f"{', '.join(unknown)}: not a bundled model; there are {', '.join(BUNDLES)}")
    for name in names:
        bundle(name, *trained(name))


if __name__ == "__main__":
    main()
