"""Stateless: a layer that is a function with settings, such as an activation or a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from compiler.errors import ArgumentError
from compiler.ir.numbers import number
from tinytorch.nn.module import Module


class Stateless(Module):
    """A layer without parameters. Its settings are those keywords of its function that `takes` names."""

    function: ClassVar[Callable[..., Any]]
    takes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__()
        given = dict(zip(self.takes, settings, strict=False))
        wrong = [name for name in named if name not in self.takes or name in given]
        if wrong or len(settings) > len(self.takes):
            from tinytorch.hints import keyword_fix  # noqa: PLC0415  # for errors only

            fix = keyword_fix(wrong[0], named[wrong[0]], list(self.takes)) if wrong else ""
            raise ArgumentError(
                f"{type(self).__name__} takes {', '.join(self.takes) or 'no settings'}, each once, not "
                f"{', '.join([*map(repr, settings), *(f'{k}={v!r}' for k, v in named.items())])}{fix}"
            )
        self.settings = {name: _plain(value) for name, value in (given | named).items()}

    def forward(self, *operands: Any) -> Any:
        """The function of the operands."""
        return type(self).function(*operands, **self.settings)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({settings})"


def _plain(value: Any) -> Any:
    """A NumPy scalar as the Python number that it is."""
    found = number(value)
    return value if found is None else found
