"""The audit of a generator and the reconstruction of a VAE as tables for a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finback.report.pages.common import Table, percent

SETS = {
    "train": "real, training clips",
    "held_out": "real, held-out clips of the same groups",
    "unseen": "real, clips of other groups",
    "unseen vocoded": "real, clips of other groups, vocoded",
    "train vocoded": "real, training clips, vocoded",
}
BACKBONES = {"birdnet": "BirdNET", "yamnet": "YAMNet"}
REFERENCE = (
    ("recognised", "recognised", 2),
    ("recognised_by_unseen", "by a classifier of other groups", 2),
    ("kad_unseen", "kernel distance to other groups", 1),
    ("real_made_auc", "real or generated, AUC", 2),
    ("substitution", "taught by samples / by clips", 2),
)
COHERENCE = (
    ("common_share", "variance common to all bands", 2),
    ("periodicity", "periodicity", 2),
    ("ridge_s", "duration of ridges, s", 3),
    ("kurtosis", "kurtosis of a band", 1),
)
METHODS = {"vae": "VAE", "pca": "principal components", "mean spectrum": "mean spectrum"}
DISTANCES = (
    ("kad", "Kernel distance", 3),
    ("frechet", "Fréchet distance", 2),
    ("precision", "Precision", 2),
    ("recall", "Recall", 2),
    ("density", "Density", 2),
    ("coverage", "Coverage", 2),
)


def audit_tables(audit: Mapping[str, Any] | None) -> list[Table] | None:
    """Tables of generator_audit.json; None without it, or if this version cannot read it."""
    if audit is None:
        return None
    try:
        return [
            *_references(audit),
            *_coherence(audit),
            _recognised(audit),
            _substitution(audit),
            *_distances(audit),
            _copying(audit),
            _diversity(audit),
        ]
    except (KeyError, TypeError, AttributeError):
        return None


def _references(audit: Mapping[str, Any]) -> list[Table]:
    """A table for each reference embedding; none in an audit of an earlier version."""
    return [
        Table(
            f"What does a classifier on {BACKBONES.get(embedding, embedding)} say?",
            "Reference classifiers on the embedding of a network that was trained on other sounds. "
            "Recognised: by a classifier of the training clips, and by one of clips of other groups; means "
            "over species. Real or generated: 0.5 means that samples cannot be told from real clips through "
            "the same vocoder, 1 that they always can. Taught: a classifier trained on samples, tested "
            "on clips of other groups, relative to one trained on clips. In brackets: 95 % over "
            "species or groups; of the AUC, the range over five parts of the species.",
            ("set", *(title for _, title, _ in REFERENCE), "diversity"),
            [
                (
                    _name(name),
                    *(_with_ci(row, key, digits) for key, _, digits in REFERENCE),
                    _number(row.get("diversity"), 2),
                )
                for name, row in own["rows"].items()
            ],
        )
        for embedding, own in audit.get("reference_embeddings", {}).items()
    ]


def _coherence(audit: Mapping[str, Any]) -> list[Table]:
    """One table; none in an audit of an earlier version."""
    if not audit.get("coherence"):
        return []

    def cells(row: Mapping[str, Any]) -> list[str]:
        counts = {
            key: "" if not row.get("within") else f" ({row['within'][key]} of {row['n_species']})"
            for key, _, _ in COHERENCE
        }
        return [_number(row[key], digits) + counts[key] for key, _, digits in COHERENCE]

    return [
        Table(
            "Do samples hold calls?",
            "Clicks and envelopes raise the share of the variance over time that is common to all bands, "
            "trains of calls the periodicity of the energy, whistles the duration of narrow ridges, and rare "
            "calls the kurtosis over time, which is 3 for noise. Means over species; in brackets, the number "
            "of species within 20 % of their training clips.",
            ("set", *(title for _, title, _ in COHERENCE)),
            [(_name(name), *cells(row)) for name, row in audit["coherence"].items()],
        )
    ]


def _recognised(audit: Mapping[str, Any]) -> Table:
    rows = [
        (_name(name), str(row["n_clips"]), percent(row["accuracy"]), percent(row["mean_recall"]))
        for name, row in audit["recognised"].items()
    ]
    return Table(
        "Are samples recognised as their species?",
        "The reference classifier, which was trained on the same log-mels as the generator, classifies each "
        "sample. This flatters the samples. Samples should score as well as held-out clips of the same "
        "groups. A higher score means that samples are more uniform than real clips.",
        ("clips", "number", "classified correctly", "mean recall over species"),
        rows,
    )


def _substitution(audit: Mapping[str, Any]) -> Table:
    rows = [
        (classifier, _name(name), percent(row["on_unseen"]["accuracy"]), _number(row.get("ratio"), 2))
        for classifier, each in audit["substitution"].items()
        for name, row in each.items()
    ]
    return Table(
        "Can samples replace real training clips?",
        "Accuracy on real clips of other groups: a classifier trained on samples only, and one trained on "
        "the real training clips.",
        ("classifier", "trained on", "accuracy on other groups", "ratio to real"),
        rows,
    )


def _distances(audit: Mapping[str, Any]) -> list[Table]:
    tables = []
    for one in audit["distances"]:
        reference = "training clips" if one["reference"] == "train" else "clips of other groups"
        rows = [
            (_name(name), *(_with_sd(row, key, digits) for key, _, digits in DISTANCES))
            for name, row in one["rows"].items()
        ]
        tables.append(
            Table(
                f"How far are samples from {reference}?",
                f"Distances in the space {one['space']}, between {one['n']} clips of each set; means of "
                f"{one['seeds']} random draws. Kernel and Fréchet distance: lower is better. Recall and "
                "coverage: how much of the real clips the samples cover. Precision and density: how many "
                "samples lie among the real clips.",
                ("set", *(title for _, title, _ in DISTANCES)),
                rows,
            )
        )
    return tables


def _copying(audit: Mapping[str, Any]) -> Table:
    rows = [
        (
            space,
            _name(name),
            _number(row["ratio"], 2),
            _number(row["ratio_low"], 2),
            percent(row["below_pair"]),
            percent(row["below_nearest"]),
        )
        for space, each in audit["copying"].items()
        for name, row in each["rows"].items()
    ]
    return Table(
        "Are samples copies of training clips?",
        "Distance of each sample to its nearest training clip, divided by that of a typical held-out clip of "
        "the same groups. Values well below 1 mean copies. The last two columns are shares of samples: "
        "nearer than all but 1 % of pairs of training clips from different groups, and nearer than all but "
        "1 % of training clips are to any other group.",
        ("space", "set", "median", "nearest 5 %", "nearer than 1 % of pairs", "nearer than 1 % of clips"),
        rows,
    )


def _diversity(audit: Mapping[str, Any]) -> Table:
    rows = [
        (space, _name(name), _number(row["mean"], 2))
        for space, each in audit["diversity"].items()
        for name, row in each.items()
    ]
    return Table(
        "Are samples as varied as real clips?",
        "Mean distance between two samples of a species, divided by the mean distance between two of its "
        "training clips. 1 means that samples are as varied as the clips.",
        ("space", "set", "diversity"),
        rows,
    )


def reconstruction_table(result: Mapping[str, Any] | None) -> Table | None:
    """Table of reconstruction.json: what a VAE and two simple methods keep of clips; None without it."""
    if result is None:
        return None
    keys = {"mse_db2": "squared error, dB²", "snr_db": "SNR, dB", "si_snr_db": "scale-invariant SNR, dB"}
    rows = [
        (METHODS.get(name, name), *(_number(row.get(key), 1) for key in keys))
        for name, row in result["methods"].items()
    ]
    subset = {"val": "validation"}.get(result["subset"], result["subset"])
    return Table(
        "How well are clips reconstructed?",
        f"Clips of the {subset} set, encoded and decoded again. The VAE uses {result['active_latents']} of "
        f"its {result['latents']} latent dimensions.",
        ("method", *keys.values()),
        rows,
    )


def _name(name: str) -> str:
    return SETS.get(name, f"samples: {name}")


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _with_ci(row: Mapping[str, Any], key: str, digits: int) -> str:
    value, ends = row.get(key), row.get(f"{key}_ci")
    within = f" ({ends[0]:.{digits}f} to {ends[1]:.{digits}f})" if ends and value is not None else ""
    return _number(value, digits) + within


def _with_sd(row: Mapping[str, Any], key: str, digits: int) -> str:
    sd = row.get(f"{key}_sd")
    return _number(row[key], digits) + (f" ± {sd:.{digits}f}" if sd is not None else "")
