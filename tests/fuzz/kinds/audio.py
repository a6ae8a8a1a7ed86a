"""Sound files of every format.

Oracle: a mutant is refused; or it has a remark; or its samples are those of the whole file, outside the
damaged bytes where a format has no checksums. The header of a mutated WAV is read again by a second parser.
"""

from __future__ import annotations

import random
import struct
from typing import Any

import numpy as np

from fuzz.answers import REFUSED, REMARK, RIGHT, SAME, Nonsense, finback, probabilities, refusal
from fuzz.damage import damaged_bytes
from fuzz.stage import FORMATS, RATE, Answer, Stage

LOSSLESS = ("16.wav", "24.wav", "f.wav", "ex.wav", "rf.wav", "a.flac", "a.aiff", "a.w64", "a.caf", "a.au")
TAG, FRAME = 250, 1152  # bytes of the first frame of an MP3, which holds no sound; samples of a frame


def case(stage: Stage, rng: random.Random) -> Answer:
    from finback.audio.io import open_recording, read
    from finback.audio.validation import LARGEST
    from finback.core.errors import FinbackError

    suffix = rng.choice(list(FORMATS))
    whole = (stage.folder / "sounds" / suffix).read_bytes()
    data = damaged_bytes(whole, rng, head=64)
    with stage.work() as folder:
        path = folder / ("x." + suffix.rpartition(".")[2])
        path.write_bytes(data)
        if rng.random() < 0.2:
            return _predicted(stage, str(path))
        try:
            recording = open_recording(path)
            samples = read(path)
        except FinbackError as error:
            if path.name not in str(error):
                raise Nonsense(f"the file is not named: {error}") from None
            return REFUSED, str(error)
        if not np.isfinite(samples).all() or np.abs(samples).max(initial=0) > LARGEST:
            raise Nonsense("samples that are not finite, or absurd")
        if len(samples) != recording.n_samples:
            raise Nonsense(f"{len(samples)} samples, and {recording.n_samples} were promised")
        if recording.remarks:
            return REMARK, recording.remarks
        return _judged(suffix, whole, data, samples, recording)


def _predicted(stage: Stage, path: str) -> Answer:
    said = finback("predict", str(stage.folder / "run"), path, "--json", "--device", "cpu")
    if refusal(said):
        return REFUSED, said.err
    answer = said.json
    probabilities(answer)
    return (REMARK if answer["errors"] or said.err.strip() else RIGHT), said.err


def _judged(suffix: str, whole: bytes, data: bytes, samples: np.ndarray, recording: Any) -> Answer:
    import soundfile

    true = wave_of(suffix, whole)
    if data.startswith(whole) and len(samples) == len(true) and np.allclose(samples, true, atol=1e-4):
        return SAME, "bytes after the end"
    if suffix.endswith(".wav") and data[:4] == b"RIFF":
        stated = _riff(data)
        if stated is not None:
            channels, rate, n = stated
            if (recording.n_channels, recording.sample_rate) != (channels, rate):
                raise Nonsense(
                    f"header {stated}, read as {recording.n_channels} channels, {recording.sample_rate} Hz"
                )
            if suffix in LOSSLESS and recording.n_samples != n:
                raise Nonsense(
                    f"{n} samples are stated and there; {recording.n_samples} were read without a remark"
                )
            return RIGHT, "as its header says"
    if recording.sample_rate != RATE or recording.n_channels != 1:
        return RIGHT, "another rate or number of channels, as its header says"
    if suffix == "a.mp3" and data[:TAG] != whole[:TAG] and len(true) <= len(samples) <= len(true) + 3 * FRAME:
        return RIGHT, "the frame that says how many samples are padding is damaged, so the padding is sound"
    if len(samples) != len(true):
        with soundfile.SoundFile(_file(data)) as file:
            if file.frames == len(samples):
                return RIGHT, "as an independent decoder reads it"
        raise Nonsense(f"{len(samples)} of {len(true)} samples without a remark")
    different = np.flatnonzero(np.abs(samples - true) > 1e-4)
    if suffix == "a.flac" and len(different):
        raise Nonsense(f"{len(different)} samples differ without a remark, in a format with checksums")
    return (SAME if not len(different) else RIGHT), f"{len(different)} samples differ"


def wave_of(suffix: str, whole: bytes) -> np.ndarray:
    import soundfile

    return soundfile.read(_file(whole))[0]


def _file(data: bytes) -> Any:
    import io

    return io.BytesIO(data)


def _riff(data: bytes) -> tuple[int, int, int] | None:
    """(channels, rate, samples that are stated and there) of a plain PCM or float WAV; None for others."""
    at, form, n_bytes = 12, None, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        if name == b"fmt " and size >= 16 and form is None:
            form = struct.unpack("<HHIIHH", data[at + 8 : at + 24])
        if name == b"data":
            n_bytes = min(size, len(data) - at - 8)
            whole = size <= len(data) - at - 8
            break
        at += 8 + size + size % 2
    if form is None or n_bytes is None or not whole or form[0] not in (1, 3) or not form[4] or form[5] % 8:
        return None
    if form[4] != form[1] * form[5] // 8:  # slots wider than the bits: not for ten lines
        return None
    return form[1], form[2], n_bytes // form[4]
