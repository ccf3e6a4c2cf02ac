"""Cholesky's factor, from the lower triangle of symmetric matrices.

    for k in 0 .. n by 8:
        for q in k .. k + 8:
            u[q, :] = a[q, :] - sum of u[s, q] * u[s, :] over s in k .. q, over the root of its element q
        a[i, :] = a[i, :] - sum of u[s, i] * u[s, :] over s in k .. k + 8,   for i in k + 8 .. n

It is computed as the upper factor, whose rows lie in vectors; the lower one is its transpose (G. Golub and
C. Van Loan, "Matrix Computations", 4.2). A pivot that is not above 0 is refused, as is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.loops.factors.matrices import PIVOTS, Grid
from compiler.loops.language import Check, Memory, Operand, Value
from compiler.loops.ways import Way


class Cholesky:
    """Symmetric matrices of `size`."""

    def __init__(self, way: Way, size: int, status: Memory) -> None:
        self.way, self.size, self.status = way, size, status
        self.matrix = Grid.of(way, size, size)
        self.stop = way.whole(size)

    def factor(self) -> None:
        """The upper factor in place of the matrices; what is below the diagonal is anything."""
        way = self.way

        def panel(k: Value) -> None:
            end = way.writer.minimum(way.writer.sum(k, PIVOTS), self.size)
            way.each((k, end), lambda q: self._pivot(k, q))
            if self.size > PIVOTS:
                rows, element = [way.writer.sum(k, s) for s in range(PIVOTS)], self.matrix.element
                below = end, self.size
                self.matrix.subtract(below, lambda i: (i, self.stop), rows, lambda i, s: element(rows[s], i))

        way.each((0, self.size), panel, PIVOTS)

    def _pivot(self, k: Value, q: Value) -> None:
        """A row of the panel from k on."""
        way, matrix = self.way, self.matrix

        def square(s: Value, total: Sequence[Value]) -> Sequence[Operand]:
            above = matrix.element(s, q)
            return [way.let("fma", way.let("neg", above), above, *total)]

        (pivot,) = way.carry((k, q), [matrix.element(q, q)], square)
        is_positive = way.test("gt", pivot, way.number(0))
        way.writer.write(Check(way.is_everywhere(is_positive), self.status))
        root = way.spread(way.let("sqrt", pivot))

        def column(j: Value) -> None:
            def less(s: Value, total: Sequence[Value]) -> Sequence[Operand]:
                factor = way.spread(way.let("neg", matrix.element(s, q)))
                return [way.let("fma", factor, matrix.vector(s, j), *total)]

            (total,) = way.carry((k, q), [matrix.vector(q, j)], less)
            matrix.put(q, j, way.let("div", total, root))

        way.columns((q, self.stop), column)
