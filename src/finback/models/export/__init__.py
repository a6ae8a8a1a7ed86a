"""Export of a trained run to other programs: `export(run, "onnx", Path("model.onnx"))`.

`onnx`: one graph from waves to calibrated probabilities. `pamguard`: the zip that PAMGuard's deep-learning
module reads. `card`: the model card in Markdown, for a run of any kind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finback.core.errors import SettingsError
from finback.core.runs.folder import RunFolder
from finback.core.storage.files import write_atomic
from finback.models import pretrained
from finback.models.load import open_run
from finback.models.model_card import card

WAYS = ("onnx", "pamguard", "card")


def export(path: str | Path, to: str, out: Path) -> dict[str, Any]:
    """Write `out` from a run folder or a bundled model; returns the metadata to show.

    Raises `SettingsError` for an unknown format or a run that cannot be exported to it, `RunError` for a run
    that is not finished.
    """
    if to not in WAYS:
        raise SettingsError(f"--to {to}: not a way to export", "there are: " + ", ".join(WAYS))
    if to == "card":
        run = RunFolder.open(pretrained.resolve_any(path))
        write_atomic(out, card(run))
        return {"kind": run.info.kind}
    from finback.models.export.onnx import check_packages, to_onnx
    from finback.models.export.pamguard import to_pamguard
    from finback.models.predictor import Predictor

    if to == "onnx":
        check_packages()  # before the model is loaded
    run = open_run(path, "classifier")
    predictor = Predictor.load(run.path, "cpu")
    return to_onnx(run, predictor, out) if to == "onnx" else to_pamguard(run, predictor, out)
