"""Zip archives of a source of recordings. Oracle: refused, or files inside the folder with whole content."""

from __future__ import annotations

import io
import random
import zipfile

from fuzz.answers import REFUSED, REMARK, RIGHT, Nonsense
from fuzz.damage import NASTY_TEXT, damaged_bytes
from fuzz.stage import Answer, Stage


def case(stage: Stage, rng: random.Random) -> Answer:
    from finback.core.errors import FinbackError
    from finback.datasets.fetch.archive import offers, opened, unpack
    from finback.datasets.fetch.bounds import Bounds
    from finback.datasets.fetch.listing import SpeciesFilter
    from finback.datasets.fetch.source import load

    sound, bounds = (stage.folder / "sounds" / "16.wav").read_bytes(), Bounds()
    faults: list[str] = []
    with stage.work() as folder:
        archive, out = folder / "a.zip", folder / "out"
        archive.write_bytes(_mutant(sound, rng))
        try:
            with opened(archive, bounds) as packed:
                source = load("watkins-archive")
                found = offers(
                    source, packed, SpeciesFilter(), bounds, lambda name, error: faults.append(name)
                )
                for offer in found:
                    unpack(packed, offer, out / offer.file, bounds)
        except FinbackError as error:
            return REFUSED, str(error)
        strange = [p for p in folder.rglob("*") if p != archive and p != out and out not in p.parents]
        if strange:
            raise Nonsense(f"written outside: {strange}")
        if any(
            p.is_file() and p.read_bytes()[:4] == b"RIFF" and p.read_bytes() != sound
            for p in out.rglob("*.wav")
        ):
            raise Nonsense("a file that is not that of the archive")
        return (REMARK if faults else RIGHT), [*faults, *(offer.file for offer in found)]


def _mutant(sound: bytes, rng: random.Random) -> bytes:
    names = ["Walrus/7201500A.wav", "Grampus,_Rissos_Dolphin/61025001.wav"]
    for _ in range(rng.randrange(3)):
        part = rng.choice((*NASTY_TEXT, "..", "/", "a/../../b", "C:/x"))
        names.append(rng.choice((f"Walrus/{part}.wav", f"{part}/7201500B.wav", part)))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))) as file:
        for name in names:
            plain = name.encode("utf-8", "replace").decode().partition("\0")[0][:1000]
            file.writestr(plain or "x", sound)
    data = packed.getvalue()
    return damaged_bytes(data, rng, head=400) if rng.random() < 0.7 else data
