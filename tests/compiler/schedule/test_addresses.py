import numpy as np
import pytest

from compiler.analysis.aliasing import joined, regions_of
from compiler.backends.reference import compute
from compiler.ir.dims import evaluate, symbol
from compiler.ir.formula.tape import Const
from compiler.ir.graph import Graph
from compiler.ir.op import Size, Trait
from compiler.schedule.addresses import FromLoop, FromMember, MemoryAccess, memory_accesses, sources_of
from compiler.schedule.nest import Nest
from compiler.schedule.schedule import Schedule
from compiler.schedule.target import Target
from passes.fuse_elementwise import FuseElementwise
from tests.passes.small_graphs import Maker

TEXT = """
op f(x, y, k, n) = x + y * k + n + 1
%x = input : f32[n,6]
%b = input : f32[6]
%w = input : f32[3,n]
%t = transpose(%w, order=[1,0]) : f32[n,3]
%s = slice(%x, starts=[0,1], sizes=[n,3], steps=[1,2]) : f32[n,3]
%e = exp(%t) : f32[n,3]
%y[i,j] = f(%e[i,j], %s[i,j], j, {n}) : f32[n,3]
%z[i,_] = sum[j:3] %y[i,j] : f32[n,1]
return %z, %e
"""


def fused(graph: Graph):
    schedule = FuseElementwise().schedule(Schedule.of(graph), Target(fuses=True, fuses_searches=True))[0]
    return schedule, [kernel for kernel in schedule.kernels if isinstance(kernel.nest, Nest)]


def test_accesses_are_addresses_by_common_loop():
    graph = Graph.parse(TEXT)
    schedule, (kernel,) = fused(graph)
    at = {node.name: node for node in graph.nodes}
    n = symbol("n")
    found = list(memory_accesses(kernel.members, schedule.outputs(kernel), kernel.nest, regions_of(graph)))
    assert [(item.base.name, item.offset, item.strides, item.is_write) for item in found] == [
        ("w", 0, (1, n), False),
        ("e", 0, (3, 1), True),
        ("x", 1, (6, 2), False),
        ("z", 0, (1, 0), True),
    ]
    sources = sources_of(at["y"], kernel.members, kernel.nest, regions_of(graph))
    assert sources[0] == FromMember(at["e"])
    assert sources[2:] == [FromLoop(1), Size(n)]


def test_the_index_of_a_loop_of_extent_1_is_0():
    graph = Graph.parse(
        "op f(x, k) = x * k\n%x = input : f32[1,3]\n%y[i,j] = f(%x[i,j], i) : f32[1,3]\nreturn %y\n"
    )
    _, (kernel,) = fused(graph)
    assert sources_of(kernel.members[0], kernel.members, kernel.nest, regions_of(graph))[1] == Const(0)


def test_every_address_of_random_kernels_holds_the_element_that_is_read():
    """What lies at the addresses of every iteration is what the oracle has for the operand there."""
    seen = 0
    for seed in range(120):
        graph = Maker(seed).graph
        sizes = {"batch": 2}
        numbers = np.random.default_rng(seed)
        values: dict = {}
        for node in graph.nodes:
            shape = [evaluate(extent, sizes) for extent in node.type.shape]
            values[node] = (
                numbers.normal(size=shape)
                if node.op.has(Trait.LEAF)
                else compute(node, [values[operand] for operand in node.operands], sizes)
            )
        regions = regions_of(graph)
        schedule, kernels = fused(graph)
        for kernel in kernels:
            for item in memory_accesses(kernel.members, schedule.outputs(kernel), kernel.nest, regions):
                check(item, kernel.nest, values, sizes)
                seen += 1
    assert seen > 500


def check(item: MemoryAccess, nest: Nest, values, sizes) -> None:
    memory = values[item.base].reshape(-1)
    offset = evaluate(item.offset, sizes)
    strides = [evaluate(stride, sizes) for stride in item.strides]
    for place in np.ndindex(*values[item.value].shape):
        index = [0] * len(nest.loops)
        for loop, position in zip(item.axes, place, strict=True):
            if loop is not None:
                index[loop] = position
        address = offset + sum(stride * position for stride, position in zip(strides, index, strict=True))
        assert memory[address] == values[item.value][place] or np.isnan(memory[address])


@pytest.mark.parametrize(
    ("rows", "kinds", "groups"),
    [
        ([(12, 4, 1)], None, [(0, 1, 2)]),
        ([(12, 4, 1), (0, 0, 0)], None, [(0, 1, 2)]),
        ([(12, 4, 1), (4, 0, 1)], None, [(0,), (1,), (2,)]),
        ([(24, 8, 2)], None, [(0, 1, 2)]),
        ([(24, 8, 1)], None, [(0, 1), (2,)]),
        ([(12, 4, 1)], "rrc", [(0, 1), (2,)]),
    ],
)
def test_neighbours_that_are_one_loop_to_everything_in_memory(rows, kinds, groups):
    assert joined((2, 3, 4), rows, kinds) == groups


def test_loops_are_joined_for_every_size_or_not_at_all():
    n = symbol("n")
    assert joined((2, n, 3), [(n * 3, 3, 1)]) == [(0, 1, 2)]
    assert joined((2, n, 3), [(12, 3, 1)]) == [(0,), (1, 2)]
    assert joined((), []) == []
