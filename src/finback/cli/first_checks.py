"""What every command checks in its first second, before it imports torch, reads sound or makes a folder.

`checked` wraps a command. An option means the same in every command, so its check is found by its name
(`BY_NAME`); where a name means something else in a command, `EXCEPT` says so. `TOGETHER` holds the checks of
several options of a command. The work itself checks everything again, for those who call finback from Python.

`tests/cli/test_wrong_usage.py` has wrong usages of every command.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from finback.cli import first_rules as rules
from finback.cli import first_rules_together as together

Given = Mapping[str, Any]
Check = Callable[[Any, Given], None]

BY_NAME: dict[str, Check] = {
    "device": rules.device,
    "out_folder": rules.output_folder,
    "folder": rules.output_folder,
    "to": rules.output_folder,  # of evaluate-detections
    "wav": rules.output_folder,
    "out": rules.output_folder,
    "out_file": rules.output_file,
    "out_path": rules.output_file_or_folder,
    "file": rules.output_file,
    "target": rules.output_file_or_folder,  # of convert
    "figure": rules.picture,
    "family": rules.family,
    "families": rules.families,
    "sampler": rules.sampler,
    "method": rules.map_method,
    "folds": rules.folds,
    "labels": rules.existing,
    "truth": rules.existing,
    "found": rules.existing,
    "files": rules.existing,
    "table": rules.existing,
    "deployment": rules.existing,
    "review": rules.existing,
    "tables": rules.existing,
    "check": rules.existing,
    "original": rules.existing,
    "parameters": rules.existing,
    "clip": rules.existing,
    "other": rules.existing,
    "like": rules.existing,
    "noise": rules.existing,
    "recordings": rules.existing,
    "weights": rules.existing,
    "mute": rules.existing,
    "datasets": rules.existing,
    "vocoder": rules.vocoder,
    "guide": rules.run_of("classifier"),
    "classifier": rules.run_of("classifier"),
    "against": rules.run_of("generator"),
    "measured": rules.run_of("classifier"),
    "runs": rules.run_of("classifier"),
    "model": rules.run_of("classifier"),
    "scan": rules.scan,
}
GENERATOR = rules.run_of("generator")
ANY_RUN = rules.run_of("classifier", "generator", "vocoder")
# Names that mean something else in one command; None: no check.
EXCEPT: dict[str, dict[str, Check | None]] = {
    "add": {"name": rules.added_backbone},
    "audit": {"run": rules.run_of("generator", "vocoder")},
    "augment": {"out_file": rules.picture},
    "convert": {"to": None},
    "demo": {"out_folder": rules.demo_folder},
    "evaluate": {"run": rules.run_of("classifier")},
    "evaluate_detections": {"labels": None, "target": None},
    "export": {"run": rules.exported_run, "to": rules.export_format},
    "fetch": {"check": None},
    "generate": {"run": GENERATOR},
    "interpolate": {"run": GENERATOR, "out_file": rules.picture},
    "map": {"run": rules.run_of("classifier", "generator")},
    "package": {"run": ANY_RUN},
    "pars": {"by": rules.day_or_hour},
    "predict": {"arguments": rules.predicted},
    "reconstruct": {"run": GENERATOR},
    "report": {"run": ANY_RUN},
    "scan": {"paths": rules.some_recordings},
    "mine": {"paths": rules.some_recordings},
    "sheet": {"run": None},
    "show": {"name": rules.backbone},
    "soundscape": {"labels": None, "run": ANY_RUN},
    "synthesize": {"run": GENERATOR},
    "tables": {"run": rules.run_of("classifier")},
    "thresholds": {"run": rules.run_of("classifier"), "target": rules.threshold_target},
}
# Several options together, after those above; the order is that of the checks.
TOGETHER: dict[str, tuple[Callable[[Given], None], ...]] = {
    "run": (rules.only_classifier, rules.settings, together.free_for_run, together.labelled),
    "train": (rules.settings, together.free_for_run, together.labelled),
    "index": (together.labelled,),
    "split": (rules.settings, together.labelled),
    "audit": (together.recordings_or_run, rules.settings, together.labelled),
    "compare": (rules.settings, together.no_run_there, together.labelled),
    "evaluate": (together.labelled,),
    "augment": (rules.settings,),
    "vocode": (rules.settings, together.vocoded),
    "models": (rules.settings,),
    "generate": (together.generated, together.no_run_there),
    "synthesize": (together.filled, together.no_run_there, together.labelled),
    "sheet": (together.known_species,),
    "ensemble": (rules.two_runs,),
    "interpolate": (rules.only_vae,),
    "reconstruct": (rules.only_vae,),
    "soundscape": (together.labelled,),
    "scan": (together.no_run_there,),
    "mine": (together.no_run_there,),
    "simulate": (together.no_run_there,),
}


def checked(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, which refuses wrong usage with an `InputError` before it begins."""
    name = command.__name__
    special = EXCEPT.get(name, {})

    @functools.wraps(command)
    def call(**given: Any) -> Any:
        for option, rule in {**BY_NAME, **special}.items():
            value = given.get(option)
            if rule is not None and value not in (None, "", [], ()):
                rule(value, given)
        for several in TOGETHER.get(name, ()):
            several(given)
        return command(**given)

    call.__signature__ = inspect.signature(command)  # type: ignore[attr-defined]
    del call.__wrapped__  # else typer uses the signature of the wrapped command
    return call
