"""Sampling with 18 or 1000 steps: seconds, evaluations of the network, and the distance to real clips.

    python benchmarks/sampling.py                                       # the bundled generator
    python benchmarks/sampling.py RUN --classifier RUN --n 340 --write  # another one; stores its figures
    python benchmarks/sampling.py --clips runs/generators/diffusion --n 104 --write  # the bundled one again

Every row samples the same network with the same guidance, seeds and species. The reference is the DDPM
sampler with 1000 steps. The time is that of a small batch in this process; DDPMScheduler of diffusers runs
the same network for comparison. Distances need hundreds of samples of every row, which take hours on a CPU
for the reference. So their embeddings by the reference classifier are computed once, by `--write`, and stored
(`sampling.npz`, in the run folder or in results/), together with the embeddings of the real clips. A run
without arguments checks them: the timed samples of every row are generated again and must have the stored
embeddings, and the default sampler is measured again on as many samples as are possible in `--live` seconds.

Kernel distance: `finback.metrics.generative` (KAD, unbiased: 0 between two samples of one distribution), to
real clips of tapes that were not used in training, to training clips, and to the samples of the reference; ±
is one standard deviation, from halves of the samples and clips (delete-half jackknife). The promise is about
distances to unseen tapes: that of the default is not shown to be more than 10 % above that of the reference.
The species have the same frequencies as in the training clips. `--write` needs the recordings of `--clips` (a
run folder; default: RUN).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from results import record
from stored import Stored as Result
from stored import Table, store, with_interval
from stored_samples import TO, Row, Stored, distances, ends, spread

from finback.core.runs.folder import RunFolder
from finback.data.splits.run_subsets import run_subsets
from finback.features.cache import FeatureStore, default_folder
from finback.features.extract import Extractor
from finback.generation.diffusion.ddpm import BETAS, ddpm_sigmas
from finback.generation.generator import Sampling, SpectrogramGenerator
from finback.metrics.generative import kernel_distance, median_distance
from finback.models.predictor import Predictor
from finback.models.pretrained import names, resolve
from finback.training.generator import windows_of

REFERENCE = ("ddpm", 1000)
PROMISED = (Sampling().sampler, Sampling().steps)
ROWS = [REFERENCE, ("heun", 9), ("heun", 18), ("heun", 35), ("dpmpp-3m", 18), ("dpmpp-2m", 18)]
ROWS += [row for row in (("ddim", 18), ("ddim", 50), PROMISED) if row not in ROWS]
FASTER, WITHIN = 20.0, 1.10  # what is promised of the default
# Of the median distance between real clips: how far a sample made again may be from the stored one.
SAME = 0.1
PEER_STEPS = 250  # of diffusers' 1000, all alike
RESULTS, STORED = Path(__file__).parent / "results", "sampling.npz"
BUNDLED, CLASSIFIER = "watkins-diffusion", "watkins-small"


class Lab:
    """One generator and one reference classifier; counts the evaluations of the network."""

    def __init__(self, run: Path, classifier: Path, device: str) -> None:
        torch.backends.cudnn.allow_tf32 = False  # else a GPU's samples are not quite a CPU's
        self.generator, self.classifier = (
            SpectrogramGenerator.load(run, device),
            Predictor.load(classifier, device),
        )
        usual = Sampling()
        guidance = [usual.guidance, *map(str, usual.interval), usual.weaker]
        self.about = json.dumps({"weights": [_hash(run), _hash(classifier)], "guidance": guidance})
        self.rows = self.calls = 0
        self.generator.model.register_forward_pre_hook(self._count)

    def _count(self, module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self.calls += 1
        self.rows += len(inputs[0])

    def make(self, row: tuple[str, int], labels: np.ndarray, first: int = 0) -> tuple[np.ndarray, float]:
        """Embeddings (N, D) of samples with seeds from `first`, and the seconds that sampling took."""
        self.rows = self.calls = 0
        sampling = replace(Sampling(), sampler=row[0], steps=row[1])
        started = time.perf_counter()
        x = self.generator.sample(labels, np.arange(first, first + len(labels)), sampling)
        seconds = time.perf_counter() - started
        return self.classifier.embed_logmels(x, self.generator.spec), seconds

    def real(self, run: Path, *names: str) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings (N, D) of the windows in these sets of the run, and their species."""
        store = FeatureStore(Extractor(self.generator.spec), default_folder())
        by_subset = run_subsets(RunFolder.open(run))
        x, y = windows_of(store, [c for name in names for c in by_subset[name]], self.generator.labels)
        return self.classifier.embed_logmels(x[:, 0].numpy(), self.generator.spec), y.numpy()


def _hash(run: Path) -> str:
    weights = [path.read_bytes() for path in sorted(run.rglob("*.safetensors")) if "weights" in path.name]
    return sha256(b"".join(weights)).hexdigest()[:16]


def name_of(row: tuple[str, int]) -> str:
    return f"{row[0]} {row[1]}"


def write(lab: Lab, clips: Path, n: int, path: Path) -> None:
    """Make n samples of every row, and keep their embeddings."""
    train, y = lab.real(clips, "train")
    unseen, _ = lab.real(clips, "validation", "test")
    labels = np.random.default_rng(0).permutation(np.resize(y, max(n, len(y))))[:n]
    made = {}
    for row in ROWS:
        made[name_of(row)], seconds = lab.make(row, labels)
        print(f"{name_of(row)}: {n} samples in {seconds:.0f} s", file=sys.stderr)
    Stored(train, unseen, labels, made, lab.about).save(path)


def peer(lab: Lab, labels: np.ndarray) -> float | None:
    """Seconds of diffusers' 1000 steps on the same network; None where it is not installed."""
    try:
        from diffusers import DDPMScheduler
    except ImportError:
        return None
    scheduler = DDPMScheduler(1000, *BETAS, "linear", clip_sample=False, prediction_type="sample")
    scheduler.set_timesteps(1000)
    denoise, x = lab.generator.denoiser(labels, np.arange(len(labels)), Sampling())
    levels = ddpm_sigmas().tolist()
    started = time.perf_counter()
    with torch.no_grad():
        for t, sigma in zip(scheduler.timesteps[:PEER_STEPS], levels, strict=False):
            clean = denoise(x * (1 + sigma**2) ** 0.5, x.new_full((len(labels),), sigma))
            x = scheduler.step(clean, t, x).prev_sample
    if x.device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - started) * len(scheduler.timesteps) / PEER_STEPS


def compared(stored: Stored, made: np.ndarray, what: str) -> tuple[bool, float, float]:
    """Whether these samples may be as near to unseen tapes as the reference's, with the same N; says so.

    Also the difference of the two distances, and half of its 95 % interval.
    """
    width, reference = median_distance(stored.unseen), stored.made[name_of(REFERENCE)][: len(made)]

    def excess(real: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
        return kernel_distance(real, a, width) - kernel_distance(real, b, width)

    found = excess(stored.unseen, made, reference)
    give = 1.96 * spread(excess, stored.unseen, made, reference)
    most = (WITHIN - 1) * max(kernel_distance(stored.unseen, reference, width), 0.0)
    print(
        f"{name_of(PROMISED)}, {what}: KAD to unseen tapes {found:+.2f} from that of {name_of(REFERENCE)} "
        f"({found - give:+.2f} to {found + give:+.2f}; promised: not shown to be above {most:+.2f})"
    )
    return found - give <= most, found, give


def timed(lab: Lab, stored: Stored | None, labels: np.ndarray) -> dict[str, Row]:
    """Prints the table, and returns it."""
    print(
        f"{'':<22}{'evaluations':>12}{'s a sample':>12}{'x faster':>10}"
        + f"{'KAD to unseen':>17}{'to training':>17}{'to reference':>17}{'made again':>12}"
        * (stored is not None)
    )
    rows: dict[str, Row] = {}
    lab.make(("heun", 2), labels)  # warm up
    for row in ROWS:
        embedded, took = lab.make(row, labels)
        far = distances(stored, *(stored.made[name_of(n)] for n in (row, REFERENCE))) if stored else {}
        rows[name_of(row)] = now = Row(lab.rows // len(labels), took / len(labels), far)
        faster = rows[name_of(REFERENCE)].seconds / now.seconds
        line = f"{name_of(row):<22}{now.evaluations:>12}{now.seconds:>12.2f}{faster:>10.1f}"
        for one in far.values():
            line += f"{'':>17}" if one is None else f"{one[0]:>10.2f} ± {one[1]:<4.2f}"
        print(line + (f"{again(stored, row, embedded):>12.4f}" if stored else ""), flush=True)
    beside_peer(lab, labels, rows)
    return rows


def beside_peer(lab: Lab, labels: np.ndarray, rows: dict[str, Row]) -> None:
    """Time diffusers on the same network, where it is installed."""
    theirs = peer(lab, labels)
    seconds = {row: rows[name_of(row)].seconds for row in (REFERENCE, PROMISED)}
    what, ours = "a sample of diffusion, s", f"{seconds[PROMISED]:.2f}"
    if theirs is None:
        print("diffusers is not installed: no peer")
        record(what, ours, "diffusers DDPM, 1000 steps", None, "diffusers is not installed")
    else:
        theirs /= len(labels)
        print(f"{'diffusers ddpm 1000':<22}{'':>12}{theirs:>12.2f}{seconds[REFERENCE] / theirs:>10.1f}")
        ratio, note = theirs / seconds[PROMISED], f"the same network, {name_of(PROMISED)} steps"
        record(what, ours, "diffusers DDPM, 1000 steps", ratio, note)
        same = f"{seconds[REFERENCE]:.2f}"
        record(
            "the same with 1000 steps, s",
            same,
            "diffusers DDPM, 1000 steps",
            theirs / seconds[REFERENCE],
            "the same network",
        )


def keep(rows: dict[str, Row], n: int, n_unseen: int, difference: tuple[float, float]) -> None:
    """Write `results/sampling.json`."""
    slowest, cells = rows[name_of(REFERENCE)].seconds, []
    for name, row in rows.items():
        far = [with_interval(one and one[0], one and ends(*one)) for one in row.far.values()]
        cells.append([name, row.evaluations, row.seconds, f"{slowest / row.seconds:.0f}", *far])
    columns = (
        "sampler, steps",
        "evaluations",
        "s per sample",
        "times as fast",
        *(f"KAD to {to}" for to in TO),
    )
    found, give = difference
    values = {"n": n, "difference": found, "difference.ci": [found - give, found + give]}
    about = f"{n} samples of watkins-diffusion and {n_unseen} windows of unseen tapes, by watkins-small."
    table = {"samplers": Table(columns, cells)}
    store("sampling", Result("python benchmarks/sampling.py --live 0 --store", about, values, table))


def again(stored: Stored, row: tuple[str, int], embedded: np.ndarray) -> float:
    """How far samples made again are from those stored, in median distances between real clips."""
    gap = np.linalg.norm(embedded - stored.made[name_of(row)][: len(embedded)], axis=1).max()
    found = float(gap / median_distance(stored.train))
    if found > SAME:
        sys.exit(f"{name_of(row)}: not the samples that are stored ({found:.2f} of the median distance away)")
    return found


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", nargs="?", default=BUNDLED, help="generator: run folder or bundled model")
    parser.add_argument("--classifier", default=CLASSIFIER, help="run folder or bundled model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--timed", type=int, default=2, help="samples in the batch that is timed")
    parser.add_argument(
        "--live", type=float, default=120, help="seconds for a new measurement of the default sampler"
    )
    parser.add_argument(
        "--write", action="store_true", help=f"first make {STORED} (of the bundled generator: in results/)"
    )
    parser.add_argument("--store", action="store_true", help="write benchmarks/results/sampling.json")
    parser.add_argument("--n", type=int, default=340, help="samples of every row that --write makes")
    parser.add_argument("--clips", type=Path, help="run folder that knows the real clips (--write)")
    return parser.parse_args()


def main() -> None:
    asked = options()
    if asked.run == BUNDLED and BUNDLED not in names("generator"):
        sys.exit("this build has no bundled generator: give a run folder and a --classifier")
    run = resolve(asked.run, "generator")
    lab = Lab(run, resolve(asked.classifier, "classifier"), asked.device)
    path = (RESULTS if asked.run == BUNDLED else run) / STORED
    if asked.write:
        write(lab, asked.clips or run, asked.n, path)
    stored = Stored.read(path, lab.about) if path.is_file() else None
    n_classes = len(lab.generator.labels)
    labels = stored.labels if stored else np.arange(asked.timed) % n_classes
    usual = Sampling()
    low, high = usual.interval
    print(
        f"guidance {usual.guidance} at noise levels {low} to {high}, {torch.get_num_threads()} threads, ",
        end="",
    )
    print(
        f"{asked.timed} samples timed"
        + (f", {len(labels)} embedded, {len(stored.unseen)} windows of unseen tapes" if stored else "")
    )
    rows = timed(lab, stored, labels[: asked.timed])
    each = rows[name_of(PROMISED)].seconds
    faster = rows[name_of(REFERENCE)].seconds / each
    kept = faster >= FASTER
    print(
        f"{name_of(PROMISED)} is {faster:.1f} times faster than {name_of(REFERENCE)} (promised: {FASTER:.0f})"
    )
    if not stored:
        print(f"no {path}: distances to real clips not measured; --write makes it")
        sys.exit(0 if kept else 1)
    near, *difference = compared(stored, stored.made[name_of(PROMISED)], f"the {len(labels)} stored")
    kept &= near
    if asked.store:
        keep(rows, len(labels), len(stored.unseen), (difference[0], difference[1]))
    n = min(len(labels), int(asked.live / each))
    if n >= 2 * n_classes:
        fresh, _ = lab.make(PROMISED, labels[:n], first=len(labels))
        compared(stored, fresh, f"{n} more made now, of other seeds")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
