"""`finback models` says what happens to clips that are longer than a window."""

from __future__ import annotations

import json
import sys

import pytest

from finback.cli import main
from finback.models.scoring import LONGER_CLIPS


@pytest.mark.parametrize("as_json", [True, False])
def test_models_says_what_happens_to_longer_clips(
    as_json: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["finback", "models", *(["--json"] if as_json else [])])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code in (0, None)
    text = capsys.readouterr().out
    if as_json:
        assert json.loads(text)["longer_clips"] == LONGER_CLIPS
    else:
        assert f"clips longer than the window of a classifier: {LONGER_CLIPS}" in " ".join(text.split())
