"""One family of exceptions. A message names the file, row or key, what is wrong, and the repair.

The CLI prints the message alone and exits with `exit_code`: 1 when the work failed, 2 when the input
cannot be used. Nothing in finback raises a bare `Exception` or prints. Names in a message come from files of
other people, so what a terminal would obey is made visible (`finback.core.text`).
"""

from finback.core.text import printable


class FinbackError(Exception):
    """Base of every error a user can meet.

    `FinbackError("runs/a: no weights", "train it first: finback train cnn2d --out runs/a")`
    reads as one line: what is wrong, then how to repair it.
    """

    exit_code = 1

    def __init__(self, problem: str, repair: str = "") -> None:
        self.problem = printable(problem, keep="\n")
        self.repair = printable(repair, keep="\n")
        super().__init__(f"{self.problem}; {self.repair}" if repair else self.problem)


class InputError(FinbackError):
    """Input that cannot be used: a file, a row, an option."""

    exit_code = 2


class AudioError(InputError):
    """A sound file that cannot be read, or a span it does not have."""


class ManifestError(InputError):
    """A label table that cannot be turned into clips."""


class SettingsError(InputError):
    """An unknown key, a value out of range, a preset that does not exist."""


class SplitError(InputError):
    """Clips that cannot be split as asked."""


class LeakError(FinbackError):
    """A recording group in two sets of a split, or a synthetic clip outside the training set."""


class RunError(InputError):
    """A run folder that is missing, unfinished, damaged, or of another kind."""


class SpecMismatchError(RunError):
    """Features made with one spec, offered to a model trained with another."""


class WriteError(FinbackError):
    """A file or folder that cannot be written: no space, no permission, a folder in its place."""


class LockError(FinbackError):
    """An output folder in which another process writes."""


class NotKept(UserWarning):
    """A warning, not an error: a result was computed and used, but could not be kept for the next time."""


class LeftOut(UserWarning):
    """A warning, not an error: a step of the work was left out, and the text says why."""


class Terms(UserWarning):
    """Not an error: the terms of bundled weights, said once to each user."""


class NotDrawn(UserWarning):
    """A warning, not an error: a figure shows something else than a name that it should show."""


class Inexact(UserWarning):
    """A warning, not an error: the settings give a result that is known to be less exact than usual."""
