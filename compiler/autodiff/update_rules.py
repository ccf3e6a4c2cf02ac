"""The adjoints of updates: gathers, scatters and maps, so that there are gradients to any order.

    y = x with v added at i        g_x = g                         g_v = g[i]
    y = x with v set at i          g_x = g with 0 set at i         g_v = g[i] where v is what stayed
    y = x with v inserted          g_x = g with 0 inserted         g_v = the slice of g
    y = the largest of x and v     g_x = g / n where x is y        g_v = (g / n)[i] where v is y[i]
    y = x times v at i             g_x = g * (1 times v at i)      g_v = (g * x)[i], if indices differ

n counts the winners, which share as in torch.scatter_reduce. Of several values for one place the last one is
set; who that was is asked by setting their places as they were set. The product of all but one of several
factors has no form in these ops that is right at zeros, to any order: where an index may be there twice,
there is an error, which offers the sum of logarithms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import GradientError
from compiler.ir.build import apply, filled
from compiler.ir.dims import Shape, product
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.node import Node, Origin, describe, make_node
from compiler.ir.op import (
    Access,
    Argument,
    Combine,
    Constant,
    Gather,
    Index,
    Insert,
    MapReduce,
    Reshape,
    Scatter,
    Slice,
)
from compiler.ir.types import INT64, TensorType

PLACE = parse_formula("place(i) = i")
LAST = parse_formula("last(g, winner, place) = where(winner == place, g, 0.0)")
WINNER = parse_formula("winner(x, y) = where(x == y, 1.0, 0.0)")
SHARE = parse_formula("share(g, x, y) = where(x == y, g, 0.0)")


def insert_adjoint(op: Insert, operand: int, node: Node, cotangent: Node, origin: Origin) -> Node:
    """The cotangent of an insert's operand."""
    values = node.operands[1].type
    if operand == 1:
        return make_node(Slice(op.starts, values.shape, op.steps), [cotangent], origin=origin)
    return make_node(op, [cotangent, filled(0.0, values, origin)], origin=origin)


def scatter_adjoint(op: Scatter, operand: int, node: Node, cotangent: Node, origin: Origin) -> Node | None:
    """The cotangent of a scatter's operand; None for its indices.

    Raises GradientError for the values that are multiplied where an index may be there twice.
    """
    if operand == 1:
        return None
    rule = _Scattered(op, node, cotangent, origin)
    match op.combine:
        case Combine.ADD:
            return rule.picked(cotangent) if operand else cotangent
        case Combine.SET:
            return rule.set_values() if operand else rule.set_target()
        case Combine.MAX | Combine.MIN:
            return rule.won(operand)
        case Combine.MULTIPLY:
            return rule.multiplied_values() if operand else rule.multiplied_target()


class _Scattered:
    """The cotangent of a scatter on its way to an operand."""

    def __init__(self, op: Scatter, node: Node, cotangent: Node, origin: Origin) -> None:
        self.op, self.node, self.cotangent, self.origin = op, node, cotangent, origin
        self.target, self.index, self.values = node.operands

    def picked(self, value: Node) -> Node:
        """What lies at the indices."""
        merged = self.op.merged(value.type).shape
        if merged != value.type.shape:
            value = make_node(Reshape(merged), [value], origin=self.origin)
        return make_node(Gather(self.op.axis, self.op.batched), [value, self.index], origin=self.origin)

    def _scattered(self, combine: Combine, target: Node, values: Node) -> Node:
        op = replace(self.op, combine=combine)
        return make_node(op, [target, self.index, values], origin=self.origin)

    def _like(self, value: float, other: Node) -> Node:
        return filled(value, other.type, self.origin)

    # Set

    def set_target(self) -> Node:
        """The cotangent, and 0 where other values were set."""
        return self._scattered(Combine.SET, self.cotangent, self._like(0.0, self.values))

    def set_values(self) -> Node:
        """The cotangent at the indices, for the values that stayed."""
        found = self.picked(self.cotangent)
        if is_unique(self.index, self.op.axis if self.op.batched else None):
            return found
        places, width, axis = self._places(), self.index.type.rank, self.op.axis
        whole = self.op.merged(self.target.type).shape
        first, shape = (axis, whole) if self.op.batched else (0, whole[axis : axis + 1])
        setting = Scatter(first, Combine.SET, self.op.batched)
        none = filled(0, TensorType(INT64, shape), self.origin)
        winners = make_node(setting, [none, self.index, places], origin=self.origin)
        gather = Gather(first, self.op.batched)
        winner = make_node(gather, [winners, self.index], origin=self.origin)
        loops = tuple(range(found.type.rank))
        picked = loops if self.op.batched else loops[axis : axis + width]
        accesses = (Access(loops), Access(picked), Access(picked))
        op = MapReduce(LAST, accesses, found.type.shape, loops, found.type.dtype)
        return make_node(op, [found, winner, places], origin=self.origin)

    def _places(self) -> Node:
        """A number for each index, greater for those that come later."""
        shape = self.index.type.shape
        loops: Shape = shape if self.op.batched else (product(shape),)
        argument: Argument = Index(self.op.axis if self.op.batched else 0)
        op = MapReduce(PLACE, (argument,), loops, tuple(range(len(loops))), INT64)
        found = make_node(op, [], origin=self.origin)
        return found if loops == shape else make_node(Reshape(shape), [found], origin=self.origin)

    # Largest and smallest

    def won(self, operand: int) -> Node:
        """The share of an operand's elements that are what all of them came to."""
        at_values = self.picked(self.node)
        own = apply(WINNER, self.target, self.node, dtype=self.node.type.dtype, origin=self.origin)
        others = apply(WINNER, self.values, at_values, dtype=self.node.type.dtype, origin=self.origin)
        count = apply("stop", self._scattered(Combine.ADD, own, others), origin=self.origin)
        share = apply("div", self.cotangent, count, origin=self.origin)
        if operand == 0:
            return apply(SHARE, share, self.target, self.node, origin=self.origin)
        return apply(SHARE, self.picked(share), self.values, at_values, origin=self.origin)

    # Products

    def multiplied_target(self) -> Node:
        """The cotangent times all values that meet an element."""
        factors = self._scattered(Combine.MULTIPLY, self._like(1.0, self.target), self.values)
        return apply("mul", self.cotangent, factors, origin=self.origin)

    def multiplied_values(self) -> Node:
        """The cotangent times the element that the one value for it meets."""
        if not is_unique(self.index, self.op.axis if self.op.batched else None):
            raise GradientError(
                f"no gradient by values that are multiplied at indices that may be equal: "
                f"{describe(self.node)}\n  {describe(self.index)}\n"
                "  fix: give indices that are known when the graph is built and differ, or add logarithms: "
                "x * tt.exp(tt.zeros_like(x).at[i].add(tt.log(values)))"
            )
        return self.picked(apply("mul", self.cotangent, self.target, origin=self.origin))


def is_unique(index: Node, axis: int | None) -> bool:
    """Whether indices are known, and none is there twice: along an axis, or at all."""
    op = index.op
    while isinstance(op, Reshape):
        (index,) = index.operands
        op = index.op
    if not isinstance(op, Constant) or not op.buffer.is_bound:
        return False
    array: np.ndarray[Any, Any] = op.buffer.array
    ordered = np.sort(array.reshape(-1) if axis is None else array, axis=0 if axis is None else axis)
    return not (np.diff(ordered, axis=0 if axis is None else axis) == 0).any()
