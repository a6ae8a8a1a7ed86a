"""The files of parameters in a folder of samples, the table of their calls, and samples from edited files.

A sample `NAME.wav` has its parameters in `parameters/NAME.json`. `calls.csv` has a row for each call of all
samples, with its box in time and frequency: the truth for training and testing detectors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finback.core.errors import InputError
from finback.core.progress import Progress, no_progress
from finback.core.storage.csv_files import write_csv
from finback.core.storage.files import read_json, write_atomic
from finback.generation.calls.parameters import SampleParameters, from_json, to_json
from finback.generation.calls.waves import limited_wave
from finback.generation.sample_folder import SampleFolder
from finback.generation.species import species_id
from finback.generation.synthesizer import SynthesisConfig, Synthesizer

FOLDER = "parameters"
TRUTH = "calls.csv"
COLUMNS = ("file", "species", "start_s", "end_s", "low_hz", "high_hz", "kind")


def text_of(value: Any) -> str:
    """JSON text of parameters: a line for each key, and lists of numbers within their line."""

    def lines(one: Any, indent: str) -> str:
        if isinstance(one, dict):
            inner = indent + " "
            parts = [f"{inner}{json.dumps(k)}: {lines(v, inner)}" for k, v in one.items()]
            return "{\n" + ",\n".join(parts) + f"\n{indent}}}" if parts else "{}"
        if isinstance(one, list) and one and isinstance(one[0], dict | list):
            inner = indent + " "
            return "[\n" + ",\n".join(inner + lines(v, inner) for v in one) + f"\n{indent}]"
        return json.dumps(one, ensure_ascii=False, allow_nan=False)

    return lines(value, "") + "\n"


def path_of(folder: Path, name: str) -> Path:
    """The file of the parameters of a sample."""
    return folder / FOLDER / f"{name}.json"


def save_parameters(folder: Path, name: str, sample: SampleParameters) -> None:
    """Write the parameters of a sample."""
    write_atomic(path_of(folder, name), text_of(to_json(sample)))


def keep_parameters(samples: SampleFolder, synthesizer: Synthesizer, label: int, seed: int) -> None:
    """Write the parameters of a sample of a generator of calls; call it before the sample is added.

    Then no finished sample is without them.
    """
    if synthesizer.makes_waves:
        sample = synthesizer.generator.parameters(label, seed, synthesizer.config.sampling.tape)
        save_parameters(samples.folder, samples.name(sample.species, seed), sample)


def read_parameters(path: Path) -> SampleParameters:
    """The parameters of a file. Raises `RunError` or `InputError` naming the file and the key."""
    return from_json(read_json(path), str(path))


def save_truth(samples: SampleFolder) -> None:
    """Write `calls.csv`: all calls of all samples of the folder that have parameters."""
    rows: list[list[object]] = []
    for name in sorted(samples.rows):
        path = path_of(samples.folder, name)
        if path.exists():
            for call in read_json(path)["calls"]:
                species = samples.rows[name]["species"]
                rows.append([f"{name}.wav", species, *(call[key] for key in COLUMNS[2:])])
    write_csv(samples.folder / TRUTH, COLUMNS, rows)


def make_again(
    config: SynthesisConfig, files: Sequence[Path], out: Path, progress: Progress = no_progress
) -> dict[str, list[Path]]:
    """Samples from files of parameters, perhaps edited, in the folder `out`: the wavs by species.

    Raises `InputError` where a file does not fit the generator or two files give one sample, `RunError` where
    `out` holds a sample of the same species and seed with other parameters, or clips with other settings.
    """
    synthesizer = Synthesizer(config)
    if not synthesizer.makes_waves:
        raise InputError(
            f"--parameters with {synthesizer.run.info.family} or a vocoder: no sample is made from them",
            "name a run of finback train calls, and no --vocoder",
        )
    wanted = [(path, _fitting(read_parameters(path), path, synthesizer)) for path in files]
    settings = {**synthesizer.settings, "parameters": "edited"}
    samples = SampleFolder.open(out, settings, synthesizer.about, synthesizer.provenance)
    made: dict[str, list[Path]] = {}
    for path, sample in progress(wanted, f"making {len(wanted)} clips", len(wanted)):
        name = samples.name(sample.species, sample.seed)
        if samples.has(sample.species, sample.seed):
            _require_same(path_of(out, name), sample, path)
        else:
            save_parameters(out, name, sample)
            wave = limited_wave(sample)
            row = synthesizer.row(synthesizer.labels.index(sample.species), sample.seed)
            samples.add(row, synthesizer.logmel_of_file(wave), wave, synthesizer.spec.sample_rate)
        made.setdefault(sample.species, []).append(out / f"{name}.wav")
    with samples.alone():
        samples.finish()
        save_truth(samples)
    return made


def _fitting(sample: SampleParameters, path: Path, synthesizer: Synthesizer) -> SampleParameters:
    """The sample, checked against the generator. Raises `InputError`."""
    spec = synthesizer.spec
    species_id(synthesizer.labels, sample.species)
    if sample.species not in synthesizer.labels:
        raise InputError(f"{path}: species '{sample.species}'", "write the name as the generator has it")
    if (sample.grid.rate, sample.n_samples) != (spec.sample_rate, spec.covered_samples):
        raise InputError(
            f"{path}: {sample.n_samples} samples at {sample.grid.rate} Hz; the generator makes "
            f"{spec.covered_samples} at {spec.sample_rate} Hz",
            "start from a file of this generator",
        )
    return sample


def _require_same(path: Path, sample: SampleParameters, given: Path) -> None:
    """Raises `InputError` where the folder holds the sample with other parameters."""
    if not path.exists() or read_json(path) != json.loads(json.dumps(to_json(sample))):
        raise InputError(
            f"{given}: {path.parent.parent} holds this species and seed with other parameters",
            "give another --out, or another seed in the file",
        )
