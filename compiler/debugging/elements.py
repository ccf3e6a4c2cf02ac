"""What an element of a graph is made from, back to leaves or to values that are taken as computed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.contract import Array
from compiler.backends.reference import layout
from compiler.debugging.arithmetic import Arithmetic, TooFarError, converted
from compiler.debugging.margins import Values
from compiler.ir.bfloat16 import float_limits
from compiler.ir.dims import evaluate
from compiler.ir.formula.precise import mpmath_context, precise_literal
from compiler.ir.node import Node
from compiler.ir.numbers import is_floating
from compiler.ir.op import (
    Access,
    Combine,
    Concatenate,
    Fold,
    Gather,
    Index,
    Insert,
    Layout,
    MapReduce,
    Pad,
    Prefix,
    Scatter,
    ScatterAdd,
    Size,
    Trait,
    Window,
)  # fmt: skip

Place: TypeAlias = tuple[int, ...]
Element: TypeAlias = tuple[Node, Place]

MOST_ELEMENTS: Final = 40_000
"""Elements that one is pulled from at most."""


class Pulled:
    """What an element is made from. Values are computed anew for each kind of rounding."""

    def __init__(
        self, values: Values, taken: Collection[Node], sizes: Mapping[str, int], *, as_is: bool
    ) -> None:
        self.values, self.taken, self.sizes, self.as_is = values, set(taken), sizes, as_is
        self.needs: dict[Element, list[Element]] = {}
        self.sources: dict[Node, Array] = {}

    def value(self, element: Element, rounding: random.Random | None) -> Any:
        """The value of an element; its steps are rounded at random, or not at all."""
        known: dict[Element, Any] = {}
        arithmetic = Arithmetic(rounding, flushes=self.as_is)
        pending = [element]
        while pending:
            current = pending[-1]
            if current in known:
                pending.pop()
                continue
            missing = [item for item in self._needed(current) if item not in known]
            if missing:
                pending += missing
                continue
            known[pending.pop()] = self._computed(current, known, arithmetic)
        return known[element]

    def _needed(self, element: Element) -> list[Element]:
        if element not in self.needs:
            if len(self.needs) > MOST_ELEMENTS:
                raise TooFarError
            self.needs[element] = [] if self._is_taken(*element) else list(self._operands(*element))
        return self.needs[element]

    def read(self, node: Node, place: Place) -> Iterator[Element]:
        """The elements from which an element is made, in order; none for a leaf or an opaque call.

        Raises TooFarError where there are more than MOST_ELEMENTS.
        """
        is_known = node.op.has(Trait.LEAF) or node.op.has(Trait.OPAQUE)
        return iter(()) if is_known else self._operands(node, place)

    def _is_taken(self, node: Node, place: Place) -> bool:
        """Whether an element is taken as it was computed."""
        if node.op.has(Trait.LEAF) or node.op.has(Trait.OPAQUE):
            return True
        if node not in self.taken:
            return False
        value = self.values[node][place]
        if self.as_is or not is_floating(value.dtype):
            return True
        return bool(float_limits(value.dtype).tiny <= abs(value) < np.inf)

    def _operands(self, node: Node, place: Place) -> Iterator[Element]:
        if isinstance(node.op, Prefix):
            yield from self._walked(node, node.op, place)
        elif isinstance(node.op, MapReduce):
            for loops in self._turns(node.op, place):
                for operand, access in zip(node.operands, node.op.accesses, strict=True):
                    yield operand, tuple(0 if axis is None else loops[axis] for axis in access.axes)
        else:
            yield from self._moved(node, place)

    def _turns(self, op: MapReduce, place: Place) -> Iterator[Place]:
        """The loops' indices, in order, for one element of the result."""
        at = {axis: index for axis, index in zip(op.output, place, strict=True) if axis is not None}
        extents = [evaluate(extent, self.sizes) for extent in op.extents]
        if np.prod([extents[loop] for loop in op.reduced], dtype=float) > MOST_ELEMENTS:
            raise TooFarError
        ranges = [(at[loop],) if loop in at else range(extents[loop]) for loop in range(len(extents))]
        return itertools.product(*ranges)

    def _walked(self, node: Node, op: Prefix, place: Place) -> Iterator[Element]:
        """The element before it on the axis, if there is one, and those at its own place."""
        before = place[op.axis] + (1 if op.reverse else -1)
        if 0 <= before < self.values[node].shape[op.axis]:
            yield node, (*place[: op.axis], before, *place[op.axis + 1 :])
        yield from ((operand, place) for operand in node.operands)

    # Layout ops: an element is one of an operand, or none, or a sum of several

    def _moved(self, node: Node, place: Place) -> Iterator[Element]:
        sources = self._sources(node)
        if isinstance(node.op, ScatterAdd | Fold | Scatter):
            wanted = np.ravel_multi_index(place, self.values[node].shape) if place else 0
            met = [(node.operands[-1], tuple(map(int, found))) for found in np.argwhere(sources == wanted)]
            before = [(node.operands[0], place)] if isinstance(node.op, Scatter) else []
            is_set = isinstance(node.op, Scatter) and node.op.combine is Combine.SET
            yield from [*before, *met][-1:] if is_set else [*before, *met]
            return
        number = int(sources[place])
        for operand in self._moving(node):
            array = self.values[operand]
            if 0 <= number < array.size:
                yield operand, tuple(map(int, np.unravel_index(number, array.shape)))
                return
            number -= array.size if number >= 0 else 0

    def _moving(self, node: Node) -> tuple[Node, ...]:
        return node.operands if isinstance(node.op, Concatenate | Insert) else node.operands[:1]

    def _sources(self, node: Node) -> Array:
        """For each element of a moved value the number of the one that it is, counted through the operands.

        -1 for one that is none of them. Of a scatter or a fold, for each element of the operand the one
        that it is added to.
        """
        if node not in self.sources:
            self.sources[node] = self._numbered(node)
        return self.sources[node]

    def _numbered(self, node: Node) -> Array:
        op = node.op
        assert isinstance(op, Layout)
        if isinstance(op, ScatterAdd | Scatter):
            numbers = _numbers(self.values[node].shape, 0)
            numbers = layout.merged(op, numbers) if isinstance(op, Scatter) else numbers
            return layout.gather(
                Gather(axis=op.axis, batched=op.batched), numbers, self.values[node.operands[-2]]
            )
        if isinstance(op, Fold):
            found = list(op.over(node.operands[0].type.shape))
            positions, taps = tuple(item.positions for item in found), tuple(item.taps for item in found)
            seen = Window(op.axes, positions, taps, op.steps, op.dilations)
            return layout.view(seen, _numbers(self.values[node].shape, 0), self.sizes)
        start, given = 0, list[Array]()
        for operand in node.operands:
            shape = self.values[operand].shape
            given.append(_numbers(shape, start) if operand in self._moving(node) else self.values[operand])
            start += self.values[operand].size
        if isinstance(op, Pad):
            node = replace(node, op=replace(op, value=-1))
        return layout.move(node, given, self.sizes)

    # Values

    def _computed(self, element: Element, known: Mapping[Element, Any], arithmetic: Arithmetic) -> Any:
        node, place = element
        if self._is_taken(node, place):
            is_leaf = node.op.has(Trait.LEAF)
            value = _number(self.values[node][place])
            return value if is_leaf else arithmetic.rounded(value, node.type.dtype)
        needed = [known[item] for item in self._needed(element)]
        if isinstance(node.op, Prefix):
            return arithmetic.next_of(node.op.scan, needed, node.type.dtype)
        if isinstance(node.op, MapReduce):
            return self._reduced(node.op, place, needed, arithmetic)
        if isinstance(node.op, Pad) and not needed:
            return precise_literal(node.op.value)
        if isinstance(node.op, Scatter):
            return arithmetic.combined(node.op.combine, needed, node.type.dtype)
        total: Any = needed[0] if needed else mpmath_context().zero
        for item in needed[1:]:
            total = arithmetic.rounded(total + item, node.type.dtype)
        return total

    def _reduced(self, op: MapReduce, place: Place, needed: list[Any], arithmetic: Arithmetic) -> Any:
        given = iter(needed)
        atoms = arithmetic.atoms(op.dtype)
        results: list[Any] = []
        for loops in self._turns(op, place):
            arguments = [self._argument(item, loops, given) for item in op.arguments]
            try:
                value = op.formula.evaluate(atoms, arguments, precise_literal)
            except (ArithmeticError, ValueError):
                value = mpmath_context().nan
            found = value if op.reducer.is_search else converted(value, op.dtype)
            results.append(arithmetic.rounded(found, op.dtype) if op.dtype.is_storage else found)
        return arithmetic.reduced(op.reducer, results, op.dtype)

    def _argument(self, item: Any, loops: Place, given: Iterator[Any]) -> Any:
        mp = mpmath_context()
        match item:
            case Access():
                return next(given)
            case Index():
                return mp.mpf(loops[item.loop])
            case Size():
                return mp.mpf(evaluate(item.extent, self.sizes))
            case _:
                return precise_literal(item.value)


def _numbers(shape: Place, start: int) -> Array:
    return np.arange(start, start + int(np.prod(shape, dtype=int))).reshape(shape)


def _number(value: Any) -> Any:
    return bool(value) if value.dtype.kind == "b" else mpmath_context().mpf(value.item())
