"""What is certain to have the same bits is computed once; nothing else is merged."""

import numpy as np

from compiler.ir.build import constant_node, input_node, parameter_node
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import Call
from compiler.ir.types import FLOAT32, TensorType
from compiler.rewrite.refusal import Reason
from compiler.schedule.target import Target
from passes.common_subexpressions import CommonSubexpressions
from tests.passes.before_after import check_change, check_no_change, reasons

MERGE = CommonSubexpressions()


def test_no_change_where_nothing_is_written_twice():
    check_no_change(
        MERGE,
        """
        %x = input : f32[n]
        %y = input : f32[n]
        %a = sub(%x, %y) : f32[n]
        %b = sub(%y, %x) : f32[n]
        %c = mul(%x, 2) : f32[n]
        %d = mul(%x, 2.0) : f32[n]
        return %a, %b, %c, %d
        """,
    )


def test_the_first_stays_and_takes_the_name_of_the_second():
    check_change(
        MERGE,
        """
        %x = input : f32[n]
        %0 = exp(%x) : f32[n]
        %1 = neg(%0) : f32[n]
        %raised = exp(%x) : f32[n]
        %y = add(%raised, %1) : f32[n]
        return %y
        """,
        """
        %x = input : f32[n]
        %raised = exp(%x) : f32[n]
        %0 = neg(%raised) : f32[n]
        %y = add(%raised, %0) : f32[n]
        return %y
        """,
    )


def test_what_has_axes_of_extent_1_besides_is_read_without_them():
    check_change(
        MERGE,
        """
        %x = input : f32[n,64]
        %0[i] = sum[j:64] %x[i,j] : f32[n]
        %mean = div(%0, 64) : f32[n]
        %1[i,_] = sum[j:64] %x[i,j] : f32[n,1]
        %2 = div(%1, 64) : f32[n,1]
        %3 = sub(%x, %2) : f32[n,64]
        %4[i] = sum[j:64] %3[i,j] * %3[i,j] : f32[n]
        return %mean, %4
        """,
        """
        %x = input : f32[n,64]
        %0[i] = sum[j:64] %x[i,j] : f32[n]
        %mean = div(%0, 64) : f32[n]
        %1[i,j] = sub(%x[i,j], %mean[i]) : f32[n,64]
        %2[i] = sum[j:64] %1[i,j] * %1[i,j] : f32[n]
        return %mean, %2
        """,
    )


def test_what_is_returned_with_axes_of_extent_1_is_a_reshape():
    check_change(
        MERGE,
        """
        %x = input : f32[n,m]
        %a[_,i] = max[j:n] %x[j,i] : f32[1,m]
        %b[i] = max[j:n] %x[j,i] : f32[m]
        %c = transpose(%b, order=[0]) : f32[m]
        %0[i] = max[j:n] %x[j,i] : f32[m]
        %d = exp(%0) : f32[m]
        return %a, %b, %c, %d
        """,
        """
        %x = input : f32[n,m]
        %a[_,i] = max[j:n] %x[j,i] : f32[1,m]
        %b = reshape(%a, shape=[m]) : f32[m]
        %c = transpose(%b, order=[0]) : f32[m]
        %d[i] = exp(%a[_,i]) : f32[m]
        return %a, %b, %c, %d
        """,
    )


def test_a_sum_over_an_axis_of_extent_1_reads_it():
    check_change(
        MERGE,
        """
        %x = input : f32[n,m]
        %a[i] = sum[j:m] %x[i,j] : f32[n]
        %0[i,_] = sum[j:m] %x[i,j] : f32[n,1]
        %b[i] = sum[j:1] %0[i,j] : f32[n]
        return %a, %b
        """,
        """
        %x = input : f32[n,m]
        %a[i] = sum[j:m] %x[i,j] : f32[n]
        %0 = reshape(%a, shape=[n, 1]) : f32[n,1]
        %b[i] = sum[j:1] %0[i,j] : f32[n]
        return %a, %b
        """,
    )


def test_chains_merge_from_their_operands_on():
    check_change(
        MERGE,
        """
        op twice(x) = x + x
        op double(y) = y + y
        %x = input : f32[n,n]
        %a = twice(%x) : f32[n,n]
        %b = double(%x) : f32[n,n]
        %c[i] = sum[j:n] %a[i,j] : f32[n]
        %d[i] = sum[j:n] %b[i,j] : f32[n]
        %e[i] = sum[j:n] %b[j,i] : f32[n]
        return %c, %d, %e
        """,
        """
        op twice(x) = x + x
        %x = input : f32[n,n]
        %a = twice(%x) : f32[n,n]
        %c[i] = sum[j:n] %a[i,j] : f32[n]
        %e[i] = sum[j:n] %a[j,i] : f32[n]
        return %c, %c, %e
        """,
    )


def test_sums_and_products_merge_in_either_order():
    check_change(
        MERGE,
        """
        %x = input : f32[n]
        %y = input : f32[m,n]
        %a = add(%x, %y) : f32[m,n]
        %b = add(%y, %x) : f32[m,n]
        %c = mul(2.0, %x) : f32[n]
        %d = mul(%x, 2.0) : f32[n]
        return %a, %b, %c, %d
        """,
        """
        %x = input : f32[n]
        %y = input : f32[m,n]
        %a = add(%x, %y) : f32[m,n]
        %c = mul(2.0, %x) : f32[n]
        return %a, %a, %c, %c
        """,
    )


def test_the_larger_of_two_does_not_merge_in_the_other_order():
    text = """
        %x = input : f32[n]
        %y = input : f32[n]
        %a = maximum(%x, %y) : f32[n]
        %b = maximum(%y, %x) : f32[n]
        return %a, %b
        """
    assert reasons(check_no_change(MERGE, text)) == [Reason.NOT_EXACT]


def test_constants_merge_by_their_bits():
    check_change(
        MERGE,
        """
        %a = constant([0.0, nan]) : f32[2]
        %b = constant([0.0, nan]) : f32[2]
        %c = constant([-0.0, nan]) : f32[2]
        %d = constant([0.0, nan]) : f64[2]
        return %a, %b, %c, %d
        """,
        """
        %a = constant([0.0, nan]) : f32[2]
        %c = constant([-0.0, nan]) : f32[2]
        %d = constant([0.0, nan]) : f64[2]
        return %a, %a, %c, %d
        """,
    )


def test_paddings_with_zeros_of_both_signs_stay_apart():
    check_no_change(
        MERGE,
        """
        %x = input : f32[n]
        %a = pad(%x, low=[1], high=[0], interior=[0], value=0.0) : f32[n+1]
        %b = pad(%x, low=[1], high=[0], interior=[0], value=-0.0) : f32[n+1]
        return %a, %b
        """,
    )


def test_calls_merge_because_they_are_pure():
    x = input_node("x", TensorType(FLOAT32, (3,)))
    calls = [make_node(Call("flip", np.flip, x.type), [x]) for _ in range(2)]
    other = make_node(Call("flip", np.sort, x.type), [x])
    after, _ = MERGE.rewrite(Graph.of([*calls, other]), Target())
    assert after.outputs == (calls[0], calls[0], other)


def test_parameters_of_equal_values_stay_apart():
    first, second = (parameter_node(np.zeros(3), name) for name in "ab")
    constant = constant_node(np.zeros(3), first.type.dtype)
    graph = Graph.of([first, second, constant], [(first, second)])
    assert MERGE.rewrite(graph, Target())[0] is graph
