"""Householder's reflections: H = I - tau * v * v^T, with v = 1 at its first element, makes of x beta * e1.

    beta = -copysign(|x|, x[0])     tau = (beta - x[0]) / beta     v[i] = x[i] / (x[0] - beta)

as LAPACK's larfg has it, tau = 0 where there is nothing to reflect. x is scaled by its largest element, so
that no square overflows (G. Golub and C. Van Loan, "Matrix Computations", 5.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from compiler.ir.op import Reducer
from compiler.loops.factors.matrices import Grid
from compiler.loops.language import Number, Operand, Value
from compiler.loops.ways import Span


def reflection(grid: Grid, row: Number, span: Span) -> tuple[Value, Value]:
    """The reflection of what stands in a part of a row, and v in place of it: beta and tau."""
    way, below = grid.way, (grid.way.writer.sum(span[0], 1), span[1])

    def magnitude(i: Value, mask: Value | None) -> Sequence[Operand]:
        return (way.let("abs", grid.vector(row, i, mask)),)

    largest = way.reduced(Reducer.MAX, span, magnitude)
    scale = way.let("where", way.test("eq", largest, way.number(0)), way.number(1), largest)
    _divide(grid, row, span, scale)

    def square(i: Value, mask: Value | None) -> Sequence[Operand]:
        found = grid.vector(row, i, mask)
        return (way.let("mul", found, found),)

    rest = way.reduced(Reducer.SUM, below, square)
    alpha = grid.element(row, span[0])
    norm = way.let("sqrt", way.let("fma", alpha, alpha, rest))
    is_done = way.test("eq", rest, way.number(0))
    beta = way.let("where", is_done, alpha, way.let("neg", way.let("copysign", norm, alpha)))
    difference = way.let("sub", beta, alpha)
    safe = way.let("where", is_done, way.number(1), beta)
    tau = way.let("where", is_done, way.number(0), way.let("div", difference, safe))
    _divide(grid, row, below, way.let("where", is_done, way.number(1), way.let("neg", difference)))
    grid.put(row, span[0], way.element_of(1))
    return way.let("mul", beta, scale), tau


def _divide(grid: Grid, row: Number, span: Span, divisor: Value) -> None:
    way, wide = grid.way, grid.way.spread(divisor)

    def divided(i: Value, mask: Value | None) -> None:
        grid.put(row, i, way.let("div", grid.vector(row, i, mask), wide), mask)

    way.down(span, divided)


def dot(grid: Grid, one: Number, other: Number, span: Span) -> Value:
    """The product of two rows of a grid."""
    way = grid.way

    def both(i: Value, mask: Value | None) -> Sequence[Operand]:
        return (way.let("mul", grid.vector(one, i, mask), grid.vector(other, i, mask)),)

    return way.reduced(Reducer.SUM, span, both)


def weighted(
    grid: Grid, rows: Span, columns: Sequence[Value], weights: Sequence[Callable[[Value], Value]]
) -> list[Value]:
    """Sums of rows times weights in vectors of columns: of each vector those by each weight."""
    way = grid.way

    def row(i: Value, totals: Sequence[Value]) -> Sequence[Operand]:
        factors = [way.spread(weight(i)) for weight in weights]
        found = [grid.vector(i, j) for j in columns]
        pairs = [(vector, factor) for vector in found for factor in factors]
        return [
            way.let("fma", factor, vector, total)
            for (vector, factor), total in zip(pairs, totals, strict=True)
        ]

    return way.carry(rows, [way.constant(0)] * (len(columns) * len(weights)), row)
