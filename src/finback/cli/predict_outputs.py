"""What `finback predict` shows and writes: a table, JSON, and tables for other programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finback.cli.console import out, out_table, say
from finback.core.errors import InputError, WriteError
from finback.core.text import counted

if TYPE_CHECKING:
    from finback.models.prediction_warnings import PredictionWarning
    from finback.models.predictions import Prediction, Predictions
    from finback.models.species_sets import SpeciesSet

MOST_FILES = 10  # whose warnings are shown as sentences
LONG = 3  # windows: a longer file is answered by its best windows, too
TIMES = ("start_s", "end_s")
BEST = 5  # windows of a long file that are shown


@dataclass(frozen=True)
class Targets:
    """Files and folders that are written besides what is shown; None: not asked for."""

    csv: Path | None = None
    raven: Path | None = None
    audacity: Path | None = None

    def check(self, n_files: int) -> None:
        """Raises `WriteError` or `InputError` for what cannot be written, before any work."""
        for path in (self.csv, self.raven, self.audacity):
            if path is not None and path.is_file():
                raise WriteError(f"{path}: is there already", "give the name of a new file")
        if self.csv is not None and self.csv.is_dir():
            raise WriteError(f"{self.csv}: is a folder", "give the name of a new file")
        if self.audacity is not None and self.audacity.suffix and n_files > 1:
            raise InputError(
                f"{self.audacity}: a label file of Audacity is for one recording, and there are {n_files}",
                "give a folder (a name without a suffix): each recording gets its own file",
            )

    def write(self, predictions: Predictions) -> None:
        """Write them, each whole or not at all, and say so."""
        if self.csv is not None:
            say(f"written: {predictions.to_csv(self.csv)}")
        for name, path in (("raven", self.raven), ("audacity", self.audacity)):
            if path is not None:
                _write_events(name, path, predictions)
                say(f"written: {path}")

    def write_partial(self, predictions: Predictions) -> str:
        """After an interruption: the windows of the files that were done, under a name of their own, so that
        the same command can be run again. Where they are, in words.
        """
        given = self.csv or self.raven or self.audacity
        if given is None or not predictions:
            return ""
        path = given.with_name(f"{given.name.removesuffix(given.suffix)}.partial.csv")
        return f"; the windows of these are in {predictions.to_csv(path)}"


def _write_events(format: str, path: Path, predictions: Predictions) -> None:
    """The windows whose answer is a species, as events; every file has its table, also without events."""
    from finback.core.storage.folders import added_folder
    from finback.data.formats.load import load_format
    from finback.data.formats.write import InOrder, write_events

    events = InOrder([event for each in predictions for event in each.events()])
    found = {p.path: replace(p.recording, path=Path(p.path)) for p in predictions if p.recording}
    sounds = [found[name] for name in sorted(found)]
    if path.suffix:
        load_format(format)[1].write(path, events, sounds)
        return
    with added_folder(path) as hidden:
        write_events(format, hidden, events, sounds)


def show(predictions: Predictions, top: int, model: str) -> None:
    """The table of files, their warnings as sentences, and the best windows of long files."""
    has_gate = any(p.known is not None for p in predictions)
    rows = [
        (p.file, name, probability, *((p.known,) if has_gate else ()), "" if i else _in_short(p.warnings))
        for p in predictions
        for i, (name, probability) in enumerate(p.top(top))
    ]
    known = ("known",) if has_gate else ()
    out_table(("file", "species", "probability", *known, "warnings"), rows)
    for p in predictions:
        if p.species_set is not None:
            out(f"{p.file}: {_in_words(p.species_set)}")
    _show_warnings(predictions)
    _show_long(predictions, model)


def to_json(prediction: Prediction) -> dict[str, Any]:
    """The file's probabilities and warnings, and the most probable class of each of its windows."""
    own = ("start_s", "end_s", "species", "probability", "known")
    windows = [{key: row[key] for key in own} for row in prediction.rows()]
    chosen = prediction.species_set
    return {
        "file": prediction.file,
        "known": prediction.known,
        "species": prediction.species,
        "warnings": [{"kind": w.kind, "text": w.text} for w in prediction.warnings],
        "best_windows": prediction.best_windows(BEST) if len(prediction.start_s) > LONG else [],
        "windows": windows,
        "remarks": list(prediction.remarks),
        **({} if chosen is None else {"set": {"level": chosen.level, "species": list(chosen.species)}}),
    }


def _show_warnings(predictions: Predictions) -> None:
    """A sentence for each warning of a few files; of many, how often each kind came."""
    warned = [p for p in predictions if p.warnings]
    if not warned:
        return
    out("")
    if len(warned) <= MOST_FILES:
        for p in warned:
            for warning in p.warnings:
                out(f"warning: {p.file}: {warning}")
        return
    kinds = Counter(warning.kind for p in warned for warning in p.warnings)
    out(f"warnings about {len(warned)} of {counted(len(predictions), 'file')} (--json has the sentences):")
    for kind, n in kinds.most_common():
        first, text = next((p.file, w) for p in warned for w in p.warnings if w.kind == kind)
        out(f"  {_short_word(kind)}: {counted(n, 'file')}; for example {first}: {text}")


def _show_long(predictions: Predictions, model: str) -> None:
    """The best windows of long files, as far as they are few, and where to find all."""
    long = [p for p in predictions if len(p.start_s) > LONG]
    best = {p.file: p.best_windows(BEST) for p in long}
    without = [p for p in long if not best[p.file]]
    shown = [p for p in long if best[p.file]][:MOST_FILES]
    for p in shown:
        out(f"\n{p.file}: {p.end_s[-1]:.1f} s, {len(p.start_s)} windows; the best for any species:")
        rows = [(*(f"{w[t]:.2f}" for t in TIMES), w["species"], w["probability"]) for w in best[p.file]]
        out_table(("start (s)", "end (s)", "species", "probability"), rows)
    if long:
        out("")
    if without:
        out(f"long files in which no window is of a species: {len(without)}")
    if len(long) > len(shown) + len(without):
        out(f"long files that are not listed here: {len(long) - len(shown) - len(without)}")
    if long:
        out(f"all windows: --csv FILE; events with thresholds: finback scan {model} FOLDER --out OUT")


def _in_short(warnings: Sequence[PredictionWarning]) -> str:
    return ", ".join(_short_word(warning.kind) for warning in warnings)


def _short_word(kind: str) -> str:
    from finback.models.prediction_warnings import KINDS

    return KINDS[kind]


def _in_words(chosen: SpeciesSet) -> str:
    """ "one of these 2 species (90 %): Fin Whale, Killer Whale"."""
    n = len(chosen.species)
    what = f"one of these {n} species" if n > 1 else "this species"
    return f"{what} ({100 * chosen.level:g} %): {'; '.join(chosen.species)}"
