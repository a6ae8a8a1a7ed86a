"""Made-up pages of every kind, with names that are long, right to left, in Chinese, or markup."""

from __future__ import annotations

from typing import Any

import numpy as np

from finback.features.spec import FeatureSpec
from finback.metrics.classification import METRICS
from finback.report.pages import (
    classifier,
    data_sets,
    detections,
    embedding_map,
    generator,
    leaderboard,
    synthetic_study,
    vocoder,
)
from finback.report.pages.common import Picture, Reproduction, Table
from finback.report.pages.sound import Sound

LONG = "Balaenoptera" * 13  # 156 letters without a space
NAMES = (LONG, "<script>alert(1)</script>", "حوت أزرق", "座頭鯨 🐋")
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
PICTURE = Picture(PIXEL, "what it shows", 1200)
SOUND = Sound("data:audio/wav;base64,AA==", 1.0, "")
HOW = Reproduction("finback train " + LONG, [("seed", "7")], {"n_mels": 96}, {"training": {"epochs": 3}})
TEST = {"precision": 0.5, "recall": 0.2, "f1": 0.4, "auc": 0.7, "n_clips": 8, "n_groups": 4, "noisy": True}
WIDE = Table("How far?", "Lower is better.", [f"column {i}" for i in range(9)], [[LONG] + ["0.123"] * 8])
EMPTY = Table("Nothing?", "Of nothing.", ["a", "b"], [], "There was no call.")


def classifier_page() -> str:
    rows = [classifier.SpeciesRow(name, 20, 6, TEST) for name in NAMES]
    confusion = classifier.Confusion(LONG, NAMES[1], 0.9, 0.1, 3, 8, LONG + ".wav", "", PICTURE, SOUND)
    metrics: dict[str, Any] = {"accuracy": 0.5, "accuracy_ci": [0.4, 0.6], "n_clips": 8, "n_groups": 4}
    metrics |= {"per_species": dict.fromkeys(NAMES, TEST)}
    members = [classifier.Member("runs/" + LONG, "lstm", [0.25, 0.5])]
    pictures = {"headline": PICTURE, "roc": PICTURE}
    untested = classifier.SpeciesRow("Narwhal", 1, 1, {}, "one group")
    page = classifier.ClassifierPage(
        LONG,
        HOW,
        metrics=metrics,
        species=[*rows, untested],
        confusions=[confusion],
        members=members,
        pictures=pictures,
    )
    return classifier.render(page)


def row_of(name: str, rank: int) -> dict[str, Any]:
    values = dict.fromkeys(METRICS, 0.5) | {f"{key}_ci": [0.4, 0.6] for key in METRICS}
    values |= {f"{key}_sd": None for key in METRICS}
    gap = {"difference": -0.1, "ci": [-0.2, 0.1], "ahead": 0.2}
    return values | {
        "rank": rank,
        "seeds": [0],
        "error": f"{name} failed",
        "n_clips": 50,
        "n_groups": 12,
        "n_parameters": 1,
        "training_s": 75.0,
        "clips_per_s": 480.0,
        "random_split": None,
        "versus_leader": {"accuracy": gap, "macro_f1_multi_group": gap},
        "per_species": {},
    }


def leaderboard_page() -> str:
    board = {
        "families": {name: row_of(name, i + 1) for i, name in enumerate(NAMES)},
        "no_audio_baselines": {"grouped": {"group_lookup_accuracy": 0.05}},
        "species": NAMES,
        "multi_group": NAMES,
        "source": LONG,
        "licence": LONG,
        "data_fingerprint": "abc",
        "citation": LONG,
    }
    return leaderboard.render(leaderboard.ComparisonPage(LONG, board, {"leaderboard": PICTURE}))


def data_sets_page() -> str:
    row = {"macro_f1_multi_group": 0.5, "macro_f1_multi_group_ci": [0.4, 0.6], "error": None}
    row |= {"versus_reference": None, "transductive": None}
    one = {
        "recipes": dict.fromkeys(NAMES, row),
        "no_audio": {"metadata_accuracy": 0.2},
        "n_clips": 5,
        "n_groups": 3,
        "n_species": 2,
        "folds": 2,
        "test_by": None,
        "detectable": 0.2,
        "about": LONG,
        "choice": None,
        "inner_choice": None,
    }
    over = {"mean_rank": 1.0, "n_above": 0, "n_compared": 1, "verdict": "not established"}
    result = {
        "recipes": dict.fromkeys(NAMES, over),
        "data_sets": {LONG: one},
        "reference": NAMES[0],
        "seeds": [0],
        "command": "finback compare " + LONG,
    }
    return data_sets.render(data_sets.DataSetsPage(LONG, result, {"differences": PICTURE}))


def synthetic_study_page() -> str:
    gap = {"difference": 0.04, "ci": [-0.02, 0.1], "ahead": 0.9}
    versus = dict.fromkeys(("low_data_f1", "low_data_recall", "accuracy"), gap)
    arm = {"n_folds": 2, "n_synthetic": 12.0, "low_data_f1": 0.5, "error": None, "versus": versus}
    arm["per_species"] = {name: {"f1_difference": gap} for name in NAMES}
    bare = {**arm, "n_synthetic": None, "versus": None, "per_species": {}}
    result = {
        "arms": {"none": bare, LONG: arm, "failed": {**bare, "error": "out of memory"}},
        "low_data_species": {name: {"n_clips": 5, "n_groups": 2} for name in NAMES},
        **{"low_data_below": 10, "baseline": "none", "family": "cnn2d", "epochs": 12, "max_real_clips": 0},
        **{"seeds": [0], "folds": [0, 1], "n_folds": 5, "verdict": "No gain shown: it changes nothing."},
    }
    page = synthetic_study.SyntheticStudyPage(LONG, result, {"synthetic_study": PICTURE})
    return synthetic_study.render(page)


def map_page(sound: bool = True) -> str:
    spec = FeatureSpec(sample_rate=8000, clip_samples=4096, n_fft=256, hop=128, n_mels=32, n_frames=32)
    grey = np.arange(32 * 20, dtype=np.uint8).reshape(32, 20)
    excerpt = embedding_map.Excerpt(grey, 0.5, SOUND) if sound else None
    clips = [
        embedding_map.MapClip(name, f"tape {i}", i > 3, LONG + ".wav", 0, 1, excerpt)
        for i, name in enumerate(NAMES * 3)
    ]
    layouts = {"t-SNE": np.random.default_rng(0).uniform(-1, 1, (len(clips), 2))}
    return embedding_map.render(
        embedding_map.MapPage(LONG, "embeddings", spec, layouts, clips, "For 4 % it is.", ["A note."], sound)
    )


def detections_page() -> str:
    event = detections.ShownEvent(LONG, "score 0.5", LONG + ".wav", "", PICTURE, SOUND)
    return detections.render(
        detections.DetectionsPage(
            "Found events", "1 of 2 was found.", "2 events.", [WIDE, EMPTY], [LONG], [event], [], 1, 0
        )
    )


def generator_page() -> str:
    samples = [generator.SpeciesSamples(name, 9, 3, PICTURE, [SOUND], [SOUND] * 3) for name in NAMES]
    page = generator.GeneratorPage(
        LONG, "diffusion", HOW, 12, 3, 2, 1, "griffin-lim", True, samples, {"guidance": PICTURE}, [WIDE]
    )
    return generator.render(page)


def vocoder_page() -> str:
    clips = [vocoder.VocodedClip(LONG + ".wav", PICTURE, [("real", SOUND), ("griffin-lim", SOUND)])]
    return vocoder.render(vocoder.VocoderPage(LONG, HOW, 12, 5, WIDE, clips, {"losses": PICTURE}))


PAGES = {
    "classifier": classifier_page,
    "leaderboard": leaderboard_page,
    "data_sets": data_sets_page,
    "synthetic_study": synthetic_study_page,
    "map": map_page,
    "map without sound": lambda: map_page(sound=False),
    "detections": detections_page,
    "generator": generator_page,
    "vocoder": vocoder_page,
}
