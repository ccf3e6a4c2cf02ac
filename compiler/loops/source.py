"""The text of a kernel as a person reads it: the user's names, and expressions instead of steps.

The grammar is that of `printing`, with two more forms:

    statement   ::= variable, ... "=" reducer "(" variable, ..., item, ... ")" [ "where" expression ] a fold
                  | variable "+=" item [ "where" expression ]      of a sum
    expression  ::= as in a formula, of places, operands and atom [ ":" type ] "(" expression, ... ")"

An assignment to a variable of a loop further out is what each of these loops carries. An expression stands
for the steps that it is made of, in the order in which it needs them. A value stands in the line that uses it
if that is one line of the same block, it has no name of the user's, and nothing was written to memory in
between that it reads. A scalar beside vectors, or one that is stored as a vector, stands for `splat` of it;
`f64(x)` for `cast`; an atom that does not have the dtype and the lanes of its operands says its own.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from compiler.ir.formula.printing import HIGHEST, INFIX, PREFIX, Piece, print_line
from compiler.ir.formula.tape import Line
from compiler.ir.op import Reducer
from compiler.ir.printing import loop_name
from compiler.ir.types import DType
from compiler.loops.atoms import ATOMS, Lanes
from compiler.loops.language import (
    Carry,
    Fold,
    For,
    If,
    Join,
    Kernel,
    Let,
    Literal,
    Load,
    Memory,
    Number,
    Operand,
    Pack,
    Stmt,
    Store,
    Value,
    lanes_of,
    reads,
    walk,
)
from compiler.loops.printing import Lines, beside, type_text

_NEGATIVE: Final = INFIX["mul"].right
_WIDEST, _NAME, _PLACE = 72, 5, 20
"""About how many characters an expression may have, and a name and a place have."""


def _plain(label: object) -> tuple[str, str]:
    return str(label), "argument"


def _silent(label: object) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Naming:
    """What labels are called: those of values, and those of memory with where it is (`input %x`).

    `remark` is what may be said beside a value: how the graph computes it.
    """

    value: Callable[[object], str] = str
    memory: Callable[[object], tuple[str, str]] = _plain
    remark: Callable[[object], str] = _silent


def source(kernel: Kernel, naming: Naming | None = None) -> str:
    """The text of a kernel with the names that `naming` gives to labels."""
    text = _Source(kernel, naming or Naming())
    text.kernel(kernel)
    return "\n".join(text.lines) + "\n"


class _Pending(NamedTuple):
    """A value that waits for the line that uses it."""

    right: str
    """What stands behind the type where it gets a line of its own."""
    inside: Piece
    """What stands in another expression."""
    is_load: bool
    """Whether it reads memory."""
    scalar: Piece | None = None
    """Of a splat, what is splatted."""


class _Source(Lines):
    def __init__(self, kernel: Kernel, naming: Naming) -> None:
        super().__init__()
        self.naming = naming
        self.uses = Counter(value for stmt in walk(kernel.body) for value in reads(stmt))
        self.stems = {value: stem for stmt in walk(kernel.body) for value, stem in _stems(stmt)}
        self.chunk = kernel.chunk
        self.panels = {stmt.panel for stmt in walk(kernel.body) if isinstance(stmt, Pack)}
        self.alone = _alone(kernel, self.uses)
        self.pending: dict[Value, _Pending] = {}
        self.taken: list[dict[str, None]] = [{}]
        """The names that were given in each open block, the innermost last."""
        self.numbers: ChainMap[str, int] = ChainMap()
        """By stem, the number below which no name is free while its block is open."""
        self.blocks, self.opened = [0], 0
        """The open blocks by number, and how many there have been."""
        self.home: dict[Value, int] = {}
        """The block in which what follows a value may take its name."""

    # Names

    def named(self, value: Value, stem: str = "v") -> str:
        if value.label is not None:
            name = self._distinct(self.naming.value(value.label), "")
        elif value is self.chunk:
            name = self._distinct("chunk", "")
        elif value in self.stems:
            name = self._fresh(self.stems[value])
        else:
            name = self._fresh("" if stem == "i" else "t")
        self.names[value], self.home[value] = name, self.blocks[-1]
        return name

    def remembered(self, memory: Memory) -> tuple[str, str]:
        given, place = ("", "argument") if memory.label is None else self.naming.memory(memory.label)
        if memory.extent:
            place = f"room[{memory.extent}]"
        stem = "panel" if memory in self.panels else "room" if memory.extent else "memory"
        name = self._distinct(given, "[") if given else self._fresh(stem)
        self.memories[memory] = name
        return name, place

    def _fresh(self, stem: str) -> str:
        """`sum0`, or without a stem `i`, `j`: the first that is free."""
        number = self.numbers.get(stem, 0)
        while self._is_taken(name := f"{stem}{number}" if stem else loop_name(number)):
            number += 1
        self.taken[-1][name], self.numbers[stem] = None, number + 1
        return name

    def _distinct(self, name: str, mark: str) -> str:
        """A name of the user's, with strokes where another has it; memory is another kind, with a mark."""
        while self._is_taken(name + mark):
            name += "'"
        self.taken[-1][name + mark] = None
        return name

    def _is_taken(self, name: str) -> bool:
        return any(name in block for block in self.taken)

    # Blocks

    def enter(self) -> None:
        super().enter()
        self.opened += 1
        self.blocks.append(self.opened)
        self.taken.append({})
        self.numbers = self.numbers.new_child()

    def leave(self) -> None:
        super().leave()
        self.blocks.pop()
        self.taken.pop()
        self.numbers = self.numbers.parents

    def settle(self) -> None:
        self._flush(loads_only=False)

    def _flush(self, *, loads_only: bool) -> None:
        for value, item in list(self.pending.items()):
            if item.is_load or not loads_only:
                del self.pending[value]
                self.line(f"{self.typed(value)} = {item.right}")

    # Parts

    def operand(self, operand: Operand, dtype: DType | None) -> str:
        return self._piece(operand, dtype).text

    def number(self, number: Number) -> str:
        return self._piece(number, None).at(HIGHEST) if isinstance(number, Value) else super().number(number)

    def bound(self, number: Number) -> str:
        return self.operand(number, None) if isinstance(number, Value) else super().number(number)

    def _piece(self, operand: Operand, dtype: DType | None, *, spreads: bool = False) -> Piece:
        """An operand in an expression; where that spreads scalars over lanes, without `splat`."""
        if isinstance(operand, Value) and operand in self.pending:
            item = self.pending.pop(operand)
            return item.scalar if spreads and item.scalar else item.inside
        text = super().operand(operand, dtype)
        return Piece(text, _NEGATIVE if text.startswith("-") else HIGHEST)

    def _wait(self, value: Value, item: _Pending) -> None:
        """Lets a value wait for the line that uses it, or gives it a line of its own."""
        if _may_wait(value, self.uses) and value not in self.alone:
            self.pending[value] = item
        else:
            self.line(f"{self.typed(value)} = {item.right}")

    # Statements

    def let(self, stmt: Let) -> None:
        values = [item for item in stmt.operands if isinstance(item, Value)]
        is_load = any(self.pending[item].is_load for item in values if item in self.pending)
        spreads = any(
            item.lanes and not (item in self.pending and self.pending[item].scalar) for item in values
        )
        dtype = beside(stmt)
        parts = [self._piece(item, dtype, spreads=spreads) for item in stmt.operands]
        right, inside = _applied(stmt, parts)
        scalar = parts[0] if stmt.atom == "splat" else None
        self._wait(stmt.value, _Pending(right, inside, is_load, scalar))

    def load(self, stmt: Load) -> None:
        place = self.place(stmt.ref, stmt.value.lanes, stmt.mask)
        self._wait(stmt.value, _Pending(place, Piece(place, HIGHEST), is_load=True))

    def store(self, stmt: Store) -> None:
        operand = self._piece(stmt.operand, stmt.ref.memory.dtype, spreads=True).text
        place = self.place(stmt.ref, lanes_of(stmt), stmt.mask, stmt.first)
        self._flush(loads_only=True)
        self.line(f"{place} = {operand}")

    def _goes_on(self, value: Operand) -> bool:
        """Whether what follows a value may have its name: nobody else reads it, and it is a variable here."""
        if not isinstance(value, Value) or value.label is not None:
            return False
        return self.uses[value] == 1 and self.home.get(value) == self.blocks[-1]

    def variable(self, item: Carry) -> str:
        first, stem = item.first, self.stems.get(item.inside, "t")
        if isinstance(first, Value) and first in self.pending:
            self.stems[first] = stem
            self.line(f"{self.typed(first)} = {self.pending.pop(first).right}")
        if item.inside.label is not None or item.after.label is not None or not self._goes_on(first):
            return super().variable(item)
        assert isinstance(first, Value)
        name = self.names[item.inside] = self.names[item.after] = self.names[first]
        return name

    def head(self, stmt: For, bounds: str) -> str:
        for item in stmt.carried:
            self.home[item.inside], self.home[item.after] = self.blocks[-2:][::-1]
        return super().head(stmt, bounds)

    def nexts(self, stmt: For | If, variables: Sequence[str]) -> None:
        given: list[tuple[str, str]] = []
        for item, name in zip(stmt.carried, variables, strict=True):
            following = item.following
            is_done = isinstance(following, Value) and self.names.get(following) == name
            if not is_done or following is item.inside:
                given.append((name, self.operand(following, item.inside.dtype)))
        self.settle()
        for name, text in sorted(given, key=lambda pair: self._since(pair[0])):
            self.line(f"next {name} = {text}")

    def _since(self, name: str) -> tuple[int, int]:
        """Where a name was given: the block, and the place in it."""
        depth = next(depth for depth, block in enumerate(self.taken) if name in block)
        return depth, list(self.taken[depth]).index(name)

    def fold(self, stmt: Fold) -> None:
        is_variable = all(map(self._goes_on, stmt.state)) and not any(x.label for x in stmt.following)
        dtypes = [value.dtype for value in stmt.following]
        states = [self.operand(item, dtype) for item, dtype in zip(stmt.state, dtypes, strict=True)]
        items = [
            self._piece(item, dtype, spreads=True).text
            for item, dtype in zip(stmt.item, dtypes, strict=False)
        ]
        where = "" if stmt.mask is None else f" where {self.operand(stmt.mask, None)}"
        folded = f"{stmt.reducer.value}({', '.join([*states, *items])}){where}"
        if not is_variable:
            self.line(f"{', '.join(map(self.typed, stmt.following))} = {folded}")
            return
        for value, name in zip(stmt.following, states, strict=True):
            self.names[value], self.home[value] = name, self.blocks[-1]
        is_sum = stmt.reducer is Reducer.SUM
        self.line(f"{states[0]} += {items[0]}{where}" if is_sum else f"{', '.join(states)} = {folded}")


def _may_wait(item: Operand | int, uses: Mapping[Value, int]) -> bool:
    """Whether a value is written where it is read; an extent that is shown as a number is none."""
    return isinstance(item, Value) and item.label is None and uses.get(item) == 1


def _alone(kernel: Kernel, uses: Mapping[Value, int]) -> set[Value]:
    """Values that get lines of their own: of an atom's operands the widest, so that no line is too long."""
    found: set[Value] = set()
    widths: dict[Value, int] = {}
    for stmt in walk(kernel.body):
        if isinstance(stmt, Load):
            places = (*(item for item, _ in stmt.ref.terms), stmt.ref.at or stmt.value)
            waiting = [widths.get(item, 0) for item in places if _may_wait(item, uses)]
            widths[stmt.value] = _PLACE + sum(waiting)
            if stmt.value.dtype is not stmt.ref.memory.dtype:
                found.add(stmt.value)  # a place alone would not say what a register holds of it
        elif isinstance(stmt, Let):
            waiting = [item for item in stmt.operands if isinstance(item, Value) and _may_wait(item, uses)]
            waiting = sorted((item for item in waiting if item in widths), key=widths.__getitem__)
            width = 2 * len(stmt.atom) + sum(
                len(item.text) if isinstance(item, Literal) else _NAME for item in stmt.operands
            )
            while waiting and width + sum(map(widths.__getitem__, waiting)) > _WIDEST:
                found.add(waiting.pop())
            widths[stmt.value] = width + sum(map(widths.__getitem__, waiting))
    return found


def _applied(stmt: Let, parts: Sequence[Piece]) -> tuple[str, Piece]:
    """An atom behind its value's type, and in another expression."""
    called = f"({', '.join(piece.text for piece in parts)})"
    if stmt.atom == "cast":
        shown = f"{stmt.value.dtype.short}{called}"
        return shown, Piece(shown, HIGHEST)
    if stmt.atom in PREFIX and isinstance(stmt.operands[0], Literal):
        parts = [Piece(parts[0].text, 0)]
    piece = print_line(Line(stmt.atom, tuple(range(len(parts)))), parts)
    if (stmt.value.dtype, stmt.value.lanes) == _natural(stmt):
        return piece.text, piece
    typed = Piece(f"{stmt.atom}:{type_text(stmt.value)}{called}", HIGHEST)
    return piece.text, typed


def _natural(stmt: Let) -> tuple[DType | None, int]:
    """The type that an atom need not say, because its operands do."""
    lanes = max((item.lanes for item in stmt.operands if isinstance(item, Value)), default=0)
    atom, reads = ATOMS.get(stmt.atom), beside(stmt)
    if atom is None or reads is None:
        return reads, lanes
    if atom.lanes is Lanes.HALF:
        lanes //= 2
    return atom.result(reads), 0 if atom.lanes is Lanes.ONE else lanes


def _stems(stmt: Stmt) -> Iterator[tuple[Value, str]]:
    """What values without a name of the user's are called."""
    match stmt:
        case Fold():
            words = _WORDS.get(stmt.reducer, ("best", "at"))
            for value, word in (
                *zip(stmt.state, words, strict=False),
                *zip(stmt.following, words, strict=False),
            ):
                if isinstance(value, Value):
                    yield value, word
        case Join():
            yield stmt.value, stmt.reducer.value
        case For() if stmt.mask is not None:
            yield stmt.mask, "mask"
        case Pack():
            yield stmt.step, "step"
        case _:
            pass


_WORDS: Final = {
    Reducer.SUM: ("sum",), Reducer.PROD: ("prod",), Reducer.MAX: ("max", "nan"), Reducer.MIN: ("min", "nan")
}  # fmt: skip
