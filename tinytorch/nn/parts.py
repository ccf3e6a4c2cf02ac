"""What is in the attributes of a module: its parts, each with its key.

    key  ::= attribute { "." position or dict key }

A part is a tensor or another module. Lists, tuples and dicts, and what derives from them, are looked into,
each once and however deep. Nothing else is: what a set, a closure or another object holds is no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, cast

from tinytorch.tensor import Tensor


class Whole:
    """What can be a part, and can have parts of its own: a module."""

    torch_axes: Mapping[str, tuple[int, ...]] = MappingProxyType({})
    """The order of axes that PyTorch has, of those of its own tensors that lie otherwise here."""

    def attributes(self) -> Iterable[tuple[str, Any]]:
        """What it holds, under the names that paths have for it."""
        return self.__dict__.items()

    def parts(self) -> Iterable[tuple[str, Any]]:
        """Its own parts with their keys; what stands in two places comes twice."""
        return parts_of(self)

    def torch_key(self, key: str) -> str:
        """What PyTorch calls the part that has a key here."""
        return key


@dataclass(frozen=True, slots=True)
class Found:
    """A part of a network, and where it was first met."""

    path: str
    part: Any
    """A tensor or a module."""
    owner: Any
    """The module that holds it."""
    key: str


def join(path: str | None, key: str) -> str:
    """A key behind a path."""
    return f"{path}.{key}" if path else key


def parts_of(whole: Whole) -> Iterator[tuple[str, Any]]:
    """The parts in the attributes, in their order, with their keys; what is in two places comes twice."""
    seen: set[int] = set()
    levels: list[tuple[str, Iterator[tuple[Any, Any]]]] = [("", iter(list(whole.attributes())))]
    while levels:
        prefix, items = levels[-1]
        for inner, value in items:
            is_part, is_container = _kind_of(value)
            if is_part:
                yield join(prefix, str(inner)), value
            elif is_container and id(value) not in seen:
                seen.add(id(value))
                levels.append((join(prefix, str(inner)), _entries(value)))
                break
        else:
            levels.pop()


def may_have_parts(value: Any) -> bool:
    """Whether a value is a part or is looked into."""
    return any(_kind_of(value))


def _kind_of(value: Any) -> tuple[bool, bool]:
    return _kind(type(cast(object, value)))


@lru_cache(maxsize=4096)
def _kind(kind: type[Any]) -> tuple[bool, bool]:
    """Whether values of a type are parts, and whether they are looked into."""
    return issubclass(kind, Tensor | Whole), issubclass(kind, list | tuple | dict)


def _entries(container: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(container, dict):
        return iter(list(cast("dict[Any, Any]", container).items()))
    return enumerate(cast("Iterable[Any]", container))
