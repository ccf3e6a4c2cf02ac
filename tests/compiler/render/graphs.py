"""Graphs to draw. Their nodes have no source lines, so that texts of them stay when this file is edited."""

from collections.abc import Sequence

import numpy as np

from compiler.autodiff.backward import gradient
from compiler.ir.build import apply, contract, input_node, parameter_node, reduce
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.graph import Graph
from compiler.ir.node import Node, Origin
from compiler.ir.op import Reducer
from compiler.ir.types import tensor_type

NOWHERE = Origin()
GELU = parse_formula("gelu(x) = x * normcdf(x)")


def vector(name: str) -> Node:
    return input_node(name, tensor_type("f32", ["n"]), NOWHERE)


def chain(length: int) -> Graph:
    node = vector("x")
    for _ in range(length):
        node = apply("exp", node, origin=NOWHERE)
    return Graph.of([node])


def dense(x: Node, width: int, number: int) -> tuple[Node, list[Node]]:
    """`x @ w + b` and its parameters."""
    batch, features = x.type.shape
    weight = parameter_node(np.zeros((int(str(features)), width), np.float32), f"w{number}", NOWHERE)
    bias = parameter_node(np.zeros(width, np.float32), f"b{number}", NOWHERE)
    product = contract([x, weight], [(0, 2), (2, 1)], (0, 1), (batch, width, features), origin=NOWHERE)
    return apply("add", product, bias, origin=NOWHERE), [weight, bias]


def network(layers: int = 2) -> tuple[Node, Node, list[Node]]:
    """An input, the loss of a network of some layers with GELU between them, and its parameters."""
    x = input_node("x", tensor_type("f32", ["batch", 8]), NOWHERE)
    value, parameters = dense(x, 4, 1)
    for number in range(2, layers + 1):
        value = apply(GELU, value, origin=NOWHERE)
        value, more = dense(value, 4, number)
        parameters += more
    square = apply("mul", value, value, origin=NOWHERE)
    return x, reduce(Reducer.SUM, square, [0, 1], name="loss", origin=NOWHERE), parameters


def descent(parameters: Sequence[Node], gradients: Sequence[Node]) -> list[tuple[Node, Node]]:
    """Plain gradient descent: two ops for each parameter."""
    steps = [apply("mul", gradient, 0.1, origin=NOWHERE) for gradient in gradients]
    return [
        (parameter, apply("sub", parameter, step, origin=NOWHERE))
        for parameter, step in zip(parameters, steps, strict=True)
    ]


def momentum(parameters: Sequence[Node], gradients: Sequence[Node]) -> list[tuple[Node, Node]]:
    """Four ops and a velocity for each parameter, and a rate that shrinks and that all share."""
    rate = parameter_node(np.ones((), np.float32), "rate", NOWHERE)
    smaller = apply("mul", rate, 0.5, origin=NOWHERE)
    updates = [(rate, smaller)]
    for parameter, slope in zip(parameters, gradients, strict=True):
        velocity = parameter_node(np.zeros(parameter.type.shape, np.float32), f"{parameter.name}.v", NOWHERE)
        slowed = apply("mul", velocity, 0.9, origin=NOWHERE)
        faster = apply("add", slowed, slope, origin=NOWHERE)
        step = apply("mul", faster, smaller, origin=NOWHERE)
        updates += [(parameter, apply("sub", parameter, step, origin=NOWHERE)), (velocity, faster)]
    return updates


def training_step(layers: int = 2, rule=descent) -> Graph:
    x, loss, parameters = network(layers)
    slopes = [slope for slope in gradient(loss, parameters) if slope is not None]
    return Graph.of([loss], rule(parameters, slopes), [x])
