"""What all commands share: `--json`, `--traceback`, an example, and the options of a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import click

from compiler.render import SUFFIXES
from tinytorch.cli.failing import WITH_TRACEBACK

AS_JSON: Final = "tinytorch.json"
"""Set in `Context.meta` by --json."""

Function: TypeAlias = Callable[..., Any]
Decorator: TypeAlias = Callable[[Function], Function]


class Command(click.Command):
    """A command whose help ends with examples, which the tests run."""

    examples: tuple[str, ...] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples below the options."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example}\n")


def command(*examples: str) -> Callable[[Function], Command]:
    """Makes a command of a function: its docstring is the help, its name without `_` the command's."""

    def decorate(function: Function) -> Command:
        for option in (_FLAGS[1], _FLAGS[0]):
            function = option(function)
        settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
        made = click.command(function.__name__.strip("_"), cls=Command, context_settings=settings)(function)
        made.examples = examples
        return made

    return decorate


def _flag(name: str, key: str, text: str) -> Decorator:
    def note(context: click.Context, _: click.Parameter, value: bool) -> None:
        context.meta[key] = value

    return click.option(name, is_flag=True, expose_value=False, callback=note, help=text)


_FLAGS: Final = (
    _flag("--json", AS_JSON, "Print what was found as JSON."),
    _flag("--traceback", WITH_TRACEBACK, "Show where in Python an error came from."),
)


def target(name: str = "target", *, required: bool = True) -> Decorator:
    """An argument that names a program, tensors or a graph."""
    kind = click.Path()  # completes file names
    shown = name.upper() if required else f"[{name.upper()}]"
    return click.argument(name, type=kind, metavar=shown, required=required)


class FileEnding(click.Path):
    """A file to write whose name must end so: it is said before anything is measured for it."""

    def __init__(self, what: str, suffixes: Sequence[str]) -> None:
        super().__init__(dir_okay=False)
        self.what = what
        self.suffixes = tuple(suffixes)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path as it was given. Fails where its name ends otherwise."""
        path = super().convert(value, param, ctx)
        if not str(path).lower().endswith(self.suffixes):
            one_of = "one of " if len(self.suffixes) > 1 else ""
            raise click.UsageError(
                f"{str(path)!r} is no {self.what}: its name ends in {one_of}{', '.join(self.suffixes)}", ctx
            )
        return path


PAGE: Final = FileEnding("page", (".html", ".htm"))
DRAWING: Final = FileEnding("drawing", SUFFIXES)


def rounds_option(function: Function) -> Function:
    """`--rounds`."""
    return click.option(
        "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Turns of each variant."
    )(function)


def pictured_options(what: str) -> Decorator:
    """`--page` and `--plot`, which write what was measured; `what` the bars show."""

    def decorate(function: Function) -> Function:
        function = click.option(
            "--plot", type=click.Path(dir_okay=False), metavar="FILE", help=f"Draw bars of {what}."
        )(function)
        return click.option("--page", type=PAGE, metavar="FILE.html", help="Write a page of what was found.")(
            function
        )

    return decorate


def _complete(kind: str) -> Callable[[click.Context, click.Parameter, str], Sequence[str]]:
    """Names of what plugins contribute, for the shell's completion."""

    def names(_: click.Context, __: click.Parameter, incomplete: str) -> Sequence[str]:
        from tinytorch.builtin import REGISTRY

        return [name for name in REGISTRY.entries[kind] if name.startswith(incomplete)]

    return names


def backend_option(function: Function) -> Function:
    """`--backend`."""
    return click.option(
        "--backend", metavar="NAME", shell_complete=_complete("backends"),
        help="llvm, numpy, reference, or a plugin's; the target's own unless given.",
    )(function)  # fmt: skip


def passes_option(function: Function) -> Function:
    """`--without`, which names passes that are not run."""
    return click.option(
        "--without", metavar="PASS", multiple=True, shell_complete=_complete("passes"),
        help="A default pass to leave out; `all` for every one. May be given several times.",
    )(function)  # fmt: skip


def sizes_options(function: Function) -> Function:
    """`--batch` and `--size`, which give values to symbolic dimensions: the command takes `sizes`."""
    function = click.option(
        "--size", "sizes", metavar="NAME=N", multiple=True, callback=_sizes,
        help="The value of a symbolic dimension. May be given several times.",
    )(function)  # fmt: skip
    return click.option(
        "--batch", type=click.IntRange(0), is_eager=True, expose_value=False, callback=_batch,
        help="Short for --size batch=N.",
    )(function)  # fmt: skip


_BATCH: Final = "tinytorch.batch"


def _batch(context: click.Context, _: click.Parameter, value: int | None) -> None:
    context.meta[_BATCH] = value


def _sizes(context: click.Context, _: click.Parameter, given: tuple[str, ...]) -> dict[str, int]:
    batch = context.meta.get(_BATCH)
    found = {} if batch is None else {"batch": int(batch)}
    for item in given:
        name, equals, count = item.partition("=")
        if not (name and equals and count.isascii() and count.isdigit()):
            raise click.BadParameter(f"{item!r} is no size; write NAME=N, as in n=32", context)
        found[name] = int(count)
    return found


def data_options(function: Function) -> Function:
    """`--data` and `--seed`, beside the sizes: what a program is run on."""
    function = click.option(
        "--seed", type=int, default=0, show_default=True, help="Of random data, where no file is given."
    )(function)
    function = click.option(
        "--data", "file", type=click.Path(exists=True, dir_okay=False), metavar="FILE.npz",
        help="Arrays by the names of the inputs; random ones of the sizes given without it.",
    )(function)  # fmt: skip
    return sizes_options(function)


def group_option(function: Function) -> Function:
    """`--by` and `--depth`: the table by part of the model or by line."""
    function = click.option(
        "--depth", type=click.IntRange(1), callback=_depth,
        help="With --by scope, only the first so many names of it.",
    )(function)  # fmt: skip
    return click.option(
        "--by", type=click.Choice(["kernel", "scope", "line"]), default="kernel", show_default=True,
        is_eager=True, help="What a row of the table is.",
    )(function)  # fmt: skip


def _depth(context: click.Context, _: click.Parameter, value: int | None) -> int | None:
    if value is not None and context.params["by"] != "scope":
        raise click.UsageError("--depth is for --by scope", context)
    return value
