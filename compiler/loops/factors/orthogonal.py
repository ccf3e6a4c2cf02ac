"""The orthogonal factor of a QR factorisation, by reflections, eight at a time.

    for k in 0 .. n by 8:
        v[q], tau[q] = the reflection of column q, which goes on to those up to k + 8,  for q in k .. k + 8
        y[q] = tau[q] * (v[q]^T * a - sum of (v[q]^T * v[s]) * y[s] over s in k .. q)
        a = a - sum of v[q] * y[q] over q in k .. k + 8, in the columns from k + 8 on
    a = the first n columns of the identity
    the same with y[q] from the last q up, for the last k first, in the columns from k on

A sum over the rows and a pass over them serve eight reflections. Signs are LAPACK's: the upper factor may
have negative elements on its diagonal (G. Golub and C. Van Loan, "Matrix Computations", 5.1 and 5.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from compiler.loops.factors.matrices import Grid
from compiler.loops.factors.reflections import dot, reflection, weighted
from compiler.loops.language import Number, Value
from compiler.loops.ways import Way

TOGETHER: Final = 8
"""How many reflections are made at once."""

STRIP: Final = 2
"""How many vectors of columns they sum at once: each has a sum for each reflection."""


class Orthogonal:
    """Matrices of `rows` and no more `columns`."""

    def __init__(self, way: Way, rows: int, columns: int) -> None:
        self.way, self.columns, self.stop = way, columns, way.whole(columns)
        self.whole = -(-columns // TOGETHER) * TOGETHER
        self.matrix = Grid.of(way, rows, columns)
        self.vectors = Grid.of(way, self.whole, rows)
        self.scales = Grid.of(way, 1, self.whole)
        self.products = Grid.of(way, self.whole, TOGETHER)
        self.changes = Grid.of(way, TOGETHER, columns)

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The memory that it needs."""
        return self.matrix, self.vectors, self.scales, self.products, self.changes

    def factor(self) -> None:
        """The orthogonal factor in place of the matrices."""
        way, matrix = self.way, self.matrix
        for grid in (self.vectors, self.scales, self.products):
            grid.clear()

        def forward(k: Value) -> None:
            end = way.writer.minimum(way.writer.sum(k, TOGETHER), self.columns)
            way.each((k, end), lambda q: self._column(q, end))
            way.each((k, end), lambda q: way.each((k, end), partial(self._multiply, k, q)))
            if self.columns > TOGETHER:
                self._reflect(k, end, range(TOGETHER))

        way.each((0, self.columns), forward, TOGETHER)

        matrix.identity(0, self.columns)

        def backward(t: Value) -> None:
            k = way.writer.difference(self.whole - TOGETHER, t)
            self._reflect(k, k, range(TOGETHER)[::-1])

        way.each((0, self.whole), backward, TOGETHER)

    def _column(self, q: Value, end: Value) -> None:
        """A column's reflection, and what it makes of those behind it in its block."""
        way, matrix = self.way, self.matrix
        span = q, matrix.rows
        way.down(span, lambda i, mask: self.vectors.put(q, i, matrix.down(i, q, mask), mask))
        _, tau = reflection(self.vectors, q, span)
        self.scales.put(0, q, tau)
        scale = way.spread(way.let("neg", tau))

        def change(j: Value) -> None:
            (total,) = weighted(matrix, span, [j], [lambda i: self.vectors.element(q, i)])
            scaled = way.let("mul", scale, total)

            def row(i: Value) -> None:
                factor = way.spread(self.vectors.element(q, i))
                matrix.put(i, j, way.let("fma", factor, scaled, matrix.vector(i, j)))

            way.each(span, row)

        way.columns((way.writer.sum(q, 1), end), change)

    def _multiply(self, k: Value, q: Value, s: Value) -> None:
        """The product of two vectors of a block."""
        found = dot(self.vectors, q, s, (k, self.matrix.rows))
        self.products.put(q, self.way.writer.difference(s, k), found)

    def _reflect(self, k: Value, start: Number, order: Sequence[int]) -> None:
        """Reflects the columns from one on by a block, one reflection after the other in an order."""
        way, matrix = self.way, self.matrix
        rows = [way.writer.sum(k, s) for s in range(TOGETHER)]
        weights = [partial(self.vectors.element, row) for row in rows]

        def strip(columns: Sequence[Value]) -> None:
            sums = weighted(matrix, (k, matrix.rows), columns, weights)
            for number, j in enumerate(columns):
                changes: dict[int, Value] = {}
                for s in order:
                    total = sums[number * TOGETHER + s]
                    for other, change in changes.items():
                        product = way.let("neg", self.products.element(rows[s], other))
                        total = way.let("fma", way.spread(product), change, total)
                    scale = way.spread(self.scales.element(0, rows[s]))
                    changes[s] = way.let("mul", scale, total)
                    self.changes.put(s, j, changes[s])

        way.strips((start, self.stop), strip, STRIP)
        matrix.subtract(
            (k, matrix.rows), lambda _: (start, self.stop), range(TOGETHER), lambda i, s: weights[s](i),
            self.changes,
        )  # fmt: skip
