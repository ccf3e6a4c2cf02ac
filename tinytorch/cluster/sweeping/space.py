"""Spaces: which hyperparameters the runs of a sweep have.

Values are what JSON can hold: numbers, strings, booleans, None, and tuples of these. Draws are formulas of
the bits of a PCG64 generator, made where the sweep is called.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.numbers import whole_number
from tinytorch.callbacks.protocol import checked_count

Hyperparameters: TypeAlias = "dict[str, Any]"

TAKEN: Final = ("run", "fold", "epochs", "seconds", "state")
"""Names that columns of a table have already."""


@dataclass(frozen=True)
class Uniform:
    """Numbers from `low` to `high`.

    With `log` they are even in their logarithm; with `whole` they are integers, both ends among them. Raises
    ArgumentError for a range that has none.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        is_finite = math.isfinite(self.low) and math.isfinite(self.high)
        if not is_finite or self.low > self.high or (self.log and self.low <= 0):
            above = " above zero" if self.log else ""
            raise ArgumentError(f"a range ascends between numbers{above}, not from {self.low} to {self.high}")

    def at(self, place: float) -> float | int:
        """The value at a place between 0 and 1."""
        low, high = (self.low, self.high + self.whole) if self.whole else (self.low, self.high)
        value = low * (high / low) ** place if self.log else low + (high - low) * place
        return min(int(value), int(self.high)) if self.whole else float(min(value, self.high))


@dataclass(frozen=True)
class Random:
    """`count` draws: for each name a `Uniform`, or a sequence of which one value is drawn."""

    space: Mapping[str, Any]
    count: int
    seed: int = 0

    def draws(self) -> list[Hyperparameters]:
        """Them, the same for one seed. Raises ArgumentError."""
        checked_count("count", self.count, 1)
        ranges = ranges_of(self.space)
        places = np.random.Generator(np.random.PCG64(self.seed)).random((self.count, len(ranges)))
        return [
            {name: _at(value, float(place)) for (name, value), place in zip(ranges.items(), row, strict=True)}
            for row in places
        ]


def ranges_of(space: Mapping[str, Any]) -> dict[str, Uniform | list[Any]]:
    """For each name its range, or its values. Raises ArgumentError."""
    return {
        _name(name): value if isinstance(value, Uniform) else _values(name, value)
        for name, value in space.items()
    }


def _at(value: Uniform | list[Any], place: float) -> Any:
    return value.at(place) if isinstance(value, Uniform) else value[int(place * len(value))]


def points(space: Any) -> list[Hyperparameters]:
    """The hyperparameters of each run, in order. Raises ArgumentError for none, and for other values."""
    if isinstance(space, Random):
        return space.draws()
    if isinstance(space, Mapping):
        return _grid(cast("Mapping[str, Any]", space))
    if isinstance(space, Sequence) and not isinstance(space, str):
        found = [_point(item) for item in cast("Sequence[Any]", space)]
        if found:
            return found
    raise ArgumentError(
        "the runs of a sweep are a grid, {name: values}, a list of dicts, or a tt.cluster.Random or "
        f"Adaptive, not {space!r}"
    )


def _grid(space: Mapping[str, Any]) -> list[Hyperparameters]:
    columns = {_name(name): _values(name, values) for name, values in space.items()}
    return [dict(zip(columns, row, strict=True)) for row in itertools.product(*columns.values())]


def _point(item: Any) -> Hyperparameters:
    if not isinstance(item, Mapping):
        raise ArgumentError(f"each run of a list is a dict of hyperparameters, not {item!r}")
    return {_name(name): _value(name, value) for name, value in cast("Mapping[str, Any]", item).items()}


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.isidentifier() or name in TAKEN:
        raise ArgumentError(f"a hyperparameter has a name of its own, as an argument has, not {name!r}")
    return name


def _values(name: str, values: Any) -> list[Any]:
    if isinstance(values, Uniform):
        raise ArgumentError(
            f"a grid lists the values of {name!r}, and {values!r} has no end of them\n"
            "  fix: tt.cluster.Random({...}, count=32)"
        )
    is_many = isinstance(values, Iterable) and not isinstance(values, str | Mapping)
    items: list[Any] = list(cast("Iterable[Any]", values)) if is_many else [values]
    found = [_value(name, value) for value in items]
    if not found:
        raise ArgumentError(f"the hyperparameter {name!r} has no values")
    return found


def _value(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        return cast(Any, value).item()
    if isinstance(value, tuple | list):
        return tuple(_value(name, item) for item in cast("Sequence[Any]", value))
    if value is None or isinstance(value, str | bool | int | float):
        return cast(Any, value)
    raise ArgumentError(
        f"the values of {name!r} are numbers, strings, None or tuples of these, which a file can hold, "
        f"not {value!r}\n  fix: a name for it, by which make_run chooses"
    )


def key_of(point: Mapping[str, Any], fold: int | None) -> str:
    """What tells a run from the others of its sweep."""
    return json.dumps([sorted(point.items()), fold])


def seed_of(point: Mapping[str, Any], default: int) -> int:
    """The seed of a run. Raises ArgumentError where it is no integer."""
    found = whole_number(point.get("seed", default))
    if found is None:
        raise ArgumentError(f"a seed is an integer, not {point['seed']!r}")
    return found
