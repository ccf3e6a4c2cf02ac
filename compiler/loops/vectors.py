"""Runs loops by vectors: along the innermost loops, or with a row in each lane.

    for j in 0 .. n:  carrying s = 0.0              for j in 0 .. n in vectors of 8, mask m:  carrying s = 0.0
        x = load a[j]                        ->         x = load a[j] if m           (8 lanes)
        s = s + x                                       s = s + x in the lanes of m
    t = join s                                      t = join s                       (lanes, halves first)

What has the same value in every lane stays a scalar, and is spread where it meets vectors. What a carried
value is in one loop it is in those around it that hand it on. `across` says where rows lie in lanes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from compiler.ir.types import BOOL, INT64
from compiler.loops.across import across
from compiler.loops.language import (
    Carry,
    Check,
    Fold,
    For,
    If,
    Join,
    Kernel,
    Let,
    Literal,
    Load,
    Number,
    Operand,
    Ref,
    Stmt,
    Store,
    Tile,
    Value,
    operand,
    reads,
    walk,
    written,
)
from compiler.loops.walking import (
    definitions,
    inside,
    is_innermost,
    loops,
    multiple,
    ragged_end,
    stride,
)
from compiler.loops.weights import weight
from compiler.loops.writing import Writer

SHORTEST: Final = 4
"""Lanes of the shortest vectors: a register of every machine has as many numbers of four bytes."""

LOW_BITS: Final = frozenset({"add", "sub", "mul", "neg", "and", "or", "xor", "not"})
"""Atoms whose lower bits depend on those of their operands alone. LLVM computes them on vectors of narrow
numbers where nothing but these is stored, and on four vectors otherwise, each as wide as a register."""


def filling(loop: For, lanes: int) -> int:
    """As many lanes as fill a register with the narrow numbers that a loop moves, and hardly computes with.

    `lanes` are those of numbers of four bytes, as which such are computed with elsewhere.
    """
    moved = [stmt for stmt in loop.body if isinstance(stmt, Load | Store)]
    others = [stmt for stmt in loop.body if not isinstance(stmt, Load | Store)]
    steps = [stride(stmt.ref, loop.index) if stmt.ref.at is None else None for stmt in moved]
    widest = max((stmt.ref.memory.dtype.size for stmt in moved), default=4)
    is_plain = all(isinstance(stmt, Let) and _keeps_low_bits(stmt) for stmt in others)
    return lanes * max(1, 4 // widest) if is_plain and all(step in (0, 1) for step in steps) else lanes


def _keeps_low_bits(stmt: Let) -> bool:
    """Whether the lower bits of an integer depend on those of other integers alone; a truth value has one."""
    kinds = {item.dtype for item in (stmt.value, *stmt.operands) if isinstance(item, Value | Literal)}
    is_known = stmt.atom in LOW_BITS or (stmt.atom == "cast" and BOOL not in kinds)
    return is_known and all((kind is BOOL or kind.is_integer) and kind.size <= 4 for kind in kinds)


def fitting(loop: For, lanes: int) -> int:
    """As many lanes as fill a loop that is known to be shorter than a vector."""
    while isinstance(loop.stop, int) and lanes // 2 >= max(loop.stop, SHORTEST):
        lanes //= 2
    return lanes


def vectorise(
    kernel: Kernel,
    lanes: int,
    given: Mapping[Value, Value] | None = None,
    *,
    fits: bool = False,
    fills: bool = False,
) -> Kernel:
    """The kernel by vectors of so many lanes; of `given` values the vectors are known already.

    Where it `fits`, loops shorter than a vector have fewer, unless lanes are joined: the order in which they
    are is part of a result. Where it `fills`, loops that move narrow numbers have a register full of them.
    """
    rows = across(kernel.body, lanes)
    chosen = [rows] if rows else _chosen(kernel.body)
    fits = fits and not any(isinstance(stmt, Fold | Join) for stmt in walk(kernel.body))
    widths = {id(loop): filling(loop, lanes) if fills and not rows else lanes for loop in chosen}
    if fits:
        widths = {id(loop): fitting(loop, widths[id(loop)]) for loop in chosen}
    writing = _Vectors(kernel, widths, lanes, _states(kernel.body, chosen))
    writing.now.update(given or {})
    writing.block(kernel.body)
    return replace(kernel, body=tuple(writing.writer.blocks[0]))


def _chosen(body: Sequence[Stmt]) -> list[For]:
    """The loops that are walked by vectors: innermost ones, or those around a chain, a chain in each lane."""
    found: list[For] = []
    for loop in loops(body):
        inner = [stmt for stmt in loop.body if isinstance(stmt, For)]
        is_around = any(map(_is_chain, inner)) and not _is_chain(loop) and all(map(_is_walked_whole, inner))
        is_alone = is_innermost(loop) and not _is_chain(loop) and not _meets_itself(loop)
        is_alone = is_alone and not _picks(loop) and not any(isinstance(stmt, Tile) for stmt in loop.body)
        if is_around or is_alone:
            found.append(loop)
    return found


def _is_walked_whole(loop: For) -> bool:
    """Whether a loop in a lane has no other inside, or none but those of one chain, which no vectors walk."""
    return is_innermost(loop) or all(map(_is_chain, (loop, *loops(loop.body))))


def _is_chain(loop: For) -> bool:
    """Whether iterations need the values of the iterations before them, other than to be folded."""
    folded = {value for stmt in loop.body if isinstance(stmt, Fold) for value in stmt.following}
    return any(item.following not in folded for item in loop.carried)


def _meets_itself(loop: For) -> bool:
    """Whether two iterations may write the same element: where is said by a value, and not by the index."""
    made = {value for stmt in loop.body for value in written(stmt)}
    stores = [stmt.ref for stmt in inside(loop) if isinstance(stmt, Store)]
    return any(
        stride(ref, loop.index) == 0 and any(value in made for value, _ in ref.terms) for ref in stores
    )


PICKED: Final = 4.0
"""Instructions of a map, beside loads, from which on it runs by vectors though each lane picks its own."""


def _picks(loop: For) -> bool:
    """Whether iterations do little but pick elements by indices, which lanes do one after the other."""
    varying: set[Value] = set()
    picked = 0
    for stmt in loop.body:
        if isinstance(stmt, Load):
            picked += any(value in varying for value, _ in stmt.ref.terms)
        if isinstance(stmt, Let | Load) and any(x is loop.index or x in varying for x in reads(stmt)):
            varying.add(stmt.value)
    lets = [stmt for stmt in loop.body if isinstance(stmt, Let)]
    instructions = sum(weight(stmt.atom, stmt.operands) for stmt in lets)
    folds = any(isinstance(stmt, Fold) for stmt in loop.body)
    return picked > 0 and not folds and instructions < PICKED * picked


def _states(body: Sequence[Stmt], chosen: Sequence[For]) -> frozenset[Value]:
    """The carried values that become vectors: those of chosen loops, what they come from and go to."""
    walked = [loop for outer in chosen for loop in (outer, *loops(outer.body))]
    found = {part for loop in walked for item in loop.carried for part in _parts(item)}
    everywhere = [_parts(item) for loop in loops(body) for item in loop.carried]
    before = -1
    while before != len(found):
        before = len(found)
        for parts in everywhere:
            if not found.isdisjoint(parts):
                found.update(parts)
    return frozenset(found)


def _parts(item: Carry) -> list[Value]:
    return [part for part in (item.inside, item.first, item.following, item.after) if isinstance(part, Value)]


class _Vectors:
    """Statements as they are written by vectors; `now` is what stands for each value that has changed."""

    def __init__(
        self, kernel: Kernel, chosen: Mapping[int, int], lanes: int, states: frozenset[Value]
    ) -> None:
        self.chosen, self.lanes, self.states = chosen, lanes, states
        self.known: Mapping[Value, Stmt] = definitions(kernel.body)
        self.writer = Writer()
        self.now: dict[Value, Operand] = {}
        self.loop: For | None = None
        self.mask: Value | None = None
        self.depth = 0

    def block(self, body: Sequence[Stmt]) -> None:
        """Statements, in order."""
        for stmt in body:
            self.stmt(stmt)

    def stmt(self, stmt: Stmt) -> None:
        """One statement."""
        match stmt:
            case Let():
                self._let(stmt)
            case Load():
                self._load(stmt)
            case Store():
                self._store(stmt)
            case For():
                self._for(stmt)
            case Fold():
                self._fold(stmt)
            case Join():
                self._join(stmt)
            case If():
                self._if(stmt)
            case Check():
                self._check(stmt)
            case _:
                self.writer.write(stmt)

    # Values

    def _is_varying(self, item: object) -> bool:
        """Whether an operand differs from lane to lane."""
        if self.loop is not None and item is self.loop.index:
            return True
        found = self.now.get(item, item) if isinstance(item, Value) else item
        return isinstance(found, Value) and found.lanes > 0

    def _of(self, item: Operand) -> Operand:
        return self.now.get(item, item) if isinstance(item, Value) else item

    def vector(self, item: Operand) -> Operand:
        """An operand in every lane; a literal is that anyway."""
        if self.loop is not None and item is self.loop.index:
            return self.writer.let("lanes", INT64, item, lanes=self.lanes)
        found = self._of(item)
        if isinstance(found, Literal) or (isinstance(found, Value) and found.lanes):
            return found
        dtype = found.dtype if isinstance(found, Value) else INT64
        return self.writer.let("splat", dtype, found, lanes=self.lanes)

    def _fresh(self, value: Value) -> Value:
        vector = Value(value.dtype, self.lanes, value.label)
        self.now[value] = vector
        return vector

    def _let(self, stmt: Let) -> None:
        if stmt.atom == "place":
            self.now[stmt.value] = self._place(stmt.operands)
            return
        if not any(map(self._is_varying, stmt.operands)):
            self.writer.write(replace(stmt, operands=tuple(map(self._of, stmt.operands))))
            return
        operands = tuple(map(self.vector, stmt.operands))
        self.now[stmt.value] = self.writer.let(
            stmt.atom, stmt.value.dtype, *operands, lanes=self.lanes, label=stmt.value.label
        )

    def _place(self, operands: Sequence[Operand]) -> Operand:
        """A row-major position, as products and sums."""
        first, *rest = operands
        total = self.vector(first) if self._is_varying(first) else first
        for index, extent in zip(rest[::2], rest[1::2], strict=True):
            total = self._arithmetic("mul", total, extent)
            total = self._arithmetic("add", total, index)
        return total

    def _arithmetic(self, atom: str, a: Operand, b: Operand) -> Operand:
        if self._is_varying(a) or self._is_varying(b):
            return self.writer.let(atom, INT64, self.vector(a), self.vector(b), lanes=self.lanes)
        return self.writer.let(atom, INT64, a, b)

    # Memory

    def _step(self, stmt: Load | Store) -> Number:
        return 0 if self.loop is None else stride(stmt.ref, self.loop.index)

    def _load(self, stmt: Load) -> None:
        ref = self._moved(stmt)
        if ref.step == 0 and ref.at is None:
            self.writer.write(self._scalar(stmt, ref))
        else:
            self.writer.write(Load(self._fresh(stmt.value), ref, self._mask_of(stmt)))

    def _moved(self, stmt: Load | Store) -> Ref:
        """A place for all lanes. Where each lane names its own, that says all that differs between them."""
        ref, step, loop = stmt.ref, self._step(stmt), self.loop
        is_index = [loop is not None and value is loop.index for value, _ in ref.terms]
        pairs = list(zip(ref.terms, is_index, strict=True))
        varying = [term for term, is_mine in pairs if not is_mine and self._is_varying(term[0])]
        if loop is None or not varying:
            return replace(ref, step=step)
        total: Operand = Literal.of(0, INT64)
        for value, number in [*varying, *([(loop.index, step)] if step != 0 else [])]:
            part = self._arithmetic("mul", self._of(value), operand(number))
            total = self._arithmetic("add", total, part) if isinstance(total, Value) else part
        assert isinstance(total, Value)
        kept = tuple(term for term, is_mine in pairs if not is_mine and term not in varying)
        return Ref(ref.memory, kept, at=total)

    def _scalar(self, stmt: Load | Store, ref: Ref) -> Load | Store:
        """A scalar's access, which has no lanes."""
        return replace(stmt, ref=replace(ref, step=1))

    def _mask_of(self, stmt: Load | Store) -> Value | None:
        """The mask of an access; rooms have whole vectors."""
        return None if stmt.ref.memory.extent else self.mask

    def _store(self, stmt: Store) -> None:
        ref = self._moved(stmt)
        if ref.step == 0 and ref.at is None:
            value = self._of(stmt.operand)
            if self._is_varying(stmt.operand):  # of a loop of one iteration, or of none
                value = self.writer.let("lane", stmt.operand.dtype, Literal.of(0, INT64), value)
            self.writer.write(self._scalar(replace(stmt, operand=value), ref))
            return
        value = self.vector(stmt.operand)
        if isinstance(value, Literal):
            value = self.writer.let("splat", value.dtype, value, lanes=self.lanes)
        stored = Store(ref, value, self._mask_of(stmt))
        end = self._end()
        if ref.step == 1 and ref.at is None and end and not ref.memory.extent:
            self._store_pieces(stored, end)
        else:
            self.writer.write(stored)

    def _check(self, stmt: Check) -> None:
        condition = self._of(stmt.condition)
        assert isinstance(condition, Value)
        if condition.lanes:
            given: Operand = condition
            if self.mask is not None:
                outside = self.writer.let("not", BOOL, self.mask, lanes=self.lanes)
                given = self.writer.let("or", BOOL, condition, outside, lanes=self.lanes)
            found = self.writer.let("all", BOOL, given)
            condition = found
        self.writer.write(Check(condition, stmt.status))

    def _end(self) -> int:
        """Where a loop inside another one ends inside a vector; 0 if that is not known."""
        loop = self.loop
        if loop is None or self.depth < 2 or not is_innermost(loop):
            return 0
        if multiple(loop.start, self.known) % self.lanes:
            return 0
        return ragged_end(loop.stop, self.lanes, self.known) or 0

    def _store_pieces(self, stored: Store, end: int) -> None:
        """Whole vectors, and of the last one what there is, in pieces."""
        loop, rest = self.loop, end % self.lanes
        assert loop is not None
        whole, pieces = replace(stored, mask=None), replace(stored, mask=None, first=rest)
        if end == rest:
            self.writer.write(pieces)
            return
        is_whole = self.writer.let("lt", BOOL, loop.index, Literal.of(end - rest, INT64))
        self.writer.write(If(is_whole, (whole,), (pieces,)))

    # Loops

    def _for(self, loop: For) -> None:
        is_chosen = id(loop) in self.chosen
        whole, self.lanes = self.lanes, self.chosen.get(id(loop), self.lanes)
        inside = [self._state(item.inside) for item in loop.carried]
        firsts = [self._first(item) for item in loop.carried]
        outer = self.loop, self.mask
        mask: Value | None = None
        if is_chosen:
            self.loop = loop
            mask = self.mask = None if self._is_whole(loop) else Value(BOOL, self.lanes)
        self.depth += 1
        with self.writer.block() as body:
            self.block(loop.body)
            following = [self._following(item) for item in loop.carried]
        self.depth -= 1
        self.loop, self.mask = outer
        carried = tuple(
            Carry(within, first, after, self._state(item.after))
            for item, within, first, after in zip(loop.carried, inside, firsts, following, strict=True)
        )
        step, lanes = (self.lanes, self.lanes) if is_chosen else (loop.step, 0)
        self.writer.write(replace(loop, body=tuple(body), step=step, lanes=lanes, mask=mask, carried=carried))
        self.lanes = whole

    def _is_whole(self, loop: For) -> bool:
        return all(multiple(n, self.known) % self.lanes == 0 for n in (loop.start, loop.stop))

    def _state(self, value: Value) -> Value:
        return self._fresh(value) if value in self.states else value

    def _first(self, item: Carry) -> Operand:
        return self.vector(item.first) if item.inside in self.states else self._of(item.first)

    def _following(self, item: Carry) -> Operand:
        return self.vector(item.following) if item.inside in self.states else self._of(item.following)

    def _fold(self, stmt: Fold) -> None:
        if not any(item in self.states for item in stmt.following):
            state, given = tuple(map(self._of, stmt.state)), tuple(map(self._of, stmt.item))
            self.writer.write(replace(stmt, state=state, item=given))
            return
        state, given = tuple(map(self.vector, stmt.state)), tuple(map(self.vector, stmt.item))
        following = tuple(map(self._fresh, stmt.following))
        self.writer.write(Fold(following, stmt.reducer, state, given, self.mask))

    def _join(self, stmt: Join) -> None:
        state = tuple(map(self._of, stmt.state))
        value = self._fresh(stmt.value) if self.loop is not None else stmt.value
        self.writer.write(Join(value, stmt.reducer, state))

    def _if(self, stmt: If) -> None:
        with self.writer.block() as then:
            self.block(stmt.then)
        with self.writer.block() as otherwise:
            self.block(stmt.otherwise)
        condition = self._of(stmt.condition)
        assert isinstance(condition, Value)
        self.writer.write(If(condition, tuple(then), tuple(otherwise)))
