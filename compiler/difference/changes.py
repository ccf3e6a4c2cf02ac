"""What differs between two graphs whose nodes are matched.

Change ::= kind, node on the left, node on the right, sentence
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from compiler.difference.matching import op_key
from compiler.ir.formula.tape import Const
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Constant, Input, MapReduce, Parameter
from compiler.ir.printing import print_path


class Kind(Enum):
    """What may have become of a node, or of the graph around the nodes."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    """It does something else, or has another type."""
    REWIRED = "rewired"
    """It does the same with other operands."""
    RENAMED = "renamed"
    MOVED = "moved"
    """It belongs to another scope."""
    FUSED = "fused"
    """One program computes it in a kernel with an operand, the other apart from it."""
    VALUE = "value"
    """A parameter or constant of one type with other numbers."""
    RESULT = "result"
    """An output, an update, or the order of the inputs."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs. `left` or `right` is None for what is there on one side only."""

    kind: Kind
    left: Node | None
    right: Node | None
    sentence: str

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.sentence}"


def changes_between(left: Graph, right: Graph, pairs: Mapping[Node, Node]) -> Iterator[Change]:
    """What differs: of nodes that stand on one side, of matched ones, of the results."""
    said = _Names(left.names.values, right.names.values)
    back = {b: a for a, b in pairs.items()}
    for a in left.nodes:
        if a not in pairs:
            yield Change(Kind.REMOVED, a, None, f"{said.of(a, None)}, {a.op.name} : {a.type}")
    for b in right.nodes:
        a = back.get(b)
        if a is None:
            yield Change(Kind.ADDED, None, b, f"{said.of(None, b)}, {b.op.name} : {b.type}")
        else:
            yield from _changes_of(a, b, left, right, pairs, said)
    yield from _results(left, right, pairs, said)


@dataclass(frozen=True, slots=True)
class _Names:
    left: Mapping[Node, str]
    right: Mapping[Node, str]

    def of(self, left: Node | None, right: Node | None) -> str:
        names = [*([self.left[left]] if left else []), *([self.right[right]] if right else [])]
        return " -> ".join(dict.fromkeys(names))


def _changes_of(
    a: Node, b: Node, left: Graph, right: Graph, pairs: Mapping[Node, Node], said: _Names
) -> Iterator[Change]:
    if a is not b:
        name = said.of(a, b)
        if not _does_the_same(a, b):
            yield Change(Kind.CHANGED, a, b, f"{name}: {_what(a)} is {_what(b)}")
        elif other := _other_operands(a, b, pairs, said):
            yield Change(Kind.REWIRED, a, b, f"{name} reads {other}")
        if a.name != b.name:
            yield Change(Kind.RENAMED, a, b, f"{name}: {a.name!r} is {b.name!r}")
        if (apart := _apart(a, b)) is not None:
            yield Change(Kind.VALUE, a, b, f"{name}: numbers differ by {apart:.3g} at most")
    before, after = left.scopes[a], right.scopes[b]
    if before != after:
        paths = [print_path(path) or "no scope" for path in (before, after)]
        yield Change(Kind.MOVED, a, b, f"{said.of(a, b)}: from {paths[0]} to {paths[1]}")


def _does_the_same(a: Node, b: Node) -> bool:
    if a.type != b.type or len(a.operands) != len(b.operands):
        return False
    if isinstance(a.op, Constant | Parameter) and type(a.op) is type(b.op):
        return True
    return op_key(a) == op_key(b) or (isinstance(a.op, Input) and a.op == b.op)


def _what(node: Node) -> str:
    op = node.op
    arguments = op.arguments if isinstance(op, MapReduce) else ()
    literals = [str(item) for item in arguments if isinstance(item, Const)]
    literals += [str(op.low), str(op.high)] if isinstance(op, Input) and op.has_range else []
    shown = f"({', '.join(literals)})" if literals else ""
    return f"{op.name}{shown} : {node.type}"


def _other_operands(a: Node, b: Node, pairs: Mapping[Node, Node], said: _Names) -> str:
    rows = zip(a.operands, b.operands, strict=True)
    wrong = [(x, y) for x, y in rows if pairs.get(x) is not y]
    return ", ".join(f"{said.right[y]} and not {said.left[x]}" for x, y in wrong)


def _apart(a: Node, b: Node) -> float | None:
    """The largest difference between two known arrays of one type; None if they are equal bit for bit."""
    if not isinstance(a.op, Constant | Parameter) or not isinstance(b.op, Constant | Parameter):
        return None
    if a.type != b.type or not a.op.buffer.is_bound or not b.op.buffer.is_bound:
        return None
    one, two = a.op.buffer.array, b.op.buffer.array
    if one is two or one.tobytes() == two.tobytes():
        return None
    with np.errstate(all="ignore"):
        apart = np.abs(one.astype(np.float64) - two.astype(np.float64))
    return float(np.max(apart, initial=0.0))


def _results(left: Graph, right: Graph, pairs: Mapping[Node, Node], said: _Names) -> Iterator[Change]:
    inputs = [pairs.get(node) for node in left.inputs]
    if set(inputs) == set(right.inputs) and tuple(inputs) != right.inputs:
        order = ", ".join(said.right[node] for node in right.inputs)
        yield Change(Kind.RESULT, None, None, f"the inputs are in another order: {order}")
    for position in range(max(len(left.outputs), len(right.outputs))):
        a, b = (_item(graph.outputs, position) for graph in (left, right))
        if a is None or b is None or pairs.get(a) is not b:
            yield Change(Kind.RESULT, a, b, _result(f"output {position}", a, b, said))
    updates = dict(left.updates), dict(right.updates)
    back = {b: a for a, b in pairs.items()}
    for parameter, a in updates[0].items():
        b = updates[1].get(pairs[parameter]) if parameter in pairs else None
        if b is None or pairs.get(a) is not b:
            yield Change(Kind.RESULT, a, b, _result(f"the update of {said.left[parameter]}", a, b, said))
    for parameter, b in updates[1].items():
        if back.get(parameter) not in updates[0]:
            what = f"the update of {said.right[parameter]}"
            yield Change(Kind.RESULT, None, b, _result(what, None, b, said))


def _item(items: tuple[Node, ...], position: int) -> Node | None:
    return items[position] if position < len(items) else None


def _result(what: str, a: Node | None, b: Node | None, said: _Names) -> str:
    if a is None:
        return f"{what} is new: {said.of(None, b)}"
    if b is None:
        return f"{what} is gone: {said.of(a, None)}"
    return f"{what} is {said.right[b]} and not {said.left[a]}"
