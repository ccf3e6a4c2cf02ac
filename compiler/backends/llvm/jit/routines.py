"""Native code that is the same for every program, written as Python functions that emit it.

    @routine
    def total(code: Code, words: Pointer, count: Word) -> Word:
        with code.repeat(0, 0) as loop:
            i, sum = loop.values
            loop.leave_unless(i < count)
            loop.again(i + 1, sum + words.words[i])
        return sum

A routine is emitted when something calls it first, into the module of its caller. Its annotations are its
signature. A `part` is a routine that is written where it is called.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, get_type_hints

from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.cache import ObjectCache, sources_digest
from compiler.backends.llvm.jit.code import Code, End, Signature, Unit
from compiler.backends.llvm.jit.engine import BEST, Library, host_target
from compiler.backends.llvm.jit.kinds import Value
from compiler.backends.llvm.jit.modules import Module
from compiler.backends.llvm.jit.values import Pointer, Word, raw_of

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class Routine(Generic[Given, Answer]):
    """A function that emits native code, and the native function that it emits; see the module."""

    def __init__(self, body: Callable[Concatenate[Code, Given], Answer]) -> None:
        self.body, self.name, self.__doc__ = body, body.__name__, body.__doc__

    @functools.cached_property
    def signature(self) -> Signature:
        """Its annotations, less that of `code`."""
        _, *given, answer = get_type_hints(self.body, include_extras=True).values()
        return Signature(answer, *given)

    def __call__(self, code: Code, *given: Given.args, **_: Given.kwargs) -> Answer:
        """Call it from another routine."""
        values: Any = given
        return self.signature.call(code.builder, self.function(code.unit), values)

    def address(self, code: Code) -> Pointer:
        """Where its native function lies."""
        return Pointer(code.builder, self.function(code.unit))

    def function(self, unit: Unit) -> Value:
        """Its native function in a module, emitted the first time."""
        return unit.module.globals.get(self.name) or self._emitted(unit)

    def _emitted(self, unit: Unit) -> Value:
        function = unit.module.function(self.name, self.signature.answer.type, self.signature.types)
        function.internal = self.name not in unit.exports
        builder = Builder(function)
        pairs = zip(self.signature.given, function.args, strict=True)
        given = [kind.received(builder, raw) for kind, raw in pairs]
        self._write(Code(unit, builder, self.signature.answer), given)
        return function

    def _write(self, code: Code, given: Sequence[Any]) -> None:
        """Write the body, and return what it comes to."""
        body: Any = self.body
        answer = body(code, *given)
        if not code.builder.block.is_terminated:
            code.give(answer)


class Part(Routine[Given, Answer]):
    """A routine that is written where it is called."""

    def __call__(self, code: Code, *given: Given.args, **_: Given.kwargs) -> Answer:
        """Write it into another routine."""
        builder, answer = code.builder, self.signature.answer
        end = End(builder)
        values = [Word(builder, raw_of(value)) if isinstance(value, int) else value for value in given]
        self._write(Code(code.unit, builder, answer, end), values)
        return end.answer(builder, answer)


def routine(body: Callable[Concatenate[Code, Given], Answer]) -> Routine[Given, Answer]:
    """Makes a Python function that emits code a routine."""
    return Routine(body)


def part(body: Callable[Concatenate[Code, Given], Answer]) -> Part[Given, Answer]:
    """Makes a Python function that emits code a routine that is written where it is called.

    That is for what has one caller: a function of its own takes longer to compile, and to call.
    """
    return Part(body)


def load_routines(
    routines: Sequence[Routine[..., Any]],
    cache: ObjectCache,
    imports: Mapping[str, int] | None = None,
    level: int = BEST,
) -> Library:
    """Routines, and those that they call, in this process; `imports` are addresses of external symbols.

    `level` is that of code generation.
    """
    target, names = host_target(), [each.name for each in routines]

    def build() -> Module:
        unit = Unit(Module("tinytorch"), target, names)
        for each in routines:
            each.function(unit)
        return unit.module

    name = "\n".join([sources_digest(), *names])
    return Library(cache.compiled(name, build, target, level), names, imports)
