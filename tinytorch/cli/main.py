"""The group of all commands, and how errors end.

Exit codes are those of `diff`: 0 where the answer is yes or the work is done, 1 where the answer is no (two
graphs differ, a program does not fit), 2 where there is none: bad usage, a missing file, an error.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import click

from compiler.errors import TinytorchError
from tinytorch.cli.failing import WITH_TRACEBACK, Failure, Fault

COMMANDS: Final = (
    "demo", "run", "draw", "report", "diff", "compare", "ablate", "profile", "cost", "memory", "explain",
    "lint", "sweep", "passes", "ops", "plugins", "doctor", "completion",
)  # fmt: skip
"""In the order in which help lists them. Each is a module of `tinytorch.cli.commands` with a `command`."""


class Commands(click.Group):
    """Loads a command when it is asked for, so that each run imports what it needs and no more."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in an order in which one reads them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"tinytorch.cli.commands.{cmd_name}").command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command. An error that somebody meant becomes one message; any other keeps its traceback.

        Raises click's exceptions only.
        """
        try:
            return self._invoked(ctx)
        except Failure as failure:
            failure.is_traced = bool(ctx.meta.get(WITH_TRACEBACK))
            raise

    def _invoked(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except (TinytorchError, OSError) as error:
            raise Failure(str(error)) from error
        except Exception as error:
            raise Fault(error) from error


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="TARGET is path.py:NAME, module:NAME, a file that tt.save wrote, or an .onnx file.  "
    "NAME is a program, tensors, a graph, or a function without arguments that returns one.  "
    "Every command takes --json.  Exit codes: 0 done, 1 the answer is no (diff: they differ), 2 an error.",
)
@click.version_option(package_name="tinytorch-compiler", prog_name="tinytorch")
def main() -> None:
    """See what tinytorch makes of a network, and ask why.

    `tinytorch COMMAND --help` explains a command and shows an example.
    """
