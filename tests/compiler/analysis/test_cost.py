import math

import numpy as np
import pytest

import tinytorch as tt
from compiler.analysis.aliasing import regions_of
from compiler.analysis.cost import Cost, Ratio, copy_cost, cost_of, is_at_most
from compiler.errors import ArgumentError
from compiler.ir.dims import symbol
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import Call

TEXT = """
op soft(x) = exp(x) / 2.0
%x = input : f32[batch,10]
%b = input : f32[10]
%a = add(%x, %b) : f32[batch,10]
%y = soft(%a) : f32[batch,10]
%s[i] = sum[j:10] %y[i,j] : f32[batch]
%v = reshape(%s, shape=[batch,1]) : f32[batch,1]
%w = transpose(%v, order=[1,0]) : f32[1,batch]
return %y, %w
"""
BATCH = symbol("batch")


def alone(tensor: tt.Tensor) -> Cost:
    """The cost of a tensor's node as a kernel of its own."""
    regions = regions_of(Graph.of([tensor.node]))
    return cost_of([tensor.node], {tensor.node}, regions)


def test_what_passes_inside_a_kernel_moves_no_bytes() -> None:
    graph = Graph.parse(TEXT)
    at = {node.name: node for node in graph.nodes}
    members = [at["a"], at["y"], at["s"]]
    assert cost_of(members, {at["y"], at["s"]}) == Cost(
        operations=40 * BATCH,  # one addition, two for soft, one for the sum, at each of 10 * batch points
        flops=40 * BATCH,
        expensive=10 * BATCH,
        bytes_read=40 * BATCH + 40,
        bytes_written=44 * BATCH,
    )
    apart = [cost_of([node], {node}).bytes_moved for node in members]
    assert apart == [80 * BATCH + 40, 80 * BATCH, 44 * BATCH]


def test_a_view_costs_nothing() -> None:
    graph = Graph.parse(TEXT)
    at = {node.name: node for node in graph.nodes}
    assert cost_of([at["v"]], {at["v"]}) == Cost()
    assert cost_of([at["v"]], {at["v"]}, regions_of(graph)) == Cost()


def test_a_product_of_matrices_is_two_operations_a_term() -> None:
    x, w = tt.input("x", ("batch", 64)), tt.input("w", (64, 32))
    assert alone(x @ w) == Cost(
        operations=2 * 64 * 32 * BATCH,
        flops=2 * 64 * 32 * BATCH,
        bytes_read=4 * 64 * BATCH + 4 * 64 * 32,
        bytes_written=4 * 32 * BATCH,
    )


def test_a_map_and_a_reduction_count_elements() -> None:
    x = tt.input("x", (6, 5), "float64")
    assert alone(tt.exp(x)) == Cost(30, 30, 30, 240, 240)
    assert alone(x.sum(axis=0)) == Cost(30, 30, 0, 240, 40)
    assert alone(tt.argmax(x, axis=1)) == Cost(30, 30, 0, 240, 48)


def test_operations_on_integers_are_no_flops() -> None:
    i = tt.input("i", (6,), "int64")
    assert alone(i + 1) == Cost(operations=6, bytes_read=48, bytes_written=48)
    assert alone(i.sum()) == Cost(operations=6, bytes_read=48, bytes_written=8)
    assert alone(tt.input("x", (6,)) > 0.0) == Cost(operations=6, flops=6, bytes_read=24, bytes_written=6)


def test_a_window_reads_what_it_covers_and_a_fold_adds_every_tap() -> None:
    x = tt.input("x", ("batch", 8, 10))
    windows = tt.sliding_window(x, (3, 3), axis=(1, 2), step=(2, 1))
    weight = tt.input("w", (3, 3))
    terms = BATCH * 3 * 8 * 9
    convolved = tt.einsum("npqkl,kl->npq", windows, weight)
    assert alone(convolved) == Cost(2 * terms, 2 * terms, 0, 4 * BATCH * 7 * 10 + 36, 4 * BATCH * 3 * 8)
    assert alone(windows + x[:, :1, :1, None, None]).bytes_read == 4 * BATCH * 7 * 10 + 4 * BATCH
    assert alone(windows).bytes_moved == 0
    given = tt.input("g", ("batch", 3, 8, 3, 3))
    folded = tt.fold(given, (8, 10), (1, 2), step=(2, 1))
    assert alone(folded) == Cost(terms, terms, 0, 4 * terms, 4 * BATCH * 80)


def test_what_stops_gradients_computes_nothing() -> None:
    assert alone(tt.stop_gradient(tt.input("x", (6,)))).flops == 0


def test_memory_that_is_read_under_two_names_is_read_once() -> None:
    x = tt.input("x", (8, 8))
    assert alone(x + x.T).bytes_read == 256
    assert alone(x @ x.T).bytes_read == 256
    assert alone(x[:4] + x[4:]).bytes_read == 256
    wide = tt.input("b", (8,)).broadcast_to([100, 8])
    assert alone(wide + 1.0).bytes_read == 32


def test_a_reshape_that_copies_costs_a_copy() -> None:
    copied = tt.input("x", (4, 6)).T.reshape([24])
    assert alone(copied) == Cost(bytes_read=96, bytes_written=96)


def test_a_gather_reads_the_rows_that_it_picks_and_a_scatter_adds() -> None:
    table, rows = tt.input("table", (1000, 4)), tt.input("rows", (3,), "int64")
    picked = tt.take(table, rows, axis=0)
    assert alone(picked) == Cost(bytes_read=24 + 48, bytes_written=48)
    (back,) = tt.grad((picked * picked).sum(), [table])
    assert back.node.op.name == "scatter_add"
    assert alone(back) == Cost(12, 12, 0, 24 + 48, 16000)


def test_an_opaque_call_is_counted_as_one() -> None:
    x = tt.input("x", (6,)).node
    node = make_node(Call("called", np.copy, x.type), [x])
    assert cost_of([node], {node}) == Cost(bytes_read=24, bytes_written=24, opaque=1)


def test_a_copy_reads_and_writes_and_of_a_repeated_value_reads_one() -> None:
    wide = tt.input("b", (8,)).broadcast_to([100, 8]).node
    regions = regions_of(Graph.of([wide]))
    assert copy_cost(wide, regions) == Cost(bytes_read=32, bytes_written=3200)


def test_costs_add_and_take_sizes() -> None:
    both = Cost(2 * BATCH, 1, opaque=1) + Cost(3, BATCH, opaque=1)
    assert both == Cost(2 * BATCH + 3, BATCH + 1, opaque=2)
    assert both.at(batch=4) == Cost(11, 5, opaque=2)
    with pytest.raises(ArgumentError, match="'batch'"):
        both.at(other=4)


def test_intensity_is_a_number_where_it_can_be() -> None:
    assert Cost(flops=30, bytes_read=10, bytes_written=5).intensity == 2
    assert Cost(flops=30 * BATCH, bytes_read=40 * BATCH).intensity == 0.75
    assert Cost(bytes_read=BATCH).intensity == 0
    assert math.isnan(Cost(flops=BATCH).intensity)
    found = Cost(flops=30 * BATCH, bytes_read=40 * BATCH + 80).intensity
    assert found == Ratio(3 * BATCH, 4 * BATCH + 8)
    assert str(found) == "(3*batch)/(4*batch+8)"
    assert isinstance(found, Ratio)
    assert found.at(batch=2) == 6 / 16
    assert math.isnan(Ratio(BATCH, BATCH).at(batch=0))


def test_a_symbolic_count_is_known_to_be_below_nothing() -> None:
    assert is_at_most(3, 3)
    assert not is_at_most(4, 3)
    assert not is_at_most(symbol("batch"), 10**9)
