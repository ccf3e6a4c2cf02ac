"""Random graphs of maps, reductions, contractions, views and moves over a few small shapes."""

import random

import numpy as np

from compiler.ir.build import apply, broadcast_shape, contract, input_node, parameter_node, reduce
from compiler.ir.dims import Shape, symbol
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import (
    Access,
    Broadcast,
    Concatenate,
    MapReduce,
    Reducer,
    Reshape,
    Slice,
    Transpose,
    Window,
)
from compiler.ir.types import DType, TensorType

BATCH = symbol("batch")
SHAPES: list[Shape] = [(BATCH, 3), (BATCH, 3), (BATCH, 1), (BATCH,), (3,), (1, 3), (), (BATCH, 3, 3), (3, 3)]
UNARY = ["neg", "abs", "tanh"]
BINARY = ["add", "sub", "mul", "maximum"]
TURNED = parse_formula("turned(x, y) = x + 2 * y")


class Maker:
    """Makes one graph from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        inputs = [self._leaf(k) for k in range(self.random.randint(1, 3))]
        self.parameter = parameter_node(np.full((3, 3), 0.5, np.float64), "w")
        self.nodes: list[Node] = [*inputs, self.parameter]
        for _ in range(self.random.randint(2, 16)):
            self._grow()
        made = [node for node in self.nodes if node.operands] or inputs
        outputs = {made[-1], *self.random.sample(made, min(len(made), self.random.randint(1, 2)))}
        fits = [node for node in made if node.type == self.parameter.type]
        updates = [(self.parameter, self.random.choice(fits))] if fits and self.random.random() < 0.5 else []
        self.graph = Graph.of(sorted(outputs, key=lambda node: node.serial), updates, inputs)
        self.donated = [node for node in inputs if self.random.random() < 0.5]

    def _leaf(self, number: int) -> Node:
        return input_node(f"x{number}", TensorType(DType.FLOAT64, self.random.choice(SHAPES)))

    def _pick(self) -> Node:
        recent = self.nodes[-4:]
        return self.random.choice(recent if self.random.random() < 0.7 else self.nodes)

    def _grow(self) -> None:
        grow = self.random.choice([
            self._unary, self._unary, self._binary, self._binary, self._binary, self._reduce, self._reduce,
            self._row_wise, self._row_wise, self._view, self._turned, self._contract, self._move,
        ])  # fmt: skip
        grow()

    def _unary(self) -> None:
        self.nodes.append(apply(self.random.choice(UNARY), self._pick()))

    def _fitting(self, node: Node) -> Node:
        fits = [other for other in self.nodes if _broadcast(node, other)]
        return self.random.choice(fits)

    def _binary(self) -> None:
        left = self._pick()
        pair = [left, self._fitting(left)]
        self.random.shuffle(pair)
        self.nodes.append(apply(self.random.choice(BINARY), *pair))

    def _reduce(self) -> None:
        node = self._pick()
        if node.type.rank:
            axes = self.random.sample(range(node.type.rank), self.random.randint(1, node.type.rank))
            reducer = self.random.choice([Reducer.SUM, Reducer.MAX, Reducer.MIN])
            self.nodes.append(reduce(reducer, node, axes, keepdims=self.random.random() < 0.5))

    def _row_wise(self) -> None:
        node = self._pick()
        if node.type.rank:
            axis = self.random.choice([node.type.rank - 1, node.type.rank - 1, 0])
            value = reduce(self.random.choice([Reducer.SUM, Reducer.MAX]), node, [axis], keepdims=True)
            self.nodes += [value, apply("sub", node, value)]

    def _view(self) -> None:
        node = self._pick()
        shape, rank = node.type.shape, node.type.rank
        order = list(range(rank))
        self.random.shuffle(order)
        views = [Transpose(tuple(order)), Slice((0,) * rank, shape, (1,) * rank)]
        if rank < 3:
            views += [Reshape((*shape, 1)), Broadcast((3, *shape), tuple(range(1, rank + 1)))]
            views += [Window((k,), (2,), (2,), (1,), (1,)) for k, n in enumerate(shape) if n == 3]
        self.nodes.append(make_node(self.random.choice(views), [node]))

    def _turned(self) -> None:
        """A map that reads one operand straight and one with its axes exchanged."""
        fits = [node for node in self.nodes if node.type.shape == (3, 3)]
        if fits:
            left, right = self.random.choice(fits), self.random.choice(fits)
            op = MapReduce(TURNED, (Access((0, 1)), Access((1, 0))), (3, 3), (0, 1), DType.FLOAT64)
            self.nodes.append(make_node(op, [left, right]))

    def _contract(self) -> None:
        node = self._pick()
        if node.type.rank == 2 and node.type.shape[1] == 3:
            extents = [node.type.shape[0], 3, 3]
            self.nodes.append(contract([node, self.parameter], [(0, 1), (1, 2)], (0, 2), extents))
        elif node.type.rank == 2:
            pair = [self._same(node), node]
            self.nodes.append(
                contract(pair, [(0, 1), (0, 1)], self.random.choice([(0,), (1,)]), node.type.shape)
            )

    def _same(self, node: Node) -> Node:
        return self.random.choice([other for other in self.nodes if other.type == node.type])

    def _move(self) -> None:
        node = self._pick()
        if node.type.rank and self.random.random() < 0.5:
            joined = make_node(Concatenate(0), [node, self._same(node)])
            sizes = node.type.shape
            self.nodes.append(make_node(Slice((0,) * node.type.rank, sizes, (1,) * node.type.rank), [joined]))


def _broadcast(left: Node, right: Node) -> bool:
    try:
        broadcast_shape("", [left, right])
    except ValueError:
        return False
    return True
