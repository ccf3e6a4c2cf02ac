"""What each loop of a sum of products of two operands is, in the words of a product of matrices.

    out[batch, rows, columns] = sum over summed of left[batch, rows, summed] * right[batch, summed, columns]

A loop is a number, the same in both operands and the output. Every group may be several loops, or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from compiler.ir.op import MapReduce

Loops: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProductLoops:
    """The loops by what has them as axes. Those of the output are in its order, others in their own."""

    batch: Loops
    """Of both operands and the output."""
    rows: Loops
    """Of the left operand and the output."""
    columns: Loops
    """Of the right operand and the output."""
    summed: Loops
    """Of both operands, and summed."""
    alone: tuple[Loops, Loops]
    """Of the left operand alone, of the right one alone: summed, but the other has none of them."""
    repeated: Loops
    """Of neither operand: along these the output, or what is summed, repeats itself."""

    @property
    def is_of_matrices(self) -> bool:
        """Whether this is a product of matrices (maybe a batch of them): all that is summed is of both."""
        return bool(self.summed) and not any((*self.alone, self.repeated))


def product_loops(left: Sequence[int], right: Sequence[int], output: Sequence[int]) -> ProductLoops:
    """The loops of a product whose operands and output have these loops as axes."""
    mine, others = set(left), set(right)
    summed = sorted((mine | others) - set(output))
    return ProductLoops(
        batch=tuple(loop for loop in output if loop in mine and loop in others),
        rows=tuple(loop for loop in output if loop in mine and loop not in others),
        columns=tuple(loop for loop in output if loop in others and loop not in mine),
        summed=tuple(loop for loop in summed if loop in mine and loop in others),
        alone=(
            tuple(loop for loop in summed if loop not in others),
            tuple(loop for loop in summed if loop not in mine),
        ),
        repeated=tuple(loop for loop in output if loop not in mine and loop not in others),
    )


def loops_of_contraction(op: MapReduce) -> ProductLoops | None:
    """The loops of a contraction of two operands, those of extent 1 left out; None for more operands."""
    if len(op.accesses) != 2:
        return None
    left, right = (_turning(op, access.axes) for access in op.accesses)
    found = product_loops(left, right, _turning(op, op.output))
    known = {*left, *right, *op.output}
    repeated = (loop for loop in op.reduced if op.extents[loop] != 1 and loop not in known)
    return replace(found, repeated=(*found.repeated, *repeated))


def _turning(op: MapReduce, axes: Sequence[int | None]) -> Loops:
    return tuple(axis for axis in axes if axis is not None and op.extents[axis] != 1)
