"""Keys of older versions: renamed at every depth, in their order, and never over a key of today."""

from __future__ import annotations

import json
from importlib import resources

from finback.core.renames import current, current_audit


def test_old_keys_are_renamed_at_every_depth_and_keep_their_order() -> None:
    old = {"a": 1, "teachers": [{"teachers": {"b": 2}}], "c": 3}
    new = current(old)
    assert new == {"a": 1, "provenance": [{"provenance": {"b": 2}}], "c": 3}
    assert list(new) == ["a", "provenance", "c"]
    assert current({"provenance": "today", "teachers": "old"}) == {"provenance": "today"}
    assert current(new) == new


def test_audits_rename_the_sets_that_values_name_too() -> None:
    old = {
        "judge": {"run": "judge", "heard": 0},
        "distances": [{"space": "judge", "reference": "learnt", "rows": {"held": {"kad": 1.0}}}],
        "copying": {"judge": {"marks": {"pair": 0.5}}},
        "side": "held",
    }
    assert current_audit(old) == {
        "reference_classifier": {"run": "judge", "seen_in_training": 0},
        "distances": [
            {"space": "reference_classifier", "reference": "train", "rows": {"held_out": {"kad": 1.0}}}
        ],
        "copying": {"reference_classifier": {"thresholds": {"pair": 0.5}}},
        "subset": "held_out",
    }


def test_the_bundled_audits_have_the_keys_of_today() -> None:
    weights = resources.files("finback") / "weights" / "watkins"
    for path in (weights / "generator" / "generator_audit.json", weights / "vocoder" / "vocoder_audit.json"):
        audit = json.loads(path.read_text(encoding="utf-8"))
        assert current_audit(audit) == audit
