"""Small graphs that ask much of a memory plan: parameters of several names, views, many updates."""

import random

import numpy as np

from compiler.ir.build import apply, contract, input_node, parameter_node, reduce
from compiler.ir.dims import Shape, symbol
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import (
    Broadcast,
    Call,
    Combine,
    Concatenate,
    Diagonal,
    Gather,
    Insert,
    Pad,
    Reducer,
    Reshape,
    Scatter,
    Slice,
    Transpose,
)
from compiler.ir.types import FLOAT32, FLOAT64, INT64, TensorType
from compiler.schedule.schedule import Schedule
from compiler.schedule.target import Target
from passes.fuse_elementwise import FuseElementwise
from passes.inplace import InPlace

BATCH = symbol("batch")
TARGET = Target(fuses=True, fuses_gathers=True, writes_in_place=True)
PASSES = {
    "none": (),
    "fused": (FuseElementwise(),),
    "in place": (InPlace(),),
    "fused in place": (FuseElementwise(), InPlace()),
}


def x_of(shape: Shape = ("batch", 4), name: str = "x") -> Node:
    """A float32 input; "batch" is the symbol."""
    return input_node(name, TensorType(FLOAT32, tuple(BATCH if n == "batch" else n for n in shape)))


def parameter(*shape: int, name: str = "w") -> Node:
    return parameter_node(np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape) / 8 + 1, name)


def transposed(node: Node) -> Node:
    return make_node(Transpose(tuple(reversed(range(node.type.rank)))), [node])


def scheduled(graph: Graph, passes: str = "none", donated: tuple[Node, ...] = ()) -> Schedule:
    """The schedule of a graph under one of the orders in PASSES."""
    schedule = Schedule.of(graph, donated)
    for item in PASSES[passes]:
        schedule, _ = item.schedule(schedule, TARGET)
    return schedule


def failing_call(node: Node) -> Node:
    """An opaque call, which may raise."""
    return make_node(Call("checked", lambda array: array + 0, node.type), [node])


class Busy:
    """A random graph of square matrices: `graph`, and the inputs that may be donated."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        side = self.random.choice([2, 3])
        self.shape: Shape = (side, side)
        self.inputs = [
            input_node("x", TensorType(FLOAT64, self.shape)),
            input_node("i", TensorType(INT64, (side,))),
        ]
        self.parameters = [self._parameter(k) for k in range(self.random.randint(1, 4))]
        self.nodes: list[Node] = [self.inputs[0], *self.parameters]
        self.nodes += [
            node.named(f"{node.name}_again") for node in self.parameters if self.random.random() < 0.3
        ]
        for _ in range(self.random.randint(0, 14)):
            self.nodes.append(self._grow())
        outputs = [self._pick() for _ in range(self.random.randint(0, 3))]
        updated = [node for node in self.parameters if self.random.random() < 0.8]
        updates = [(node, self._result(node)) for node in updated]
        self.donated = tuple(self.inputs[:1]) if self.random.random() < 0.3 else ()
        self.graph = Graph.of(outputs, updates, self.inputs)

    def _parameter(self, number: int) -> Node:
        side = self.shape[0]
        assert isinstance(side, int)
        array = np.arange(side * side, dtype=np.float64).reshape(side, side) / 8 + number
        return parameter_node(array, f"w{number}")

    def _pick(self) -> Node:
        return self.random.choice(self.nodes[-5:] if self.random.random() < 0.6 else self.nodes)

    def _result(self, node: Node) -> Node:
        """A new value for a parameter: any value, an old value, or one made from its own old value."""
        if self.random.random() < 0.2:
            return apply("add", node, self._view(node) if self.random.random() < 0.5 else self._pick())
        return self.random.choice([self._pick, lambda: self.random.choice(self.parameters), self._view])()

    def _grow(self) -> Node:
        grow = self.random.choice(
            [self._map, self._map, self._map, self._view, self._view, self._joined, self._other, self._fails]
        )
        return grow()

    def _map(self) -> Node:
        if self.random.random() < 0.4:
            return apply("tanh", self._pick())
        return apply(self.random.choice(["add", "sub", "maximum"]), self._pick(), self._pick())

    def _view(self, node: Node | None = None) -> Node:
        node, (side, _) = node or self._pick(), self.shape
        row = make_node(Slice((1, 0), (1, side), (1, 1)), [node])
        views = [
            transposed(node),
            make_node(Broadcast(self.shape, (0, 1)), [row]),
            make_node(Slice((side - 1, side - 1), self.shape, (-1, -1)), [node]),
            make_node(Broadcast(self.shape, (1,)), [make_node(Diagonal(0, 1), [node])]),
            make_node(Reshape(self.shape), [make_node(Reshape((side * side,)), [transposed(node)])]),
            make_node(Reshape(self.shape), [make_node(Reshape((side * side, 1)), [node])]),
        ]
        return self.random.choice(views)

    def _other(self) -> Node:
        node, (side, _) = self._pick(), self.shape
        if self.random.random() < 0.25:
            op = Insert((1, 0), (1, 1))
            return make_node(op, [node, make_node(Slice((0, 0), (1, side), (1, 1)), [self._pick()])])
        if self.random.random() < 0.5:
            return contract([node, self._pick()], [(0, 1), (1, 2)], (0, 2), [side] * 3)
        return apply("sub", node, reduce(Reducer.MAX, node, [1], keepdims=True))

    def _joined(self) -> Node:
        """A matrix whose rows or columns are those of others or maps of them, or with an edge of zeros."""
        side, axis = self.shape[0], self.random.choice([0, 1])
        assert isinstance(side, int)
        pieces: list[Node] = []
        for start in range(side):
            starts, sizes = [0, 0], [side, side]
            starts[axis], sizes[axis] = start, 1
            piece = make_node(Slice(tuple(starts), tuple(sizes), (1, 1)), [self._pick()])
            pieces.append(apply("tanh", piece) if self.random.random() < 0.7 else piece)
        if self.random.random() < 0.3:
            edge = tuple(int(place == axis) for place in range(2))
            inside = pieces[0] if side == 2 else make_node(Concatenate(axis), pieces[:-1])
            return make_node(Pad(edge, (0, 0), (0, 0)), [inside])
        return make_node(Concatenate(axis), [*pieces[:-1], self.random.choice(pieces)])

    def _fails(self) -> Node:
        if self.random.random() < 0.5:
            return failing_call(self._pick())
        if self.random.random() < 0.5:
            scatter = Scatter(0, self.random.choice([Combine.SET, Combine.ADD]))
            return make_node(scatter, [self._pick(), self.inputs[1], self._pick()])
        return make_node(Gather(0), [self._pick(), self.inputs[1]])
