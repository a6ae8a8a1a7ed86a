"""The text of a report about its figures."""

from __future__ import annotations

from finback.evaluation.pipeline import HEADLINE, headline
from finback.report.pages import summary

AUDIT = {"grouped": {"group_lookup_accuracy": 0.05, "metadata_accuracy": 0.21}}


def test_the_verdict_needs_the_whole_interval_above_the_no_audio_baselines():
    good = summary.verdict({"accuracy": 0.5, "accuracy_ci": [0.3, 0.7]}, AUDIT, by_clip=False)
    poor = summary.verdict({"accuracy": 0.5, "accuracy_ci": [0.2, 0.7]}, AUDIT, by_clip=False)
    assert "is clearly more than the best baseline that uses no audio, which reaches 21.0 %" in good
    assert "not clearly more" in poor
    assert "does not yet show that the model recognises the animals" in poor
    assert summary.verdict({"accuracy": 0.5}, None, by_clip=False) == ""


def test_undefined_figures_have_no_card_and_one_group_no_interval():
    shown = summary.cards({"accuracy": 0.5, "accuracy_ci": None, "macro_auc": None})
    assert [(card.name, card.interval) for card in shown] == [("Accuracy", "no interval: one group")]


def test_groups_are_unknown_where_no_label_gives_one() -> None:
    few_share_sound = {"n_clips": 90, "n_groups": 74}
    assert summary.are_groups_unknown(few_share_sound, {"groups_known": 0.0})
    assert not summary.are_groups_unknown(few_share_sound, {"groups_known": 0.4})
    assert not summary.are_groups_unknown(few_share_sound, None)
    assert summary.are_groups_unknown({"n_clips": 9, "n_groups": 9}, None)


def test_the_headline_says_that_groups_were_guessed() -> None:
    keys = [key for key, _ in HEADLINE]
    metrics = dict.fromkeys(keys) | {f"{key}_ci": None for key in keys} | {"n_clips": 90, "n_groups": 74}
    assert "guessed from shared sound" in headline(metrics, {"groups_known": 0.0})[0]
    assert "guessed" not in headline(metrics, {"groups_known": 1.0})[0]
