"""From atoms of formulas, folds and joins to atoms of a machine.

    before      %e[16] = exp(%x[16])          after       %a[16] = uge(%x, -104.0)
                                                          %b[16] = fma(%x, 1.44, 12582912.0)
                                                          ...

What is left are `Let`s of `compiler.loops.atoms`, loads, stores, loops, branches, checks, and the leaves of a
matrix product. Equal atoms of equal operands are computed once in a block and in what is inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from compiler.errors import BackendError
from compiler.ir.op import Reducer
from compiler.ir.types import FLOAT32, FLOAT64, DType
from compiler.loops.atoms import ATOMS
from compiler.loops.copying import Copy
from compiler.loops.language import (
    Carry,
    Check,
    Count,
    Fold,
    For,
    If,
    Join,
    Kernel,
    Let,
    Literal,
    Load,
    Number,
    Pack,
    Ref,
    Stmt,
    Store,
    Tile,
    Value,
)
from compiler.loops.machine import Machine
from compiler.loops.mathematics.narrow import converted, in_register, literal_in_register
from compiler.loops.mathematics.table import RULES
from compiler.loops.mathematics.words import Lanes, Operand
from compiler.loops.reductions import folded, joined, result
from compiler.loops.writing import Writer

Body: TypeAlias = tuple[Stmt, ...]


def lower(kernel: Kernel, machine: Machine) -> Kernel:
    """The kernel in atoms of a machine.

    Raises:
        BackendError: an atom that is neither one of formulas nor one of machines, or a count as an operand.
    """
    return replace(kernel, body=_Lowering(machine).block(kernel.body))


class _Lowering:
    """One kernel on its way. `now` is what a value of the kernel has become, where it is another.

    `widened` are floats in float64. Where additions keep others from being widened, x + s is fma(x, 1, s),
    which has the same bits.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine, self.writer = machine, Writer()
        self.now: dict[Value, Operand] = {}
        self.widened: set[Operand] = set()
        self._words: dict[tuple[DType, int], Lanes] = {}
        self._rules: dict[type, Callable[..., None]] = {
            Let: self._let,
            Load: self._load,
            Store: self._store,
            For: self._for,
            Fold: self._fold,
            Join: self._join,
            If: self._if,
            Check: self._check,
            Pack: self._leaf,
            Tile: self._leaf,
        }

    def block(self, body: Body) -> Body:
        """A block, lowered."""
        with self.writer.block() as statements:
            for stmt in body:
                self._rules[type(stmt)](stmt)
        return tuple(statements)

    def words(self, dtype: DType, lanes: int) -> Lanes:
        """The words of some lanes of a dtype."""
        key = dtype, lanes
        if key not in self._words:
            self._words[key] = Lanes(self.writer, self.machine, dtype, lanes)
        return self._words[key]

    # What is read

    def operand(self, item: Operand | Count) -> Operand:
        """What an operand has become."""
        if isinstance(item, Count):
            raise BackendError(f"the count {item.extent} is no argument of the kernel yet")
        if isinstance(item, Literal):
            return literal_in_register(item) if item.dtype.is_storage else item
        return self.now.get(item, item)

    def _in_register(self, item: Value) -> Value:
        """A value that a statement writes, which of a storage dtype is an int32."""
        if item.dtype.is_storage:
            self.now[item] = item = Value(in_register(item.dtype), item.lanes, item.label)
        return item

    def value(self, item: Value) -> Value:
        """The same where no literal may stand."""
        found = self.operand(item)
        return found if isinstance(found, Value) else self._splat(found, item.lanes)

    def _splat(self, literal: Literal, lanes: int) -> Value:
        return self.writer.let("splat", literal.dtype, literal, lanes=lanes)

    def number(self, item: Number) -> Number:
        """What a number has become."""
        if not isinstance(item, Value):
            return item
        found = self.operand(item)
        return found if isinstance(found, Value) else int(found.value)

    def ref(self, ref: Ref) -> Ref:
        """A place, at what its indices have become."""
        if ref.at is None and not self.now:
            return ref
        terms = tuple([(self.value(index), self.number(stride)) for index, stride in ref.terms])
        at = None if ref.at is None else self.value(ref.at)
        return Ref(ref.memory, terms, self.number(ref.step), at, self.number(ref.stride))

    def mask(self, mask: Value | None) -> Value | None:
        """What a mask has become."""
        return None if mask is None else self.value(mask)

    # Statements

    def _let(self, stmt: Let) -> None:
        value = stmt.value
        operands = [self.operand(item) for item in stmt.operands]
        since = len(self.writer.blocks[-1])
        rule = RULES.get(stmt.atom)
        if stmt.atom == "add" and self._adds_beside(operands[1]):
            found: Operand = self.words(value.dtype, value.lanes).fma(operands[1], 1.0, operands[0])
        elif stmt.atom == "cast":
            words, given = partial(self.words, lanes=value.lanes), stmt.operands[0].dtype
            found = converted(words, given, value.dtype, operands[0])
        elif rule is not None:
            found = rule(self.words(operands[-1].dtype, value.lanes), *operands)
        elif stmt.atom in ATOMS:
            found = self.writer.let(stmt.atom, in_register(value.dtype), *operands, lanes=value.lanes)
        else:
            raise BackendError(f"{stmt.atom!r} is an atom of neither formulas nor machines")
        self.now[value] = named = self.writer.named(found, value.label, since)
        if stmt.atom == "cast" and value.dtype is FLOAT64 and operands[0].dtype is FLOAT32:
            self.widened.add(named)

    def _load(self, stmt: Load) -> None:
        self.writer.write(Load(self._in_register(stmt.value), self.ref(stmt.ref), self.mask(stmt.mask)))

    def _store(self, stmt: Store) -> None:
        item = stmt.operand
        operand = self.value(item) if isinstance(item, Value) and item.lanes else self.operand(item)
        self.writer.write(Store(self.ref(stmt.ref), operand, self.mask(stmt.mask), stmt.first))

    def _for(self, stmt: For) -> None:
        start, stop = self.number(stmt.start), self.number(stmt.stop)
        firsts = [self.operand(item.first) for item in stmt.carried]
        writer = self.writer
        carried = [replace(item, inside=self._in_register(item.inside)) for item in stmt.carried]
        with writer.block() as ahead:
            for inner in stmt.ahead:
                self._rules[type(inner)](inner)
            body = self.block(stmt.body)
        carried = self._carried(carried, firsts)
        writer.write(replace(stmt, start=start, stop=stop, body=body, carried=carried, ahead=tuple(ahead)))

    def _fold(self, stmt: Fold) -> None:
        first = stmt.following[0]
        state, item = (tuple(map(self.operand, part)) for part in (stmt.state, stmt.item))
        words, mask = self.words(first.dtype, first.lanes), self.mask(stmt.mask)
        if stmt.reducer is Reducer.SUM and self._adds_beside(item[0]):
            value = item[0] if mask is None else words.select(mask, item[0], 0.0)
            found: tuple[Operand, ...] = (words.fma(value, 1.0, state[0]),)
        else:
            found = folded(words, stmt.reducer, state, item, mask)
        self.now.update(zip(stmt.following, found, strict=True))

    def _adds_beside(self, item: Operand) -> bool:
        """Whether an item is added by a multiply-add, which does not wait for conversions."""
        is_vector = isinstance(item, Value) and item.lanes > 0
        return self.machine.adds_where_it_converts and is_vector and item in self.widened

    def _join(self, stmt: Join) -> None:
        state, since = tuple(map(self.operand, stmt.state)), len(self.writer.blocks[-1])
        lanes = max(item.lanes if isinstance(item, Value) else 0 for item in state)
        how = result if lanes == stmt.value.lanes else joined
        found = how(self.words(state[0].dtype, lanes), stmt.reducer, state)
        self.now[stmt.value] = self.writer.named(found, stmt.value.label, since)

    def _if(self, stmt: If) -> None:
        condition, firsts = self.value(stmt.condition), [self.operand(item.first) for item in stmt.carried]
        carried = [replace(item, inside=self._in_register(item.inside)) for item in stmt.carried]
        then, otherwise = self.block(stmt.then), self.block(stmt.otherwise)
        self.writer.write(If(condition, then, otherwise, self._carried(carried, firsts)))

    def _carried(self, carried: Sequence[Carry], firsts: Sequence[Operand]) -> tuple[Carry, ...]:
        """What goes through a loop or a branch, once what is inside is written."""
        return tuple(
            Carry(item.inside, first, self.operand(item.following), self._in_register(item.after))
            for item, first in zip(carried, firsts, strict=True)
        )

    def _check(self, stmt: Check) -> None:
        self.writer.write(Check(self.value(stmt.condition), stmt.status))

    def _leaf(self, stmt: Stmt) -> None:
        """A leaf of a matrix product, of the numbers that its own have become."""
        self.writer.write(_Leaves(self).stmt(stmt))


class _Leaves(Copy):
    """Copies what has no atoms, with what a kernel's numbers have become."""

    def __init__(self, lowering: _Lowering) -> None:
        super().__init__()
        self.lowering = lowering

    def of(self, item: Any) -> Any:
        return self.lowering.number(item)

    def ref(self, ref: Ref) -> Ref:
        return self.lowering.ref(ref)
