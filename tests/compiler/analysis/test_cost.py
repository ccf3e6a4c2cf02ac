from compiler.analysis.cost import Cost, cost_of, is_at_most
from compiler.analysis.memory import is_dense, owners
from compiler.ir.dims import symbol
from compiler.ir.graph import Graph

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


def test_what_passes_inside_a_kernel_moves_no_bytes() -> None:
    graph = Graph.parse(TEXT)
    batch, at = symbol("batch"), {node.name: node for node in graph.nodes}
    members = [at["a"], at["y"], at["s"]]
    assert cost_of(members, {at["y"], at["s"]}) == Cost(
        operations=40 * batch,  # one addition, two for soft, one for the sum, at each of 10 * batch points
        expensive=10 * batch,
        bytes_read=40 * batch + 40,
        bytes_written=44 * batch,
    )
    apart = [cost_of([node], {node}).bytes_moved for node in members]
    assert apart == [80 * batch + 40, 80 * batch, 44 * batch]


def test_a_view_costs_nothing() -> None:
    graph = Graph.parse(TEXT)
    at = {node.name: node for node in graph.nodes}
    assert cost_of([at["v"]], {at["v"]}) == Cost(0, 0, 0, 0)


def test_a_symbolic_count_is_known_to_be_below_nothing() -> None:
    assert is_at_most(3, 3)
    assert not is_at_most(4, 3)
    assert not is_at_most(symbol("batch"), 10**9)


def test_views_lie_in_their_base_s_memory_and_only_reshapes_are_dense() -> None:
    graph = Graph.parse(TEXT)
    at = {node.name: node for node in graph.nodes}
    owner = owners(graph)
    assert owner[at["w"]] is owner[at["v"]] is at["s"]
    assert owner[at["y"]] is at["y"]
    assert [is_dense(at[name]) for name in "svw"] == [True, True, False]
