"""The audit of a generator as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SETS = {
    "train": "real: training clips",
    "held_out": "real: held out, training groups",
    "unseen": "real: unseen groups",
    "unseen vocoded": "real: unseen groups, vocoded",
    "train vocoded": "real: training clips, vocoded",
}
STUDENTS = {"cnn2d": "small CNN", "bands": "linear on bands"}
SPACES = {
    "logmel": "log-mel",
    "whitened": "log-mel without the mean of each band",
    "reference_classifier": "embedding of the reference classifier",
}
COHERENCE = {
    "common_share": "common to all bands",
    "periodicity": "periodicity",
    "ridge_s": "ridges, s",
    "kurtosis": "kurtosis",
}
BACKBONES = {"birdnet": "BirdNET", "yamnet": "YAMNet"}


@dataclass(frozen=True)
class Table:
    """A title, rows of cells under columns, and notes below."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    notes: Sequence[str] = ()


def tables(audit: Mapping[str, Any]) -> list[Table]:
    """All tables of the result of `audit_generator`."""
    return [
        _recognised(audit["recognised"]),
        *(_reference(name, own) for name, own in audit.get("reference_embeddings", {}).items()),
        *([_coherence(audit["coherence"])] if audit.get("coherence") else []),
        _per_species(audit),
        _substitution(audit["substitution"]),
        *(_distances(d) for d in audit["distances"] if d["rows"]),
        *(_copying(space, values) for space, values in audit["copying"].items()),
        _diversity(audit["diversity"]),
    ]


def notes(audit: Mapping[str, Any]) -> list[str]:
    """Warnings and notes on the tables, and the place of the files."""
    seen = audit["reference_classifier"]["seen_in_training"]
    lines = []
    if seen:
        lines.append(
            f"warning: the reference classifier was trained on {seen} of the clips that were kept from the "
            "generator; leave out --classifier to train one without these clips"
        )
    if any(not d["rows"] for d in audit["distances"]):
        lines.append("distances left out: fewer than seven clips have species in common with the reference")
    lines.append(
        "unseen groups are the validation set and the test set together: neither influences a generator"
    )
    lines.append(f"figures and generator_audit.json: {audit['run']}")
    return lines


def _name(row: str) -> str:
    return SETS.get(row, f"samples: {row}")


def _between(interval: Sequence[float] | None) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""


def _recognised(rows: Mapping[str, Any]) -> Table:
    return Table(
        "Does the reference classifier recognise the species?",
        ("", "clips", "recognised", "95 % over groups", "mean over species"),
        [
            (_name(k), v["n_clips"], v["accuracy"], _between(v.get("accuracy_ci")), v["mean_recall"])
            for k, v in rows.items()
        ],
        (
            "the reference classifier was trained on the training clips, so their value is too high; the",
            "log-mels are the same as those of the generator, which flatters the samples",
        ),
    )


def _reference(name: str, own: Mapping[str, Any]) -> Table:
    rows = []
    for row, v in own["rows"].items():
        cells = [_with_interval(v, key) for key in ("recognised", "recognised_by_unseen", "kad_unseen")]
        cells += [_with_interval(v, key) for key in ("real_made_auc", "substitution")]
        rows.append((_name(row), *cells, v.get("diversity")))
    return Table(
        f"By a reference classifier that was not trained by finback: {BACKBONES.get(name, name)}",
        (
            "",
            "recognised",
            "by unseen groups",
            "KAD to unseen groups",
            "real or made, AUC",
            "taught by samples / by clips",
            "diversity",
        ),
        rows,
        (
            "recognised: logistic regression of the training clips; by unseen groups: the same of clips of",
            f"unseen groups ({own['n_species_unseen']} species have five clips there); AUC 0.5: samples",
            "cannot be told from real clips through the same vocoder; taught: tested on unseen groups",
        ),
    )


def _with_interval(row: Mapping[str, Any], key: str) -> str | None:
    value, ends = row.get(key), row.get(f"{key}_ci")
    if value is None:
        return None
    digits = 1 if key.startswith("kad") else 2
    within = f" ({ends[0]:.{digits}f} to {ends[1]:.{digits}f})" if ends else ""
    return f"{value:.{digits}f}{within}"


def _coherence(rows: Mapping[str, Any]) -> Table:
    def counted(row: Mapping[str, Any], measure: str) -> str:
        return f"{row['within'][measure]} of {row['n_species']}" if row.get("within") else ""

    return Table(
        "Do samples hold calls? Means over species; species within 20 % of the training clips",
        ("", *(word for title in COHERENCE.values() for word in (title, "species"))),
        [
            (
                _name(name),
                *(cell for key in COHERENCE for cell in (v[key], counted(v, key))),
            )
            for name, v in rows.items()
        ],
        (
            "common to all bands: share of the variance over time, from clicks and envelopes; periodicity:",
            "of the energy, at lags of 30 ms to 1 s; ridges: mean duration of narrow peaks, as of whistles;",
            "kurtosis over time of a band: 3 for noise, more where calls are rare",
        ),
    )


def _per_species(audit: Mapping[str, Any]) -> Table:
    rows = audit["recognised"]
    names = [k for k in rows if k != "train"]

    def recall(row: str, species: str) -> float | None:
        own = rows[row]["per_species"].get(species)
        return own["recall"] if own else None

    return Table(
        "Recognised, by species",
        ("species", *map(_name, names)),
        [(species, *(recall(row, species) for row in names)) for species in audit["labels"]],
    )


def _substitution(students: Mapping[str, Any]) -> Table:
    rows = []
    for student, sets in students.items():
        for name, v in sets.items():
            unseen, own = v["on_unseen"], v.get("of_samples", {})
            rows.append(
                (
                    STUDENTS[student],
                    _name(name),
                    unseen["accuracy"],
                    unseen["mean_recall"],
                    v.get("ratio"),
                    _between(v.get("ratio_ci")),
                    v.get("ratio_mean_recall"),
                    own.get("accuracy"),
                )
            )
    return Table(
        "Can samples replace recordings? Tested on unseen groups",
        (
            "student",
            "trained on",
            "accuracy",
            "mean recall",
            "ratio to real, accuracy",
            "95 % over groups",
            "ratio to real, recall",
            "trained on real, accuracy on samples",
        ),
        rows,
    )


def _distances(table: Mapping[str, Any]) -> Table:
    rows = [
        (
            _name(k),
            f"{v['kad']:.2f} ± {v['kad_sd']:.2f}",
            f"{v['frechet']:.2f} ± {v['frechet_sd']:.2f}",
            v["precision"],
            v["recall"],
            v["density"],
            v["coverage"],
        )
        for k, v in table["rows"].items()
    ]
    space = SPACES.get(table["space"], table["space"])
    return Table(
        f"Distance to: {_name(table['reference'])}. Space: {space}",
        ("", "KAD", "Frechet", "precision", "recall", "density", "coverage"),
        rows,
        (
            f"{table['n']} windows in each row, with equal numbers of each species; ± over {table['seeds']} "
            "draws",
        ),
    )


def _copying(space: str, values: Mapping[str, Any]) -> Table:
    return Table(
        f"Are samples copies? Distance to the nearest training clip. Space: {SPACES[space]}",
        ("", "windows", "median ratio", "5th percentile ratio", "nearer than pairs", "nearer than nearest"),
        [
            (_name(k), v["n"], v["ratio"], v["ratio_low"], v["below_pair"], v["below_nearest"])
            for k, v in values["rows"].items()
        ],
        (
            "ratio: to the median distance of held-out clips; pairs: 1 % of pairs of training clips from two",
            "groups are nearer; nearest: 1 % of training clips are nearer to a clip of another group",
        ),
    )


def _diversity(spaces: Mapping[str, Any]) -> Table:
    rows = []
    for space, sets in spaces.items():
        for row, v in sets.items():
            defined = {k: d for k, d in v["per_species"].items() if d is not None}
            least = min(defined, key=lambda k: defined[k]) if defined else ""
            rows.append((_name(row), SPACES[space], v["mean"], defined.get(least), least))
    return Table(
        "Are samples of a species as diverse as its training clips? (1: as diverse, 0: all the same)",
        ("", "space", "mean over species", "lowest", "species"),
        rows,
    )
