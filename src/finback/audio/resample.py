"""Resampling with soxr's HQ recipe (100 dB rejection, linear phase: calls keep their place in time).

In one piece or in a stream the numbers are the same to float rounding, and so is the length: ceil(n *
rate_out / rate_in). soxr itself rounds that length to the nearest integer; the sample that it may leave out
is computed by adding silence after the end, which soxr assumes there anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from finback.core.errors import SettingsError

QUALITY = "HQ"


def resample(x: np.ndarray, rate_in: int, rate_out: int) -> np.ndarray:
    """Samples (n,) at `rate_in` Hz -> (ceil(n * rate_out / rate_in),) float32 at `rate_out` Hz.

    Raises `SettingsError` for a rate that is not positive.
    """
    _check(rate_in, rate_out)
    x = np.ascontiguousarray(x, dtype=np.float32)
    if rate_in == rate_out or not x.size:
        return x.copy()
    padded = np.concatenate([x, _silence_after(rate_in, rate_out)])
    return soxr.resample(padded, rate_in, rate_out, quality=QUALITY)[: length(len(x), rate_in, rate_out)]


def padded(n_rows: int, n_samples: int, rate_in: int, rate_out: int) -> np.ndarray:
    """Room (n_rows, n_samples and more) for sounds of n samples that `resample_rows` takes; silent so far."""
    after = 0 if rate_in == rate_out else len(_silence_after(rate_in, rate_out))
    return np.zeros((n_rows, n_samples + after), dtype=np.float32)


def resample_rows(x: np.ndarray, n_samples: int, rate_in: int, rate_out: int) -> np.ndarray:
    """Sounds (w, n_samples and more) from `padded` -> (w, n'), each as `resample` gives it, bit for bit.

    soxr designs its filters again at each call, and takes many sounds as channels.
    """
    _check(rate_in, rate_out)
    if rate_in == rate_out:
        return x
    return soxr.resample(x.T, rate_in, rate_out, quality=QUALITY).T[:, : length(n_samples, rate_in, rate_out)]


def resample_stream(blocks: Iterable[np.ndarray], rate_in: int, rate_out: int) -> Iterator[np.ndarray]:
    """Blocks (n_i,) of one recording -> blocks of it at `rate_out`, of whatever sizes are ready.

    Joined they equal `resample` of the joined blocks within 1e-5 (they may differ in the last bits: soxr
    sums in another order). Memory does not grow with the recording.
    """
    _check(rate_in, rate_out)
    if rate_in == rate_out:
        for block in blocks:
            yield np.array(block, dtype=np.float32)
        return
    stream = soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32", quality=QUALITY)
    n_in = n_out = 0
    for block in blocks:
        n_in += len(block)
        ready = stream.resample_chunk(np.ascontiguousarray(block, dtype=np.float32))
        n_out += len(ready)
        if ready.size:
            yield ready
    if n_in:
        rest = stream.resample_chunk(_silence_after(rate_in, rate_out), last=True)
        rest = rest[: length(n_in, rate_in, rate_out) - n_out]
        if rest.size:
            yield rest


def length(n_samples: int, rate_in: int, rate_out: int) -> int:
    """ceil(n_samples * rate_out / rate_in), in integers."""
    return -(-n_samples * rate_out // rate_in)


def _silence_after(rate_in: int, rate_out: int) -> np.ndarray:
    return np.zeros(-(-rate_in // rate_out) + 1, dtype=np.float32)  # at least one output sample long


def _check(rate_in: int, rate_out: int) -> None:
    if rate_in < 1 or rate_out < 1:
        raise SettingsError(f"cannot resample from {rate_in} to {rate_out} Hz", "rates are positive, in Hz")
