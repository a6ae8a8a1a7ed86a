"""Recipes on kept tapes, as others measured them. This script stores the figures; it cannot measure them.

    python benchmarks/kept_tapes.py

The kept tapes are recordings of the Watkins database that nobody trained or tuned on; they are not beside the
project. They were scored once by `finback predict`, after training on the clips of `watkins` (13 kept tapes,
8 species) and of `watkins_all` (34 kept tapes, 20 species), with finback 0.1.0. The column of own folds is
what the docs of 0.1.0 said: macro-F1 on five folds of the 42 tapes of `watkins`, mean of three seeds.
"""

from __future__ import annotations

from stored import Stored, Table, store, with_interval

WIDTH = 0.13  # of the intervals over the kept tapes, in each direction, as they were given
# Recipe: macro-F1 on own folds, then accuracy and macro-F1 on 13 and on 34 kept tapes.
FIGURES = {
    "`birdnet`": (0.576, (0.637, 0.676), (0.518, 0.543)),
    "`birdnet-plda`": (0.654, (0.604, 0.696), (0.502, 0.561)),
    "`aisfx-plda`": (0.636, (0.319, 0.317), (0.327, 0.296)),
    "ensemble of the two `-plda`, the best of 0.1.0": (0.674, (0.462, 0.530), (0.482, 0.520)),
    "`mfcc-plda`": (0.491, (0.341, 0.424), (0.278, 0.320)),
    "`mfcc-forest`": (0.362, (0.330, 0.305), (0.347, 0.327)),
    "`cnn2d`": (0.421, (0.396, 0.421), (0.310, 0.336)),
    "`supcon`": (0.452, (0.275, 0.279), None),
    "`transformer`": (0.446, (0.264, 0.248), None),
}
# BirdNET at one and at two speeds: macro-F1 on folds of `watkins_all`, then on 34 kept tapes.
SPEEDS = {
    "logistic regression": ((0.516, 0.581), (0.554, 0.617)),
    "discriminant analysis (plda)": ((0.562, 0.646), (0.576, 0.613)),
    "the mean of three heads (the third: nearest tape mean)": ((0.534, 0.604), (0.557, 0.625)),
}


def main() -> None:
    columns = ("recipe", "own folds, 42 tapes", "13 kept tapes", "34 kept tapes", "34 kept tapes, accuracy")
    rows = [
        (
            name,
            own,
            few[1],
            many and with_interval(many[1], [many[1] - WIDTH, many[1] + WIDTH]),
            many and many[0],
        )
        for name, (own, few, many) in FIGURES.items()
    ]
    ways = [
        f"{where}, {speeds}" for where in ("folds", "34 kept tapes") for speeds in ("one speed", "two speeds")
    ]
    speeds = ("head on BirdNET", *ways)
    found = {
        "recipes": Table(columns, rows),
        "speeds": Table(speeds, [(name, *folds, *kept) for name, (folds, kept) in SPEEDS.items()]),
    }
    ensemble, reference = list(FIGURES.values())[3], FIGURES["`birdnet`"]
    values = {
        "lead.folds": ensemble[0] - reference[0],
        "lead.13": ensemble[1][1] - reference[1][1],
        "lead.34": ensemble[2][1] - reference[2][1],
    }
    about = (
        "Macro-F1 on kept tapes as others measured it once with 0.1.0; not measured again by this command."
    )
    store("kept-tapes", Stored("python benchmarks/kept_tapes.py", about, values, found))


if __name__ == "__main__":
    main()
