"""Members of a kernel of maps and reductions as loops need them, and in which pass over a row each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from compiler.ir.formula.atoms import ATOMS, Rule
from compiler.ir.formula.tape import Const, TypedLine
from compiler.ir.formula.tape import Ref as LineRef
from compiler.ir.node import Node
from compiler.ir.op import Reducer
from compiler.ir.types import BOOL, INT32, DType
from compiler.loops.drafts import Slot, Slots
from compiler.loops.language import Count, Literal, Number, Operand
from compiler.loops.reductions import accumulator
from compiler.loops.weights import weight
from compiler.loops.writing import Writer
from compiler.schedule.addresses import FromLoop
from compiler.schedule.nest import Nest

_GIVES: Final = {Rule.COMPARISON: BOOL, Rule.TEST: BOOL, Rule.WORD: INT32}
OF_THEIR_OWN: Final = {name: _GIVES[atom.rule] for name, atom in ATOMS.items() if atom.rule in _GIVES}
"""The atoms whose value has a dtype of its own, whatever they read."""


@dataclass(frozen=True, slots=True)
class Item:
    """A member: its formula, its sources, how it reduces, and from which loop on its state is carried."""

    node: Node
    lines: tuple[TypedLine, ...]
    result: LineRef
    sources: tuple[Source, ...]
    dtypes: tuple[DType, ...]
    value: DType
    dtype: DType
    reducer: Reducer
    reduced: frozenset[int]
    is_row: bool
    begins: int
    is_exact: bool

    @property
    def is_map(self) -> bool:
        return self.reducer is Reducer.NONE

    @property
    def has_elements(self) -> bool:
        """Whether the value differs along the inner loops."""
        return self.is_map and not self.is_row

    @property
    def accumulator(self) -> DType:
        return accumulator(self.reducer, self.value)

    @property
    def instructions(self) -> float:
        """For each element, roughly: those of eight bytes fill vectors twice as fast."""
        return sum(
            weight(line.line.atom, line.line.arguments) * max(1, line.dtype.size // 4) for line in self.lines
        ) + (not self.is_map)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier member, as a source."""

    number: int


@dataclass(frozen=True, slots=True)
class Picked:
    """What a gather reads: a place in memory, and how far the next one is from it by an index."""

    slot: Slot
    stride: Number
    index: Slot


Source: TypeAlias = Slot | Picked | Earlier | FromLoop | Count | Const


class Passes:
    """In which pass over a row each member is computed (`at`), and stored.

    A member that reads a reduction of the row is computed in a pass behind it. What is stored over memory
    that the kernel reads is stored in the last pass.
    """

    def __init__(self, items: Sequence[Item], nest: Nest, stored: frozenset[Node], slots: Slots) -> None:
        self.items = items
        passes = nest.passes([item.node for item in items])
        self.at = list(passes.values())
        walked = [pass_ for pass_, item in zip(self.at, items, strict=True) if not item.is_row]
        self.count = 1 + max(walked, default=-1)
        self.stores = {
            number: self.count - 1 if slots.overwrites(item.node) else self.at[number]
            for number, item in enumerate(items)
            if item.has_elements and item.node in stored
        }

    def reduces_in(self, number: int, pass_: int) -> bool:
        """Whether a reduction of elements is made in a pass."""
        return not self.items[number].is_row and self.at[number] == pass_


def write_formula(
    writer: Writer,
    lines: Sequence[TypedLine],
    result: LineRef,
    wanted: DType,
    sources: Sequence[Operand | Const],
    dtypes: Sequence[DType],
    label: object = None,
) -> Operand:
    """The value of a formula of values in given dtypes, converted to `wanted`."""
    known, types = list(sources), list(dtypes)

    def look(ref: LineRef, dtype: DType) -> Operand:
        if isinstance(ref, Const):
            return Literal.of(ref.value, dtype)
        return writer.cast(known[ref], types[ref], dtype)

    last = len(known) + len(lines) - 1
    for number, typed in enumerate(lines, start=len(known)):
        atom, arguments = typed.line.atom, typed.line.arguments
        reads = [BOOL if atom == "where" and not k else typed.reads for k in range(len(arguments))]
        operands = [look(ref, dtype) for ref, dtype in zip(arguments, reads, strict=True)]
        dtype = OF_THEIR_OWN.get(atom, typed.reads)
        is_named = number == last and dtype is typed.dtype is wanted
        value = writer.let(atom, dtype, *operands, label=label if is_named else None)
        known.append(writer.cast(value, dtype, typed.dtype))
        types.append(typed.dtype)
    return look(result, wanted)
