"""Windows over a clip or a recording: equal integer spans that together leave no sample out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from finback.core.errors import AudioError, SettingsError


def windows(n_samples: int, window: int, advance: int) -> list[tuple[int, int]]:
    """(start, stop) spans of `window` samples, at most `advance` apart, that cover `n_samples`.

    The first starts at 0, the last stops at `n_samples`, the others are spread evenly between them, so no
    part is padded and the last window is not a fragment. A sound no longer than the window is one span of
    its own length. Raises `AudioError` without samples, `SettingsError` when `advance` would leave gaps.
    """
    if n_samples < 1:
        raise AudioError(f"no windows over {n_samples} samples", "give a sound that has samples")
    check_advance(window, advance)
    if n_samples <= window:
        return [(0, n_samples)]
    slack = n_samples - window
    n_steps = -(-slack // advance)  # rounded up
    return [(i * slack // n_steps, i * slack // n_steps + window) for i in range(n_steps + 1)]


def regular_windows(reaches: Callable[[int], bool], window: int, advance: int) -> Iterator[tuple[int, int]]:
    """(start, stop) spans of `window` samples that start every `advance`, for a sound of unknown length.

    `reaches(n)` says whether there are n samples. Where the last of these windows stops before the end, one
    more stops at the end, so that no sample is left out. A sound shorter than the window is one span of its
    own length. Raises as `windows` does.
    """
    check_advance(window, advance)
    start = 0
    while reaches(start + window):
        yield start, start + window
        start += advance
    n_samples = _length(reaches, start + window)
    if n_samples < 1:
        raise AudioError("no windows over 0 samples", "give a sound that has samples")
    if start == 0:
        yield 0, n_samples
    elif start - advance + window < n_samples:
        yield n_samples - window, n_samples


def _length(reaches: Callable[[int], bool], too_far: int) -> int:
    """The largest n that `reaches`, below `too_far`."""
    low, high = 0, too_far  # reached, not reached
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if reaches(middle) else (low, middle)
    return low


def check_advance(window: int, advance: int) -> None:
    """Raises `SettingsError` unless windows of `window` samples may advance by `advance`."""
    if not 1 <= advance <= window:
        raise SettingsError(
            f"windows of {window} samples cannot advance by {advance}",
            "advance by 1 sample to a whole window",
        )
