"""Windows over a clip or a recording: equal integer spans that together leave no sample out."""

from __future__ import annotations

from finback.core.errors import AudioError, SettingsError


def windows(n_samples: int, window: int, advance: int) -> list[tuple[int, int]]:
    """(start, stop) spans of `window` samples, at most `advance` apart, that cover `n_samples`.

    The first starts at 0, the last stops at `n_samples`, the others are spread evenly between them, so no
    part is padded and the last window is not a fragment. A sound no longer than the window is one span of
    its own length. Raises `AudioError` without samples, `SettingsError` when `advance` would leave gaps.
    """
    if n_samples < 1:
        raise AudioError(f"no windows over {n_samples} samples", "give a sound that has samples")
    if not 1 <= advance <= window:
        raise SettingsError(
            f"windows of {window} samples cannot advance by {advance}",
            "advance by 1 sample to a whole window",
        )
    if n_samples <= window:
        return [(0, n_samples)]
    slack = n_samples - window
    n_steps = -(-slack // advance)  # rounded up
    return [(i * slack // n_steps, i * slack // n_steps + window) for i in range(n_steps + 1)]
