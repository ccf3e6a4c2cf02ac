"""The text of a kernel: the loop nest that it is, readable, and complete: a test reads it back and runs it.

    kernel      ::= { declaration } "for" chunk "in chunks:" block
    declaration ::= memory ":" dtype "at" place [ ", overlapping" | ", scratch" ]    an argument
                  | value ":" "i64"                                    an argument: a number
                  | memory ":" dtype "at room[" elements "]"           memory of the kernel's own
    statement   ::= value ":" type "=" atom "(" expression, ... ")"
                  | value ":" type "=" place                           a load
                  | place "=" expression                               a store
                  | variable ":" type "=" operand                      what a loop behind it carries, at first
                  | "for" loop "in" bound ".." bound [ "by" step ] [ "in vectors of" lanes ]
                    [ "with" mask ] ":" [ "ahead:" block ] block { "next" variable "=" expression }
                  | value ":" type, ... "=" reducer "(" state, ..., item, ... ")" [ "where" expression ]
                  | value ":" type "=" "join" reducer "(" state, ... ")"
                  | "if" expression ":" block [ "else:" block ]
                  | "check" expression "else stop with 1 in" memory
                  | "pack" panel "by" step "=" ... | "tile" place "=" ...     the leaves of a matrix product,
                    whose rows and terms lie "by" number, or "by table" place
    place       ::= memory "[" number "*" value { ("+" | "-") number "*" value } { ";" how } "]"
    how         ::= lanes "lanes" [ "by" step ] | "scalar" | "where" expression | "first" lanes
    operand     ::= value | literal [ ":" dtype ] | "{" extent "}"
    type        ::= dtype [ "x" lanes ]
    number      ::= integer | value | "{" extent "}"; a bound in the source is any expression

A variable is inside a loop what an iteration begins with, and behind the loop what the last one has left: all
`next` of an iteration are one assignment at its end. In a loop of vectors a place that depends on the loop's
index is a vector of as many lanes, as far from each other as the index's stride says; any other place is a
scalar, or has the lanes of a vector in it; what differs from that says so. A literal without a dtype has that
of the last value beside it, of the memory or of the variable that it goes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from compiler.ir.types import BOOL, DType
from compiler.loops.language import (
    Along,
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
    Memory,
    Number,
    Operand,
    Pack,
    Ref,
    Stmt,
    Store,
    Tile,
    Value,
    lanes_of,
)

_INDENT: Final = "    "
_SHORT: Final = {dtype: dtype.short for dtype in DType}


def canonical(kernel: Kernel) -> str:
    """The text without names and with a line a statement: equal for equal kernels and for no others."""
    text = Lines()
    text.kernel(kernel)
    return "\n".join(text.lines) + "\n"


def type_text(value: Value) -> str:
    """`f32x16`, or `f32` of a scalar."""
    short = _SHORT[value.dtype]
    return f"{short}x{value.lanes}" if value.lanes else short


def literal_text(literal: Literal, beside: DType | None) -> str:
    """A literal, which says its dtype where what it stands beside does not."""
    text = literal.text if literal.dtype is not BOOL else ("true" if literal.value else "false")
    return text if literal.dtype is beside else f"{text}:{_SHORT[literal.dtype]}"


def beside(let: Let) -> DType | None:
    """The dtype of literals in an atom: that of the last value."""
    for item in reversed(let.operands):
        if type(item) is Value:
            return item.dtype
    return None


def same_number(a: Number, b: Number) -> bool:
    """Whether two numbers are known to be the same."""
    if type(a) is Count and type(b) is Count:
        return a.extent == b.extent
    return a is b or (type(a) is int and a == b)


class Lines:
    """A text while it is written: a line a statement, and names in the order in which they appear."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.margin = ""
        self.names: dict[Value, str] = {}
        self.memories: dict[Memory, str] = {}
        self.vector: tuple[Value, int] | None = None
        """Index and lanes of the innermost loop of vectors."""
        self.writers: dict[type, Callable[..., None]] = {
            Let: self.let, Load: self.load, Store: self.store, For: self.loop, Fold: self.fold,
            Join: self.join, If: self.choice, Check: self.check, Pack: self.pack, Tile: self.tile,
        }  # fmt: skip

    def line(self, text: str) -> None:
        """One line."""
        self.lines.append(self.margin + text)

    # Names

    def named(self, value: Value, stem: str = "v") -> str:
        """Gives a value its name."""
        name = self.names[value] = f"{stem}{len(self.names)}"
        return name

    def remembered(self, memory: Memory) -> tuple[str, str]:
        """Gives memory its name, and says where it is."""
        name = self.memories[memory] = f"m{len(self.memories)}"
        return name, f"room[{memory.extent}]" if memory.extent else "argument"

    def typed(self, value: Value) -> str:
        """`v3 : f32x16`, of a new value."""
        return f"{self.named(value)} : {type_text(value)}"

    # Kernels and blocks

    def kernel(self, kernel: Kernel) -> None:
        """All of it."""
        for item in (*kernel.arguments, *kernel.rooms):
            if isinstance(item, Value):
                self.line(self.typed(item))
            else:
                name, place = self.remembered(item)
                more = ", overlapping" if item.overlaps else ", scratch" if item.is_scratch else ""
                self.line(f"{name} : {_SHORT[item.dtype]} at {place}{more}")
        self.line(f"for {self.named(kernel.chunk, 'i')} in chunks:")
        self.block(kernel.body)

    def block(self, body: Iterable[Stmt]) -> None:
        """Statements further in."""
        self.enter()
        self.statements(body)
        self.leave()

    def enter(self) -> None:
        """Begins a block."""
        self.margin += _INDENT

    def leave(self) -> None:
        """Ends a block."""
        self.settle()
        self.margin = self.margin[: -len(_INDENT)]

    def settle(self) -> None:
        """Nothing may wait for a later line."""

    def statements(self, body: Iterable[Stmt]) -> None:
        """One after the other."""
        for stmt in body:
            self.writers[type(stmt)](stmt)

    # Parts

    def number(self, number: Number) -> str:
        """An extent, a bound, a stride."""
        if isinstance(number, int):
            return str(number)
        return self.names[number] if isinstance(number, Value) else f"{{{number.extent}}}"

    def along(self, item: Along) -> str:
        """A stride, or the place of a table."""
        return f"table {self.place(item, 0)}" if isinstance(item, Ref) else self.number(item)

    def bound(self, number: Number) -> str:
        """Where a loop begins or ends."""
        return self.number(number)

    def operand(self, operand: Operand, dtype: DType | None) -> str:
        """A value, or a literal beside something of a dtype."""
        if isinstance(operand, Value):
            return self.names[operand]
        return literal_text(operand, dtype) if isinstance(operand, Literal) else self.number(operand)

    def place(self, ref: Ref, lanes: int, mask: Value | None = None, first: int = 0) -> str:
        """A place in memory at which so many lanes are read or written."""
        text = ""
        natural, natural_step, index = 0, 1, None
        if self.vector is not None:
            index, natural = self.vector[0], 0
        for value, stride in ref.terms:
            text += self._summand(stride, self.number(value), bool(text))
            if value is index:
                assert self.vector is not None
                natural, natural_step = self.vector[1], stride
        if ref.at is not None:
            text += self._summand(ref.stride, self.number(ref.at), bool(text))
            natural, natural_step = (0 if natural else ref.at.lanes), 1
        how = ""
        if lanes != natural or (lanes and not same_number(ref.step, natural_step)):
            how = f"; {lanes} lanes" if lanes else "; scalar"
            if lanes and ref.step != 1:
                how += f" by {self.number(ref.step)}"
        if mask is not None:
            how += f"; where {self.operand(mask, None)}"
        if first:
            how += f"; first {first}"
        return f"{self.memories[ref.memory]}[{text or '0'}{how}]"

    def _summand(self, stride: Number, factor: str, follows: bool) -> str:
        if type(stride) is int:
            product = factor if stride in (1, -1) else f"{abs(stride)}*{factor}"
            if stride < 0:
                return f" - {product}" if follows else f"-{product}"
        else:
            product = f"{self.number(stride)}*{factor}"
        return f" + {product}" if follows else product

    # Statements

    def let(self, stmt: Let) -> None:
        """`v3 : f32 = add(v1, v2)`."""
        dtype = beside(stmt)
        operands = ", ".join([self.operand(item, dtype) for item in stmt.operands])
        self.line(f"{self.typed(stmt.value)} = {stmt.atom}({operands})")

    def load(self, stmt: Load) -> None:
        """`v3 : f32 = m0[64*i1]`."""
        place = self.place(stmt.ref, stmt.value.lanes, stmt.mask)
        self.line(f"{self.typed(stmt.value)} = {place}")

    def store(self, stmt: Store) -> None:
        """`m1[64*i1] = v3`."""
        place = self.place(stmt.ref, lanes_of(stmt), stmt.mask, stmt.first)
        self.line(f"{place} = {self.operand(stmt.operand, stmt.ref.memory.dtype)}")

    def loop(self, stmt: For) -> None:
        """A loop, behind the variables that it carries."""
        variables = [self.variable(item) for item in stmt.carried]
        bounds = f"{self.bound(stmt.start)} .. {self.bound(stmt.stop)}"
        self.settle()
        outside, vector = self.margin, self.vector
        self.enter()
        self.lines.append(outside + self.head(stmt, bounds))
        self.ahead(stmt.ahead)
        if stmt.lanes:
            self.vector = stmt.index, stmt.lanes
        self.statements(stmt.body)
        self.nexts(stmt, variables)
        self.leave()
        self.vector = vector

    def variable(self, item: Carry) -> str:
        """What a loop or a branch carries, at first."""
        first = self.operand(item.first, item.inside.dtype)
        name = self.names[item.after] = self.named(item.inside)
        self.line(f"{name} : {type_text(item.inside)} = {first}")
        return name

    def head(self, stmt: For, bounds: str) -> str:
        """The first line of a loop."""
        how = "" if stmt.step == (stmt.lanes or 1) else f" by {stmt.step}"
        if stmt.lanes:
            how += f" in vectors of {stmt.lanes}"
        index = self.named(stmt.index, "i")
        if stmt.mask is not None:
            how += f" with {self.named(stmt.mask)}"
        return f"for {index} in {bounds}{how}:"

    def ahead(self, body: Sequence[Stmt]) -> None:
        """What runs once before the first iteration, for the whole loop to read."""
        if not body:
            return
        self.line("ahead:")
        self.margin += _INDENT
        self.statements(body)
        self.settle()
        self.margin = self.margin[: -len(_INDENT)]

    def nexts(self, stmt: For | If, variables: Sequence[str]) -> None:
        """What an iteration or a branch hands on."""
        for item, name in zip(stmt.carried, variables, strict=True):
            self.line(f"next {name} = {self.operand(item.following, item.inside.dtype)}")

    def folded(self, stmt: Fold) -> str:
        """`max(v3, v4, v2)`."""
        dtypes = [value.dtype for value in stmt.following]
        state = [self.operand(item, dtype) for item, dtype in zip(stmt.state, dtypes, strict=True)]
        item = [self.operand(item, dtype) for item, dtype in zip(stmt.item, dtypes, strict=False)]
        where = "" if stmt.mask is None else f" where {self.operand(stmt.mask, None)}"
        return f"{stmt.reducer.value}({', '.join([*state, *item])}){where}"

    def fold(self, stmt: Fold) -> None:
        """`v5 : f32, v6 : bool = max(v3, v4, v2)`."""
        text = self.folded(stmt)
        self.line(f"{', '.join(map(self.typed, stmt.following))} = {text}")

    def join(self, stmt: Join) -> None:
        """`v7 : f32 = join max(v5, v6)`."""
        state = ", ".join([self.operand(item, None) for item in stmt.state])
        self.line(f"{self.typed(stmt.value)} = join {stmt.reducer.value}({state})")

    def choice(self, stmt: If) -> None:
        """Two blocks, behind the variables that the first carries."""
        variables = [self.variable(item) for item in stmt.carried]
        condition = self.operand(stmt.condition, None)
        self.settle()
        self.line(f"if {condition}:")
        self.enter()
        self.statements(stmt.then)
        self.nexts(stmt, variables)
        self.leave()
        if stmt.otherwise:
            self.line("else:")
            self.block(stmt.otherwise)

    def check(self, stmt: Check) -> None:
        """What may stop the kernel."""
        condition = self.operand(stmt.condition, None)
        self.settle()
        self.line(f"check {condition} else stop with 1 in {self.memories[stmt.status]}")

    def pack(self, stmt: Pack) -> None:
        """A panel of B."""
        number, whole = self.number, ", whole" if stmt.whole else ""
        source = f"{self.place(stmt.source, 0)} in {stmt.layout.value}"
        by_k, by_j = map(self.along, stmt.strides)
        terms = f"{number(stmt.terms)} terms by {by_k}"
        columns = f"{number(stmt.columns)} columns by {by_j}, {stmt.width} wide{whole}"
        room = f"{self.memories[stmt.room]} in vectors of {stmt.lanes}"
        copied = f"copied from {stmt.few} rows on, of {number(stmt.rows)}"
        self.settle()
        panel, _ = self.remembered(stmt.panel)
        self.line(f"pack {panel} by {self.named(stmt.step)} = {source}")
        self.line(f"{_INDENT}of {terms}, {columns}")
        self.line(f"{_INDENT}to {room}, {copied}")

    def tile(self, stmt: Tile) -> None:
        """A tile of sums."""
        number, masked = self.number, " under a mask" if stmt.masked else ""
        sums, left, right = self.place(stmt.sums, 0), self.place(stmt.left, 0), self.place(stmt.right, 0)
        by_i, by_k, step = map(self.along, (*stmt.left_strides, stmt.right_step))
        apart = "" if stmt.apart is None else f" by {number(stmt.apart)}"
        rows = f"{left} by {by_i}, {by_k}, of which {number(stmt.exist)} rows exist"
        columns = f"{right} by {step}, of which {number(stmt.columns)} columns exist"
        live = "" if stmt.live is None else f" of {self.along(stmt.live)}"
        terms = f"{number(stmt.terms)} terms{live}, added where {number(stmt.first)} is not 0"
        self.settle()
        self.line(f"tile {sums}{apart} = {stmt.rows} rows of {stmt.vectors} vectors of {stmt.lanes}")
        self.line(f"{_INDENT}of {rows}")
        self.line(f"{_INDENT}times {columns}{masked}")
        self.line(f"{_INDENT}over {terms}")
