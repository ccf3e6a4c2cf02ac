"""Forms: what a kernel of maps and reductions does, without the numbers that a call gives.

    Form    ::= loops (outer, then inner; the last is walked by vectors), slots, members
    Slot    ::= memory of one dtype, the other loops along which it moves, and its step in the vector loop
    Member  ::= typed lines of sources, reducer and reduced loops, the slot that it is stored in
    Source  ::= FromSlot | FromMember | FromIndex | FromSize | Const

Kernels of equal forms share their code. Extents, strides and addresses are arguments:

    grain, an extent for each loop,
    for each slot its address and the strides (in elements) that the form does not know,
    for each summed member its accumulator's address, the distance of two chunks' accumulators, and a stride
    for each outer or vector loop that it keeps,
    sizes
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TypeAlias

from compiler.ir.formula.tape import Const, Ref, TypedLine
from compiler.ir.op import Reducer
from compiler.ir.types import FLOAT32, FLOAT64, DType


class Step(Enum):
    """How far a slot moves from one element of the vector loop to the next."""

    ONE = "one"
    ZERO = "zero"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Slot:
    """Memory that is read or written. `loops` are those, but the vector loop, along which it moves."""

    dtype: DType
    loops: tuple[int, ...]
    step: Step

    @property
    def arguments(self) -> int:
        """The address, and the strides that are not known."""
        return 1 + len(self.loops) + (self.step is Step.ANY)


@dataclass(frozen=True, slots=True)
class FromSlot:
    """The element of a slot."""

    slot: int


@dataclass(frozen=True, slots=True)
class FromMember:
    """The value of an earlier member."""

    member: int


@dataclass(frozen=True, slots=True)
class FromIndex:
    """The value of a loop index."""

    loop: int


@dataclass(frozen=True, slots=True)
class FromSize:
    """An argument that is a number."""

    number: int


Source: TypeAlias = FromSlot | FromMember | FromIndex | FromSize | Const


@dataclass(frozen=True, slots=True)
class Member:
    """A map or a reduction. `result` and the lines refer to `sources`, whose dtypes are `dtypes`.

    `value` is the dtype of what is computed for each turn of the loops, `dtype` that of the member. A row
    member has no inner loops. `late` stores in the last pass only, over an operand that earlier passes read.
    """

    lines: tuple[TypedLine, ...]
    result: Ref
    sources: tuple[Source, ...]
    dtypes: tuple[DType, ...]
    value: DType
    dtype: DType
    reducer: Reducer
    reduced: frozenset[int]
    is_row: bool
    store: int | None
    late: bool

    @property
    def is_map(self) -> bool:
        return self.reducer is Reducer.NONE

    @property
    def has_elements(self) -> bool:
        """Whether the value differs along inner loops."""
        return self.is_map and not self.is_row

    @property
    def accumulator(self) -> DType:
        """The dtype in which a reduction adds up: float32 is summed in float64."""
        return FLOAT64 if self.reducer is Reducer.SUM and self.dtype is FLOAT32 else self.value


@dataclass(frozen=True, slots=True)
class Accumulator:
    """Memory in which a member that reduces outer loops adds up; `loops` are those that it keeps."""

    member: int
    loops: tuple[int, ...]

    @property
    def arguments(self) -> int:
        """The address, the distance of two chunks, a stride for each kept loop."""
        return 2 + len(self.loops)


@dataclass(frozen=True)
class Form:
    """What a kernel does. Loops from `outer` on are the inner ones.

    Vectors run along the last inner loop, or, with `is_across`, along the last outer one: a vector for as
    many rows.

    `is_whole` says that the vector loop's extent is a multiple of `lanes`. `columns` is the number of inner
    elements where it is known, 0 where it is not. With `has_rows`, reductions of the inner loops are read by
    other members. The accumulators of members in `apart` are no neighbours along the vector loop. Members in
    `joined` cost little right after the one before them: sigmoid(-x) after sigmoid(x).
    """

    loops: int
    outer: int
    is_across: bool
    lanes: int
    is_whole: bool
    columns: int
    has_rows: bool
    slots: tuple[Slot, ...]
    members: tuple[Member, ...]
    sizes: int
    apart: frozenset[int] = frozenset()
    joined: frozenset[int] = frozenset()

    @property
    def vector(self) -> int:
        """The vector loop."""
        return self.outer - 1 if self.is_across else self.loops - 1

    @property
    def inner(self) -> frozenset[int]:
        return frozenset(range(self.outer, self.loops))

    @cached_property
    def accumulators(self) -> tuple[Accumulator, ...]:
        """Of the members that reduce an outer loop, in order."""
        found: list[Accumulator] = []
        for number, member in enumerate(self.members):
            if self.accumulates(member):
                reach = range(self.outer if member.is_row else self.loops)
                kept = tuple(loop for loop in reach if loop not in member.reduced)
                found.append(Accumulator(number, kept))
        return tuple(found)

    def accumulates(self, member: Member) -> bool:
        """Whether a reduction is not complete at the end of the inner loops, or is before it."""
        inner = member.reduced & self.inner
        is_outer = inner != member.reduced or (bool(inner) and inner != self.inner)
        return is_outer or self.is_split(member)

    def is_partial(self, member: Member) -> bool:
        """Whether a reduction takes the innermost loop and keeps another inner one: it ends each turn."""
        return self.loops - 1 in member.reduced and not self.inner <= member.reduced

    def is_split(self, member: Member) -> bool:
        """Whether chunks hold parts of the member's sum: there is no outer loop, and the first is reduced."""
        return self.outer == 0 and not self.has_rows and 0 in member.reduced

    def is_running(self, member: Member) -> bool:
        """Whether a member reduces all its loops: its sums stay in vectors until the chunk is done."""
        if member.is_row:
            return self.is_across and len(member.reduced) == self.outer
        return len(member.reduced) == self.loops
