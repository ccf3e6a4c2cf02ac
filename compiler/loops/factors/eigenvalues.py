"""The eigenvalues of symmetric matrices: a tridiagonal matrix by reflections, then bisection.

    for k in 0 .. n - 1:                                v, tau = the reflection of a[k+1:, k]
        p = tau * a[k+1:, k+1:] * v
        w = p - tau / 2 * (p^T * v) * v
        a[k+1:, k+1:] = a[k+1:, k+1:] - v * w^T - w * v^T      in the pass of the next k over it
    for j in 0 .. n:  carrying low = -1, high = 1       in units of a bound of all eigenvalues
        54 times:
            middle = (low + high) / 2
            s = how often the sign changes among p[i] = (d[i] - middle) * p[i-1] - e[i]^2 * p[i-2]
            low, high = middle, high   if s <= j,   else low, middle

The leading minors of a shifted tridiagonal matrix change their sign as often as it has negative eigenvalues
(G. Golub and C. Van Loan, "Matrix Computations", 8.3 and 8.4). They are scaled by powers of two, so there is
no division. What is found is as near to the true value as the largest one times the last halving.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from compiler.ir.types import INT64
from compiler.loops.factors.matrices import Grid
from compiler.loops.factors.reflections import dot, reflection
from compiler.loops.language import Literal, Operand, Value
from compiler.loops.ways import Span, Way

LEAST: Final = 2.0**-106
"""The least square beside the diagonal: of a matrix that is scaled to 1 it moves no eigenvalue by a rounding.

So no two minors in a row vanish, and none shrinks faster than scaling makes good.
"""

ABOVE: Final = 4.0
"""An element of the diagonal above all shifts, of rows that fill the last step."""

V, W, X, P = range(4)
"""Rows of work: v and w of the step before, x, of which v is made in its place, and p."""

STEPS: Final = 4
"""Rows after which minors are scaled."""


class Eigenvalues:
    """Symmetric matrices of `size`, and how often the bounds of their eigenvalues are halved."""

    def __init__(self, way: Way, size: int, halvings: int) -> None:
        self.way, self.size, self.halvings, self.stop = way, size, halvings, way.whole(size)
        self.padded = -(-size // STEPS) * STEPS
        self.matrix = Grid.of(way, size, size)
        self.work = Grid.of(way, 4, size)
        self.diagonal = Grid.of(way, 1, self.padded)
        self.beside = Grid.of(way, 1, self.padded)

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The memory that it needs."""
        return self.matrix, self.work, self.diagonal, self.beside

    def find(self) -> Grid:
        """The eigenvalues in ascending order, in a row."""
        way, last = self.way, self.size - 1
        self.work.clear()
        self.beside.put(0, 0, way.element_of(0))
        way.each((0, last), self._reduce)
        self._column(way.writer.sum(last, 0))
        self._bisect(self._scale())
        return self.work

    def _column(self, k: Value) -> None:
        """A column without what the step before it takes away, and its element of the diagonal."""
        way, work = self.way, self.work
        factors = [way.spread(way.let("neg", work.element(row, k))) for row in (W, V)]

        def less(i: Value, mask: Value | None) -> None:
            total = self.matrix.down(i, k, mask)
            for row, factor in zip((V, W), factors, strict=True):
                total = way.let("fma", factor, work.vector(row, i, mask), total)
            work.put(X, i, total, mask)

        way.down((k, self.size), less)
        self.diagonal.put(0, k, work.element(X, k))

    def _reduce(self, k: Value) -> None:
        """One column of the tridiagonal matrix; the rest of it when the next column asks for it."""
        way, work, first = self.way, self.work, self.way.writer.sum(k, 1)
        span = first, self.size
        self._column(k)
        beta, tau = reflection(work, X, span)
        self.beside.put(0, first, beta)
        way.strips((first, self.stop), partial(self._subtract, span, way.spread(tau)))
        half = way.let("mul", tau, way.number(-0.5))
        factor = way.spread(way.let("mul", half, dot(work, X, P, span)))

        def less(i: Value, mask: Value | None) -> None:
            vector = work.vector(X, i, mask)
            work.put(W, i, way.let("fma", factor, vector, work.vector(P, i, mask)), mask)
            work.put(V, i, vector, mask)

        way.down(span, less)

    def _subtract(self, span: Span, scale: Value, columns: Sequence[Value]) -> None:
        """A strip of the matrix without what the step before takes away, and its product with the vector."""
        way, work, matrix = self.way, self.work, self.matrix
        pairs = [(work.vector(W, j), work.vector(V, j)) for j in columns]

        def row(i: Value, totals: Sequence[Value]) -> Sequence[Operand]:
            minus = [way.spread(way.let("neg", work.element(one, i))) for one in (V, W)]
            weight = way.spread(work.element(X, i))
            found: list[Operand] = []
            for j, pair, total in zip(columns, pairs, totals, strict=True):
                left = matrix.vector(i, j)
                for factor, vector in zip(minus, pair, strict=True):
                    left = way.let("fma", factor, vector, left)
                matrix.put(i, j, left)
                found.append(way.let("fma", weight, left, total))
            return found

        sums = way.carry(span, [way.constant(0)] * len(columns), row)
        for j, total in zip(columns, sums, strict=True):
            work.put(P, j, way.let("mul", scale, total))

    def _scale(self) -> Value:
        """A magnitude that no eigenvalue exceeds (S. Gershgorin 1931), by which the matrix is divided."""
        way, last = self.way, self.size - 1

        def row(i: Value, most: Sequence[Value]) -> Sequence[Operand]:
            after = way.let("abs", self.beside.element(0, way.writer.minimum(way.writer.sum(i, 1), last)))
            is_last = way.test("eq", way.place(i), Literal.of(last, INT64))
            after = way.let("where", is_last, way.number(0), after)
            both = way.let("add", way.let("abs", self.beside.element(0, i)), after)
            return [
                way.let("maximum", way.let("add", way.let("abs", self.diagonal.element(0, i)), both), *most)
            ]

        (bound,) = way.carry((0, self.size), [way.number(0)], row)
        scale = way.let("where", way.test("eq", bound, way.number(0)), way.number(1), bound)

        def scaled(i: Value) -> None:
            self.diagonal.put(0, i, way.let("div", self.diagonal.element(0, i), scale))
            beside = way.let("div", self.beside.element(0, i), scale)
            square = way.let("maximum", way.let("mul", beside, beside), way.number(LEAST))
            self.beside.put(0, i, way.let("neg", square))

        way.each((0, self.size), scaled)
        for i in range(self.size, self.padded):
            self.diagonal.put(0, i, way.element_of(ABOVE))
            self.beside.put(0, i, way.element_of(-LEAST))
        return bound

    def _bisect(self, bound: Value) -> None:
        way, wide, half = self.way, self.way.spread(bound), self.way.number(0.5)

        def middle(low: Value, high: Value) -> Value:
            return way.let("mul", way.let("add", low, high), half)

        def strip(columns: Sequence[Value]) -> None:
            def halved(_: Value, ends: Sequence[Value]) -> Sequence[Operand]:
                bounds = list(zip(ends[::2], ends[1::2], strict=True))
                middles = [middle(*pair) for pair in bounds]
                found: list[Operand] = []
                for pair, shift, count, j in zip(bounds, middles, self._below(middles), columns, strict=True):
                    is_higher = way.test("le", count, way.places(j))
                    found.append(way.let("where", is_higher, shift, pair[0]))
                    found.append(way.let("where", is_higher, pair[1], shift))
                return found

            first = [way.constant(end) for _ in columns for end in (-1.0, 1.0)]
            ends = way.carry((0, self.halvings), first, halved)
            for j, low, high in zip(columns, ends[::2], ends[1::2], strict=True):
                self.work.put(0, j, way.let("mul", middle(low, high), wide))

        way.strips((0, self.stop), strip)

    def _below(self, shifts: Sequence[Value]) -> list[Value]:
        """How many eigenvalues are less than each shift: the changes of sign among the leading minors."""
        way = self.way

        def rows(i: Value, state: Sequence[Value]) -> Sequence[Operand]:
            minors, before, counts = (list(state[k::3]) for k in range(3))
            for k in range(STEPS):
                row = way.writer.sum(i, k)
                diagonal, beside = (way.spread(grid.element(0, row)) for grid in (self.diagonal, self.beside))
                for number, shift in enumerate(shifts):
                    left, minor = way.let("sub", diagonal, shift), minors[number]
                    found = way.let("fma", left, minor, way.let("mul", beside, before[number]))
                    counts[number] = way.let("add", counts[number], self._changes(found, minor), dtype=INT64)
                    minors[number], before[number] = found, minor
            ended: list[Operand] = []
            for minor, last, count in zip(minors, before, counts, strict=True):
                power = self._power(minor, last)
                ended += [way.let("mul", minor, power), way.let("mul", last, power), count]
            return ended

        first = [way.constant(1), way.constant(0), way.constant(0, INT64)] * len(shifts)
        return way.carry((0, self.padded), first, rows, STEPS)[2::3]

    def _changes(self, one: Value, other: Value) -> Value:
        """1 where two numbers differ in sign, else 0."""
        differ = self.way.let("xor", *map(self._bits, (one, other)), dtype=INT64)
        return self.way.let("lshr", differ, Literal.of(63, INT64), dtype=INT64)

    def _bits(self, value: Value) -> Value:
        return self.way.let("bits", value, dtype=INT64)

    def _power(self, one: Value, other: Value) -> Value:
        """The power of two that makes the larger of two numbers one of about 1."""
        way = self.way
        total = way.let("add", way.let("abs", one), way.let("abs", other))
        exponent = way.let("and", self._bits(total), Literal.of(0x7FF << 52, INT64), dtype=INT64)
        opposite = way.let("sub", Literal.of(2046 << 52, INT64), exponent, dtype=INT64)
        return way.let("from_bits", opposite)
