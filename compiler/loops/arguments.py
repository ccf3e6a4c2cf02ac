"""Polynomials and addresses become arguments: kernels of equal text share their code.

Known when the code is made are strides of -2 to 4, and the extents of innermost loops where they are numbers
and code depends on them: of two loops that are turned, and of products of many rows, it depends on little.
A symbolic extent that is a multiple of a number, `64*n`, is written as that: the number of vectors in it is
whole for every n. Of rows that are few it is written that they are: `minimum(n, 128)`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from compiler.ir.dims import Dim, Extent, divide_exactly, evaluate
from compiler.ir.types import INT64
from compiler.loops.copying import Copy
from compiler.loops.language import (
    Check,
    Count,
    Fold,
    For,
    Kernel,
    Let,
    Literal,
    Memory,
    Operand,
    Stmt,
    Store,
    Value,
    refs,
    walk,
)
from compiler.loops.places import Pointer
from compiler.loops.printing import canonical

MOST: Final = 64
"""The largest multiple that is worth knowing: no vector has more elements."""

FEW: Final = 2 * MOST
"""So many rows are few: what takes long to compile, and is faster by nanoseconds a row, does not pay."""


@dataclass(frozen=True)
class Bound:
    """A kernel whose numbers are arguments, and what each argument stands for."""

    kernel: Kernel
    given: tuple[Memory | Count, ...]

    @cached_property
    def key(self) -> str:
        """What names the kernel's code: equal for equal kernels and for no others."""
        return f"loops {canonical(self.kernel)}"

    def numbers(
        self, known: Mapping[Memory | Count, int | Pointer], sizes: Mapping[str, int]
    ) -> list[int | Pointer]:
        """The arguments for given sizes; `known` are those that are no extents."""
        return [
            evaluate(item.extent, sizes) if isinstance(item, Count) and item not in known else known[item]
            for item in self.given
        ]


def bind(
    kernel: Kernel,
    known: Collection[Count],
    multiples: Mapping[Count, int] | None = None,
    labels: Mapping[Count, str] | None = None,
    few: Mapping[Count, int] | None = None,
) -> Bound:
    """The kernel with an argument for each count and each memory, in the order in which they are met.

    Numbers among `known` counts are written, and of them and of `multiples` what they are multiples of, of
    the latter up to a number. `labels` are what arguments are called that are no extents. Numbers among
    `few` that are no more than another number are said to be.
    """
    binding = _Binding(known, multiples or {}, labels or {}, few or {})
    for item in _met(kernel.body):
        if item not in binding.found:
            binding.meet(item)
    body = (*binding.factors, *Copy(binding.found).block(kernel.body))
    return Bound(replace(kernel, arguments=tuple(binding.arguments), body=body), tuple(binding.given))


class _Binding:
    """Arguments as they are met."""

    def __init__(
        self,
        known: Collection[Count],
        multiples: Mapping[Count, int],
        labels: Mapping[Count, str],
        few: Mapping[Count, int],
    ) -> None:
        self.known, self.multiples, self.labels, self.few = known, multiples, labels, few
        self.found: dict[Any, Any] = {}
        self.arguments: list[Memory | Value] = []
        self.given: list[Memory | Count] = []
        self.factors: list[Stmt] = []

    def meet(self, item: Count | Memory) -> None:
        """Something that is not known yet."""
        if isinstance(item, Memory):
            self.found[item] = item
            self.arguments.append(item)
            self.given.append(item)
        elif item in self.known and isinstance(item.extent, int):
            self.found[item] = item.extent
        else:
            self.found[item] = self._number(item)

    def _number(self, count: Count) -> Value:
        value = Value(INT64, label=self.labels.get(count))
        self.arguments.append(value)
        factor = _factor(count.extent, MOST if count in self.known else self.multiples.get(count, 1))
        if factor == 1:
            self.given.append(count)
        else:
            quotient = divide_exactly(count.extent, factor)
            assert quotient is not None
            self.given.append(Count(quotient))
            value = self._said("mul", value, factor)
        most = self.few.get(count)
        if most is None or not isinstance(count.extent, int) or count.extent > most:
            return value
        return self._said("minimum", value, most)

    def _said(self, atom: str, value: Value, number: int) -> Value:
        """A number with what is known of it."""
        found = Value(INT64)
        self.factors.append(Let(found, atom, (value, Literal.of(number, INT64))))
        return found


def _factor(extent: Extent, most: int) -> int:
    """The largest power of two, up to `most`, of which an extent is a multiple for all sizes."""
    coefficients = [n for _, n in extent.terms] if isinstance(extent, Dim) else [extent]
    return math.gcd(most, *coefficients)


def _met(body: tuple[Stmt, ...]) -> Iterator[Count | Memory]:
    """Counts and memory in the order of the text, but for the status word, which comes first."""
    statements = list(walk(body))
    yield from (stmt.status for stmt in statements if isinstance(stmt, Check))
    for stmt in statements:
        if isinstance(stmt, For) and isinstance(stmt.stop, Count):
            yield stmt.stop
        yield from (item for item in _operands(stmt) if isinstance(item, Count))
        for ref in refs(stmt):
            if not ref.memory.extent:
                yield ref.memory
            numbers = (*(stride for _, stride in ref.terms), ref.step, ref.stride)
            yield from (item for item in numbers if isinstance(item, Count))


def _operands(stmt: Stmt) -> tuple[Operand, ...]:
    """What may be a count beside places and bounds."""
    match stmt:
        case Let():
            return stmt.operands
        case Store():
            return (stmt.operand,)
        case Fold():
            return stmt.item
        case _:
            return ()
