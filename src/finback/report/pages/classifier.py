"""`report.html`: one self-contained page that tells what a run learnt, how well, and how far to trust it.

It is made from the run folder's files alone and loads nothing from elsewhere; sounds of the worst
confusions are read where the manifest says the recordings are, if they are still there. What the folder
lacks is said on the page. Figures are also written to `figures/` as PNG and SVG.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from finback.core.files import write_atomic
from finback.core.progress import Progress, no_progress
from finback.core.run_files import RunFiles
from finback.data.audit import findings
from finback.report.pages import summary as words
from finback.report.pages.confusions import Heard, hear
from finback.report.pages.figures import draw_all, embed
from finback.report.pages.run_data import RunData, read_run
from finback.report.plots.style import render as to_bytes

LISTED = 8  # of a long list so many items are shown at once, the rest behind a fold


def render(run_folder: Path, progress: Progress = no_progress) -> Path:
    """Write `report.html` into the run folder and return its path. Raises `RunError` if it is no run."""
    run = read_run(run_folder)
    # An ensemble was not trained by settings of its own: no file of them would make it again.
    settings = {} if run.ensemble else run.info.settings
    page = environment().get_template("report.html.j2").render(
        title=run.path.resolve().name,
        info=run.info,
        metrics=run.metrics or {},
        cards=words.cards(run.metrics or {}),
        verdict=words.verdict(run.metrics or {}, run.audit, run.by_clip),
        warnings=words.warnings(run),
        missing=run.missing,
        no_test_side=_no_test_side(run),
        pictures=draw_all(run, progress),
        findings=_findings(run),
        baselines=words.baselines_caption(run.audit, run.by_clip),
        species=words.species_rows(run),
        confusions=[_shown(heard, run) for heard in hear(run, progress)],
        judged=run.scores is not None,
        settings=flat(settings),
        toml=toml(settings),
        ensemble=words.ensemble_rows(run),
        spec=flat(run.info.spec),
        command=command(run),
        source=run.manifest.source if run.manifest else None,
        listed=LISTED,
    )  # fmt: skip
    path = RunFiles(run.path).report
    write_atomic(path, page)
    return path


def environment() -> Environment:
    """Everything is escaped: a species may be called anything. A misspelt variable is an error."""
    env = Environment(
        loader=PackageLoader("finback.report.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["percent"] = words.percent
    env.filters["tight"] = lambda text: text.replace(" %", "\N{NO-BREAK SPACE}%")  # no line begins with %
    return env


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """`{"training": {"epochs": 20}}` -> `{"training.epochs": "20"}`."""
    found: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = "none" if value is None else str(value)
    return found


def toml(settings: Mapping[str, Any]) -> str:
    """The settings as a TOML file that `--preset` takes; what is None is left to its default."""

    def literal(value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list | tuple):
            return "[" + ", ".join(literal(v) for v in value) + "]"
        if isinstance(value, int | float):
            return repr(value)
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'

    top = [f"{k} = {literal(v)}" for k, v in settings.items() if not isinstance(v, Mapping) and v is not None]
    parts = ["\n".join(top)] if top else []
    for name, section in settings.items():
        if isinstance(section, Mapping) and section:
            lines = [
                f"{k} = {literal(v)}"
                for k, v in section.items()
                if v is not None and not isinstance(v, Mapping)
            ]
            parts.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(parts)


def command(run: RunData) -> str:
    """The command that made the run, as it was given; else one that trains the same from its manifest."""
    given = run.info.command
    if given:
        return given if isinstance(given, str) else shlex.join(str(part) for part in given)
    if run.ensemble:
        how = str(run.info.settings.get("how", "mean"))
        origins = [str(member.get("origin")) for member in run.ensemble]
        return shlex.join(["finback", "ensemble", *origins, "--how", how, "--out", "again"])
    parts = ["finback", "train", run.info.family or "cnn2d", "--preset", "settings.toml"]
    if run.manifest:
        parts += ["--audio", str(run.manifest.audio), "--labels", str(RunFiles(run.path).manifest)]
    if run.info.seed is not None:
        parts += ["--seed", str(run.info.seed)]
    return shlex.join([*parts, "--out", "again"])


def _findings(run: RunData) -> list[findings.Section] | None:
    """What the audit found; None without one. What cannot be tested has a table of its own on the page."""
    if run.audit is None:
        return None
    return [s for s in findings.sections(run.audit) if not (run.metrics and s.title == findings.UNTESTABLE)]


def _no_test_side(run: RunData) -> bool:
    """Trained for use: a split is there, and gives no clip to the test side."""
    return bool(run.split) and not any(row.get("side") == "test" for row in run.split)


def _shown(heard: Heard, run: RunData) -> dict[str, Any]:
    """A confusion as the template takes it."""
    m = heard.mistake
    truth, said = run.labels[m.truth], run.labels[m.said]
    picture = None
    if heard.figure is not None:
        alt = f"Spectrogram of a {truth} taken for {said}"
        picture = embed(heard.figure, alt, to_bytes(heard.figure, "png"))
    return {"truth": truth, "said": said, "mistake": m, "heard": heard, "picture": picture}
