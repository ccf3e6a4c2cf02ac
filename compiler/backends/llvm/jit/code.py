"""What emits the body of a routine: loops, branches, calls and memory of a function that is written."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeAlias

from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.kinds import Type, Value, i8, i32, pointer, void, zero
from compiler.backends.llvm.jit.modules import Block, Module
from compiler.backends.llvm.jit.values import Flag, Operand, Pointer, Whole, Word, narrowed, raw_of, widened

Int: TypeAlias = Annotated[Word, i32]
"""In a signature: handed on as C's int."""

Byte: TypeAlias = Annotated[Word, i8]
"""In a signature: handed on as eight bits."""


class Kind(NamedTuple):
    """How a value is handed on: what it is to the code, and its LLVM type on the way."""

    made: Callable[[Builder, Value], Any]
    type: Type

    def received(self, builder: Builder, raw: Value) -> Any:
        return self.made(builder, widened(builder, raw) if self.made is Word else raw)


def _nothing(builder: Builder, raw: Value) -> None:
    """What a function that returns nothing is to the code."""


def _kind(annotation: Any) -> Kind:
    if annotation in (None, type(None)):
        return Kind(_nothing, void)
    made = getattr(annotation, "__origin__", annotation)
    return Kind(made, annotation.kind if made is annotation else annotation.__metadata__[0])


class Signature:
    """What a function takes and returns; None is nothing."""

    def __init__(self, answer: Any, *given: Any) -> None:
        self.answer, self.given = _kind(answer), [_kind(each) for each in given]
        self.types = [each.type for each in self.given]

    def call(self, builder: Builder, function: Value, given: Sequence[Operand | int]) -> Any:
        """Emit a call."""
        pairs = zip(given, self.given, strict=True)
        values = [narrowed(builder, value, kind.type) for value, kind in pairs]
        raw = builder.call(function, values, self.answer.type)
        return self.answer.received(builder, raw)


@dataclass
class Loop:
    """A loop while its body is emitted: what it carries from one round to the next, and its ends."""

    code: Code
    head: Block
    values: list[Any]
    after: Block | None = None

    def again(self, *values: Operand | int) -> None:
        """The next round, with these values."""
        for phi, value in zip(self.values, values, strict=True):
            phi.raw.add_incoming(raw_of(value), self.code.builder.block)
        self.code.builder.branch(self.head)

    def leave(self) -> None:
        """On to what follows the loop, where `values` are those of this round."""
        if self.after is None:
            self.after = self.code.builder.append_basic_block("after")
        self.code.builder.branch(self.after)

    def leave_unless(self, flag: Flag) -> None:
        with self.code.unless(flag):
            self.leave()


@dataclass(frozen=True)
class Unit:
    """A module while it is written, its target, and the names of its exports."""

    module: Module
    target: Target
    exports: Sequence[str]


class End:
    """What follows a part: the block where its ways meet, and what each of them gives."""

    def __init__(self, builder: Builder) -> None:
        self.block = builder.append_basic_block("end")
        self._given: list[tuple[Value, Block]] = []

    def reach(self, builder: Builder, value: Operand | int | None) -> None:
        """From here on to what follows."""
        if value is not None:
            self._given.append((raw_of(value), builder.block))
        builder.branch(self.block)

    def answer(self, builder: Builder, kind: Kind) -> Any:
        """What was given, behind the part."""
        builder.position_at_end(self.block)
        if not self._given:
            return None
        phi = builder.phi(self._given[0][0].type)
        for value, block in self._given:
            phi.add_incoming(value, block)
        return kind.made(builder, phi)


@dataclass(frozen=True)
class Code:
    """What the body of a routine emits with; of a part, up to its `end`."""

    unit: Unit
    builder: Builder
    answer: Kind
    end: End | None = None

    def word(self, value: int) -> Word:
        return Word(self.builder, raw_of(value))

    def null(self) -> Pointer:
        return Pointer(self.builder, zero(pointer))

    def choose(self, flag: Flag, there: Word, otherwise: Word) -> Word:
        return Word(self.builder, self.builder.select(flag.raw, there.raw, otherwise.raw))

    def room(self, size: int) -> Pointer:
        """Memory of `size` bytes, on a 64-byte border, for the time of the routine."""
        return Pointer(self.builder, self.builder.room(i8, size))

    def give(self, value: Operand | int | None = None) -> None:
        """Return from the routine."""
        if self.end is not None:
            self.end.reach(self.builder, value)
        elif value is None:
            self.builder.ret_void()
        else:
            self.builder.ret(narrowed(self.builder, value, self.answer.type))

    @contextmanager
    def when(self, flag: Flag) -> Generator[None]:
        """The `with` body, where `flag` is true."""
        with self.builder.if_then(flag.raw):
            yield

    def unless(self, flag: Flag) -> AbstractContextManager[None]:
        """The `with` body, where `flag` is false."""
        return self.when(~flag)

    @contextmanager
    def repeat(self, *start: Operand | int) -> Generator[Loop]:
        """The `with` body again and again; each of its ends says how it goes on."""
        builder, before = self.builder, self.builder.block
        head = builder.append_basic_block("head")
        builder.branch(head)
        builder.position_at_end(head)
        values: list[Operand] = []
        for value in start:
            raw = raw_of(value)
            phi = builder.phi(raw.type)
            phi.add_incoming(raw, before)
            values.append(Word(builder, phi) if isinstance(value, int) else type(value)(builder, phi))
        loop = Loop(self, head, values)
        yield loop
        if loop.after is not None:
            builder.position_at_end(loop.after)

    @contextmanager
    def each(self, stop: Word, start: Whole = 0) -> Generator[Word]:
        """The `with` body for start, start + 1, ... while below `stop`."""
        with self.repeat(start) as loop:
            (index,) = loop.values
            loop.leave_unless(index < stop)
            yield index
            if not self.builder.block.is_terminated:
                loop.again(index + 1)

    def call(self, address: Pointer, answer: Any, *given: Operand) -> Any:
        """Call the function that lies at `address`."""
        signature = Signature(answer, *map(type, given))
        return signature.call(self.builder, address.raw, given)


class External:
    """A function of the C library, of CPython or of LLVM, declared where it is called."""

    def __init__(self, name: str, answer: Any, *given: Any) -> None:
        self.name, self.signature = name, Signature(answer, *given)

    def __call__(self, code: Code, *given: Operand | int) -> Any:
        signature = self.signature
        function = code.unit.module.declared(self.name, signature.answer.type, signature.types)
        return signature.call(code.builder, function, given)


@dataclass(frozen=True)
class Global:
    """Memory of the module, zero at first, on a 64-byte border; or, where `size` is 0, another's."""

    name: str
    size: int = 0

    def __call__(self, code: Code) -> Pointer:
        """Where it lies."""
        module = code.unit.module
        return Pointer(code.builder, module.globals.get(self.name) or module.memory(self.name, self.size))
