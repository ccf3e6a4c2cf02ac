"""Graphviz: its `dot` where it is on the path, else the copy that the pygraphviz wheel carries.

Both run in a process of their own: Graphviz keeps global state, and warnings about fonts belong on no screen.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from typing import Final

from compiler.errors import DrawingError

INSTALL: Final = (
    "install Graphviz (apt install graphviz, brew install graphviz, or graphviz.org), "
    "or run: pip install 'tinytorch-compiler[draw]'"
)

LONGEST: Final = 60.0
"""Seconds after which Graphviz is stopped."""

_WHEEL: Final = """
import sys, pygraphviz
source = sys.stdin.buffer.read().decode()
graph = pygraphviz.AGraph(string=source)
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot", args=sys.argv[2]))
"""


def laid_out(source: str, format: str, dots: int | None = None) -> bytes:
    """A text in Graphviz's language as `svg`, `png` or `pdf`, with so many dots an inch or Graphviz's own.

    Raises DrawingError where no Graphviz is installed, with what to install, and where it fails.
    """
    command = _command(format, "" if dots is None else f"-Gdpi={dots}")
    try:
        done = subprocess.run(
            command, input=source.encode(), capture_output=True, check=False, timeout=LONGEST
        )
    except subprocess.TimeoutExpired as error:
        raise DrawingError(f"Graphviz ({command[0]}) made no {format} in {LONGEST:g} seconds") from error
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.decode(errors="replace").strip()
        raise DrawingError(f"Graphviz ({command[0]}) made no {format}: {said or 'it said nothing'}")
    return done.stdout


def installed() -> str | None:
    """The Graphviz that draws: the path of `dot`, else the package `pygraphviz`, else None."""
    wheel = "pygraphviz" if importlib.util.find_spec("pygraphviz") is not None else None
    return shutil.which("dot") or wheel


def _command(format: str, option: str) -> list[str]:
    program = installed()
    if program == "pygraphviz":
        return [sys.executable, "-c", _WHEEL, format, option]
    if program is not None:
        return [program, f"-T{format}", *([option] if option else [])]
    raise DrawingError(f"there is neither the program `dot` nor the package pygraphviz\n  fix: {INSTALL}")
