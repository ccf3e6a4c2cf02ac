"""What writes nodes for a node of ours is given: where to write, and how extents and axes are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from compiler.ir.naming import Names
from compiler.ir.node import Node
from tinytorch.onnx.exporting.extents import Extents
from tinytorch.onnx.exporting.shapes import Moves
from tinytorch.onnx.exporting.values import Value
from tinytorch.onnx.exporting.writer import Writer


@dataclass(frozen=True, slots=True)
class Context:
    """Of one graph that is written."""

    writer: Writer
    extents: Extents
    moves: Moves
    names: Names


class Write(Protocol):
    """Writes what a node computes, for the values of what it reads."""

    def __call__(self, context: Context, node: Node, *operands: Value) -> Value: ...
