"""Any subset and any order of the rewriting passes gives the oracle's answer on random graphs."""

import random

import numpy as np
import pytest

from compiler.ir.build import apply
from compiler.ir.graph import Graph
from compiler.ir.types import DType
from compiler.ir.verify import verify
from compiler.pipeline.manager import run_passes
from compiler.rewrite.sweep import sweep
from compiler.schedule.target import Target
from passes import REWRITES
from passes.phase_folds import PhaseFolds
from passes.simplify import Simplify
from tests.properties.comparing import difference, oracle
from tests.properties.random_graphs import random_graph

ALWAYS = [PhaseFolds(always=True) if item.name == "phase_folds" else item for item in REWRITES]
EXACT = [Simplify(stabilising=False) if item.name == "simplify" else item for item in ALWAYS]


def some_passes(seed: int, passes: list) -> list:
    """A few passes in any order, some twice."""
    chooser = random.Random(seed)
    return chooser.sample([*passes, *passes], chooser.randint(1, len(passes) + 2))


def check(seed: int, passes: list, *, unstable: bool = False) -> None:
    sample = random_graph(seed, unstable=unstable)
    chosen = some_passes(seed, passes)
    schedule, _ = run_passes(sample.graph, chosen, Target(reads_windows=True, copies_panels=True))
    for call in range(2):
        arguments, sizes = sample.arguments(call), sample.sizes(call)
        want = oracle(sample.graph, arguments, sizes)
        got = oracle(schedule.graph, arguments, sizes)
        remark = difference(want, got.values, finite_only=unstable)
        names = ", ".join(item.name for item in chosen)
        assert not remark, f"seed {seed}, call {call}, after {names}: {remark}\n{sample.graph}"


@pytest.mark.parametrize("block", range(8))
def test_exact_rewrites_give_the_oracles_answer(block):
    for seed in range(block * 40, block * 40 + 40):
        check(seed, EXACT)


@pytest.mark.parametrize("block", range(4))
def test_stabilising_rewrites_give_it_wherever_it_is_finite(block):
    for seed in range(block * 40, block * 40 + 40):
        check(seed, ALWAYS, unstable=True)


def test_a_wrong_rewrite_is_caught():
    """A factor that is wrong by 0.1% is seen in most graphs that have it."""
    seen, caught = 0, 0
    for seed in range(150):
        sample = random_graph(seed)
        after = sweep(sample.graph, wrong)
        if after is sample.graph:
            continue
        arguments, sizes = sample.arguments(0), sample.sizes(0)
        want, got = (oracle(graph, arguments, sizes) for graph in (sample.graph, after))
        seen += any(value.size for value in want.values)
        caught += bool(difference(want, got.values))
    assert seen > 10
    assert caught > seen / 3


def wrong(old, node):
    is_product = node.op.name == "mul" and node.type.dtype.is_float
    return apply("mul", node, 1.001) if is_product else node


def test_samples_are_legal_varied_and_the_same_each_time():
    ops, dtypes, extents = set(), set(), set()
    is_special = has_updates = False
    for seed in range(150):
        sample = random_graph(seed)
        verify(sample.graph)
        assert str(sample.graph) == str(random_graph(seed).graph)
        Graph.parse(str(sample.graph), sample.graph.arrays, sample.graph.calls)
        ops |= {type(node.op).__name__ for node in sample.graph.nodes}
        dtypes |= {node.type.dtype for node in sample.graph.nodes}
        extents |= {extent for node in sample.graph.nodes for extent in node.type.shape}
        is_special |= any(not np.isfinite(a).all() for a in sample.arguments(0) if a.dtype.kind == "f")
        has_updates |= bool(sample.graph.updates)
    assert ops >= {
        "MapReduce",
        "Reshape",
        "Transpose",
        "Broadcast",
        "Diagonal",
        "Slice",
        "Pad",
        "Concatenate",
    }
    assert ops >= {
        "Window",
        "Fold",
        "Prefix",
        "Gather",
        "Scatter",
        "ScatterAdd",
        "Insert",
        "Call",
        "Input",
        "Parameter",
        "Constant",
    }
    assert len(dtypes) == len(DType)
    assert {0, 1, 2, 3} <= extents
    assert any(not isinstance(extent, int) for extent in extents)
    assert is_special
    assert has_updates
