"""Contractions through np.matmul where they are matrix products, through np.einsum where they are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.backends.numpy.frame import Array
from compiler.ir.op import MapReduce


@dataclass(frozen=True, slots=True)
class MatrixProduct:
    """How a contraction of two operands is `left @ right` into the output.

    Each tuple orders the axes that the operand's own non-unit axes become: batch, rows, depth and so on, with the
    number of axes in each group. `swapped` multiplies the second operand by the first, so that the output is dense.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    batch: int
    rows: int
    columns: int
    depth: int
    swapped: bool
    axes: tuple[tuple[int | None, ...], ...]
    """The axes of left, right and output, as the op states them."""

    @property
    def is_plain(self) -> bool:
        """Whether rows, columns and depth are one loop each, so that no axes need to be merged."""
        return self.rows == self.columns == self.depth == 1


def matrix_product(op: MapReduce) -> MatrixProduct | None:
    """The contraction as a matrix product; None if some loop belongs to one operand alone and is summed, or the
    output does not keep batch, rows and columns together."""
    if len(op.accesses) != 2:
        return None
    first, second = ([axis for axis in access.axes if axis is not None] for access in op.accesses)
    output = [axis for axis in op.output if axis is not None]
    batch = [loop for loop in output if loop in first and loop in second]
    depth = [loop for loop in first if loop in second and loop not in output]
    rows = [loop for loop in output if loop in first and loop not in second]
    columns = [loop for loop in output if loop in second and loop not in first]
    if set(first) | set(second) != {*batch, *depth, *rows, *columns} or not depth:
        return None
    if output == [*batch, *rows, *columns]:
        swapped = False
    elif output == [*batch, *columns, *rows]:
        swapped, first, second, rows, columns = True, second, first, columns, rows
    else:
        return None
    left = tuple(first.index(loop) for loop in [*batch, *rows, *depth])
    right = tuple(second.index(loop) for loop in [*batch, *depth, *columns])
    places = (1, 0) if swapped else (0, 1)
    axes = (*(op.accesses[place].axes for place in places), op.output)
    return MatrixProduct(left, right, len(batch), len(rows), len(columns), len(depth), swapped, axes)


def contraction(op: MapReduce) -> Callable[[Sequence[Array], Array], None]:
    """A function that writes the contraction of its operands into a dense array."""
    product = matrix_product(op)
    return _einsum(op) if product is None else _matmul(op, product)


def _squeezed(array: Array, axes: Sequence[int | None]) -> Array:
    return array.reshape([n for n, axis in zip(array.shape, axes, strict=True) if axis is not None])


def _matmul(op: MapReduce, product: MatrixProduct) -> Callable[[Sequence[Array], Array], None]:
    place = (1, 0) if product.swapped else (0, 1)

    def run(operands: Sequence[Array], out: Array) -> None:
        left, right = (
            _squeezed(operands[k], op.accesses[k].axes).transpose(order)
            for k, order in zip(place, (product.left, product.right), strict=True)
        )
        batch = left.shape[: product.batch]
        m = int(np.prod(left.shape[product.batch : product.batch + product.rows]))
        k = int(np.prod(left.shape[product.batch + product.rows :]))
        n = int(np.prod(right.shape[product.batch + product.depth :]))
        target = out.reshape((*batch, m, n))
        if k == 0:
            target.fill(0)
        else:
            np.matmul(
                left.reshape((*batch, m, k)), right.reshape((*batch, k, n)), out=target, casting="unsafe"
            )

    return run


def _einsum(op: MapReduce) -> Callable[[Sequence[Array], Array], None]:
    output = [axis for axis in op.output if axis is not None]

    def run(operands: Sequence[Array], out: Array) -> None:
        pairs: list[object] = []
        for array, access in zip(operands, op.accesses, strict=True):
            pairs += [_squeezed(array, access.axes), [axis for axis in access.axes if axis is not None]]
        target = _squeezed(out, op.output)
        np.einsum(
            *pairs, output, out=target, dtype=op.dtype.numpy, casting="unsafe", optimize=len(operands) > 2
        )  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownMemberType]  # the sublist form has no stub

    return run
