"""Bad input that is handled: the work goes on, and the result names what was repaired or left out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bad_input import nan_wave, rewrite, rows, sound, text, truncated_flac, wave

from finback.audio.io import read, write

# Handled: the work goes on, and the result says what was done with it. (id, spoil, clips left, words)
HANDLED: list[tuple[str, Callable[[dict[str, Path]], None], int, list[str]]] = [
    ("byte order mark", lambda s: rewrite(s, rows(s), "utf-8-sig"), 32, []),
    ("windows line ends", lambda s: rewrite(s, rows(s), newline="\r\n"), 32, []),
    ("utf-16 from a spreadsheet", lambda s: rewrite(s, rows(s), "utf-16"), 32, []),
    ("semicolons", lambda s: rewrite(s, [r.replace(",", ";") for r in rows(s)]), 32, []),
    ("spaces around values", lambda s: rewrite(s, [r.replace(",", " , ") for r in rows(s)]), 32, []),
    ("upper-case extension", lambda s: s["good"].rename(s["good"].with_suffix(".FLAC")) and None, 32, []),
    ("other extension in the table", text((".flac", ".wav")), 32, []),
    (
        "two spellings",
        lambda s: rewrite(
            s, [r.replace("Killer whale", "killer  whale") if i == 30 else r for i, r in enumerate(rows(s))]
        ),
        32,
        [],
    ),
    ("a missing file", lambda s: s["good"].unlink(), 31, ["missing_file"]),
    ("an unlabelled file", lambda s: rewrite(s, rows(s)[:-1]), 31, ["unlabelled"]),
    ("a duplicate row", lambda s: rewrite(s, [*rows(s), rows(s)[-1]]), 32, ["duplicate_row"]),
    (
        "an empty species",
        lambda s: rewrite(s, [*rows(s)[:-1], rows(s)[-1].split(",")[0] + ",,x"]),
        31,
        ["empty_label"],
    ),
    (
        "one sound, two species",
        sound("copy.flac", lambda p: shutil.copy(sorted(p.parent.iterdir())[0], p) and None),
        31,
        ["two_species"],
    ),
    ("a text file called .wav", sound("t.wav", lambda p: p.write_text("hello") and None), 32, ["unreadable"]),
    ("an empty file", sound("e.wav", lambda p: p.write_bytes(b"") and None), 32, ["unreadable"]),
    ("a truncated flac", sound("t.flac", truncated_flac), 33, ["remark"]),
    ("NaN in a float file", sound("n.wav", nan_wave), 32, ["unreadable"]),
    ("silence", sound("s.wav", wave(np.zeros(16_000))), 33, []),
    ("a very short click", sound("c.wav", wave(np.ones(20) * 0.1, 100_000)), 33, ["short"]),
    ("an odd rate", sound("o.wav", wave(np.random.default_rng(0).normal(0, 0.1, 9000), 7_919)), 33, []),
    ("sixteen channels", sound("m.wav", wave(np.random.default_rng(0).normal(0, 0.1, (8000, 16)))), 33, []),
    (
        "a name with a comma, unquoted",
        sound("a, b.wav", wave(np.random.default_rng(1).normal(0, 0.1, 8000))),
        32,
        ["columns"],
    ),
]


@pytest.mark.parametrize(("spoil", "left", "kinds"), [h[1:] for h in HANDLED], ids=[h[0] for h in HANDLED])
def test_handled_and_said(finback, stage, spoil, left: int, kinds: list[str]) -> None:  # type: ignore[no-untyped-def]
    spoil(stage)
    code, out, err = finback(
        "index", "--audio", str(stage["audio"]), "--labels", str(stage["labels"]), "--json"
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["n_clips"] == left, found["problems"]
    assert {p["kind"] for p in found["problems"]} >= set(kinds)
    for problem in found["problems"]:
        assert problem["file"]
        assert problem["repair"] or problem["kind"] == "remark"  # what was read needs no repair


def test_a_wav_whose_recorder_died_is_read(finback, stage) -> None:  # type: ignore[no-untyped-def]
    """Data size 0 in the header, samples in the file."""
    path = stage["audio"] / "died.wav"
    write(path, np.random.default_rng(0).normal(0, 0.1, 8000), 16_000)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\0\0\0\0"
    path.write_bytes(data)
    assert len(read(path)) == 8000
    code, _, _ = finback("predict", str(stage["run"]), str(path))
    assert code == 0
