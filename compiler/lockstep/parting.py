"""The first node at which two programs of one graph part by more than rounding.

Both computed every node (`values_of`); what stands for a node of the source is known by lineage. A node is
judged by itself: from what each program has of the nodes before it, the nearest that both have, its value is
computed as the source writes it, and where that is not what the program found, at 150 digits. What rounding
explains, however much it has grown on the way, is no parting. A number beside NaN or an infinity always is
one: a stabilising rewrite parts from what was written, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from compiler.backends.contract import Array
from compiler.backends.reference import compute
from compiler.debugging.arithmetic import TooFarError
from compiler.debugging.margins import apart, magnitude, relative_margin, tolerances, worst
from compiler.debugging.rewrites import check_rewrite, evaluated
from compiler.debugging.truth import truth_of
from compiler.errors import PassError
from compiler.ir.finding import trail
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.numbers import is_floating
from compiler.ir.op import MapReduce, Reducer
from compiler.ir.plain import plain
from compiler.ir.printing import print_node
from compiler.lockstep.values import Side

_JUDGED: Final = 3
"""Elements of a node that are computed at 150 digits, beside the one at which the programs differ most."""


_SHARE_OF_TERMS: Final = 1 / 16
"""Of the tolerance, how far a sum may be off for each unit of its terms' magnitudes: ten units or so."""


@dataclass(frozen=True, slots=True)
class Parting:
    """Where two programs part: a node of the graph as it was written, and what each has there."""

    node: Node = field(repr=False)
    name: str
    line: str
    """The node in the text of the source graph."""
    source: str
    """The user's line; empty where there is none."""
    between: tuple[str, str]
    place: tuple[int, ...]
    """The element at which they differ most."""
    found: tuple[float, float]
    """What each has there."""
    exact: str
    """The element at 150 digits, from what the first has of the nodes before it; empty where that is long."""
    wrong: tuple[str, ...]
    """Whose value does not follow from what it has of the nodes before, as the source writes it."""
    reason: str
    """Which pass and rule, or which kernel, made it another."""
    is_exact: bool
    """Whether every pass kept account of what became of what; else the node may not be the one."""

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "node": self.name,
            "line": self.line,
            "source": self.source,
            "between": list(self.between),
            "place": list(self.place),
            "found": [plain(item) for item in self.found],
            "exact": self.exact,
            "wrong": list(self.wrong),
            "reason": self.reason,
            "is_exact": self.is_exact,
        }

    def __str__(self) -> str:
        first, other = self.between
        head = f"{other} parts from {first} at {self.name}"
        rows = [head + ("" if self.is_exact else ", if a pass that kept no account is guessed rightly")]
        rows.append(f"  {self.line}")
        rows += [f"  from {self.source}"] if self.source else []
        exact = f", and exactly it is {self.exact}" if self.exact else ""
        where = f"at {list(self.place)} " if self.place else ""
        rows.append(f"  {where}{first} has {self.found[0]:.9g} and {other} {self.found[1]:.9g}{exact}")
        rows += [f"  {line}" for line in self.reason.splitlines()]
        return "\n".join(rows)


def first_parting(first: Side, other: Side, sizes: Mapping[str, int]) -> Parting | None:
    """The first node of the source, in its order, at which two programs part; None where rounding is all."""
    return _Lockstep(first, other, sizes).parting()


class _Lockstep:
    """A walk over the source with what both programs have."""

    def __init__(self, first: Side, other: Side, sizes: Mapping[str, int]) -> None:
        self.source: Graph = first.source
        self.sides, self.sizes = (first, other), sizes
        self.tolerances = tolerances(self.source)
        self.common: set[Node] = set()
        """Nodes that both have, and that have not parted."""
        self.known: tuple[dict[Node, Array], dict[Node, Array]] = ({}, {})
        """For each side its values of common nodes, and what follows from them for the others."""

    def parting(self) -> Parting | None:
        with np.errstate(all="ignore"):
            for node in self.source.nodes:
                found = self._step(node)
                if found is not None:
                    return found
        return None

    def _step(self, node: Node) -> Parting | None:
        values = [side.value(node) for side in self.sides]
        left, right = values
        if left is None or right is None:
            for known, value in zip(self.known, values, strict=True):
                known[node] = self._computed(node, known) if node.operands else _leaf(node, value)
            return None
        place = self._apart(left, right, node) if node.operands else None
        if place is not None:
            return self._told(node, left, right, place)
        self.common.add(node)
        for known, value in zip(self.known, (left, right), strict=True):
            known[node] = value
        return None

    def _computed(self, node: Node, known: Mapping[Node, Array]) -> Array:
        return compute(node, [known[operand] for operand in node.operands], self.sizes)

    def _apart(self, left: Array, right: Array, node: Node) -> tuple[int, ...] | None:
        """The element at which they part most, where they do."""
        differs = apart(left, right, relative_margin(left, right, self.tolerances[node]))
        if not differs.any():
            return None
        unlike = differs & ~(np.isfinite(left) & np.isfinite(right)) if is_floating(left.dtype) else differs
        if unlike.any():
            return tuple(map(int, np.argwhere(unlike)[0]))
        places = worst(right, left, differs)
        return places[0] if any(not self._follows(k, node, places) for k in range(2)) else None

    def _follows(self, side: int, node: Node, places: list[tuple[int, ...]]) -> bool:
        """Whether a side's value is what the source makes of what the side has of the nodes before it."""
        known, found = self.known[side], self.sides[side].value(node)
        assert found is not None
        expected = self._computed(node, known)
        tolerance = self.tolerances[node]
        differs = apart(found, expected, relative_margin(found, expected, tolerance))
        if not differs.any() or self._is_sum_rounded(node, found, expected, known):
            return True
        values = {**known, node: expected}
        try:
            for place in dict.fromkeys((*places[:1], *worst(found, expected, differs)[:_JUDGED])):
                truth = truth_of((node, place), values, self.common, self.sizes, as_is=True)
                if not truth.allows(found[place], expected[place], tolerance):
                    return False
        except TooFarError:
            largest = max(map(magnitude, (expected, *(known[operand] for operand in node.operands))))
            return not apart(found, expected, tolerance * max(largest, 1.0)).any()
        return True

    def _is_sum_rounded(self, node: Node, found: Array, expected: Array, known: Mapping[Node, Array]) -> bool:
        """Whether a sum, or a sum of products, is off by no more than rounding of its terms explains."""
        if not isinstance(node.op, MapReduce) or node.op.reducer is not Reducer.SUM:
            return False
        terms = compute(node, [np.abs(known[operand]) for operand in node.operands], self.sizes)
        return not apart(found, expected, self.tolerances[node] * _SHARE_OF_TERMS * terms).any()

    # Words

    def _told(self, node: Node, left: Array, right: Array, place: tuple[int, ...]) -> Parting:
        wrong = [k for k in range(2) if not self._follows(k, node, [place])]
        origin = node.origin.source
        return Parting(
            node=node,
            name=self.source.names.values[node],
            line=print_node(node, self.source.names),
            source="" if origin is None else str(origin),
            between=(self.sides[0].name, self.sides[1].name),
            place=place,
            found=(float(left[place]), float(right[place])),
            exact=self._exact(node, place),
            wrong=tuple(self.sides[k].name for k in wrong),
            reason="\n".join(self._reason(node, k) for k in wrong) or self._by_design(node),
            is_exact=all(record.is_exact for side in self.sides for record in side.history),
        )

    def _exact(self, node: Node, place: tuple[int, ...]) -> str:
        values = {**self.known[0], node: self._computed(node, self.known[0])}
        try:
            return str(truth_of((node, place), values, self.common, self.sizes))
        except TooFarError:
            return ""

    def _reason(self, node: Node, number: int) -> str:
        """Who made a side's value another: a pass, if the oracle says it too, or else a kernel."""
        side = self.sides[number]
        blamed = _blamed(side, self.sizes)
        if blamed:
            return f"{side.name}: {blamed}"
        image = side.images[node]
        place = side.schedule.kernel_of.get(image)
        where = "a leaf" if place is None else f"kernel {place}"
        line = print_node(image, side.schedule.graph.names)
        return f"{side.name}: {where} does not compute what its operands make it\n  {line}"

    def _by_design(self, node: Node) -> str:
        """Both are right from where they stand: the passes that made the node again, each with its rule."""
        said: list[str] = []
        for side in self.sides:
            family = set(trail(side.schedule.graph, node))
            for record in side.history:
                made = [item.sentence for item in record.report.actions if family.intersection(item.nodes)]
                said += [f"{side.name}: {record.name}, {sentence}" for sentence in made]
        return "\n".join(dict.fromkeys(said)) or "both follow from what is before; one has no number there"


def _leaf(node: Node, value: Array | None) -> Array:
    """The value of a leaf of which a pass has left nothing on one side."""
    if value is not None:
        return value
    buffer = getattr(node.op, "buffer", None)
    if buffer is None:
        raise AssertionError(f"passes keep inputs: {node!r}")
    return buffer.array


def _blamed(side: Side, sizes: Mapping[str, int]) -> str:
    """What debug mode says of the passes of a program: the first one that changes a result."""
    values = evaluated(side.source, {node: side.values[node] for node in side.source.inputs}, sizes)
    for record in side.history:
        if isinstance(record.after, Graph) and record.changed:
            try:
                check_rewrite(record, values, sizes)
            except PassError as error:
                return str(error)
            values = evaluated(record.after, values, sizes)
    return ""
