"""A builder of LLVM IR, which is written as text at once.

It stands at the end of a block and appends an instruction a line. LLVM checks the text when it is compiled,
so nothing is checked here, and nothing is kept but lines: llvmlite's own builder keeps an object an
instruction, and takes several times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from compiler.backends.llvm.jit.kinds import (
    Constant,
    Type,
    Value,
    i1,
    pointer,
    splatted,
    vector_of,
    void,
)
from compiler.backends.llvm.jit.modules import Block, Function, Module, Phi

_SIGNED: Final[Mapping[str, str]] = {
    "==": "eq", "!=": "ne", "<": "slt", "<=": "sle", ">": "sgt", ">=": "sge",
}  # fmt: skip
_UNSIGNED: Final = {
    sign: word.replace("s", "u") if sign[0] in "<>" else word for sign, word in _SIGNED.items()
}
_ORDERED: Final = {"==": "oeq", "!=": "one", "<": "olt", "<=": "ole", ">": "ogt", ">=": "oge"}
_UNORDERED: Final = {sign: "u" + word[1:] for sign, word in _ORDERED.items()} | {"uno": "uno"}


def _binary(word: str) -> Callable[[Builder, Value, Value], Value]:
    def emit(self: Builder, left: Value, right: Value) -> Value:
        return self.made(left.type, f"{word} {left.type.text} {left.name}, {right.name}")

    return emit


def _compare(word: str, signs: Mapping[str, str]) -> Callable[[Builder, str, Value, Value], Value]:
    def emit(self: Builder, sign: str, left: Value, right: Value) -> Value:
        kind = left.type
        answer = vector_of(i1, kind.count) if kind.count else i1
        return self.made(answer, f"{word} {signs[sign]} {kind.text} {left.name}, {right.name}")

    return emit


def _convert(word: str) -> Callable[[Builder, Value, Type], Value]:
    def emit(self: Builder, value: Value, kind: Type) -> Value:
        return value if value.type is kind else self.made(kind, f"{word} {value} to {kind.text}")

    return emit


class Builder:
    """Appends instructions to a block of a function, each of which is a method that returns its value."""

    def __init__(self, function: Function, block: Block | None = None) -> None:
        self.function = function
        self.block = block or function.append_basic_block()

    @property
    def module(self) -> Module:
        """The module of the function."""
        return self.function.module

    def append_basic_block(self, name: str) -> Block:
        """A new block behind all others of the function."""
        return self.function.append_basic_block(name)

    def position_at_end(self, block: Block) -> None:
        """On at the end of a block."""
        self.block = block

    def made(self, kind: Type, text: str) -> Value:
        """The value of an instruction."""
        value = self._named(kind)
        self.block.lines.append(f"{value.name} = {text}")
        return value

    def phi(self, kind: Type) -> Phi:
        """A value that is told for each block from which this one is entered."""
        phi = Phi(kind, self._named(kind).name)
        self.block.lines.append(phi)
        return phi

    def room(self, kind: Type, count: int) -> Value:
        """Memory for so many values on a 64-byte border, while the function runs."""
        value = self._named(pointer)
        self.function.rooms.append(f"{value.name} = alloca [{count} x {kind.text}], align 64")
        return value

    def hidden(self, number: Value, constraints: str) -> Value:
        """A number of which LLVM does not know which one it is: an empty instruction gives it."""
        value, kind = self._named(number.type), number.type.text
        self.function.rooms.append(f'{value.name} = call {kind} asm "", "{constraints}"({number})')
        return value

    def _named(self, kind: Type) -> Value:
        self.function.values += 1
        return Value(kind, f"%v{self.function.values}")

    add, sub, mul = _binary("add"), _binary("sub"), _binary("mul")
    sdiv, srem = _binary("sdiv"), _binary("srem")
    and_, or_, xor = _binary("and"), _binary("or"), _binary("xor")
    shl, lshr, ashr = _binary("shl"), _binary("lshr"), _binary("ashr")
    fadd, fsub, fmul, fdiv = _binary("fadd"), _binary("fsub"), _binary("fmul"), _binary("fdiv")

    icmp_signed, icmp_unsigned = _compare("icmp", _SIGNED), _compare("icmp", _UNSIGNED)
    fcmp_ordered, fcmp_unordered = _compare("fcmp", _ORDERED), _compare("fcmp", _UNORDERED)

    bitcast, ptrtoint, inttoptr = _convert("bitcast"), _convert("ptrtoint"), _convert("inttoptr")
    trunc, zext, sext = _convert("trunc"), _convert("zext"), _convert("sext")
    fptrunc, fpext = _convert("fptrunc"), _convert("fpext")
    fptosi, sitofp, uitofp = _convert("fptosi"), _convert("sitofp"), _convert("uitofp")

    def fneg(self, value: Value) -> Value:
        """The number with another sign."""
        return self.made(value.type, f"fneg {value}")

    def neg(self, value: Value) -> Value:
        """0 - value."""
        return self.made(value.type, f"sub {value.type.text} zeroinitializer, {value.name}")

    def not_(self, value: Value) -> Value:
        """Every bit the other way."""
        kind = value.type
        if kind.count:
            return self.xor(value, splatted(Constant(kind.element, -1), kind.count))
        return self.xor(value, Constant(kind, -1))

    def select(self, condition: Value, then: Value, otherwise: Value) -> Value:
        """One of two values, lane by lane where the condition has lanes."""
        return self.made(then.type, f"select {condition}, {then}, {otherwise}")

    def extract_element(self, lanes: Value, place: Value) -> Value:
        """One lane."""
        return self.made(lanes.type.element, f"extractelement {lanes}, {place}")

    def insert_element(self, lanes: Value, value: Value, place: Value) -> Value:
        """The vector with another value in a lane."""
        return self.made(lanes.type, f"insertelement {lanes}, {value}, {place}")

    def shuffle_vector(self, one: Value, two: Value, chosen: Value) -> Value:
        """Lanes of two vectors, by their numbers; those of the second one are counted behind the first."""
        kind = vector_of(one.type.element, chosen.type.count)
        return self.made(kind, f"shufflevector {one}, {two}, {chosen}")

    def offset(self, base: Value, elements: Value, element: Type) -> Value:
        """The address so many elements behind another, or an address a lane."""
        kind = elements.type
        answer = vector_of(pointer, kind.count) if kind.count else pointer
        return self.made(answer, f"getelementptr {element.text}, {base}, {elements}")

    def load(self, address: Value, kind: Type, align: int = 0) -> Value:
        """What lies at an address."""
        return self.made(kind, f"load {kind.text}, {address}{_aligned(align)}")

    def store(self, value: Value, address: Value, align: int = 0) -> None:
        """Writes to memory."""
        self.block.lines.append(f"store {value}, {address}{_aligned(align)}")

    def load_atomic(self, address: Value, order: str, kind: Type) -> Value:
        """What lies at an address, of 8 bytes, read atomically."""
        return self.made(kind, f"load atomic {kind.text}, {address} {order}, align 8")

    def store_atomic(self, value: Value, address: Value, order: str) -> None:
        """Writes 8 bytes atomically."""
        self.block.lines.append(f"store atomic {value}, {address} {order}, align 8")

    def add_atomic(self, value: Value, address: Value, order: str) -> Value:
        """Adds to what lies at an address; what was there."""
        return self.made(value.type, f"atomicrmw add {address}, {value} {order}")

    def exchange(self, address: Value, old: Value, new: Value, order: str, otherwise: str) -> Value:
        """Writes `new` where `old` is; whether it was."""
        pair = Type(f"{{ {old.type}, i1 }}")
        found = self.made(pair, f"cmpxchg {address}, {old}, {new} {order} {otherwise}")
        return self.made(i1, f"extractvalue {found}, 1")

    def call(self, function: Value, given: Sequence[Value], answer: Type) -> Value:
        """Calls a function; of one that returns nothing the value is of type void."""
        text = f"call {answer} {function.name}({', '.join(map(str, given))})"
        if answer is not void:
            return self.made(answer, text)
        self.block.lines.append(text)
        return Value(void, "")

    def branch(self, block: Block) -> None:
        """On to a block."""
        self._end(f"br label %{block.label}")

    def cbranch(self, condition: Value, then: Block, otherwise: Block, seldom: int = 0) -> None:
        """On to one of two blocks.

        `seldom` tells LLVM how often the first is not taken for each time that it is.
        """
        odds = f', !prof !{{!"branch_weights", i32 1, i32 {seldom}}}' if seldom else ""
        self._end(f"br {condition}, label %{then.label}, label %{otherwise.label}{odds}")

    def ret(self, value: Value) -> None:
        """Returns a value."""
        self._end(f"ret {value}")

    def ret_void(self) -> None:
        """Returns."""
        self._end("ret void")

    def _end(self, line: str) -> None:
        self.block.lines.append(line)
        self.block.is_terminated = True

    @contextmanager
    def if_then(self, condition: Value) -> Generator[None]:
        """The `with` body, where a truth value is true."""
        then, beyond = self.append_basic_block("then"), self.append_basic_block("beyond")
        self.cbranch(condition, then, beyond)
        with self._branch(then, beyond):
            yield
        self.block = beyond

    @contextmanager
    def if_else(
        self, condition: Value
    ) -> Generator[tuple[AbstractContextManager[None], AbstractContextManager[None]]]:
        """Two `with` bodies, one for each truth value."""
        names = "then", "otherwise", "beyond"
        then, otherwise, beyond = map(self.append_basic_block, names)
        self.cbranch(condition, then, otherwise)
        yield self._branch(then, beyond), self._branch(otherwise, beyond)
        self.block = beyond

    @contextmanager
    def _branch(self, block: Block, beyond: Block) -> Generator[None]:
        self.block = block
        yield
        if not self.block.is_terminated:
            self.branch(beyond)


def _aligned(align: int) -> str:
    return f", align {align}" if align else ""
