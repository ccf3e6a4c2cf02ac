"""Errors as the command line shows them: one message, and the traceback where it is asked for."""

from __future__ import annotations

import traceback
from typing import IO, Any, Final

import click

TROUBLE: Final = 2
"""The exit code of every error, so that 1 can be an answer."""

WITH_TRACEBACK: Final = "tinytorch.traceback"
"""Set in `Context.meta` by --traceback."""


class Failure(click.ClickException):
    """An error that somebody meant: of the user, of a target, of a missing part."""

    exit_code = TROUBLE
    is_traced = False
    """Whether the traceback of the cause is shown, too."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the message, below the traceback where that was asked for."""
        cause = self.__cause__
        if cause is not None and self.is_traced:
            click.echo("".join(traceback.format_exception(cause)), file=file, err=file is None, nl=False)
        super().show(file)


class Fault(click.ClickException):
    """An error that nobody meant."""

    exit_code = TROUBLE

    def __init__(self, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.error = error

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the traceback, and that it is not the user's."""
        click.echo("".join(traceback.format_exception(self.error)), file=file, err=file is None, nl=False)
        click.echo("Error: this is a fault of tinytorch; please report it", file=file, err=file is None)
