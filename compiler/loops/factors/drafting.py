"""The kernels of calls of dense linear algebra: matrices into scratch memory, an algorithm, its result out.

    for g in 0 .. stack by 8:                       for g in 0 .. stack:
        work = a[min(g + lanes, stack - 1)]             work = a[g]
        factor work, across                             factor work, along
        x[g + lanes; where below stack] = work          x[g] = work

Stacks of small matrices are factored across: as many at a time as a vector has lanes. Large ones are factored
one by one, along their rows. All is computed in float64, as NumPy does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from compiler.ir.dims import Extent, product
from compiler.ir.linear_algebra import (
    CHOLESKY,
    DETERMINANT,
    EIGENVALUES,
    INVERSE,
    LOGARITHM,
    ORTHOGONAL,
    SIGN,
    SOLVE,
)
from compiler.ir.node import Node
from compiler.ir.op import Call
from compiler.ir.types import FLOAT32, FLOAT64, INT64
from compiler.loops.drafts import Draft, Scratched, UnsupportedError, evenly_apart, number_of
from compiler.loops.factors.cholesky import Cholesky
from compiler.loops.factors.eigenvalues import Eigenvalues
from compiler.loops.factors.elimination import Elimination
from compiler.loops.factors.matrices import Grid
from compiler.loops.factors.orthogonal import Orthogonal
from compiler.loops.language import Count, For, Kernel, Load, Memory, Number, Operand, Ref, Store, Value
from compiler.loops.places import Places, Pointer, Region
from compiler.loops.ways import Way
from compiler.loops.writing import Writer
from compiler.schedule import schedule

WORK: Final = 9 << 19
"""Bytes of scratch memory of a chunk beyond which LAPACK is faster, which works in blocks."""

WIDEST: Final = 96
WIDEST_INVERSE: Final = 32
"""Rows up to which matrices of a stack are factored across: a vector of each element stays near."""

FILLED: Final = 0.75
"""The share of lanes that must have a matrix for that."""

SMALL: Final = 16
FILLED_SMALL: Final = 0.5
"""The same of matrices of up to so many rows."""

HALVINGS: Final = {FLOAT32: 36, FLOAT64: 54}
"""How often the bounds of an eigenvalue are halved, by the dtype of the result."""

_INSTRUCTIONS: Final[Mapping[str, float]] = {
    SOLVE: 8.0,
    INVERSE: 28.0,
    DETERMINANT: 7.0,
    SIGN: 7.0,
    LOGARITHM: 8.0,
    CHOLESKY: 6.0,
    ORTHOGONAL: 28.0,
    EIGENVALUES: 24.0,
}
"""By label, for each element of a matrix times its rows, over all lanes."""

_OF_A_ROW: Final = 60
_OF_A_HALVING: Final = 4
"""As how many rows it counts to find a pivot and divide by it, and to halve bounds once: measured from 4 x 4
to 256 x 256, within a factor of 1.5."""


def factor_draft(kernel: schedule.Kernel, places: Places, vector_bytes: int) -> tuple[Draft, int] | None:
    """The loops of a call of linear algebra, and by how many matrices they step; None for other calls.

    Raises UnsupportedError where LAPACK is asked: sizes are symbols, or matrices large.
    """
    node = kernel.members[0]
    if not isinstance(node.op, Call) or node.op.label not in _WRITERS:
        return None
    drafting = _Drafting(node, places, vector_bytes)
    return drafting.draft(_WRITERS[node.op.label]), drafting.step


@dataclass(frozen=True, slots=True)
class _Array:
    """A value's memory, how far matrices lie apart in it, and the elements of one along its axes."""

    memory: Memory
    apart: Number
    strides: tuple[Number, ...]


class _Drafting:
    """One such kernel while it is written."""

    def __init__(self, node: Node, places: Places, vector_bytes: int) -> None:
        assert isinstance(node.op, Call)
        self.node, self.label, self.places = node, node.op.label, places
        matrix = node.operands[0].type
        *stack, rows, columns = matrix.shape
        if not (isinstance(rows, int) and isinstance(columns, int)):
            raise UnsupportedError("how many rows its matrices have is not known")
        if matrix.dtype not in HALVINGS or not node.type.size:
            raise UnsupportedError("there are no loops for matrices of its dtype or without elements")
        lanes = vector_bytes // FLOAT64.size
        self.stack, self.rows, self.columns = tuple(stack), rows, columns
        self.count, self.group, self.writer = Count(product(stack)), Value(INT64), Writer()
        widest = WIDEST_INVERSE if self.label == INVERSE else WIDEST
        is_across = _is_across(self.count.extent, max(rows, columns), lanes, widest)
        self.way = Way(self.writer, Value(INT64), FLOAT64, lanes, is_across)
        self.step = self.way.lanes if is_across else 1
        self.addresses: dict[Memory, Pointer] = {}

    def draft(self, write: Callable[[_Drafting], tuple[Grid, ...]]) -> Draft:
        """The loop over the stack around what is written of a group of it."""
        with self.writer.block() as body:
            grids = write(self)
        if sum(grid.size for grid in grids) * FLOAT64.size > WORK:
            raise UnsupportedError("its matrices are large: LAPACK has blocks for them")
        nest = For(self.group, 0, self.count, tuple(body), self.step)
        scratch = tuple(Scratched(grid.memory, grid.size) for grid in grids)
        memories = (*self.addresses, *(item.memory for item in scratch))
        kernel = Kernel(memories, self.way.chunk, (), (nest,))
        is_halved = self.label == EIGENVALUES
        depth = self.rows + (_OF_A_HALVING * HALVINGS[self.node.type.dtype] if is_halved else _OF_A_ROW)
        iterations = self.count.extent * (self.rows * self.columns * depth)
        moves = tuple((node.type.dtype.size, node.type.size) for node in (*self.node.operands, self.node))
        work = _INSTRUCTIONS[self.label] / self.way.lanes
        return Draft(kernel, self.count, self.addresses, (), iterations, work, moves, scratch=scratch)

    def status(self) -> Memory:
        """Where it is noted that a matrix is refused."""
        memory = Memory(INT64)
        self.addresses[memory] = Pointer(Region.STATUS, 0)
        return memory

    def read(self, node: Node, put: Callable[[Value, Value, Operand, Value | None], None]) -> None:
        """Reads the matrices of an operand, along by vectors of their rows."""
        array, (rows, columns) = self._array(node), map(_known, node.type.shape[-2:])

        def vector(i: Value, j: Value, mask: Value | None) -> None:
            put(i, j, self._loaded(array, i, j, mask), mask)

        self.way.each((0, rows), lambda i: self.way.down((0, columns), partial(vector, i)))

    def read_lower(self, node: Node, put: Callable[[Value, Value, Operand], None]) -> None:
        """Reads the elements of the lower triangles of an operand."""
        array, way = self._array(node), self.way

        def element(i: Value, j: Value) -> None:
            put(i, j, self._loaded(array, i, j, None))

        way.each((0, self.rows), lambda i: way.each((0, way.writer.sum(i, 1)), partial(element, i)))

    def _loaded(self, array: _Array, i: Value, j: Value, mask: Value | None) -> Operand:
        """An element of an operand, or with a mask a vector of a row."""
        found = Value(array.memory.dtype, self.way.units if mask is None else mask.lanes)
        ref = self._ref(array, (i, j), is_read=True, is_vector=mask is not None)
        self.writer.write(Load(found, ref, mask))
        return self.way.cast(found, FLOAT64)

    def store(self, value: Callable[[Sequence[Value], Value | None], Operand]) -> None:
        """Stores the result, given by its places: of a row and a column, of one, or of none.

        Along it is given by vectors of the last axis, under a mask.
        """
        array = self._array(self.node)
        counts = list(map(_known, self.node.type.shape[len(self.stack) :]))
        exists = self.way.exist(self.group, self.count) if self.way.is_across else None

        def write(indices: tuple[Value, ...], mask: Value | None) -> None:
            item = self.way.cast(value(indices, mask), array.memory.dtype)
            ref = self._ref(array, indices, is_read=False, is_vector=mask is not None)
            self.writer.write(Store(ref, item, exists if mask is None else mask))

        def axis(indices: tuple[Value, ...]) -> None:
            if len(indices) == len(counts):
                write(indices, None)
            elif len(indices) == len(counts) - 1:
                self.way.down((0, counts[-1]), lambda index, mask: write((*indices, index), mask))
            else:
                self.way.each((0, counts[len(indices)]), lambda index: axis((*indices, index)))

        axis(())

    def _array(self, node: Node) -> _Array:
        located, depth = self.places[node], len(self.stack)
        memory = Memory(node.type.dtype, label=node)
        self.addresses[memory] = located.pointer
        apart = evenly_apart(self.stack, located.strides[:depth])
        return _Array(memory, number_of(apart), tuple(map(number_of, located.strides[depth:])))

    def _ref(self, array: _Array, indices: Sequence[Value], *, is_read: bool, is_vector: bool) -> Ref:
        """A place in each matrix of a group; the last matrix is read again for lanes that have none."""
        pairs = zip(indices, array.strides, strict=True)
        terms = tuple(term for term in pairs if term[1] != 0)
        if not self.way.is_across:
            own = ((self.group, array.apart),) if array.apart != 0 else ()
            return Ref(array.memory, (*own, *terms), array.strides[-1] if is_vector else 1)
        if is_read:
            at = self.way.of_lanes(self.group, self.count)
        else:
            at = self.writer.let("lanes", INT64, self.group, lanes=self.way.lanes)
        return Ref(array.memory, terms, at=at, stride=array.apart)


def _is_across(stack: Extent, rows: int, lanes: int, widest: int) -> bool:
    """Whether lanes hold matrices: where these are many enough, or smaller than a vector is long."""
    if 2 * rows <= lanes or not isinstance(stack, int):
        return rows <= widest
    filled = stack / (-(-stack // lanes) * lanes)
    return rows <= widest and filled >= (FILLED_SMALL if rows <= SMALL else FILLED)


def _known(extent: Extent) -> int:
    assert isinstance(extent, int)
    return extent


# The calls, each with the memory that it needs


def _solve(drafting: _Drafting) -> tuple[Grid, ...]:
    (a, b), way = drafting.node.operands, drafting.way
    found = Elimination(way, drafting.rows, _known(b.type.shape[-1]), drafting.status())
    drafting.read(a, found.matrix.put)

    def put_right(i: Value, j: Value, value: Operand, mask: Value | None) -> None:
        found.matrix.put(i, way.writer.sum(j, found.right), value, mask)

    drafting.read(b, put_right)
    return _solved(drafting, found)


def _inverse(drafting: _Drafting) -> tuple[Grid, ...]:
    way, size = drafting.way, drafting.rows
    found = Elimination(way, size, size, drafting.status())
    drafting.read(drafting.node.operands[0], found.matrix.put)
    found.matrix.identity(found.right, size)
    return _solved(drafting, found)


def _solved(drafting: _Drafting, found: Elimination) -> tuple[Grid, ...]:
    found.eliminate()
    found.substitute()

    def right(at: Sequence[Value], mask: Value | None) -> Operand:
        return found.matrix.vector(at[0], drafting.way.writer.sum(at[1], found.right), mask)

    drafting.store(right)
    return found.grids


def _number(what: Callable[[Elimination, Operand], Operand], drafting: _Drafting) -> tuple[Grid, ...]:
    found = Elimination(drafting.way, drafting.rows)
    drafting.read(drafting.node.operands[0], found.matrix.put)
    total = what(found, found.eliminate())
    drafting.store(lambda _, __: total)
    return found.grids


def _mirrored(drafting: _Drafting, grid: Grid) -> None:
    """Reads the lower triangle, and its mirror."""

    def both(i: Value, j: Value, value: Operand) -> None:
        grid.put(i, j, value)
        grid.put(j, i, value)

    drafting.read_lower(drafting.node.operands[0], both)


def _cholesky(drafting: _Drafting) -> tuple[Grid, ...]:
    way = drafting.way
    found = Cholesky(way, drafting.rows, drafting.status())
    _mirrored(drafting, found.matrix)
    found.factor()

    def lower(at: Sequence[Value], mask: Value | None) -> Operand:
        i, j = at
        is_lower = way.test("le", way.places(j), way.spread(way.place(i)))
        return way.let("where", is_lower, found.matrix.down(j, i, mask), way.number(0))

    drafting.store(lower)
    return (found.matrix,)


def _orthogonal(drafting: _Drafting) -> tuple[Grid, ...]:
    found = Orthogonal(drafting.way, drafting.rows, drafting.columns)
    drafting.read(drafting.node.operands[0], found.matrix.put)
    found.factor()
    drafting.store(lambda at, mask: found.matrix.vector(at[0], at[1], mask))
    return found.grids


def _eigenvalues(drafting: _Drafting) -> tuple[Grid, ...]:
    found = Eigenvalues(drafting.way, drafting.rows, HALVINGS[drafting.node.type.dtype])
    _mirrored(drafting, found.matrix)
    row = found.find()
    drafting.store(lambda at, mask: row.vector(0, at[0], mask))
    return found.grids


_WRITERS: Final[Mapping[str, Callable[[_Drafting], tuple[Grid, ...]]]] = {
    SOLVE: _solve,
    INVERSE: _inverse,
    DETERMINANT: partial(_number, Elimination.determinant),
    SIGN: partial(_number, Elimination.sign),
    LOGARITHM: partial(_number, Elimination.logarithm),
    CHOLESKY: _cholesky,
    ORTHOGONAL: _orthogonal,
    EIGENVALUES: _eigenvalues,
}
