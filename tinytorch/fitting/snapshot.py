"""What a fit goes on from: the parameters of a program, and a file of arrays with what is known beside.

    file ::= arrays, "parameters/" and "state/" before their names, as `tinytorch.array_files` has them, and
             the note "fit", which is JSON: {"format": 1, "state": ...}

where an array within the state is {"array": its name}, and a dict {"items": it}. Reading executes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError, ParseError
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.op import Buffer, Locks, Parameter
from tinytorch.array_files import read_arrays, write_arrays

Array: TypeAlias = np.ndarray[Any, Any]

FORMAT: Final = 1
"""The number of this form. A file of a later one is refused."""

_NOTE: Final = "fit"
_PARAMETERS: Final = "parameters/"


class Parameters:
    """The parameters that a graph reads or updates, by the names that its text has, which are unique."""

    def __init__(self, graph: Graph) -> None:
        names = graph.names.values
        self._nodes: dict[str, Node] = {names[node].removeprefix("%"): node for node in graph.parameters}
        self._buffers: dict[str, Buffer] = {
            name: node.op.buffer for name, node in self._nodes.items() if isinstance(node.op, Parameter)
        }

    def copy(self) -> dict[str, Array]:
        """Their values now, as copies."""
        with Locks(self._buffers.values()):
            return {name: buffer.array.copy() for name, buffer in self._buffers.items()}

    def set(self, arrays: Mapping[str, Array]) -> None:
        """Writes all or none: raises ArgumentError for one that is missing, unknown or of another type."""
        for name, node in self._nodes.items():
            if name not in arrays:
                raise ArgumentError(
                    f"there is no array for {describe(node)}; there are {', '.join(arrays) or 'none'}"
                )
            found = arrays[name]
            if found.shape != node.type.shape or found.dtype != node.type.dtype.numpy:
                raise ArgumentError(f"{describe(node)} cannot hold {found.dtype}{list(found.shape)}")
        if unknown := [name for name in arrays if name not in self._nodes]:
            raise ArgumentError(
                f"the step has no parameter {unknown[0]!r}; it has {', '.join(self._nodes) or 'none'}"
            )
        with Locks(self._buffers.values()):
            for name, buffer in self._buffers.items():
                np.copyto(buffer.array, arrays[name])


def write(path: str | os.PathLike[str], parameters: Mapping[str, Array], state: Any) -> Path:
    """Writes a file beside the path and renames it into place. Returns the path."""
    arrays = {_PARAMETERS + name: array for name, array in parameters.items()}
    head = {"format": FORMAT, "state": _packed(state, "state", arrays)}
    return write_arrays(path, arrays, {_NOTE: json.dumps(head)})


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Array], Any]:
    """Parameters and state of a file. Raises ArgumentError where there is none, ParseError for another."""
    arrays, notes = read_arrays(path)
    try:
        head: Any = json.loads(notes[_NOTE])
        if head["format"] > FORMAT:
            raise ParseError(
                f"{path} is of format {head['format']} and this version reads {FORMAT}\n"
                "  fix: install a newer tinytorch"
            )
        state = _unpacked(head["state"], arrays)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ParseError):
            raise
        raise ParseError(f"{path} is no checkpoint of a fit: {error}") from None
    found = {name.removeprefix(_PARAMETERS): array for name, array in arrays.items() if _is_parameter(name)}
    return found, state


def _is_parameter(name: str) -> bool:
    return name.startswith(_PARAMETERS)


def _packed(value: Any, path: str, arrays: dict[str, Array]) -> Any:
    """A value as JSON has it, with its arrays by name."""
    if isinstance(value, np.ndarray):
        arrays[path] = cast("Array", value)
        return {"array": path}
    if isinstance(value, np.generic):
        return cast(Any, value).item()
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {"items": {key: _packed(item, f"{path}/{key}", arrays) for key, item in items}}
    if isinstance(value, list | tuple):
        found = cast("list[Any]", value)
        return [_packed(item, f"{path}/{place}", arrays) for place, item in enumerate(found)]
    return value


def _unpacked(value: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(value, list):
        return [_unpacked(item, arrays) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    if "array" in found:
        return arrays[found["array"]]
    return {key: _unpacked(item, arrays) for key, item in found["items"].items()}
