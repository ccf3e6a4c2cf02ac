"""Scopes: the part of a model that a node belongs to.

    Scope ::= name, the scope around it

A scope is one *use* of a part and is compared by identity: a block that is called twice is two scopes of one
name. Names and numbers for people (`encoder.block.0`, `encoder.block.1`) are made for a graph, from the uses
that occur in it, so they depend on nothing that was built before.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, TypeAlias, TypeVar, cast

from compiler.errors import ArgumentError

Path: TypeAlias = tuple[str, ...]
"""A scope's names in a graph, the outermost first; () for no scope."""

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """One use of a part of a model. `name` may hold dots: `blocks.0` is part 0 of `blocks`."""

    name: str
    parent: Scope | None = None

    @property
    def parts(self) -> Path:
        """The name without its dots."""
        return tuple(part for part in self.name.split(".") if part)


_current: Final[ContextVar[Scope | None]] = ContextVar("scope", default=None)


def current_scope() -> Scope | None:
    """The innermost scope that is open here, if any; threads and tasks have their own."""
    return _current.get()


class scope:  # noqa: N801  # used as a verb: `with tt.scope("encoder"):`
    """Opens a scope: what is built inside belongs to it, and so do the gradients of that.

        with tt.scope("encoder"):
            h = tt.relu(x @ w)

    Each entering is a use of its own; where a graph has several of one name they are numbered, `encoder.0`,
    `encoder.1`. Also a decorator of a function, of which each call is a use. Raises ArgumentError for a name
    that is no text or has no part.
    """

    __slots__ = ("_name", "_opened")

    def __init__(self, name: str) -> None:
        if not isinstance(cast(Any, name), str) or not name.strip("."):
            raise ArgumentError(f"a scope is named by a text such as 'encoder' or 'blocks.0', not {name!r}")
        self._name = name
        self._opened: list[Token[Scope | None]] = []

    def __enter__(self) -> Scope:
        opened = Scope(self._name, _current.get())
        self._opened.append(_current.set(opened))
        return opened

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.reset(self._opened.pop())

    def __call__(self, function: Function) -> Function:
        name = self._name

        @functools.wraps(function)
        def inside(*arguments: Any, **named: Any) -> Any:
            with scope(name):
                return function(*arguments, **named)

        return cast(Function, inside)


@contextmanager
def reopened(part: Scope | None) -> Generator[None]:
    """What is built inside belongs to a scope that was there before: the same use of the part."""
    opened = _current.set(part)
    try:
        yield
    finally:
        _current.reset(opened)


def paths_of(scopes: Iterable[Scope | None]) -> dict[Scope, Path]:
    """The path of each scope, and of those around it. Uses of one name in one place are numbered from 0.

    The numbers follow the order in which scopes are given, and no two scopes have one path.
    """
    found = _with_parents(scopes)
    uses = Counter((item.parent, item.name) for item in found)
    seen: Counter[tuple[Scope | None, str]] = Counter()
    taken: set[Path] = set()
    paths: dict[Scope, Path] = {}
    for item in found:
        key = item.parent, item.name
        path = (*(paths[item.parent] if item.parent is not None else ()), *item.parts)
        paths[item] = _untaken(path, seen[key] if uses[key] > 1 else None, taken)
        seen[key] += 1
        taken.add(paths[item])
    return paths


def _with_parents(scopes: Iterable[Scope | None]) -> list[Scope]:
    """Every scope once, behind the scopes around it."""
    found: dict[Scope, None] = {}
    for item in scopes:
        chain: list[Scope] = []
        while item is not None and item not in found:
            chain.append(item)
            item = item.parent
        found |= dict.fromkeys(reversed(chain))
    return list(found)


def _untaken(path: Path, number: int | None, taken: set[Path]) -> Path:
    """The path with its number, or with the next one that is free."""
    numbers = itertools.count(number or 0)
    found = path if number is None else (*path, str(next(numbers)))
    while found in taken:
        found = (*path, str(next(numbers)))
    return found
