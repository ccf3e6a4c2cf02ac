"""What is known before the first call is computed then, unless it would be large or change a dtype."""

import numpy as np
import pytest

from compiler.ir.build import apply, broadcast, constant_node, input_node
from compiler.ir.formula.tape import Const
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import Call, Gather
from compiler.ir.types import FLOAT32, INT64, TensorType
from compiler.rewrite.refusal import Reason
from compiler.schedule.target import Target
from passes.fold_constants import FoldConstants
from tests.passes.before_after import check_change, check_no_change, reasons

FOLD = FoldConstants()


def test_no_change_where_nothing_is_known():
    check_no_change(
        FOLD,
        """
        op ramp(x, i) = x + i
        %x = input : f32[n]
        %c = constant([1.0, 2.0, 3.0]) : f32[3]
        %y[i] = ramp(%x[i], i) : f64[n]
        %z = div(%x, {n}) : f32[n]
        return %y, %z, %c
        """,
    )


def test_constants_are_computed_through_all_kinds_of_op():
    check_change(
        FOLD,
        """
        %c = constant([[1.0, 2.0], [3.0, 4.0]]) : f32[2,2]
        %t = transpose(%c, order=[1, 0]) : f32[2,2]
        %p[i,j] = sum[k:2] %c[i,k] * %t[k,j] : f32[2,2]
        %m[i] = max[j:2] %p[i,j] : f32[2]
        return %p, %m
        """,
        """
        %p = constant([[5.0, 11.0], [11.0, 25.0]]) : f32[2,2]
        %m = constant([11.0, 25.0]) : f32[2]
        return %p, %m
        """,
    )


def test_known_numbers_and_extents_become_literals_even_where_shapes_are_not_known():
    check_change(
        FOLD,
        """
        op scale(x, y, n) = x * y / n
        %x = input : f32[n]
        %one = constant(1.0) : f32[]
        %wide = broadcast(%one, shape=[n], axes=[]) : f32[n]
        %minus = neg(%wide) : f32[n]
        %y = scale(%x, %minus, {4}) : f32[n]
        return %y
        """,
        """
        op scale(x, y, n) = x * y / n
        %x = input : f32[n]
        %y = scale(%x, -1.0, 4) : f32[n]
        return %y
        """,
    )


def test_a_literal_is_weakly_typed_so_some_numbers_stay():
    text = """
        %x = input : f32[n]
        %two = constant(2.0) : f64[]
        %y = mul(%x, %two) : f64[n]
        return %y
        """
    assert reasons(check_no_change(FOLD, text)) == [Reason.NOT_EXACT]


@pytest.mark.parametrize("number", [0.0, -0.0, np.inf, -np.inf, np.nan, 0.1, np.float32(1e-45)])
def test_a_literal_has_the_bits_of_the_constant(number):
    x = input_node("x", TensorType(FLOAT32, (3,)))
    constant = constant_node(np.full(3, number), FLOAT32)
    after, _ = FOLD.rewrite(Graph.of([apply("mul", x, constant)]), Target())
    (argument,) = [item for item in after.outputs[0].op.arguments if isinstance(item, Const)]
    assert np.float32(argument.value).tobytes() == constant.op.bits[:4] or np.isnan(number)
    assert np.isnan(argument.value) == np.isnan(number)


def test_large_results_are_not_stored():
    wide = broadcast(constant_node(np.arange(3.0), FLOAT32), (5000, 3))
    graph = Graph.of([wide])
    after, report = FOLD.rewrite(graph, Target())
    assert after is graph
    assert reasons(report) == [Reason.TOO_LARGE]
    assert "15000 stored elements in the place of 3" in str(report.refusals[0])


def test_the_limit_is_an_option():
    graph = Graph.of([apply("neg", constant_node(np.arange(5.0), FLOAT32))])
    assert reasons(FoldConstants(most_elements=4).rewrite(graph, Target())[1]) == [Reason.TOO_LARGE]
    assert len(FoldConstants(most_elements=5).rewrite(graph, Target())[0]) == 1


def test_calls_are_not_run_before_the_program():
    called = []
    constant = constant_node(np.zeros(3), FLOAT32)
    node = make_node(Call("noted", called.append, constant.type), [constant])
    graph = Graph.of([node])
    after, report = FOLD.rewrite(graph, Target())
    assert after is graph
    assert reasons(report) == [Reason.OPAQUE]
    assert not called


def test_what_depends_on_an_array_that_is_not_given_waits():
    text = """
        %c = constant(@c) : f32[64]
        %y = neg(%c) : f32[64]
        return %y
        """
    assert reasons(check_no_change(FOLD, text)) == [Reason.NOT_KNOWN]


def test_an_index_outside_its_axis_raises_in_the_call_not_here():
    data, index = constant_node(np.zeros(3), FLOAT32), constant_node([5], INT64)
    graph = Graph.of([make_node(Gather(0), [data, index])])
    assert FOLD.rewrite(graph, Target())[0] is graph


def test_what_is_folded_is_the_stable_form():
    check_change(
        FOLD,
        """
        %c = constant([1000.0, 0.0]) : f32[2]
        %0 = exp(%c) : f32[2]
        %1 = add(1, %0) : f32[2]
        %y = log(%1) : f32[2]
        return %y
        """,
        """
        %y = constant([1000.0, 0.6931471824645996]) : f32[2]
        return %y
        """,
    )


def test_an_exponential_keeps_its_exponent_where_a_stable_form_may_need_it():
    lost = "%c = constant([1000.0, 0.0]) : f32[2]\n%y = exp(%c) : f32[2]\nreturn %y"
    assert reasons(check_no_change(FOLD, lost)) == [Reason.KEEPS_EXPONENT]
    beside = """
        %x = input : f32[2]
        %c = constant([2.0, 0.0]) : f32[2]
        %0 = exp(%c) : f32[2]
        %1 = exp(%x) : f32[2]
        %y = add(%0, %1) : f32[2]
        return %y
        """
    assert reasons(check_no_change(FOLD, beside)) == [Reason.KEEPS_EXPONENT]


def test_an_exponential_that_is_alone_is_folded():
    check_change(
        FOLD,
        """
        %x = input : f32[2]
        %c = constant([2.0, 0.0]) : f32[2]
        %0 = exp(%c) : f32[2]
        %y = mul(%0, %x) : f32[2]
        return %y
        """,
        """
        %x = input : f32[2]
        %0 = constant([7.3890557289123535, 1.0]) : f32[2]
        %y = mul(%0, %x) : f32[2]
        return %y
        """,
    )
