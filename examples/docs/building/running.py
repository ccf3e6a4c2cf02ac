"""Pages whose blocks are run: fenced Python in Markdown, one namespace a page, with what each block shows.

    ```python           runs; what it prints, and the value of its last line, follow it on the page
    ```python raises    must raise an error of tinytorch, whose message follows
    ```console          lines `$ tinytorch ...` are run by the command line; what they print follows

The last line of a block shows itself as in a notebook. Everything runs in a folder of its own.
"""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

import tinytorch as tt
from tinytorch.cli.main import main
from tinytorch.notebook import markup
from tinytorch.notebook.views import html_of

_OPENED = re.compile(r"```(python|console)( raises)?\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its lines, the number of its first line, and whether it must raise."""

    language: str
    code: str
    line: int
    raises: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What a block shows: text, and HTML where the last value has some."""

    text: str = ""
    html: str = ""


def blocks_of(text: str) -> Iterator[Block]:
    """The blocks of a page that are run, in order."""
    opened: re.Match[str] | None = None
    inside: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if opened is None:
            opened, inside, first = _OPENED.match(line), [], number + 1
        elif line.startswith("```"):
            yield Block(opened[1], "".join(inside), first, opened[2] is not None)
            opened = None
        else:
            inside.append(f"{line}\n")
    if opened is not None:
        raise ValueError(f"the block that begins in line {first} has no end")


@dataclass
class Session:
    """The namespace of a page. Its lines are known by the page's name: errors and answers show them."""

    name: str
    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    lines: list[str] = field(default_factory=list)

    def run(self, block: Block) -> Shown:
        """What a block shows. Raises what it raises, or AssertionError where it should have raised."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            return self._command(block) if block.language == "console" else self._python(block)
        finally:
            os.chdir(before)

    def _python(self, block: Block) -> Shown:
        place, start = f"{self.name}.py", len(self.lines)
        self.lines += block.code.splitlines(keepends=True)
        linecache.cache[place] = (sum(map(len, self.lines)), None, self.lines, place)
        tree = ast.parse("\n" * start + block.code, place)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                value = self._evaluated(tree, place)
            except tt.TinytorchError as error:
                if not block.raises:
                    raise
                return Shown(f"{type(error).__name__}: {error}\n")
        assert not block.raises, f"{self.name}: the block in line {block.line} should raise"
        return _shown(printed.getvalue(), value)

    def _evaluated(self, tree: ast.Module, place: str) -> Any:
        last = tree.body[-1] if tree.body else None
        if not isinstance(last, ast.Expr):
            exec(compile(tree, place, "exec"), self.names)  # noqa: S102  # our own pages
            return None
        tree.body.pop()
        exec(compile(tree, place, "exec"), self.names)  # noqa: S102  # our own pages
        return eval(compile(ast.Expression(last.value), place, "eval"), self.names)  # noqa: S307  # likewise

    def _command(self, block: Block) -> Shown:
        found: list[str] = []
        for line in block.code.splitlines():
            prompt, program, *words = shlex.split(line)
            assert (prompt, program) == ("$", "tinytorch"), line
            result = CliRunner().invoke(main, words, prog_name="tinytorch")
            assert result.exit_code in (0, 1), f"{line}\n{result.output}"
            found.append(result.output)
        return Shown("\n".join(found))


def _shown(printed: str, value: Any) -> Shown:
    if value is None:
        return Shown(printed)
    if isinstance(value, Path) and value.suffix == ".svg":
        svg = value.read_text(encoding="utf-8")
        return Shown(printed, markup.page(markup.picture(svg[svg.index("<svg") :], value.stem)))
    html = html_of(value)
    return Shown(printed + ("" if html else f"{value!r}\n"), html or "")


def run_page(text: str, name: str, folder: Path) -> list[tuple[Block, Shown]]:
    """Every block of a page with what it shows."""
    session = Session(name, folder)
    return [(block, session.run(block)) for block in blocks_of(text)]


def with_results(text: str, name: str, folder: Path) -> str:
    """The page with what each block shows behind it."""
    lines = text.splitlines()
    for block, shown in reversed(run_page(text, name, folder)):
        end = block.line + block.code.count("\n")
        lines[block.line - 2] = f"```{block.language}"
        lines[end:end] = _result(shown)
    return "\n".join(lines) + "\n"


def _result(shown: Shown) -> list[str]:
    found: list[str] = []
    if shown.text.strip():
        found += ["", "```{code-block} text", ":class: result", "", *shown.text.rstrip().splitlines(), "```"]
    if shown.html:
        found += ["", "````{raw} html", *shown.html.splitlines(), "````", ""]
    return found
