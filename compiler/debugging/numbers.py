"""Which node makes a NaN or an infinity that a result of the program has.

The rewritten graph, which is what runs, is evaluated by the oracle. A result that has a NaN or an infinity is
followed back, element by element, through what is not finite: a node whose element is not, while everything
that the element is made from is, has made it. An infinity that was given, by an argument, a parameter, a
constant or a literal, as masks are, is nobody's fault, as long as nothing makes a NaN of it. So what is not
finite and reaches no result, as in the branch of a `where` that is not taken, is no error either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from compiler.autodiff.explain import explain_node
from compiler.backends.contract import Array, Executable
from compiler.debugging.arithmetic import TooFarError
from compiler.debugging.elements import Element, Place, Pulled
from compiler.debugging.margins import Values
from compiler.debugging.rewrites import evaluated
from compiler.errors import NumericsError
from compiler.ir.finding import stage_of
from compiler.ir.formula.tape import Const
from compiler.ir.graph import Graph
from compiler.ir.node import Node, SourceLine, is_gradient, written_for
from compiler.ir.numbers import is_floating
from compiler.ir.op import MapReduce, Pad, Trait
from compiler.ir.plain import plain
from compiler.schedule.plan import Plan

MOST_FOLLOWED: Final = 20_000
"""Elements that are looked at, of all results together."""

_LISTED: Final = 4
"""Operands of an element that a message shows."""


@dataclass(frozen=True, slots=True)
class Given:
    """An operand of the node: its range over the call, and the first of its elements that were read."""

    name: str
    type: str
    low: float
    """Of its numbers; NaN is none, infinities are."""
    high: float
    nans: int
    """How many of its elements are NaN."""
    read: tuple[tuple[Place, float], ...]
    """Places and values of the elements from which the one that is not finite was made."""

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "name": self.name,
            "type": self.type,
            "low": plain(self.low),
            "high": plain(self.high),
            "nans": self.nans,
            "read": [{"place": list(place), "value": plain(value)} for place, value in self.read],
        }

    def __str__(self) -> str:
        nans = f", {self.nans} NaN" if self.nans else ""
        read = ", ".join(f"{_at(place)}{value:.9g}" for place, value in self.read)
        return f"{self.name} : {self.type} in [{self.low:.5g}, {self.high:.5g}]{nans}; read: {read}"


@dataclass(frozen=True, slots=True)
class NonFinite:
    """A result that is not finite, and the node that made it so."""

    result: str
    """`output 0`, or `the next value of %w`."""
    node: Node = field(repr=False)
    name: str
    place: Place
    value: float
    """What the node has there: NaN or an infinity."""
    is_given: bool
    """Whether nothing made it: the node is an argument, a parameter or a constant that has it."""
    line: str
    """The node in the text of the rewritten graph."""
    formula: str | None
    derivation: tuple[str, ...]
    """How a gradient came about; empty for what is none."""
    operands: tuple[Given, ...]
    source: SourceLine | None

    @property
    def part(self) -> str:
        """`forward`, or `backward` for what `grad` made."""
        return "backward" if is_gradient(self.node) else "forward"

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "result": self.result,
            "node": self.name,
            "part": self.part,
            "place": list(self.place),
            "value": plain(self.value) if np.isfinite(self.value) else str(self.value),
            "is_given": self.is_given,
            "line": self.line,
            "formula": self.formula,
            "derivation": list(self.derivation),
            "operands": [item.to_dict() for item in self.operands],
            "source": None if self.source is None else str(self.source),
        }

    def __str__(self) -> str:
        what = "NaN" if np.isnan(self.value) else f"{self.value}"
        if self.is_given:
            head = f"{self.result} is not finite: {self.name} has {what} to begin with"
        else:
            head = f"{self.result} is not finite: {self.name} makes the first {what}, in the {self.part} part"
        rows = [
            head,
            f"  {self.line}",
            f"  at {list(self.place)}: {what}" if self.place else f"  it is {what}",
        ]
        rows += [f"  of {item}" for item in self.operands]
        rows += [f"  formula: {self.formula}"] if self.formula else []
        rows += [f"  derivation: {line}" for line in self.derivation]
        rows += [f"  from {self.source}"] if self.source else []
        meant = "if it is meant, compile with debug='passes'"
        fix = meant if self.is_given else f"keep the operands where the formula has a value; {meant}"
        return "\n".join([*rows, f"  fix: {fix}"])


class Watched:
    """An executable whose results are looked at before it runs. Any backend has it."""

    def __init__(self, executable: Executable, plan: Plan) -> None:
        self.executable, self.graph = executable, plan.schedule.graph

    def run(self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]) -> None:
        """One call, as `Executable.run` says.

        Raises NumericsError where a result would not be finite; nothing has been written then.
        """
        leaves = dict(zip(self.graph.inputs, (array.copy() for array in inputs), strict=True))
        check_numbers(self.graph, evaluated(self.graph, leaves, sizes), sizes)
        self.executable.run(inputs, sizes, outputs)


def check_numbers(graph: Graph, values: Values, sizes: Mapping[str, int]) -> None:
    """Raises NumericsError, with the finding, where something made a result of a graph not finite."""
    found = non_finite(graph, values, sizes)
    if found is not None:
        raise NumericsError(str(found), found)


def non_finite(graph: Graph, values: Values, sizes: Mapping[str, int]) -> NonFinite | None:
    """The first node of a graph that makes a NaN or an infinity which a result has; None if there is none."""
    bad = [k for k, node in enumerate(graph.results) if not _is_finite(values[node])]
    return _Search(graph, values, sizes).first(bad) if bad else None


class _Search:
    """A walk back from results, through elements that are not finite."""

    def __init__(self, graph: Graph, values: Values, sizes: Mapping[str, int]) -> None:
        self.graph, self.values = graph, values
        self.pulled = Pulled(values, (), sizes, as_is=True)
        self.order = {node: place for place, node in enumerate(graph.nodes)}
        self.reached: dict[Element, int] = {}
        """The elements seen, and by way of which result first."""

    def first(self, bad: Sequence[int]) -> NonFinite | None:
        """What made a result not finite: a node of finite operands, else a NaN of infinities, else a leaf."""
        made: list[Element] = []
        mixed: list[Element] = []
        given: list[Element] = []
        for element in self._walk(bad):
            node = element[0]
            sources = self._sources(element)
            if node.op.has(Trait.LEAF):
                given += [element] if self._is_nan(element) else []
            elif not sources and not self._has_literal(element):
                made.append(element)
            elif self._is_nan(element) and not any(map(self._is_nan, sources)):
                mixed.append(element)
        for found in (made, mixed, given):
            if found:
                return self._told(min(found, key=lambda item: (self.order[item[0]], item[1])))
        if len(self.reached) >= MOST_FOLLOWED:
            self._give_up(bad)
        return None

    def _give_up(self, bad: Sequence[int]) -> None:
        """Raises NumericsError for a result that is NaN. Infinities may have been given, as masks are."""
        results = self.graph.results
        lost = next((k for k in bad if np.isnan(self.values[results[k]]).any()), None)
        if lost is not None:
            raise NumericsError(
                f"{self._result(lost)} is NaN; what makes it so is not among the first {MOST_FOLLOWED} "
                "elements that lead to it\n"
                "  fix: call with less data; if it is meant, compile with debug='passes'"
            )

    def _walk(self, bad: Sequence[int]) -> Iterator[Element]:
        """Every element that is not finite and that a result comes from, each once; the latest few first."""
        pending = [(element, k) for k in reversed(bad) for element in self._unlike(self.graph.results[k])]
        while pending and len(self.reached) < MOST_FOLLOWED:
            element, result = pending.pop()
            if element not in self.reached:
                self.reached[element] = result
                yield element
                pending += [(source, result) for source in self._sources(element)]

    def _unlike(self, node: Node) -> list[Element]:
        """The elements of a value that are not finite, those that are NaN last."""
        value = self.values[node]
        if not is_floating(value.dtype):
            return []
        places = [
            *np.argwhere(np.isinf(value))[:MOST_FOLLOWED],
            *np.argwhere(np.isnan(value))[:MOST_FOLLOWED],
        ]
        return [(node, tuple(map(int, place))) for place in places]

    def _sources(self, element: Element) -> list[Element]:
        """The elements of like kind that an element was made from: NaN, or else infinities."""
        node, place = element
        if node.op.has(Trait.LEAF):
            return []
        try:
            read = list(dict.fromkeys(self.pulled.read(node, place)))
        except TooFarError:
            read = None
        if read is None or node.op.has(Trait.OPAQUE):
            return [item for operand in node.operands for item in self._unlike(operand)[-1:]]
        unlike = [item for item in read if not np.isfinite(self.values[item[0]][item[1]])]
        nans = [item for item in unlike if self._is_nan(item)]
        return nans if nans and self._is_nan(element) else unlike

    def _is_nan(self, element: Element) -> bool:
        return bool(np.isnan(self.values[element[0]][element[1]]))

    def _has_literal(self, element: Element) -> bool:
        """Whether an infinity or NaN was written down where the element was made."""
        op = element[0].op
        if isinstance(op, Pad):
            return not np.isfinite(float(op.value))
        literals = (
            [item for item in op.arguments if isinstance(item, Const)] if isinstance(op, MapReduce) else []
        )
        return any(not np.isfinite(float(item.value)) for item in literals)

    # Words

    def _told(self, element: Element) -> NonFinite:
        node, place = element
        names = self.graph.names
        explained, adjoint = explain_node(node, names), written_for(node) if is_gradient(node) else None
        stage = self.graph if adjoint is None else stage_of(self.graph, adjoint)
        return NonFinite(
            result=self._result(self.reached[element]),
            node=node,
            name=names.values[node],
            place=place,
            value=float(self.values[node][place]),
            is_given=node.op.has(Trait.LEAF),
            line=explained.line,
            formula=explained.formula,
            derivation=() if adjoint is None else explain_node(adjoint, stage.names).derivation,
            operands=tuple(self._given(operand, element) for operand in dict.fromkeys(node.operands)),
            source=explained.source,
        )

    def _given(self, operand: Node, element: Element) -> Given:
        value = self.values[operand].astype(np.float64)
        numbers = value[~np.isnan(value)]
        try:
            read = [place for node, place in self.pulled.read(*element) if node is operand]
        except TooFarError:
            read = []
        return Given(
            name=self.graph.names.values[operand],
            type=str(operand.type),
            low=float(numbers.min()) if numbers.size else np.nan,
            high=float(numbers.max()) if numbers.size else np.nan,
            nans=int(value.size - numbers.size),
            read=tuple((place, float(value[place])) for place in list(dict.fromkeys(read))[:_LISTED]),
        )

    def _result(self, position: int) -> str:
        first = len(self.graph.outputs)
        if position < first:
            return f"output {position}"
        return f"the next value of {self.graph.names.values[self.graph.updates[position - first][0]]}"


def _is_finite(value: Array) -> bool:
    return not is_floating(value.dtype) or bool(np.isfinite(value).all())


def _at(place: Place) -> str:
    return f"{list(place)} " if place else ""
