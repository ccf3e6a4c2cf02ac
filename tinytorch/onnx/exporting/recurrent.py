"""Recurrent layers: RNN, GRU and LSTM in one direction, one operator for all that is seen of their states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any, Final

from compiler.ir.node import Node
from compiler.ir.op import Constant, Layout, Reshape, Slice
from compiler.ir.scope import Scope
from compiler.ir.types import FLOAT32
from compiler.rewrite.reading import only_value
from tinytorch.nn import recurrence
from tinytorch.nn.recurrence import Kind, carried
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.plans import Plan, Uses
from tinytorch.onnx.exporting.scopes import given_to, is_same, stand_ins
from tinytorch.onnx.exporting.values import Value


@dataclass(frozen=True, slots=True)
class _Operator:
    """An operator that a kind of layer is, with where in our weights the rows of its gates are."""

    name: str
    kind: Kind
    order: tuple[int, ...]
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])


_LINEAR: Final = {"linear_before_reset": 1}
_OPERATORS: Final = (
    _Operator("LSTM", recurrence.LSTM, (0, 3, 1, 2)),
    _Operator("LSTM", recurrence.LSTM_OF_ONNX, (0, 1, 2, 3)),
    _Operator("GRU", recurrence.GRU, (1, 0, 2), _LINEAR),
    _Operator("GRU", recurrence.GRU_OF_ONNX, (0, 1, 2), _LINEAR),
    _Operator("RNN", recurrence.TANH, (0,)),
    _Operator("RNN", recurrence.RELU, (0,), {"activations": ["Relu"]}),
)
_NAMES: Final = {item.kind.name for item in _OPERATORS}


@dataclass(frozen=True, slots=True)
class _Given:
    """What a layer reads: a sequence, two matrices, two biases or none, and the states before the first."""

    x: Node
    weights: tuple[Node, Node]
    biases: tuple[Node, ...]
    states: tuple[Node, ...]

    @property
    def every(self) -> tuple[Node, ...]:
        """All of them, in this order."""
        return (self.x, *self.weights, *self.biases, *self.states)


@dataclass(slots=True)
class Recurrent:
    """A layer that was recognised, and what of it is seen: all states, the last one, and that of the cell."""

    operator: _Operator
    given: _Given
    is_reversed: bool
    seen: dict[Node, int]
    results: list[Value] | None = None

    def plan(self, node: Node) -> Plan:
        """How what is seen is written: whoever comes first writes the operator."""
        return Plan(self._reads(), partial(self._write, self.seen[node]))

    def _reads(self) -> list[Node]:
        given = self.given
        found = [given.x, *map(_whole, given.weights)]
        if given.biases:
            both = _joined(*given.biases)
            found += given.biases if both is None else [both]
        return found + [_whole(item) for item in given.states if not _is_zero(item)]

    def _write(self, place: int, context: Context, values: Sequence[Value]) -> Value:
        if self.results is None:
            self.results = self._operator(context, list(values))
        return context.moves.squeezed(self.results[place], [1 if place == 0 else 0])

    def _operator(self, context: Context, values: list[Value]) -> list[Value]:
        writer, given, kind = context.writer, self.given, self.operator.kind
        x = values.pop(0)
        weights = [self._matrix(context, item, values.pop(0)) for item in given.weights]
        bias = self._bias(context, values) if given.biases else None
        states = [None if _is_zero(item) else _stacked(context, item, values.pop(0)) for item in given.states]
        direction = "reverse" if self.is_reversed else None
        return writer.results(
            self.operator.name,
            [x, *weights, bias, None, *states],
            [x.dtype] * (1 + kind.states),
            direction=direction,
            hidden_size=self._hidden,
            **self.operator.attributes,
        )

    @property
    def _hidden(self) -> int:
        return int(str(self.given.weights[1].type.shape[1]))

    def _matrix(self, context: Context, node: Node, value: Value) -> Value:
        """Weights with the gates in the operator's order, and an axis for the direction."""
        return value if _whole(node) is not node else _wider(context, self._rows(context, value), node)

    def _bias(self, context: Context, values: list[Value]) -> Value:
        if _joined(*self.given.biases) is not None:
            return values.pop(0)
        both = [self._rows(context, values.pop(0)) for _ in self.given.biases]
        rows = len(both) * self.operator.kind.gates * self._hidden
        return context.moves.reshaped(context.writer.node("Concat", *both, axis=0), (rows,), (1, rows))

    def _rows(self, context: Context, value: Value) -> Value:
        order, hidden = self.operator.order, self._hidden
        if order == tuple(sorted(order)):
            return value
        rows = [gate * hidden + row for gate in order for row in range(hidden)]
        return context.writer.node("Gather", value, context.writer.integers(*rows), axis=0)


def plan_recurrent(node: Node, uses: Uses) -> Plan | None:
    """RNN, GRU or LSTM for what is seen of a layer in one direction, where the operator gives all of that."""
    part = None if node.origin.of is not None else node.origin.opened
    while part is not None and part.name not in _NAMES:
        part = part.parent
    if part is None or node.type.dtype is not FLOAT32:
        return None
    if part not in uses.layers:
        uses.layers[part] = _recognised(part, uses)
    found = uses.layers[part]
    return found.plan(node) if isinstance(found, Recurrent) and node in found.seen else None


def _recognised(part: Scope, uses: Uses) -> Recurrent | None:
    nodes, seen = uses.made_in(part), uses.seen_of(part)
    for operator in _OPERATORS:
        every = list(_assignments(operator.kind, given_to(nodes))) if operator.kind.name == part.name else []
        for is_reversed in (False, True) if every else ():
            made = _Made.of(operator.kind, every[0], is_reversed)  # all have operands of the same types
            for given in every:
                found = made.matched(given, nodes)
                if set(seen) <= set(found):
                    return Recurrent(operator, given, is_reversed, {item: found[item] for item in seen})
    return None


def _assignments(kind: Kind, given: Sequence[Node]) -> Iterator[_Given]:
    """Which of the values that are read may be which, by their shapes."""
    by_rank = [[item for item in given if item.type.rank == rank] for rank in (1, 2, 3)]
    for x, state_weights in product(by_rank[2], by_rank[1]):
        rows, hidden = state_weights.type.shape
        if not isinstance(rows, int) or not isinstance(hidden, int) or rows != kind.gates * hidden:
            continue
        wanted = (rows, x.type.shape[2])
        weights = [item for item in by_rank[1] if item.type.shape == wanted]
        states = [item for item in by_rank[1] if item.type.shape == (x.type.shape[1], hidden)]
        biases = [item for item in by_rank[0] if item.type.shape == (rows,)]
        for first, begin, both in product(
            weights, product(states, repeat=kind.states), product(biases, repeat=2 if biases else 0)
        ):
            found = _Given(x, (first, state_weights), both, begin)
            if len(set(found.every)) == len(given):
                yield found


@dataclass(frozen=True, slots=True)
class _Made:
    """A layer of a kind, made of inputs in the order of `_Given.every`, and its results by their places."""

    inputs: Sequence[Node]
    results: Sequence[tuple[int, Node]]

    @classmethod
    def of(cls, kind: Kind, like: _Given, is_reversed: bool) -> _Made:
        """A layer of operands of the types of others."""
        inputs = stand_ins(like.every)
        x, first, second, *rest = inputs
        biases, state = rest[: len(like.biases)], tuple(rest[len(like.biases) :])
        every, last = carried(kind, x, state, first, second, *biases, is_reversed=is_reversed)
        results = [(1, last[0]), (0, every), *((2, item) for item in last[1:])]
        return cls([item.node for item in inputs], [(place, item.node) for place, item in results])

    def matched(self, given: _Given, nodes: Sequence[Node]) -> dict[Node, int]:
        """Which results some nodes are; none where these are not the nodes of such a layer."""
        known = dict(zip(self.inputs, given.every, strict=True))
        found: dict[Node, int] = {}
        for place, made in self.results:
            node = _like(made, nodes, known)
            if node is not None:
                found.setdefault(node, place)
        return found if 1 in found.values() else {}


def _like(made: Node, nodes: Sequence[Node], known: dict[Node, Node]) -> Node | None:
    """The last node that is made alike; what that says of others is known then."""
    if made in known:
        return known[made]
    for node in reversed(nodes):
        if node.op == made.op and node.type == made.type:
            trial = dict(known)
            if is_same(made, node, trial):
                known.update(trial)
                return node
    return None


def _whole(node: Node) -> Node:
    """What a value was before it lost a first axis of one element."""
    if isinstance(node.op, Reshape) and node.operands[0].type.shape == (1, *node.type.shape):
        return node.operands[0]
    return node


def _joined(first: Node, second: Node) -> Node | None:
    """What two biases are the halves of, if that had a first axis of one element."""
    if first.operands != second.operands or not (
        isinstance(first.op, Slice) and isinstance(second.op, Slice) and first.operands
    ):
        return None
    source, rows = first.operands[0], first.type.shape[0]
    is_halved = source.type.shape == (rows + rows,) and (first.op.starts, second.op.starts) == ((0,), (rows,))
    whole = _whole(source)
    return whole if is_halved and whole is not source else None


def _is_zero(node: Node) -> bool:
    while isinstance(node.op, Layout) and len(node.operands) == 1:
        node = node.operands[0]
    return isinstance(node.op, Constant) and only_value(node.op) == 0


def _stacked(context: Context, node: Node, value: Value) -> Value:
    return value if _whole(node) is not node else _wider(context, value, node)


def _wider(context: Context, value: Value, node: Node) -> Value:
    """A value of a node's shape with an axis for the one direction."""
    return context.moves.reshaped(value, node.type.shape, (1, *node.type.shape))
