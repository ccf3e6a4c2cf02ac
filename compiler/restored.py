"""Programs that outlive their process: called without a graph, which is made when somebody asks for it.

A key says all that decides about a program. Whoever compiles one may keep it under its key, beside compiled
kernels; a later process has its calls from there. Everything else that a program can do needs the graph: it
is then compiled as any other, which is what was compiled before, and its plan is proved again.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compiler.backends.contract import Keepable
from compiler.backends.llvm.backend import Llvm
from compiler.program import Program
from compiler.sources import ENGINE, sources_state

if TYPE_CHECKING:
    from compiler.backends.llvm.run.kept import Kept


class Restored(Program):
    """A program that was compiled before; `compiled` does it again, when it is asked for more than calls."""

    def __init__(self, kept: Kept, compiled: Callable[[], Program]) -> None:
        self._compiled = compiled
        self._guard = threading.Lock()
        self._whole: Program | None = None
        self._enter = kept.entry(self._otherwise)

    @staticmethod
    def keep(program: Program, key: str) -> None:
        """Keeps a program for later processes, if it can be kept: its weights are constants, it is native."""
        if isinstance(program._executable, Keepable) and program.structure.kind in ("one", "tuple"):
            program._executable.keep(program._door(), key)

    @property
    def is_whole(self) -> bool:
        """Whether it has been compiled since."""
        return self._whole is not None

    def _otherwise(self, *arguments: Any, **named: Any) -> Any:
        return self._made()(*arguments, **named)

    def _made(self) -> Program:
        with self._guard:
            if self._whole is None:
                self._whole = self._enter = self._compiled()  # calls do not look on disk any more
            return self._whole

    def __getattr__(self, name: str) -> Any:
        """What only the whole program has."""
        if name.startswith("__"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}", name=name, obj=self)
        return getattr(self._made(), name)


def prepare(*folders: Path) -> None:
    """Loads the code that calls kept programs, where there can be any, and looks after the sources."""
    llvm = Llvm()
    if llvm.is_available:
        llvm.prepare()
        _states(folders)


def find_kept(key: str) -> Kept | None:
    """What is kept under a key; None where nothing is, or what is there is damaged."""
    return Llvm().kept(key)


def program_key(*facts: str, folders: tuple[Path, ...] = ()) -> str | None:
    """The key of a program on this machine, from what decides about it. None where none can be kept.

    Beside them it depends on the sources of the compiler and of other folders, on NumPy and on Python.
    """
    states = _states(folders)
    known = [state for state in states if state is not None]
    if len(known) < len(states):
        return None
    return Llvm().kept_key("\n".join([sys.version, np.__version__, *known, *facts]))


def _states(folders: tuple[Path, ...]) -> list[str | None]:
    return [sources_state(folder) for folder in (ENGINE, *folders)]
