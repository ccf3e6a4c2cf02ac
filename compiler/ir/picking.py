"""A gather in index notation: a map that reads one of its operands where the other one says."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from compiler.ir.dims import Extent
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.layout import Gather, ScatterAdd
from compiler.ir.map_reduce import Access, MapReduce
from compiler.ir.node import Node
from compiler.ir.types import TensorType
from compiler.ir.updates import Scatter

PICK: Final = parse_formula("pick(x, i) = x")


def checked_index(node: Node) -> tuple[Node, Extent] | None:
    """The indices that a node checks, and the extent that they must lie in; None for one that checks none."""
    match node.op:
        case Gather():
            return node.operands[1], node.operands[0].type.shape[node.op.axis]
        case Scatter():
            return node.operands[1], node.op.merged(node.type).shape[node.op.axis]
        case ScatterAdd():
            return node.operands[0], node.op.extent
        case _:
            return None


def picking(node: Node) -> MapReduce:
    """The loops of a gather, and how they walk over its data and its indices.

    To its data the loops along the indexed axis do not belong: there the access has None, as for a unit axis.
    """
    data, index = node.operands
    assert isinstance(node.op, Gather)
    return _picking(node.op, data.type, index.type)


@lru_cache(maxsize=1024)
def _picking(op: Gather, data: TensorType, index: TensorType) -> MapReduce:
    result = op.infer([data, index])
    loops = tuple(range(result.rank))
    width = 1 if op.batched else index.rank
    walked = (*loops[: op.axis], None, *loops[op.axis + width :])
    picked = loops if op.batched else loops[op.axis : op.axis + width]
    return MapReduce(PICK, (Access(walked), Access(picked)), result.shape, loops, result.dtype)
