"""Work is linear and nothing recurses: counted in calls of our own functions, never in seconds.

Every walker is run on a graph and on one twice as large, under a recursion limit that no recursion over nodes
would survive. A doubling graph (`x = x + x`, of 100 nodes) has 2 ** 100 paths: a walker that follows paths
never returns.
"""

import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import tinytorch as tt
from compiler.analysis.extents import demands
from compiler.autodiff.backward import gradient
from compiler.autodiff.explain import explain_node
from compiler.backends.reference import run
from compiler.ir.build import apply, constant_node, input_node
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.types import FLOAT64, TensorType
from compiler.ir.verify import verify
from compiler.pipeline.manager import run_passes
from compiler.rewrite.stable import stabilised
from compiler.schedule.planner import make_plan
from compiler.schedule.schedule import Schedule
from compiler.schedule.target import Target

OURS = tuple(str(Path(__file__).parents[2] / name) for name in ("compiler", "passes", "tinytorch"))
LONG = 50_000
DEEPEST = 150
"""Frames that a walker may add to those of the test."""


def leaf() -> Node:
    return input_node("x", TensorType(FLOAT64, ()))


def chain(length: int) -> Node:
    """A chain of two kinds of node, so that nothing is merged into one."""
    node = leaf()
    for k in range(length):
        node = apply("sin", node) if k % 2 else apply("mul", node, 0.5)
    return node


def doubling(depth: int) -> Node:
    node = leaf()
    for _ in range(depth):
        node = apply("add", node, node)
    return node


def value_of(node: Node) -> None:
    graph = Graph.of([node])
    run(graph, {graph.inputs[0]: np.ones(())}, {})


def rewritten(node: Node) -> None:
    run_passes(Graph.of([node]), [item for item in tt.default_passes() if hasattr(item, "rewrite")], Target())


def rebuilt(node: Node) -> None:
    Graph.of([node]).rebuilt(lambda node, operands: node)


WALKERS: dict[str, Callable[[Node], object]] = {
    "of": lambda node: Graph.of([node]),
    "users": lambda node: Graph.of([node]).users,
    "network": lambda node: Graph.of([node]).network,
    "print": lambda node: str(Graph.of([node])),
    "parse": lambda node: Graph.parse(str(Graph.of([node]))),
    "verify": lambda node: verify(Graph.of([node])),
    "rebuilt": rebuilt,
    "stabilised": lambda node: stabilised(node, ()),
    "gradient": lambda node: gradient(node, Graph.of([node]).inputs),
    "explain": explain_node,
    "demands": lambda node: demands(Graph.of([node])),
    "schedule": lambda node: str(Schedule.of(Graph.of([node]))),
    "plan": lambda node: make_plan(Schedule.of(Graph.of([node]))),
    "run": value_of,
    "pickle": lambda node: pickle.loads(pickle.dumps(Graph.of([node]))),  # noqa: S301  # our own bytes
    "rewrites": rewritten,
}


@contextmanager
def shallow() -> Iterator[None]:
    """A recursion limit close above the present depth."""
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + DEEPEST)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def calls(walk: Callable[[Node], object], node: Node) -> int:
    """How many calls of functions of ours a walk makes."""
    count = 0

    def note(frame: object, event: str, _: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.startswith(OURS)  # type: ignore[attr-defined]

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        walk(node)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("walker", WALKERS)
def test_twice_the_nodes_are_twice_the_calls(walker):
    walk = WALKERS[walker]
    walk(chain(4))  # what is derived or compiled once is not counted
    small, large = (calls(walk, chain(length)) for length in (200, 400))
    assert large <= 2.1 * small + 50
    assert small >= (200 if walker not in ("explain", "of", "users", "network") else 1)


@pytest.mark.parametrize("walker", WALKERS)
def test_a_doubling_graph_is_walked_by_nodes_not_by_paths(walker):
    walk = WALKERS[walker]
    walk(doubling(2))
    small, large = (calls(walk, doubling(depth)) for depth in (50, 100))
    assert large <= 2.2 * small + 50


@pytest.mark.parametrize("walker", WALKERS)
def test_nothing_recurses_over_a_chain(walker):
    WALKERS[walker](chain(4))
    node = chain(2000)
    with shallow():
        WALKERS[walker](node)


def test_what_recurses_would_be_seen():
    def depth_of(node: Node) -> int:
        return 1 + max(map(depth_of, node.operands), default=0)

    with pytest.raises(RecursionError), shallow():
        depth_of(chain(2000))


def test_what_is_quadratic_would_be_seen():
    def quadratic(node: Node) -> None:
        for each in Graph.of([node]).nodes:
            Graph.of([each])
            for _ in Graph.of([each]).nodes:
                len(Graph.of([]))

    small, large = (calls(quadratic, chain(length)) for length in (20, 40))
    assert large > 2.5 * small


@pytest.mark.slow
def test_fifty_thousand_nodes_are_built_differentiated_run_and_pickled():
    x = tt.input("x")
    y = x
    for k in range(LONG):
        y = tt.sin(y) if k % 2 else y * 0.5
    with shallow():
        (slope,) = tt.grad(y, [x])
        program = tt.compile([x], [y, slope], backend="reference", passes=())
        value, found = program(1.0)
        copy = pickle.loads(pickle.dumps(program.source_graph))  # noqa: S301  # our own bytes
    assert (value, found) == (0.0, 0.0)
    assert len(copy) == len(program.source_graph) > 2 * LONG


def test_a_value_used_a_hundred_times_over_is_right():
    node = doubling(100)
    found = run(Graph.of([node]), {Graph.of([node]).inputs[0]: np.ones(())}, {})
    assert found[node] == 2.0**100
    (slope,) = gradient(node, Graph.of([node]).inputs)
    graph = Graph.of([slope])
    seeds = {leaf: leaf.op.buffer.array for leaf in graph.nodes if leaf.op.name == "constant"}
    assert run(graph, {**seeds, **{leaf: np.ones(()) for leaf in graph.inputs}}, {})[slope] == 2.0**100


def test_many_inputs_are_declared_in_linear_work():
    def declare(count: int) -> int:
        nodes = [input_node(f"x{k}", TensorType(FLOAT64, ())) for k in range(count)]
        total = constant_node(np.zeros(()), FLOAT64)
        for node in nodes:
            total = apply("add", total, node)
        tensors = [tt.Tensor(node) for node in nodes]
        return calls(lambda node: tt.compile(tensors, tt.Tensor(node), backend="reference", passes=()), total)

    declare(2)
    small, large = declare(100), declare(200)
    assert large <= 2.1 * small + 50
