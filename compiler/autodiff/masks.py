"""What is known of a cotangent when the graph is built: that it is 0 where something else was chosen.

    where(mask[b], x[b,c], 0)   the cotangent of x is masked, and the mask varies along b alone

A product with a masked cotangent is `zmul`, so that what was not chosen may be infinite or NaN. A mask is the
choice of a condition that does not read the value itself: `where`, `tril`, the row of a class. It passes
through element-wise ops, moves, and sums along axes on which it does not depend. Products that are summed do
not know of masks: a contraction has no `zmul`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from compiler.ir.node import Node
from compiler.ir.op import Broadcast, Concatenate, Fold, MapReduce, Op, Pad, Reshape, Slice, Transpose, Window

Mask: TypeAlias = frozenset[int] | None
"""The axes along which a mask varies; None where nothing is masked."""


@dataclass(frozen=True, slots=True)
class Cotangent:
    """The cotangent of a value, in the value's type."""

    node: Node
    mask: Mask = None

    @property
    def is_masked(self) -> bool:
        return self.mask is not None


def mask_at_operand(op: MapReduce, operand: int, mask: Mask, loops: Iterable[int] | None = None) -> Mask:
    """The mask of the adjoint by an operand: the result's own, else that of a choice made along `loops`."""
    axes = op.accesses[operand].axes
    passed = None if mask is None else {op.output[axis] for axis in mask}
    for choice in (passed, loops):
        varies = None if choice is None else {loop for loop in choice if loop is not None}
        if varies is not None and varies.issubset(axes):  # the adjoint is summed over the loops not in `axes`
            return frozenset(axis for axis, loop in enumerate(axes) if loop in varies)
    return None


def mask_before_move(op: Op, operand: Node, mask: Mask) -> Mask:
    """The mask of the adjoint of a layout op, which has the operand's axes."""
    if mask is None:
        return None
    match op:
        case Transpose():
            return frozenset(op.order[axis] for axis in mask)
        case Broadcast():
            kept = {at: axis for axis, at in enumerate(op.axes) if operand.type.shape[axis] == op.shape[at]}
            return frozenset(kept[axis] for axis in mask) if mask.issubset(kept) else None
        case Reshape():
            return _mask_before_reshape(op, operand, mask)
        case Slice() | Pad() | Concatenate():
            return mask
        case Window():  # its adjoint adds up neighbouring windows, so a mask along them is lost
            rank = operand.type.rank
            is_apart = mask.isdisjoint(op.axes) and all(axis < rank for axis in mask)
            return mask if is_apart else None
        case Fold():
            rank = operand.type.rank - len(op.axes)
            return mask | {rank + place for place, axis in enumerate(op.axes) if axis in mask}
        case _:
            return None


def _mask_before_reshape(op: Reshape, operand: Node, mask: frozenset[int]) -> frozenset[int]:
    """All axes, unless unit axes alone have come or gone."""
    before = [axis for axis, extent in enumerate(operand.type.shape) if extent != 1]
    after = [axis for axis, extent in enumerate(op.shape) if extent != 1]
    if [operand.type.shape[axis] for axis in before] != [op.shape[axis] for axis in after]:
        return frozenset(range(operand.type.rank))
    return frozenset(old for old, new in zip(before, after, strict=True) if new in mask)


def mask_of_sum(left: Mask, right: Mask) -> Mask:
    """The mask of a sum, which is 0 where both are."""
    return None if left is None or right is None else left | right
