"""The data of a sweep, as every worker has them: rows to train with, rows held out, folds.

Which row is held out is drawn here, once, so that all runs are judged by the same ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.numbers import whole_number
from tinytorch.cluster.aligned import Aligned
from tinytorch.values import typed_array

Array: TypeAlias = np.ndarray[Any, Any]
Columns: TypeAlias = "dict[str, Array] | tuple[Array, ...]"


def held_apart(data: Any, validation: Any, folds: int | None, seed: int) -> dict[str, Any]:
    """What `task.rows_of` reads. Raises ArgumentError or ShapeError for data that cannot be divided so."""
    columns = _columns(data, "data")
    rows = _rows(columns, "data")
    order = np.random.Generator(np.random.PCG64(seed)).permutation(rows)
    found: dict[str, Any] = {"train": columns, "validation": None, "folds": None}
    if folds is not None:
        count = whole_number(folds)
        if count is None or not 2 <= count <= rows:
            raise ArgumentError(f"folds are at least 2 and at most the {rows} rows, not {folds!r}")
        numbers = np.empty(rows, np.int64)
        numbers[order] = np.arange(rows) % count
        found["folds"] = numbers
    elif isinstance(validation, int | float):
        count = round(rows * validation)
        if not 0 < validation < 1 or not 0 < count < rows:
            raise ArgumentError(
                f"validation is the fraction of the {rows} rows that is held out, or arrays, or None, not "
                f"{validation!r}"
            )
        found["validation"] = taken(columns, np.sort(order[:count]))
        found["train"] = taken(columns, np.sort(order[count:]))
    elif validation is not None:
        found["validation"] = _columns(validation, "validation data")
        _rows(found["validation"], "validation data")
    found["token"] = digest_of(found)
    return found


def to_send(rows: Mapping[str, Any]) -> dict[str, Any]:
    """Rows as they are sent: their arrays arrive aligned."""
    return _each_array(rows, Aligned)


def received(rows: Mapping[str, Any]) -> dict[str, Any]:
    """Rows as they were before they were sent."""
    return _each_array(rows, lambda item: item.array)


def _each_array(rows: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """Rows with another form of the arrays of their columns."""

    def changed(columns: Any) -> Any:
        if columns is None:
            return None
        if isinstance(columns, dict):
            return {name: change(item) for name, item in cast("dict[str, Any]", columns).items()}
        return tuple(change(item) for item in columns)

    return {**rows, "train": changed(rows["train"]), "validation": changed(rows["validation"])}


def digest_of(found: Mapping[str, Any]) -> str:
    """What tells data from others."""
    digest = hashlib.sha256()
    folds = None if found["folds"] is None else (found["folds"],)
    parts: list[Columns | None] = [found["train"], found["validation"], folds]
    for part in parts:
        digest.update(b"|")
        for name, array in _named(() if part is None else part).items():
            digest.update(f"{name} {array.dtype} {array.shape};".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


def _columns(data: Any, what: str) -> Columns:
    if isinstance(data, Mapping):
        items = cast("Mapping[str, Any]", data).items()
        return {name: typed_array(array) for name, array in items}
    if isinstance(data, tuple | list) and data:
        return tuple(typed_array(array) for array in cast("tuple[Any, ...]", data))
    if isinstance(data, np.ndarray):
        return (cast("Array", data),)
    raise ArgumentError(f"the {what} of a sweep are arrays of all rows, in a tuple or a dict, not {data!r}")


def _rows(columns: Columns, what: str) -> int:
    arrays = (
        columns if isinstance(columns, dict) else {str(place): item for place, item in enumerate(columns)}
    )
    counts = {name: array.shape[0] if array.ndim else None for name, array in arrays.items()}
    if len(set(counts.values())) != 1 or None in counts.values():
        listed = ", ".join(f"{name}: {list(array.shape)}" for name, array in arrays.items())
        raise ShapeError(f"the {what} are not of one number of rows: {listed}")
    found = next(iter(counts.values()))
    if not found:
        raise ShapeError(f"the {what} have no rows")
    return found


def _named(columns: Columns) -> dict[str, Array]:
    return columns if isinstance(columns, dict) else {str(place): item for place, item in enumerate(columns)}


def taken(columns: Columns, rows: Array) -> Columns:
    """Some rows of all columns, by their numbers or a mask."""
    if isinstance(columns, dict):
        return {name: array[rows] for name, array in columns.items()}
    return tuple(array[rows] for array in columns)
