"""Elimination with partial pivoting of matrices and of right sides beside them; what follows from the pivots.

    for k in 0 .. n by 8:
        for q in k .. k + 8:
            c[i] = a[i, q] - sum of m[i, s] * a[s, q] over s in k .. q,      for i in q .. n
            exchange row q with that of the largest c
            a[q, :] = a[q, :] - sum of m[q, s] * a[s, :] over s in k .. q
            m[i, q] = c[i] / c[q]
        a[i, :] = a[i, :] - sum of m[i, s] * a[s, :] over s in k .. k + 8,   for i in k + 8 .. n

Rows that are left are read and written once for eight pivots. Of equal elements the first is the pivot. A
column of zeros is passed over, as LAPACK does (G. Golub and C. Van Loan, "Matrix Computations", 3.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from compiler.ir.op import Reducer
from compiler.loops.factors.matrices import PIVOTS, Grid
from compiler.loops.language import Check, Memory, Operand, Value
from compiler.loops.ways import Way


class Elimination:
    """Square matrices of `size`, and `more` columns of right sides, which begin with a whole vector.

    With a status word a pivot of 0 is refused.
    """

    def __init__(self, way: Way, size: int, more: int = 0, status: Memory | None = None) -> None:
        self.way, self.size, self.status = way, size, status
        self.right = way.whole(size)
        self.stop = way.whole(self.right + more)
        self.matrix = Grid.of(way, size, self.stop)
        self.factors = Grid.of(way, PIVOTS, size)

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The memory that it needs."""
        return self.matrix, self.factors

    def eliminate(self) -> Value:
        """The upper triangle, below which anything stands; and 1 or -1 for the exchanges of rows."""
        way = self.way

        def panel(k: Value, sign: Sequence[Value]) -> Sequence[Operand]:
            end = way.writer.minimum(way.writer.sum(k, PIVOTS), self.size)
            signs = way.carry((k, end), sign, lambda q, sign: [self._pivot(k, q, *sign)])
            if self.size > PIVOTS:
                rows, factor = [way.writer.sum(k, s) for s in range(PIVOTS)], self.factors.element
                below = end, self.size
                self.matrix.subtract(below, lambda _: (end, self.stop), rows, lambda i, s: factor(s, i))
            return signs

        (sign,) = way.carry((0, self.size), [way.number(1)], panel, PIVOTS)
        return sign

    def _pivot(self, k: Value, q: Value, sign: Operand) -> Operand:
        """A pivot of the panel from k on: its column, its row, and how often it goes into those below."""
        way, r = self.way, self.way.writer.difference(q, k)
        place = way.reduced(Reducer.ARGMAX, (q, self.size), lambda i, mask: self._left(k, q, r, i, mask))
        differs = way.test("ne", place, way.place(q))
        way.when(way.is_anywhere(differs), lambda: self._exchange(q, r, place))

        def column(j: Value) -> None:
            def less(s: Value, total: Sequence[Value]) -> Sequence[Operand]:
                factor = way.spread(way.let("neg", self.factors.element(s, q)))
                return [way.let("fma", factor, self.matrix.vector(way.writer.sum(k, s), j), *total)]

            (total,) = way.carry((0, r), [self.matrix.vector(q, j)], less)
            self.matrix.put(q, j, total)

        way.columns((q, self.stop), column)
        pivot = self.factors.element(r, q)
        is_none = way.test("eq", pivot, way.number(0))
        if self.status is not None:
            way.writer.write(Check(way.is_everywhere(way.test("not", is_none)), self.status))
        divisor = way.spread(way.let("where", is_none, way.number(1), pivot))

        def divided(i: Value, mask: Value | None) -> None:
            self.factors.put(r, i, way.let("div", self.factors.vector(r, i, mask), divisor), mask)

        way.down((way.writer.sum(q, 1), self.size), divided)
        return way.let("where", differs, way.let("neg", sign), sign)

    def _left(self, k: Value, q: Value, r: Value, i: Value, mask: Value | None) -> Sequence[Operand]:
        """What is left of a column's elements, which is noted: their magnitudes and places."""
        way = self.way

        def less(s: Value, total: Sequence[Value]) -> Sequence[Operand]:
            above = way.spread(self.matrix.element(way.writer.sum(k, s), q))
            return [way.let("fma", way.let("neg", self.factors.vector(s, i, mask)), above, *total)]

        (found,) = way.carry((0, r), [self.matrix.down(i, q, mask)], less)
        self.factors.put(r, i, found, mask)
        return way.let("abs", found), way.places(i)

    def _exchange(self, q: Value, r: Value, place: Value) -> None:
        way, matrix, factors = self.way, self.matrix, self.factors
        way.each((0, way.writer.sum(r, 1)), lambda s: factors.swap(factors.element, (s, q), (s, place)))
        way.columns((q, self.stop), lambda j: matrix.swap(matrix.vector, (q, j), (place, j)))

    def substitute(self) -> None:
        """The right sides as what solves for them, from the last row up."""
        way, writer, matrix = self.way, self.way.writer, self.matrix

        def block(t: Value) -> None:
            end = writer.difference(self.size, t)
            begin = writer.maximum(writer.difference(end, PIVOTS), 0)
            last = writer.difference(writer.sum(begin, end), 1)
            way.each((begin, end), lambda i: self._solved(writer.difference(last, i), end))
            if self.size > PIVOTS:
                rows, columns = [way.writer.sum(begin, s) for s in range(PIVOTS)], (self.right, self.stop)
                matrix.subtract((0, begin), lambda _: columns, rows, lambda i, s: matrix.element(i, rows[s]))

        way.each((0, self.size), block, PIVOTS)

    def _solved(self, q: Value, end: Value) -> None:
        """A row of right sides, without what the solved rows below it in its block take away."""
        way, matrix = self.way, self.matrix
        pivot = way.spread(matrix.element(q, q))

        def column(j: Value) -> None:
            def less(t: Value, total: Sequence[Value]) -> Sequence[Operand]:
                factor = way.spread(way.let("neg", matrix.element(q, t)))
                return [way.let("fma", factor, matrix.vector(t, j), *total)]

            (total,) = way.carry((way.writer.sum(q, 1), end), [matrix.vector(q, j)], less)
            matrix.put(q, j, way.let("div", total, pivot))

        way.columns((self.right, self.stop), column)

    # What follows from the pivots, of which there is one in each row

    def determinant(self, sign: Operand) -> Operand:
        """Their product."""
        return self._over_pivots(sign, lambda pivot, total: self.way.let("mul", total, pivot))

    def sign(self, sign: Operand) -> Operand:
        """The sign of their product; 0 where one is 0."""
        way = self.way

        def following(pivot: Value, total: Value) -> Operand:
            turned = way.let("where", way.test("lt", pivot, way.number(0)), way.let("neg", total), total)
            return way.let("where", way.test("eq", pivot, way.number(0)), way.number(0), turned)

        return self._over_pivots(sign, following)

    def logarithm(self, _: Operand) -> Operand:
        """The sum of the logarithms of their magnitudes."""
        way = self.way

        def following(pivot: Value, total: Value) -> Operand:
            return way.let("add", total, way.let("log", way.let("abs", pivot)))

        return self._over_pivots(way.number(0), following)

    def _over_pivots(self, first: Operand, following: Callable[[Value, Value], Operand]) -> Operand:
        matrix = self.matrix
        (total,) = self.way.carry(
            (0, self.size), [first], lambda q, total: [following(matrix.element(q, q), *total)]
        )
        return total
