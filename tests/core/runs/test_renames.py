"""Keys of older versions: renamed at every depth, in their order, and never over a key of today."""

from __future__ import annotations

import json
from importlib import resources

from finback.core.runs.renames import RENAMED, current, current_audit, current_generated
from finback.evaluation.pipeline import headline
from finback.report.pages import summary
from finback.report.pages.leaderboard import no_audio_baselines

# The leaderboard as finback 0.1.0 wrote them, the baselines as later versions did before this one.
OLD_AUDIT = {
    "random": {
        "group_lookup_accuracy": 0.9,
        "metadata_only_accuracy": 0.7,
        "metadata_only_accuracy_ci": [0.6, 0.8],
    },
    "in_use": {"group_lookup_accuracy": 0.1, "metadata_only_accuracy": 0.3},
}
OLD_LEADERBOARD = {"leader": None, "deaf": {"by_tape": OLD_AUDIT["in_use"], "random": OLD_AUDIT["random"]}}


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


def test_settings_of_generated_clips_name_the_reference_classifier() -> None:
    old = {"settings": {"judge": "3f2a", "seed": 0}, "teachers": []}
    assert current_generated(old) == {
        "settings": {"reference_classifier": "3f2a", "seed": 0},
        "provenance": [],
    }


def test_the_bundled_audits_have_the_keys_of_today() -> None:
    weights = resources.files("finback") / "weights"
    for name in (
        "watkins/generator/generator_audit.json",
        "watkins/vocoder/vocoder_audit.json",
        "watkins-diffusion/generator/generator_audit.json",
    ):
        path = weights / name
        audit = json.loads(path.read_text(encoding="utf-8"))
        assert current_audit(audit) == audit


def test_no_name_of_today_is_an_old_name() -> None:
    assert not set(RENAMED) & set(RENAMED.values())


def test_an_old_audit_is_read() -> None:
    found = current(OLD_AUDIT)
    assert summary.no_audio_baselines(found, by_clip=False)[1]["metadata_accuracy"] == 0.3
    assert "30" in summary.verdict({"accuracy": 0.5}, found, by_clip=False)
    names = (
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "macro_f1_multi_group",
        "macro_auc",
        "top3_accuracy",
        "ece",
    )
    metrics = dict.fromkeys(names) | {f"{name}_ci": None for name in names}
    lines = headline({**metrics, "n_clips": 8, "n_groups": 4}, found)
    assert "group lookup 0.100, metadata 0.300" in lines[-2]


def test_an_old_leaderboard_is_read() -> None:
    lookup, metadata = no_audio_baselines(current(OLD_LEADERBOARD))
    assert (lookup.grouped, lookup.random, metadata.grouped, metadata.random) == (0.1, 0.9, 0.3, 0.7)
