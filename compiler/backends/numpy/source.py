"""Writes the straight-line Python of a bound program: statements, and the objects that they name."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

_NAMED_RESULT: Final = (np.maximum, np.minimum)
"""What warns where its result's array is given by position."""


class Source:
    """Statements and the objects they use. A bound object is a local of the function, never looked up."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bound: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._scalars: dict[tuple[str, np.dtype[Any]], str] = {}
        self._indent = 1
        self._count = 0

    def bind(self, value: Any, hint: str = "c") -> str:
        """The name of an object; the same object has one name."""
        known = self._names.get(id(value))
        if known is None:
            known = self.fresh(hint)
            self._names[id(value)] = known
            self.bound[known] = value
        return known

    def scalar(self, shown: str, dtype: np.dtype[Any]) -> str:
        """The name of an array of no axes that holds a literal."""
        if (shown, dtype) not in self._scalars:
            with np.errstate(over="ignore"):  # 1e300 is inf in float32
                self._scalars[shown, dtype] = self.bind(np.array(ast.literal_eval(shown), dtype), "c")
        return self._scalars[shown, dtype]

    def fresh(self, hint: str = "t") -> str:
        """A name that nothing has yet."""
        self._count += 1
        return f"{hint}{self._count}"

    def call(self, function: Callable[..., Any], *arguments: str, **named: str) -> None:
        """A statement that calls a bound function."""
        hint = getattr(function, "__name__", "f").strip("_<>")
        if function in _NAMED_RESULT and len(arguments) == 3:
            named["out"] = arguments[2]
            arguments = arguments[:2]
        shown = [*arguments, *(f"{key}={value}" for key, value in named.items())]
        self.write(f"{self.bind(function, hint + '_')}({', '.join(shown)})")

    def write(self, line: str) -> None:
        """One statement."""
        self.lines.append("    " * self._indent + line)

    @contextmanager
    def block(self, head: str) -> Generator[None]:
        """A statement with a body."""
        self.write(head)
        self._indent += 1
        yield
        self._indent -= 1

    def finish(self, parameters: list[str]) -> tuple[Callable[..., None], str]:
        """The function of the parameters, and its text."""
        body = "\n".join(self.lines) or "    pass"
        text = f"def run({', '.join(parameters)}):\n{body}\n"
        names = ", ".join(self.bound)
        scope: dict[str, Any] = {}
        whole = f"def bind({names}):\n" + "\n".join("    " + line for line in text.splitlines())
        # Written above from numbers and fresh names only: no text of a user's reaches it.
        exec(compile(whole + "\n    return run\n", "<tinytorch numpy program>", "exec"), scope)  # noqa: S102
        return scope["bind"](*self.bound.values()), text
