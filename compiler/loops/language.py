"""The loop language: a kernel as a small, explicit, typed program.

    Kernel  ::= arguments, chunk, rooms, body
    Stmt    ::= Let(value, atom, operands)                    one atom; a value is written once
              | Load(value, Ref, mask) | Store(Ref, operand, mask, first)
              | For(index, start, stop, step, lanes, mask, carried, ahead, body)
              | Fold(following, reducer, state, item, mask)   one more item of a reduction
              | Join(value, reducer, state)                   what a reduction's state comes to
              | If(condition, then, otherwise, carried)
              | Check(condition)                              refuses the data; nothing else can fail
              | Pack(panel, ...) | Tile(sums, ...)            the leaves of a matrix product
    Operand ::= Value | Literal | Count
    Number  ::= int | Count | Value                           an extent, a bound, a stride
    Ref     ::= memory + sum(stride * value) + stride * vector, or the distance `step` of two lanes

Nothing about a kernel is known to who emits, prints or interprets it that is not said here.

**Values.** A value has a dtype and a number of lanes, 0 for a scalar, and is written by one statement, or is
an argument, the chunk's number, a loop's index, or a carried value. It can be read behind that statement, in
the same block and in blocks inside. Bools are truth values in registers and bytes in memory. A literal beside
vectors stands for itself in every lane; a scalar does not: `splat` is an atom. All operands of an atom have
the dtype in which it reads; `cast` converts. `place(i, j, n, k, m, ...)` is the row-major position of loop
indices, ((i * n) + j) * m + k, an int64. Values of a storage dtype are loaded, moved, stored and cast, and
nothing else; once a kernel is lowered they are int32: small integers as they are, halves as patterns.

**Loops.** `For` runs its body at index = start, start + step, ... while below stop. With lanes it walks by
vectors: its step is a multiple of its lanes, `mask` (if there is one) is the value that tells which lanes lie
below stop, and the index is that of the first lane. A carried value is `first` when the loop begins,
`inside` in an iteration, `following` at its end, and `after` behind the loop, `first` again where there is no
iteration. `ahead` runs once before the first iteration, if there is one; the body can read what it writes.

**Branches.** An `If` without another block may carry values, as a loop of one iteration or none does. Its
condition is taken to be rare: lowering writes such a branch for arguments that need more work than others.

**Reductions.** The state of a reduction is one value (a sum, or the largest integer), the largest or smallest
number and whether a NaN was seen, or of a search the value and its place (int64). `Fold` takes an item (and
of a search its place) into a state, lane by lane. `Join` makes the result of a state: with a scalar result it
joins lanes, halves first, in an order that is part of the result; with as many lanes as the state has, each
lane is a result of its own. `float32` is summed in float64.

**Chunks.** The body is run once for each chunk's number, by any threads in any order. What chunks share they
only read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from compiler.ir.dims import Extent
from compiler.ir.op import Reducer
from compiler.ir.types import BOOL, INT64, UINT8, DType, Scalar


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A scalar (0 lanes) or a vector in registers. Two values are the same if they are one object.

    `label` is what the user calls it, if anything; nothing depends on it.
    """

    dtype: DType
    lanes: int = 0
    label: object = None


@dataclass(frozen=True, slots=True)
class Literal:
    """A number or truth value that is written in the code. Equal only to one of the same bits."""

    text: str
    """The repr of a Python float or int (1 for true); "nan", "inf" and "-inf" for what is no number."""
    dtype: DType

    def __hash__(self) -> int:
        return hash(self.text)

    @classmethod
    def of(cls, value: Scalar, dtype: DType) -> Literal:
        """A literal in a dtype; integers are those modulo 2^n."""
        if dtype.is_float:
            return cls(repr(float(value)), dtype)
        if dtype is BOOL:
            return cls(repr(int(bool(value))), dtype)
        half = 0 if dtype is UINT8 else 1 << (8 * dtype.size - 1)
        return cls(repr((int(value) + half) % (1 << 8 * dtype.size) - half), dtype)

    @property
    def value(self) -> float | int:
        """The number: a Python float where the dtype is one, else an int."""
        return float(self.text) if self.dtype.is_float else int(self.text)


@dataclass(frozen=True, slots=True, eq=False)
class Count:
    """An extent or a stride that is a polynomial still. It becomes an argument before anything is emitted.

    Loops over one count object are walked alike: they are cut and joined together.
    """

    extent: Extent

    @property
    def dtype(self) -> DType:
        """Of all counts."""
        return INT64


Operand: TypeAlias = Value | Literal | Count

Number: TypeAlias = int | Count | Value
"""Scalars of int64."""


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """An array: an argument, whose address a call gives, or with `extent` elements a room of the kernel.

    A room is on a 64-byte border and holds anything when a chunk begins. What is written to an argument that
    `overlaps` may lie over memory that another argument reads.
    """

    dtype: DType
    extent: int = 0
    overlaps: bool = False
    label: object = None
    is_scratch: bool = False
    """An argument that no caller sees: like a room, but a call says where it is."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A place in memory, in elements: the sum of `terms`, scalars times strides, plus `at` times `stride`.

    `at` is a vector of places, one a lane. Without it a vector lies from the place on, each lane `step`
    elements after the one before (0: every lane is the same element, which only loads may be).
    """

    memory: Memory
    terms: tuple[tuple[Value, Number], ...] = ()
    step: Number = 1
    at: Value | None = None
    stride: Number = 1


Along: TypeAlias = Number | Ref
"""Where the rows or the terms of a product lie, counted from the first: a stride apart, or as a table says.

A table is a place of int64: so many elements from the first one the next row or term lies.
"""


@dataclass(frozen=True, slots=True)
class Let:
    """`value = atom(operands)`. The atoms are those of formulas, until they are lowered to a machine's."""

    value: Value
    atom: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """`value = memory[...]`; lanes outside `mask` are 0 and not touched."""

    value: Value
    ref: Ref
    mask: Value | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """`memory[...] = operand`; lanes outside `mask` are not touched. A literal is stored as a scalar.

    With `first` the first so many lanes are stored, in pieces of powers of two: a load of what follows a
    vector that was stored under a mask waits for all of it.
    """

    ref: Ref
    operand: Operand
    mask: Value | None = None
    first: int = 0


@dataclass(frozen=True, slots=True)
class Carry:
    """A value that goes from one iteration of a loop to the next, or through a branch."""

    inside: Value
    first: Operand
    following: Operand
    after: Value


@dataclass(frozen=True, slots=True)
class For:
    """A loop; see above."""

    index: Value
    start: Number
    stop: Number
    body: tuple[Stmt, ...]
    step: int = 1
    lanes: int = 0
    mask: Value | None = None
    carried: tuple[Carry, ...] = ()
    ahead: tuple[Stmt, ...] = ()


@dataclass(frozen=True, slots=True)
class Fold:
    """One more item of a reduction: `following` is `state` with `item`, in the lanes of `mask`."""

    following: tuple[Value, ...]
    reducer: Reducer
    state: tuple[Operand, ...]
    item: tuple[Operand, ...]
    mask: Value | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """The result of a reduction's state, in the dtype of the state (a place: int64)."""

    value: Value
    reducer: Reducer
    state: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class If:
    """One of two blocks, by a truth value; or one that is rarely run, and what is `following` from it."""

    condition: Value
    then: tuple[Stmt, ...]
    otherwise: tuple[Stmt, ...] = ()
    carried: tuple[Carry, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """Ends the kernel, with 1 in the status word, where a truth value is false."""

    condition: Value
    status: Memory


class Layout(Enum):
    """How the right side of a product lies in memory."""

    ROWS = "rows"
    """B[k, j] and B[k, j + 1] are neighbours."""
    COLUMNS = "columns"
    """B[k, j] and B[k + 1, j] are neighbours."""
    STRIDED = "strided"
    """Neither: any strides, 0 among them."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A panel of B: `terms` rows of `width` columns, those beyond `columns` unspecified.

    `panel` is afterwards `room`, whose rows lie `width` apart, or B itself, where B's rows lie as a tile
    reads them and fewer than `few` rows of A make a copy not worth its while; `step` is the distance of its
    rows. It may be written in whole blocks: a room has as many rows as the next multiple of `lanes`.
    """

    panel: Memory
    step: Value
    room: Memory
    source: Ref
    layout: Layout
    strides: tuple[Along, Number]
    """Of B by k and by j. A panel whose terms follow a table is strided."""
    terms: Number
    columns: Number
    width: int
    lanes: int
    rows: Number
    few: int
    whole: bool
    """Whether `columns` is never less than `width`."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile of sums in registers, `rows` by `vectors` vectors: sums[i, j] += A[i, k] * B[k, j] over k.

    Of A `exist` rows exist: those past them repeat the last one. Each sum is a chain over k in ascending
    order, begun at 0; where `first` is not 0 it is added to what lies at `sums`. With `live`, a place of
    int64, k is what stands there, `terms` numbers one behind the other: other terms are left out.

    Sums lie row by row, as wide as the tile, and all are stored. With `apart` they lie in the result, whose
    rows are so far apart: only rows and columns that exist are read and stored.
    """

    sums: Ref
    rows: int
    vectors: int
    lanes: int
    left: Ref
    left_strides: tuple[Along, Along]
    """Of A by i and by k."""
    exist: Number
    right: Ref
    right_step: Along
    terms: Number
    first: Number
    columns: Number
    masked: bool
    """Whether only `columns` columns of B exist."""
    live: Ref | None = None
    apart: Number | None = None


Stmt: TypeAlias = Let | Load | Store | For | Fold | Join | If | Check | Pack | Tile


@dataclass(frozen=True, slots=True)
class Kernel:
    """A program of loops. `arguments` are int64 numbers and addresses, in the order of a call."""

    arguments: tuple[Memory | Value, ...]
    chunk: Value
    rooms: tuple[Memory, ...]
    body: tuple[Stmt, ...]


def operand(number: Number | Literal) -> Operand:
    """A number as an operand of an atom."""
    return Literal.of(number, INT64) if isinstance(number, int) else number


def written(stmt: Stmt) -> tuple[Value, ...]:
    """The values that a statement writes for what follows it in its block."""
    match stmt:
        case Let() | Load() | Join():
            return (stmt.value,)
        case Fold():
            return stmt.following
        case For() | If():
            return tuple(item.after for item in stmt.carried)
        case Pack():
            return (stmt.step,)
        case _:
            return ()


def lanes_of(stmt: Load | Store) -> int:
    """How many lanes a statement loads or stores."""
    item = stmt.value if isinstance(stmt, Load) else stmt.operand
    return item.lanes if isinstance(item, Value) else 0


def blocks(stmt: Stmt) -> tuple[tuple[Stmt, ...], ...]:
    """The blocks inside a statement, in the order in which they run."""
    match stmt:
        case For():
            return stmt.ahead, stmt.body
        case If():
            return stmt.then, stmt.otherwise
        case _:
            return ()


def walk(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """Every statement, a loop before what is in it."""
    for stmt in body:
        yield stmt
        for block in blocks(stmt):
            yield from walk(block)


def reads(stmt: Stmt) -> Iterator[Value]:
    """The values that a statement itself reads; of a loop also what its iterations hand on."""
    for item in _read(stmt):
        if isinstance(item, Value):
            yield item


def refs(stmt: Stmt) -> tuple[Ref, ...]:
    """The places that a statement reads or writes."""
    match stmt:
        case Load() | Store():
            return (stmt.ref,)
        case Pack():
            return stmt.source, *tables(stmt)
        case Tile():
            return stmt.sums, stmt.left, stmt.right, *tables(stmt)
        case _:
            return ()


def tables(stmt: Pack | Tile) -> tuple[Ref, ...]:
    """The tables that a statement follows."""
    if isinstance(stmt, Pack):
        ways: tuple[Along | None, ...] = stmt.strides
    else:
        ways = (*stmt.left_strides, stmt.right_step, stmt.live)
    return tuple(item for item in ways if isinstance(item, Ref))


def _read(stmt: Stmt) -> Iterator[object]:
    for ref in refs(stmt):
        yield from (item for term in ref.terms for item in term)
        yield from (ref.step, ref.at, ref.stride)
    match stmt:
        case Let():
            yield from stmt.operands
        case Load():
            yield stmt.mask
        case Store():
            yield from (stmt.operand, stmt.mask)
        case For():
            yield from (stmt.start, stmt.stop)
            yield from (item for carry in stmt.carried for item in (carry.first, carry.following))
        case Fold():
            yield from (*stmt.state, *stmt.item, stmt.mask)
        case Join():
            yield from stmt.state
        case If():
            yield stmt.condition
            yield from (item for carry in stmt.carried for item in (carry.first, carry.following))
        case Check():
            yield stmt.condition
        case Pack():
            yield from (*stmt.strides, stmt.terms, stmt.columns, stmt.rows)
        case Tile():
            yield from (*stmt.left_strides, stmt.exist, stmt.right_step, stmt.terms, stmt.first, stmt.columns)
            yield stmt.apart
