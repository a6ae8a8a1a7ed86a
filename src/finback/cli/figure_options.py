"""The options of all commands that draw figures: formats, resolution and width."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from finback.cli.options import takes

if TYPE_CHECKING:
    from finback.report.plots.figure_files import FigureFiles


@dataclass(frozen=True, kw_only=True)
class FigureOptions:
    """How the files of figures are written."""

    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="png,svg,pdf",
            help="Formats of the figures, separated by commas (default: png,svg).",
            show_default=False,
        ),
    ] = None
    dpi: Annotated[
        int | None,
        typer.Option(
            help="Dots per inch of PNG figures (default: 130; 300 with --width).", show_default=False
        ),
    ] = None
    width: Annotated[
        str | None,
        typer.Option(
            help="Width of the figures in the files, for example 85mm, 17.5cm or 3.35in; text stays at least "
            "6 points high.",
            show_default=False,
        ),
    ] = None

    def files(self) -> FigureFiles | None:
        """What is asked for; None where nothing is, so that no plotting library is loaded early."""
        if self.format_ is None and self.dpi is None and self.width is None:
            return None
        from finback.report.plots.figure_files import FigureFiles

        return FigureFiles.of(self.format_, self.dpi, self.width)


def draws(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of figures; they hold for every figure that it writes.

    They are checked before the command begins.
    """

    @functools.wraps(command)
    def call(figures: FigureOptions, **given: Any) -> Any:
        files = figures.files()
        if files is None:
            return command(**given)
        from finback.report.plots.figure_files import written_as

        with written_as(files):
            return command(**given)

    hints = get_type_hints(command, include_extras=True)
    own = [
        parameter.replace(annotation=hints.get(name, parameter.annotation), kind=parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(command).parameters.items()
    ]
    figures = inspect.Parameter("figures", inspect.Parameter.KEYWORD_ONLY, annotation=FigureOptions)
    parameters = sorted([*own, figures], key=lambda p: p.default is not p.empty)
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    del call.__wrapped__  # else its signature is used
    return takes(figures=FigureOptions)(call)
