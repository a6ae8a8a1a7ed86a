"""The audit of a generator as tables that a stranger can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WORDS = {
    "train": "real: learnt from",
    "held_out": "real: held out, same tapes",
    "unseen": "real: unseen tapes",
    "unseen vocoded": "real: unseen tapes, vocoded",
}
LEARNERS = {"cnn2d": "small CNN", "bands": "linear on bands"}
SPACES = {"logmel": "log-mel", "reference_classifier": "embedding of the reference classifier"}


@dataclass(frozen=True)
class Table:
    """A title, rows of cells under columns, and lines to be read below."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    notes: Sequence[str] = ()


def tables(found: Mapping[str, Any]) -> list[Table]:
    """Everything in the result of `audit_generator`, in the order in which one asks."""
    return [
        _recognised(found["recognised"]),
        _per_species(found),
        _substitution(found["substitution"]),
        *(_distances(d) for d in found["distances"] if d["rows"]),
        *(_copying(space, facts) for space, facts in found["copying"].items()),
        _diversity(found["diversity"]),
    ]


def notes(found: Mapping[str, Any]) -> list[str]:
    """What must be known to read the tables, and where the rest is."""
    few = [d for d in found["distances"] if not d["rows"]]
    heard = found["reference_classifier"]["seen_in_training"]
    lines = []
    if heard:
        lines.append(
            f"warning: the judge has heard {heard} of the clips that the generator was not shown; "
            "leave out --classifier to have one trained that has not"
        )
    if few:
        lines.append("distances left out: fewer than seven clips have species in common with the reference")
    lines.append(
        "unseen tapes are the validation and the test side together: no generator chooses anything by them"
    )
    lines.append(f"pictures and generator_audit.json: {found['run']}")
    return lines


def _name(row: str) -> str:
    return WORDS.get(row, f"samples: {row}")


def _between(interval: Sequence[float] | None) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""


def _recognised(rows: Mapping[str, Any]) -> Table:
    return Table(
        "Does the judge recognise the species?",
        ("", "clips", "recognised", "95 % over tapes", "mean over species"),
        [
            (_name(k), v["n_clips"], v["accuracy"], _between(v.get("accuracy_ci")), v["mean_recall"])
            for k, v in rows.items()
        ],
        ("the judge has learnt from the same clips as the generator: on those it is flattered",),
    )


def _per_species(found: Mapping[str, Any]) -> Table:
    rows = found["recognised"]
    names = [k for k in rows if k != "train"]

    def recall(row: str, species: str) -> float | None:
        own = rows[row]["per_species"].get(species)
        return own["recall"] if own else None

    return Table(
        "Recognised, species by species",
        ("species", *map(_name, names)),
        [(species, *(recall(row, species) for row in names)) for species in found["labels"]],
    )


def _substitution(found: Mapping[str, Any]) -> Table:
    rows = []
    for learner, taught in found.items():
        for row, v in taught.items():
            unseen, own = v["on_unseen"], v.get("of_samples", {})
            rows.append(
                (
                    LEARNERS[learner],
                    _name(row),
                    unseen["accuracy"],
                    unseen["mean_recall"],
                    v.get("ratio"),
                    _between(v.get("ratio_ci")),
                    v.get("ratio_mean_recall"),
                    own.get("accuracy"),
                )
            )
    return Table(
        "Do samples serve in place of recordings? Tested on unseen tapes",
        (
            "learner",
            "taught by",
            "accuracy",
            "mean recall",
            "of real's accuracy",
            "95 % over tapes",
            "of real's recall",
            "taught by real, right on samples",
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
        f"How far from {_name(table['reference'])}? In the {space}",
        ("", "KAD", "Frechet", "precision", "recall", "density", "coverage"),
        rows,
        (f"{table['n']} windows a row, as many of a species as the others; ± over {table['seeds']} draws",),
    )


def _copying(space: str, facts: Mapping[str, Any]) -> Table:
    return Table(
        f"Are they copies? Distance to the nearest learnt clip, {SPACES[space]}",
        ("", "windows", "median ratio", "5th percentile ratio", "nearer than pairs", "nearer than nearest"),
        [
            (_name(k), v["n"], v["ratio"], v["ratio_low"], v["below_pair"], v["below_nearest"])
            for k, v in facts["rows"].items()
        ],
        (
            "ratio: to a held-out clip's usual distance; pairs: 1 % of learnt clips' pairs of two tapes lie",
            "nearer; nearest: 1 % of learnt clips are nearer to another tape, which compares like with like",
        ),
    )


def _diversity(found: Mapping[str, Any]) -> Table:
    rows = []
    for space, of in found.items():
        for row, v in of.items():
            defined = {k: d for k, d in v["per_species"].items() if d is not None}
            least = min(defined, key=lambda k: defined[k]) if defined else ""
            rows.append((_name(row), SPACES[space], v["mean"], defined.get(least), least))
    return Table(
        "Do samples of one species differ as its clips do? (1: as much, 0: all the same)",
        ("", "distance", "mean over species", "least", "of"),
        rows,
    )
