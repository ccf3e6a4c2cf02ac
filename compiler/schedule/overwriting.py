"""The in-place rule: when may a kernel write a result over memory that it reads?

Every access to that memory, by any name and through any view, reads the element at which the same iteration
writes; none is made by a member behind the result, or in a later pass over the row; and the result does not
add up while operands are still read. So a kernel may run tile by tile (whole rows of a kernel over rows), its
members in order.

Places are compared as addresses: for each common loop the distance in elements between neighbouring
iterations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from compiler.analysis.aliasing import dense_strides
from compiler.analysis.liveness import Liveness
from compiler.ir.dims import Extent, Shape
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Trait
from compiler.schedule.nest import Nest
from compiler.schedule.schedule import Kernel

Steps: TypeAlias = Mapping[int, Extent]
"""For each common loop the elements between neighbouring iterations; loops without a step are left out."""


def may_overwrite(kernel: Kernel, result: Node, owner: Node, live: Liveness) -> bool:
    """Whether a kernel may write a result over the memory of an owner, which it may itself read."""
    readers = [node for node in kernel.members if any(live.owners[item] is owner for item in node.operands)]
    if not readers:
        return True
    nest = kernel.nest
    if not isinstance(nest, Nest) or nest.is_trailing(result) or not _is_written_last(kernel, nest, result):
        return False
    if kernel.members.index(readers[-1]) > kernel.members.index(result):
        return False
    if result in readers and not result.op.has(Trait.ELEMENTWISE):  # a reduction begins before it has read
        return False
    target = _steps(nest.axes_of(result), dense_strides(result.type.shape))
    span = set(target)
    return all(_reads_only_at(node, owner, live, nest, target, span) for node in readers)


def _reads_only_at(
    node: Node, owner: Node, live: Liveness, nest: Nest, target: Steps, span: set[int]
) -> bool:
    """Whether a member reads an owner's memory only where, and when, the result is written."""
    if {loop for loop in nest.placement[node] if loop is not None} != span:
        return False
    for operand, axes in zip(node.operands, nest.accesses_of(node), strict=True):
        region = live.regions[operand]
        if live.owners[operand] is owner and (region.offset != 0 or _steps(axes, region.strides) != target):
            return False
    return True


def _steps(axes: Sequence[int | None], strides: Shape) -> Steps:
    pairs = zip(axes, strides, strict=True)
    return {axis: stride for axis, stride in pairs if axis is not None and stride != 0}


def _is_written_last(kernel: Kernel, nest: Nest, result: Node) -> bool:
    """Whether no pass over the row follows that in which a result is written; a row's value comes last."""
    if not nest.columns or nest.is_row_value(result):
        return True
    passes: dict[Node, int] = {}
    for node in kernel.members:
        known = [item for item in node.operands if item in passes]
        passes[node] = max((passes[item] + bool(_reduces(item, nest)) for item in known), default=0)
    columns = set(nest.columns)
    return passes[result] == max(
        passes[node] for node in kernel.members if columns & set(nest.placement[node])
    )


def _reduces(node: Node, nest: Nest) -> bool:
    return isinstance(node.op, MapReduce) and bool(nest.reduced_by(node))
