"""Who reads whose memory, and which ops can still fail."""

from compiler.analysis.liveness import can_fail, liveness_of
from compiler.ir.build import apply, constant_node, input_node
from compiler.ir.dims import symbol
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import Gather, Reshape, ScatterAdd, Slice
from compiler.ir.types import INT64, TensorType
from tests.compiler.schedule.programs import failing_call, parameter, transposed, x_of


def test_reads_through_views_are_reads_of_the_base():
    a = apply("tanh", x_of((4, 4)))
    view = transposed(transposed(a))
    y = apply("neg", view)
    found = liveness_of(Graph.of([y]))
    assert found.owners[view] is a
    assert found.readers[a] == (y,)
    assert found.is_view(view)
    assert not found.is_view(y)


def test_a_view_reads_nothing_and_a_copy_does():
    a = apply("tanh", x_of((4, 4)))
    copy = make_node(Reshape((16,)), [transposed(a)])
    found = liveness_of(Graph.of([copy]))
    assert found.readers[a] == (copy,)
    assert found.readers[copy] == ()


def test_a_parameter_under_two_names_is_one_memory():
    w = parameter(2, 2)
    again = w.named("again")
    y, z = apply("tanh", w), apply("neg", transposed(again))
    found = liveness_of(Graph.of([y, z]))
    assert found.owners[again] is found.owners[w] is w
    assert found.readers[w] == (y, z)


def test_constants_of_equal_bits_are_told_apart():
    a, b = constant_node([1.0], INT64), constant_node([1.0], INT64)
    found = liveness_of(Graph.of([apply("add", a, b)]))
    assert found.owners[b] is b


def indices(*shape):
    return input_node("i", TensorType(INT64, shape))


def test_calls_and_unchecked_indices_can_fail():
    x, i = x_of((4, 4)), indices(3)
    call, picked = failing_call(x), make_node(Gather(0), [x, i])
    assert can_fail([call, picked, apply("tanh", picked)]) == [call, picked]


def test_an_index_that_was_checked_for_an_extent_cannot_fail_again():
    x, i = x_of((4, 4)), indices(3)
    picked = make_node(Gather(0), [x, i])
    added = make_node(ScatterAdd(0, 4), [i, picked])
    narrower = make_node(ScatterAdd(0, 3), [i, picked])
    assert can_fail([picked, added]) == [picked]
    assert can_fail([picked, narrower]) == [picked, narrower]
    assert can_fail([added, picked]) == [added]


def test_a_view_of_checked_indices_is_checked_and_more_than_the_view_is_not():
    x, i = x_of((4, 4)), indices(3)
    part = make_node(Slice((0,), (2,), (1,)), [i])
    whole, few = make_node(Gather(0), [x, i]), make_node(Gather(0), [x, part])
    assert can_fail([whole, few]) == [whole]
    assert can_fail([few, whole]) == [few, whole]


def test_symbolic_extents_are_compared_as_polynomials():
    batch = symbol("batch")
    x, i = x_of(("batch", 4)), indices(batch)
    picked = make_node(Gather(0), [x, i])
    assert can_fail([picked, make_node(ScatterAdd(0, batch), [i, picked])]) == [picked]
