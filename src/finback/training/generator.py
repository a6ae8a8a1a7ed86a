"""Labelled clips to a trained generator or vocoder in a run folder; the same way for all of them.

    folder = train_generator(Plan("diffusion", settings, seed=0), manifest, out)

Only the training side is learnt from, and not all of it: a tenth of the clips, of tapes that are trained on,
is held out (`held.csv`), so that afterwards one can tell a sample that is like a tape from a copy of a clip.
Nothing is chosen by the validation side, whose loss is logged: a generator that fits other tapes best is not
the one whose samples are best. The averaged weights of the last step are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finback import models
from finback.core.errors import RunError, SettingsError
from finback.core.files import Progress, no_progress
from finback.core.runs import RunFolder, load_split, save_split
from finback.core.settings import build
from finback.core.types import Clip, Labels, Split
from finback.data.manifest import Manifest
from finback.data.provenance import refuse_synthetic
from finback.data.rare import treated
from finback.features.cache import FeatureStore, default_folder
from finback.features.cache import windows_of as windows_of
from finback.features.extract import Extractor
from finback.features.spec import FeatureSpec
from finback.models.devices import check_device, torch_device
from finback.models.weights import load_weights, save_tensors
from finback.training.batches import Inputs
from finback.training.classifier import Plan, partition, split_facts
from finback.training.loop import WEIGHTS, fit
from finback.training.stages import new_model
from finback.training.tasks import task_for

HELD = "held.csv"  # as split.csv: its train side is what was held out, its set-aside what was learnt from


def train_generator(
    plan: Plan, manifest: Manifest, out: Path, progress: Progress = no_progress, split: Split | None = None
) -> RunFolder:
    """Train a generator or vocoder, or go on with one that was interrupted. Returns its run folder.

    `split` is given where another training has made it, as in a fold of a comparison. Raises `SettingsError`
    on settings that generators cannot follow, `RunError` if `out` holds another run.
    """
    manifest = treated(manifest, plan.settings.rare)
    facts = check_out(plan, manifest, out)
    if split is None:
        result = partition(manifest, plan.settings)[0]
        facts, split = {**facts, "split": split_facts(result)}, result.split
    run = RunFolder.begin(out, facts)
    if run.is_trained:
        return run
    manifest.save(out / "manifest.csv")
    save_split(out / "split.csv", split)
    learnt, held = hold_out(split.train, plan.settings.generate.held_out, plan.seed)
    save_split(out / HELD, Split(train=held, set_aside=learnt))
    _teach(plan, Labels(tuple(facts["labels"])), learnt, split.val, run, progress)
    run.finish()
    return run


def check_out(plan: Plan, manifest: Manifest, out: Path) -> dict[str, Any]:
    """The facts of the run, once it is clear that it can be made.

    Raises `SettingsError` or `RunError` before any work is done.
    """
    settings = plan.settings
    if settings.split.folds:
        raise SettingsError(
            f"--folds {settings.split.folds} with {plan.family}: a generator has one training side",
            "leave it out; finback compare --synthetic trains one in every fold",
        )
    if settings.rare.how == "prototype":
        raise SettingsError(
            f"rare.how = 'prototype' with {plan.family}: only classifiers know prototypes",
            "take keep or drop",
        )
    refuse_synthetic(manifest.clips, f"the training of {plan.family}")
    check_device(plan.device)
    labels = Labels.of(manifest.clips)
    models.create(plan.family, settings.features, len(labels), **settings.model)  # refuses wrong settings
    facts = {
        "kind": models.kind(plan.family),
        "family": plan.family,
        "labels": list(labels.names),
        "spec": settings.features.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
        "seed": plan.seed,
        "command": plan.command,
        "data_fingerprint": manifest.fingerprint,
        "source": manifest.source.name,
        "licence": manifest.source.licence,
        "citation": manifest.source.citation,
        "n_clips": len(manifest.clips),
    }
    RunFolder.check(out, facts)
    return facts


def hold_out(clips: Sequence[Clip], share: float, seed: int) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """(learnt, held): a share of each species' clips, never the last one of a tape."""
    rng = np.random.default_rng([seed, 7])
    held: set[tuple[int, ...] | tuple[Any, ...]] = set()
    for name in Labels.of(clips).names:
        own = [c for c in clips if c.label == name]
        left: dict[str, int] = {}
        for c in own:
            left[c.group] = left.get(c.group, 0) + 1
        wanted = round(share * len(own))
        for i in rng.permutation(len(own)):
            if wanted and left[own[i].group] > 1:
                held.add(own[i].key)
                left[own[i].group] -= 1
                wanted -= 1
    return tuple(c for c in clips if c.key not in held), tuple(c for c in clips if c.key in held)


def _teach(
    plan: Plan,
    labels: Labels,
    clips: Sequence[Clip],
    val: Sequence[Clip],
    run: RunFolder,
    progress: Progress,
) -> None:
    settings = plan.settings
    model = new_model(plan.family, settings.features, len(labels), settings.model, plan.seed)
    store = FeatureStore(Extractor(settings.features, model.input), default_folder())
    inputs = Inputs(store, clips, None, settings.wave)
    inputs.prepare(progress)
    if val:
        store.prepare(val, progress)
    if hasattr(model, "scale"):
        x, y = windows_of(store, clips, labels)
        model.scale.fit(x, y)
        if not model.task:  # fitted in closed form
            model.fit(x, y)
            save_tensors(run.path / WEIGHTS, model.state_dict(), {})
            run.note(n_parameters=model.n_parameters)
            return
    task = task_for(model, inputs, labels, settings.training, getattr(settings, model.task), val)
    end = fit(task, settings.training, run.path, plan.seed, plan.device, progress)
    run.note(**end, n_parameters=model.n_parameters)


def load(path: Path, kind: str, device: str = "auto") -> tuple[Any, RunFolder]:
    """The trained model of a run of that kind ("generator", "vocoder"), ready to use, and its folder.

    Raises `RunError` if the folder is none, of another kind, unfinished or damaged.
    """
    run = RunFolder.open(path)
    facts = run.facts
    if facts["kind"] != kind:
        train = {"generator": "diffusion", "vocoder": "vocoder"}[kind]
        raise RunError(
            f"{path}: a {facts['kind']}, not a {kind}", f"give the folder of finback train {train}"
        )
    if not run.is_trained:
        raise RunError(f"{path}: training has not finished", "run the same finback train again, it resumes")
    spec = build(FeatureSpec, facts["spec"])
    model = models.create(facts["family"], spec, len(facts["labels"]), **facts["settings"]["model"])
    load_weights(model, run.path / WEIGHTS)
    return model.to(torch_device(device)).eval(), run


def sides(run: RunFolder) -> dict[str, tuple[Clip, ...]]:
    """Clips of a generator's run: `learnt`, `held` (of the same tapes), `val` and `test` (other tapes)."""
    manifest = Manifest.load(run.path / "manifest.csv")
    split = load_split(run.path / "split.csv", manifest.clips, "group")
    held = load_split(run.path / HELD, manifest.clips, "group")
    return {"learnt": held.set_aside, "held": held.train, "val": split.val, "test": split.test}
