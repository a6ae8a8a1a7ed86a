"""Options of commands with values that nobody means. Oracle: refused, or the command does its work."""

from __future__ import annotations

import random

from fuzz.answers import REFUSED, RIGHT, finback, refusal
from fuzz.damage import nasty
from fuzz.stage import Answer, Stage

COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # command -> (its words, options to set)
    "settings": (
        ("split", "--audio", "{data}/audio", "--labels", "{data}/labels.csv", "--json"),
        (
            "--seed",
            "--folds",
            "--split",
            "--rare",
            "--rare-below",
            "--by",
            "--preset",
            "--set",
            "--min-clips",
        ),
    ),
    "split": (
        ("split", "--audio", "{data}/audio", "--labels", "{data}/labels.csv", "--json"),
        (
            "--seed",
            "--folds",
            "--split",
            "--by",
            "--channel",
            "--min-clips",
            "--groups",
            "--file-column",
            "--source",
        ),
    ),
    "index": (
        ("index", "--audio", "{data}/audio", "--labels", "{data}/labels.csv", "--json"),
        ("--channel", "--min-clips", "--groups", "--file-column", "--species-column", "--source", "--out"),
    ),
    "predict": (
        ("predict", "{run}", "{clip}", "--json", "--device", "cpu"),
        ("--top", "--channel", "--device", "--out", "--format", "--csv", "--raven", "--sets"),
    ),
    "vocode": (
        ("vocode", "{logmels}", "--preset", "{tiny}", "--out", "{out}", "--vocoder", "fast-griffin-lim"),
        ("--rounds", "--seed", "--vocoder", "--set", "--preset", "--channel"),
    ),
    "models": (("models", "--json"), ("--preset",)),
    "fetch": (("fetch", "--list"), ("--limit", "--rate", "--jobs", "--source-file")),
    "export": (("export", "{run}", "--to", "card", "--out", "{out}/card.md"), ("--to",)),
    "ensemble": (("ensemble", "{run}", "{run}", "--out", "{out}"), ("--how",)),
}


def case(stage: Stage, rng: random.Random) -> Answer:
    from fuzz.stage import HERE

    words, options = COMMANDS[rng.choice(list(COMMANDS))]
    with stage.work() as folder:
        places = {
            "data": stage.folder / "old/data",
            "run": stage.folder / "run",
            "clip": stage.clip,
            "out": folder / "out",
            "tiny": HERE / "tiny.toml",
            "logmels": stage.folder / "logmels.npz",
        }
        given = [word.format(**places) for word in words]
        for _ in range(rng.choice((1, 1, 2))):
            numbers = (str(rng.randrange(-3, 40)), str(rng.randrange(5)), str(rng.randrange(2, 9)), "0.5")
            value = rng.choice((str(nasty(rng)), *numbers, str(folder)))
            # An operating system passes neither of these to a command.
            value = value.replace("\0", "0").encode("utf-8", "replace").decode()[:500]
            option = rng.choice(options)
            inside = f"{folder}/{value[:60].replace('/', '_').replace('..', '_')}"
            given += [option, inside if option == "--out" else value]
        said = finback(*given)
        return (REFUSED, said.err) if refusal(said) else (RIGHT, given)
