"""How figures are written: in which formats, with how many dots per inch, and how wide.

The options `--format`, `--dpi` and `--width` of every command that draws. They hold within `written_as`, as
matplotlib's own style holds within `rc_context`; the figures and their callers do not know them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from finback.core.errors import SettingsError

FORMATS = ("png", "svg", "pdf")
USUAL_DPI, PRINT_DPI = 130, 300  # of a PNG for the screen, and of one whose width is given
LEAST_DPI, MOST_DPI = 50, 1200
MM = {"mm": 1.0, "cm": 10.0, "in": 25.4}
LEAST_MM, MOST_MM = 40.0, 500.0  # below, text of 6 points leaves no room for a figure


@dataclass(frozen=True, slots=True)
class FigureFiles:
    """Formats of the files (none: the usual ones), dots per inch of a PNG, width in inches."""

    formats: tuple[str, ...] = ()
    dpi: int | None = None
    width_in: float | None = None  # None: as wide as each figure was designed

    @classmethod
    def of(cls, formats: str | None = None, dpi: int | None = None, width: str | None = None) -> FigureFiles:
        """From the texts that a person gives: "png,pdf", 300, "85mm". Raises `SettingsError`."""
        if dpi is not None and not LEAST_DPI <= dpi <= MOST_DPI:
            raise SettingsError(
                f"--dpi {dpi}: not a resolution for figures", f"give {LEAST_DPI} to {MOST_DPI}"
            )
        return cls(_formats(formats), dpi, None if width is None else _inches(width))

    @property
    def png_dpi(self) -> int:
        return self.dpi or (USUAL_DPI if self.width_in is None else PRINT_DPI)

    @property
    def is_usual(self) -> bool:
        """Whether a PNG and an SVG look as on a page."""
        return self.width_in is None and self.png_dpi == USUAL_DPI

    def of_path(self, path: Path) -> list[Path]:
        """The files for a named figure: of its own format, or of the formats that are asked for.

        Raises `SettingsError` if the name does not end in a format of figures.
        """
        if path.suffix.lower().removeprefix(".") not in FORMATS:
            endings = ", ".join(f".{one}" for one in FORMATS)
            raise SettingsError(f"{path}: not the name of a figure", f"end the name in one of {endings}")
        return [path.with_suffix(f".{one}") for one in self.formats] or [path]


USUAL = FigureFiles()
_current: ContextVar[FigureFiles] = ContextVar("figure files", default=USUAL)


@contextmanager
def written_as(files: FigureFiles) -> Iterator[None]:
    """Write all figures so, within the block."""
    token = _current.set(files)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> FigureFiles:
    """How figures are written now."""
    return _current.get()


def formats_or(usual: Sequence[str]) -> Sequence[str]:
    """The formats that are asked for, else the usual ones."""
    return current().formats or usual


def _formats(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(dict.fromkeys(part.strip().lower().removeprefix(".") for part in text.split(",")))
    for name in names:
        if name not in FORMATS:
            raise SettingsError(
                f"--format {text}: '{name}' is not a format of figures", f"give {', '.join(FORMATS)}"
            )
    return names


def _inches(text: str) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(mm|cm|in)\s*", text.lower())
    if match is None:
        raise SettingsError(f"--width {text}: not a width", "give a number and a unit: 85mm, 8.5cm or 3.35in")
    mm = float(match[1]) * MM[match[2]]
    if not LEAST_MM <= mm <= MOST_MM:
        raise SettingsError(
            f"--width {text}: not a width for figures", f"give {LEAST_MM:g}mm to {MOST_MM:g}mm"
        )
    return mm / MM["in"]
