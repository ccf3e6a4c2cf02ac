"""Contractions through np.matmul where they are matrix products, through np.einsum where they are not.

An operand that np.matmul would copy, or multiply slowly (of another dtype, without a dense axis, of axes that
do not merge), is copied to memory that the frame keeps: one copy, nothing allocated after the first call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.analysis.aliasing import joined
from compiler.analysis.products import Loops, product_loops
from compiler.backends.numpy.frame import Array
from compiler.ir.op import MapReduce
from compiler.ir.types import DType

Contraction = Callable[[Sequence[Array], Array], None]


@dataclass(frozen=True, slots=True)
class Product:
    """A sum of products in loops: those of each operand's axes and of the output's, without unit axes."""

    operands: tuple[Loops, ...]
    output: Loops
    dtype: DType


@dataclass(frozen=True, slots=True)
class MatrixProduct:
    """How a product of two operands is `left @ right`: the order of each one's axes, and of the output's.

    The left operand becomes (batch, rows, depth), the right one (batch, depth, columns), the output (batch,
    rows, columns); each group may be several axes.
    """

    left: Loops
    right: Loops
    output: Loops
    batch: int
    rows: int
    columns: int
    depth: int

    @property
    def is_plain(self) -> bool:
        """Whether rows, columns and depth are one loop each, so that no axes need to be merged."""
        return self.rows == self.columns == self.depth == 1


def product_of(op: MapReduce) -> Product:
    """The loops of a contraction."""
    operands = tuple(_named(access.axes) for access in op.accesses)
    return Product(operands, _named(op.output), op.dtype)


def _named(axes: Sequence[int | None]) -> Loops:
    return tuple(axis for axis in axes if axis is not None)


def squeezed(array: Array, axes: Sequence[int | None]) -> Array:
    """A view without the unit axes that follow no loop."""
    return array.reshape([n for n, axis in zip(array.shape, axes, strict=True) if axis is not None])


def matrix_product(product: Product) -> MatrixProduct | None:
    """The product as one of matrices; None if it is none."""
    if len(product.operands) != 2:
        return None
    (first, second), output = product.operands, product.output
    loops = product_loops(first, second, output)
    if not loops.is_of_matrices:
        return None
    summed = sorted(loops.summed, key=first.index)
    left = tuple(first.index(loop) for loop in [*loops.batch, *loops.rows, *summed])
    right = tuple(second.index(loop) for loop in [*loops.batch, *summed, *loops.columns])
    order = tuple(output.index(loop) for loop in [*loops.batch, *loops.rows, *loops.columns])
    counts = (len(group) for group in (loops.batch, loops.rows, loops.columns, summed))
    return MatrixProduct(left, right, order, *counts)


def contraction(op: MapReduce) -> Contraction:
    """A function that writes the contraction of its operands into a dense array. For one call at a time."""
    product = product_of(op)
    run = _chain(product) if len(product.operands) > 2 else _pair(product)

    def squeeze_and_run(operands: Sequence[Array], out: Array) -> None:
        if any(0 in array.shape for array in operands):
            out.fill(0)  # what is summed first would be 0, and 0 times infinity is none
            return
        pairs = zip(operands, op.accesses, strict=True)
        run([squeezed(array, access.axes) for array, access in pairs], squeezed(out, op.output))

    return squeeze_and_run


def is_fit(matrix: Array) -> bool:
    """Whether np.matmul multiplies the last two axes as they are: one is dense, the other not reversed."""
    rows, columns = matrix.strides[-2:]
    width = matrix.itemsize
    m, n = matrix.shape[-2:]
    return (columns == width and rows >= n * width) or (rows == width and columns >= m * width)


class _Room:
    """Memory for an operand that has to be copied; made when it is first needed, then kept."""

    def __init__(self) -> None:
        self.array: Array | None = None

    def shaped(self, shape: Sequence[int], dtype: DType) -> Array:
        if self.array is None or self.array.shape != tuple(shape):
            self.array = np.empty(shape, dtype.numpy)
        return self.array

    def matrix(self, array: Array, groups: Sequence[int], dtype: DType) -> Array:
        """An array with groups of its axes merged, copied unless np.matmul can take it as it is."""
        shape = merged_shape(array.shape, groups)
        if array.dtype == dtype.numpy and merges(array, groups):
            merged = array.reshape(shape)
            if is_fit(merged):
                return merged
        copied = self.shaped(array.shape, dtype)
        np.copyto(copied, array, casting="unsafe")
        return copied.reshape(shape)


def merged_shape(shape: Sequence[int], groups: Sequence[int]) -> tuple[int, ...]:
    """The shape where each group of neighbouring axes is one axis, of extent 1 for an empty group."""
    starts = [sum(groups[:k]) for k in range(len(groups))]
    return tuple(math.prod(shape[start : start + count]) for start, count in zip(starts, groups, strict=True))


def merges(array: Array, groups: Sequence[int]) -> bool:
    """Whether the axes of each group lie in memory as one axis would."""
    start = 0
    for count in groups:
        axes = [axis for axis in range(start, start + count) if array.shape[axis] != 1]
        strides = [array.strides[axis] for axis in axes]
        if len(joined([array.shape[axis] for axis in axes], [strides])) > 1:
            return False
        start += count
    return True


def _pair(product: Product) -> Contraction:
    found = matrix_product(product)
    if found is not None:
        return _matmul(found, product.dtype)
    kept = [
        tuple(loop for loop in loops if loop in product.output or loop in other)
        for loops, other in zip(product.operands, product.operands[::-1], strict=True)
    ]
    if tuple(kept) == product.operands:
        return _einsum(product)
    return _summed_first(product, Product(tuple(kept), product.output, product.dtype))


def _summed_first(product: Product, rest: Product) -> Contraction:
    """What belongs to one operand alone is summed before the product."""
    run_rest = _pair(rest)
    rooms = [_Room() for _ in product.operands]

    def run(operands: Sequence[Array], out: Array) -> None:
        sums: list[Array] = []
        for array, loops, kept, room in zip(operands, product.operands, rest.operands, rooms, strict=True):
            axes = tuple(axis for axis, loop in enumerate(loops) if loop not in kept)
            made = (
                room.shaped([array.shape[loops.index(loop)] for loop in kept], product.dtype)
                if axes
                else array
            )
            if axes:
                np.add.reduce(array, axis=axes, dtype=product.dtype.numpy, out=made)
            sums.append(made)
        run_rest(sums, out)

    return run


def _matmul(product: MatrixProduct, dtype: DType) -> Contraction:
    left_room, right_room, out_room = _Room(), _Room(), _Room()
    batch = [1] * product.batch
    of_left = [*batch, product.rows, product.depth]
    of_right = [*batch, product.depth, product.columns]
    of_target = [*batch, product.rows, product.columns]

    def run(operands: Sequence[Array], out: Array) -> None:
        target = out.transpose(product.output)
        left = left_room.matrix(operands[0].transpose(product.left), of_left, dtype)
        right = right_room.matrix(operands[1].transpose(product.right), of_right, dtype)
        shape = merged_shape(target.shape, of_target)
        if merges(target, of_target) and is_fit(target.reshape(shape)):
            np.matmul(left, right, out=target.reshape(shape))
            return
        made = out_room.shaped(shape, dtype)
        np.matmul(left, right, out=made)
        np.copyto(target, made.reshape(target.shape))

    return run


def _einsum(product: Product) -> Contraction:
    output = list(product.output)

    def run(operands: Sequence[Array], out: Array) -> None:
        pairs: list[object] = []
        for array, loops in zip(operands, product.operands, strict=True):
            pairs += [array, list(loops)]
        np.einsum(*pairs, output, out=out, dtype=product.dtype.numpy, casting="unsafe")  # pyright: ignore[reportArgumentType, reportCallIssue]  # the sublist form has no stub

    return run


def _chain(product: Product) -> Contraction:
    """Two operands at a time, in an order found from the shapes of the first call."""
    steps: list[tuple[int, int, Contraction, Loops]] = []
    rooms = [_Room() for _ in product.operands]

    def run(operands: Sequence[Array], out: Array) -> None:
        if not steps:
            steps.extend(_steps(product, operands))
        known = [(array, loops) for array, loops in zip(operands, product.operands, strict=True)]
        for room, (first, second, contract, loops) in zip(rooms, steps, strict=False):
            right, left = known.pop(second), known.pop(first)
            extents = {
                **dict(zip(left[1], left[0].shape, strict=True)),
                **dict(zip(right[1], right[0].shape, strict=True)),
            }
            made = room.shaped([extents[loop] for loop in loops], product.dtype) if known else out
            contract([left[0], right[0]], made)
            known.append((made, loops))

    return run


def _steps(product: Product, operands: Sequence[Array]) -> list[tuple[int, int, Contraction, Loops]]:
    """What each step takes from the list of operands, what it does, and the loops of its result."""
    pairs: list[object] = []
    for array, loops in zip(operands, product.operands, strict=True):
        pairs += [array, list(loops)]
    path = np.einsum_path(*pairs, list(product.output), optimize="greedy")[0][1:]  # pyright: ignore[reportArgumentType]  # as above
    left = list(product.operands)
    steps: list[tuple[int, int, Contraction, Loops]] = []
    while len(left) > 1:
        first, second = _next(path, len(steps))
        b, a = left.pop(second), left.pop(first)
        needed = {loop for loops in left for loop in loops} | set(product.output)
        kept = (
            product.output if not left else tuple(loop for loop in dict.fromkeys((*a, *b)) if loop in needed)
        )
        steps.append((first, second, _pair(Product((a, b), kept, product.dtype)), kept))
        left.append(kept)
    return steps


def _next(path: Sequence[tuple[int, ...]], place: int) -> tuple[int, int]:
    """The two operands of a step; a step of the path that takes more of them is done from the front."""
    if place < len(path) and len(path[place]) == 2:
        first, second = sorted(path[place])
        return first, second
    return 0, 1
