"""What the outputs of a program look like: one value, a tuple, a list or a dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from compiler.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class Structure:
    """How `pack` arranges values and `unpack` finds them again. `keys` are those of a dict."""

    kind: Literal["one", "tuple", "list", "dict"]
    count: int
    keys: tuple[str, ...] = ()

    def pack(self, values: Sequence[Any]) -> Any:
        """The values, arranged."""
        if self.kind == "one":
            return values[0]
        if self.kind == "dict":
            return dict(zip(self.keys, values, strict=True))
        return tuple(values) if self.kind == "tuple" else list(values)

    def pack_again(self, found: Any) -> Any:
        """A tuple of the values, arranged; what is arranged already stays as it is."""
        values: Any = found
        return self.pack(values) if isinstance(found, tuple) else values

    def unpack(self, given: Any) -> list[Any]:
        """The values of something arranged like this. Raises ArgumentError for anything else."""
        values, found = flatten(given)
        is_sequence = self.kind in ("tuple", "list") and found.kind in ("tuple", "list")
        if found.count != self.count or not (found.kind == self.kind or is_sequence):
            raise ArgumentError(f"out= is arranged like the outputs: {self}; not {found}")
        if self.kind != "dict":
            return values
        if set(found.keys) != set(self.keys):
            raise ArgumentError(f"out= has the keys of the outputs, {', '.join(self.keys)}")
        return [given[key] for key in self.keys]

    def __str__(self) -> str:
        return "one array" if self.kind == "one" else f"a {self.kind} of {self.count}"


def flatten(given: Any) -> tuple[list[Any], Structure]:
    """The values in order, and how they were arranged.

    Raises ArgumentError for a dict with keys that are no str.
    """
    if isinstance(given, Mapping):
        items: dict[Any, Any] = dict(given)  # pyright: ignore[reportUnknownArgumentType]
        if not all(isinstance(key, str) for key in items):
            raise ArgumentError("a dict of outputs has strings as keys")
        return list(items.values()), Structure("dict", len(items), tuple(items))
    if isinstance(given, tuple | list):
        values: list[Any] = list(given)  # pyright: ignore[reportUnknownArgumentType]
        return values, Structure("tuple" if isinstance(given, tuple) else "list", len(values))
    return [given], Structure("one", 1)
