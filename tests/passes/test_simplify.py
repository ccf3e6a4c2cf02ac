"""What simplify makes of a graph, and what it leaves. `test_simplify_rules.py` shows each rule right."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.rewrite.refusal import Reason
from passes.simplify import Simplify
from tests.passes.before_after import check_change, check_no_change, reasons, rewritten

SIMPLIFY = Simplify()


def test_no_change_where_no_rule_fits():
    report = check_no_change(
        SIMPLIFY,
        """
        %x = input : f32[n,m]
        %y = input : f32[m]
        %a = mul(%x, %y) : f32[n,m]
        %b = reshape(%a, shape=[m*n]) : f32[m*n]
        %c = transpose(%x, order=[1, 0]) : f32[m,n]
        %d[i] = sum[j:m] %a[i,j] : f32[n]
        return %b, %c, %d
        """,
    )
    assert not report.refusals


def test_rules_apply_across_maps_that_read_each_other_at_other_places():
    check_change(
        SIMPLIFY,
        """
        %x = input : f32[n,m]
        %a = neg(%x) : f32[n,m]
        %straight = neg(%a) : f32[n,m]
        %turned[i,j] = neg(%a[j,i]) : f32[m,n]
        return %straight, %turned
        """,
        """
        %x = input : f32[n,m]
        %turned = transpose(%x, order=[1, 0]) : f32[m,n]
        return %x, %turned
        """,
    )


def test_a_literal_that_only_broadcasts_leaves_a_broadcast():
    check_change(
        SIMPLIFY,
        """
        %x = input : f32[m]
        %y[i,j] = mul(%x[j], 1.0) : f32[n,m]
        return %y
        """,
        """
        %x = input : f32[m]
        %y = broadcast(%x, shape=[n, m], axes=[1]) : f32[n,m]
        return %y
        """,
    )


def test_no_rule_hides_a_conversion():
    check_no_change(
        SIMPLIFY,
        """
        %i = input : i32[n]
        %x = input : f64[n]
        %a = mul(%i, 1.0) : f64[n]
        %b = div(%i, 3) : f32[n]
        %c = neg(%x) : f32[n]
        %d = neg(%c) : f32[n]
        %e = mul(%i, 1.0) : f32[n]
        return %a, %b, %d, %e
        """,
    )


def test_an_integer_is_converted_before_it_is_divided():
    check_change(
        SIMPLIFY,
        """
        %i = input : i64[n]
        %a = div(%i, 4) : f32[n]
        return %a
        """,
        """
        %i = input : i64[n]
        %a = mul(%i, 0.25) : f32[n]
        return %a
        """,
    )


def test_a_conversion_stays_where_its_map_goes():
    check_change(
        SIMPLIFY,
        """
        %x = input : f64[n]
        %y = mul(%x, 1.0) : f32[n]
        return %y
        """,
        """
        op cast(x) = x
        %x = input : f64[n]
        %y = cast(%x) : f32[n]
        return %y
        """,
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("%y = add(%x, 0.0)", "-0.0 + 0.0 is 0.0"),
        ("%y = mul(%x, 0.0)", "NaN where x is infinite"),
        ("%y = sub(%x, %x)", "NaN where x is infinite"),
        ("%y = div(%x, %x)", "NaN where x is 0"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_reason(line, sentence):
    report = check_no_change(SIMPLIFY, f"%x = input : f32[n]\n{line} : f32[n]\nreturn %y")
    assert reasons(report) == [Reason.NOT_EXACT]
    assert sentence in str(report.refusals[0])


def test_among_integers_they_are_rules():
    check_change(
        SIMPLIFY,
        """
        %x = input : i32[n]
        %a = add(%x, 0) : i32[n]
        %b = mul(%x, 0) : i32[n]
        %c = sub(%x, %x) : i32[n]
        return %a, %b, %c
        """,
        """
        op fill() = 0
        %x = input : i32[n]
        %b = fill() : i32[n]
        %c = fill() : i32[n]
        return %x, %b, %c
        """,
    )


def test_stabilising_rules_can_be_switched_off():
    text = """
        %x = input : f32[n]
        %0 = exp(%x) : f32[n]
        %1 = add(1.0, %0) : f32[n]
        %y = log(%1) : f32[n]
        %z = pow(%x, 2) : f32[n]
        return %y, %z
        """
    check_no_change(Simplify(stabilising=False), text)
    check_change(
        SIMPLIFY,
        text,
        """
        %x = input : f32[n]
        %y = softplus(%x) : f32[n]
        %z = mul(%x, %x) : f32[n]
        return %y, %z
        """,
    )


def test_layouts_join():
    check_change(
        SIMPLIFY,
        """
        %x = input : f32[n,6]
        %0 = reshape(%x, shape=[n, 2, 3]) : f32[n,2,3]
        %a = reshape(%0, shape=[n, 3, 2]) : f32[n,3,2]
        %1 = transpose(%a, order=[1, 2, 0]) : f32[3,2,n]
        %b = transpose(%1, order=[2, 1, 0]) : f32[n,2,3]
        %2 = slice(%x, starts=[0, 1], sizes=[n, 5], steps=[1, 1]) : f32[n,5]
        %c = slice(%2, starts=[0, 4], sizes=[n, 3], steps=[1, -2]) : f32[n,3]
        %3 = broadcast(%c, shape=[n, 4, 3], axes=[0, 2]) : f32[n,4,3]
        %d = broadcast(%3, shape=[2, n, 4, 3], axes=[1, 2, 3]) : f32[2,n,4,3]
        return %a, %b, %c, %d
        """,
        """
        %x = input : f32[n,6]
        %a = reshape(%x, shape=[n, 3, 2]) : f32[n,3,2]
        %b = transpose(%a, order=[0, 2, 1]) : f32[n,2,3]
        %c = slice(%x, starts=[0, 5], sizes=[n, 3], steps=[1, -2]) : f32[n,3]
        %d = broadcast(%c, shape=[2, n, 4, 3], axes=[1, 3]) : f32[2,n,4,3]
        return %a, %b, %c, %d
        """,
    )


def test_layouts_pass_through_windows():
    check_change(
        SIMPLIFY,
        """
        %x = input : f32[n,9]
        %0 = transpose(%x, order=[1, 0]) : f32[9,n]
        %a = window(%0, axes=[0], positions=[4], taps=[3], steps=[2], dilations=[1]) : f32[4,n,3]
        %1 = window(%x, axes=[1], positions=[7], taps=[3], steps=[1], dilations=[1]) : f32[n,7,3]
        %b = slice(%1, starts=[n-1, 1, 0], sizes=[n, 3, 2], steps=[-1, 2, 2]) : f32[n,3,2]
        %c = window(%x, axes=[1], positions=[3], taps=[1], steps=[4], dilations=[5]) : f32[n,3,1]
        return %a, %b, %c
        """,
        """
        %x = input : f32[n,9]
        %0 = window(%x, axes=[1], positions=[4], taps=[3], steps=[2], dilations=[1]) : f32[n,4,3]
        %a = transpose(%0, order=[1, 0, 2]) : f32[4,n,3]
        %1 = slice(%x, starts=[n-1, 1], sizes=[n, 7], steps=[-1, 1]) : f32[n,7]
        %b = window(%1, axes=[1], positions=[3], taps=[2], steps=[2], dilations=[2]) : f32[n,3,2]
        %2 = slice(%x, starts=[0, 0], sizes=[n, 3], steps=[1, 4]) : f32[n,3]
        %c = reshape(%2, shape=[n, 3, 1]) : f32[n,3,1]
        return %a, %b, %c
        """,
    )


def test_windows_stay_where_a_slice_may_leave_none_of_them():
    check_no_change(
        SIMPLIFY,
        """
        %x = input : f32[n,9]
        %0 = window(%x, axes=[1], positions=[7], taps=[3], steps=[1], dilations=[1]) : f32[n,7,3]
        %a = slice(%0, starts=[0, 6, 0], sizes=[n, 7, 3], steps=[1, -1, 1]) : f32[n,7,3]
        %b = slice(%0, starts=[0, 0, 1], sizes=[n, 0, 2], steps=[1, 1, 1]) : f32[n,0,2]
        %1 = window(%x, axes=[0], positions=[n-1], taps=[2], steps=[1], dilations=[1]) : f32[n-1,9,2]
        %c = slice(%1, starts=[0, 0, 1], sizes=[n-1, 9, 1], steps=[1, 1, 1]) : f32[n-1,9,1]
        return %a, %b, %c
        """,
    )


def test_layouts_that_do_nothing_go():
    check_change(
        SIMPLIFY,
        """
        %x = input : f32[n,m]
        %e = input : f32[0,m]
        %a = reshape(%x, shape=[n, m]) : f32[n,m]
        %b = transpose(%a, order=[0, 1]) : f32[n,m]
        %c = slice(%b, starts=[0, 0], sizes=[n, m], steps=[1, 1]) : f32[n,m]
        %d = pad(%c, low=[0, 0], high=[0, 0], interior=[0, 0], value=0.0) : f32[n,m]
        %f = concatenate(%e, %d, axis=0) : f32[n,m]
        %y = broadcast(%f, shape=[n, m], axes=[0, 1]) : f32[n,m]
        return %y
        """,
        """
        %x = input : f32[n,m]
        %e = input : f32[0,m]
        return %x
        """,
    )


def test_maps_and_sums_read_through_views():
    check_change(
        SIMPLIFY,
        """
        %x = input : f32[n,m]
        %s = input : f32[]
        %t = transpose(%x, order=[1, 0]) : f32[m,n]
        %u = reshape(%x, shape=[n, 1, m]) : f32[n,1,m]
        %w = broadcast(%s, shape=[m, n], axes=[]) : f32[m,n]
        %a = add(%t, %w) : f32[m,n]
        %b[i,_] = max[j:m] %u[i,_,j] : f32[n,1]
        %c[i,j] = sum[k:n] %t[i,k] * %t[j,k] : f32[m,m]
        return %a, %b, %c
        """,
        """
        %x = input : f32[n,m]
        %s = input : f32[]
        %a[i,j] = add(%x[j,i], %s[]) : f32[m,n]
        %b[i,_] = max[j:m] %x[i,j] : f32[n,1]
        %c[i,j] = sum[k:n] %x[k,i] * %x[k,j] : f32[m,m]
        return %a, %b, %c
        """,
    )


def test_a_product_that_is_read_transposed_alone_is_computed_so():
    check_change(
        SIMPLIFY,
        """
        %x = input : f32[8,n]
        %g = input : f32[8,m]
        %w = input : f32[m,n]
        %a[i,j] = sum[k:8] %x[k,i] * %g[k,j] : f32[n,m]
        %b = transpose(%a, order=[1, 0]) : f32[m,n]
        %c = sub(%w, %b) : f32[m,n]
        return %c
        """,
        """
        %x = input : f32[8,n]
        %g = input : f32[8,m]
        %w = input : f32[m,n]
        %b[i,j] = sum[k:8] %x[k,j] * %g[k,i] : f32[m,n]
        %c = sub(%w, %b) : f32[m,n]
        return %c
        """,
    )


def test_a_product_stays_where_another_reads_it_or_its_elements_would_lie_apart():
    check_no_change(
        SIMPLIFY,
        """
        %x = input : f32[8,n]
        %g = input : f32[8,m]
        %h = input : f32[m,8]
        %a[i,j] = sum[k:8] %x[k,i] * %g[k,j] : f32[n,m]
        %b = transpose(%a, order=[1, 0]) : f32[m,n]
        %c[i,j] = sum[k:8] %h[i,k] * %g[k,j] : f32[m,m]
        %d = transpose(%c, order=[1, 0]) : f32[m,m]
        return %a, %b, %d
        """,
    )


def test_a_sum_keeps_every_loop_that_it_sums_over():
    check_no_change(
        SIMPLIFY,
        """
        %s = input : f32[n]
        %x = input : f32[n,k]
        %w = broadcast(%s, shape=[n, m], axes=[0]) : f32[n,m]
        %a[i] = sum[j:m] %w[i,j] : f32[n]
        %b[i] = sum[j:n, k:m] %w[j,k] * %x[j,i] : f32[k]
        return %a, %b
        """,
    )


def test_what_a_broadcast_repeats_is_reduced_once():
    check_change(
        SIMPLIFY,
        """
        %one = constant(1.0) : f32[]
        %s = input : f32[n]
        %x = input : f32[n,k]
        %ones = broadcast(%one, shape=[n, m], axes=[]) : f32[n,m]
        %w = broadcast(%s, shape=[n, m], axes=[0]) : f32[n,m]
        %a[i] = sum[j:n] %w[j,i] : f32[m]
        %b[i,_,j] = sum[k:n] %w[k,i] * %x[k,j] : f32[m,1,k]
        %c[i,j] = sum[k:n] %ones[k,j] * %x[k,i] : f32[k,m]
        return %a, %b, %c
        """,
        """
        %s = input : f32[n]
        %x = input : f32[n,k]
        %0[] = sum[i:n] %s[i] : f32[]
        %a = broadcast(%0, shape=[m], axes=[]) : f32[m]
        %1[_,i] = sum[j:n] %s[j] * %x[j,i] : f32[1,k]
        %b = broadcast(%1, shape=[m, 1, k], axes=[1, 2]) : f32[m,1,k]
        %2[i] = sum[j:n] %x[j,i] : f32[k]
        %c = broadcast(%2, shape=[k, m], axes=[0]) : f32[k,m]
        return %a, %b, %c
        """,
    )


def test_loops_that_turn_once_reduce_nothing():
    check_change(
        SIMPLIFY,
        """
        %x = input : f32[n,1,m]
        %i = input : i32[n,1]
        %a[i] = sum[j:1, k:m] %x[i,j,k] : f32[n]
        %b[i] = max[j:1] %i[i,j] : i32[n]
        %c[i] = sum[j:1] %i[i,j] : i64[n]
        %d[i,j] = sum[k:1] %x[i,k,j] : f32[n,m]
        %e[i,j] = argmax[k:1] %x[i,k,j] : i64[n,m]
        return %a, %b, %c, %d, %e
        """,
        """
        op cast(x) = x
        op sum_of_one(x0) = x0 + 0.0
        op fill() = 0
        %x = input : f32[n,1,m]
        %i = input : i32[n,1]
        %a[i] = sum[j:m] %x[i,_,j] : f32[n]
        %b = reshape(%i, shape=[n]) : i32[n]
        %c[i] = cast(%i[i,_]) : i64[n]
        %d[i,j] = sum_of_one(%x[i,_,j]) : f32[n,m]
        %e = fill() : i64[n,m]
        return %a, %b, %c, %d, %e
        """,
    )


def test_a_factor_of_one_goes():
    check_change(
        SIMPLIFY,
        """
        %one = constant(1.0) : f32[]
        %ones = constant([1.0, 1.0]) : f32[2]
        %x = input : f32[n,2]
        %y = input : f32[2]
        %a[i] = sum[j:2] %x[i,j] * %one[] : f32[n]
        %b[i] = sum[j:2] %x[i,j] * %y[j] * %ones[j] : f32[n]
        %c[i,j] = sum[k:n] %x[k,i] * %ones[j] : f32[2,2]
        return %a, %b, %c
        """,
        """
        %ones = constant([1.0, 1.0]) : f32[2]
        %x = input : f32[n,2]
        %y = input : f32[2]
        %a[i] = sum[j:2] %x[i,j] : f32[n]
        %b[i] = sum[j:2] %x[i,j] * %y[j] : f32[n]
        %c[i,j] = sum[k:n] %x[k,i] * %ones[j] : f32[2,2]
        return %a, %b, %c
        """,
    )


def test_a_new_node_says_who_made_it_by_which_rule_and_of_what():
    source, after, report = rewritten(SIMPLIFY, "%x = input : f32[n]\n%y = div(%x, 8) : f32[n]\nreturn %y")
    (node,) = after.outputs
    assert (node.origin.maker, node.origin.of) == ("simplify", source.outputs[0])
    assert node.origin.rule == "x / c = x * (1 / c) where c is a power of two"
    assert report.actions[0].nodes == source.outputs


def test_what_is_renamed_keeps_its_place():
    """A parameter's decay, computed late, is not computed early because something before it changed."""
    _, after, _ = rewritten(
        SIMPLIFY,
        """
        %x = input : f32[3]
        %w = parameter(@w) : f32[3]
        %a = mul(%x, 1.0) : f32[3]
        %b = exp(%a) : f32[3]
        %decayed = mul(%w, 0.5) : f32[3]
        %c = add(%decayed, %b) : f32[3]
        update %w <- %c
        return %b
        """,
    )
    assert [node.name for node in after.nodes] == ["x", "w", "b", "decayed", "c"]


def test_a_map_may_read_an_operand_of_more_axes_than_it_has():
    """Reading through views can leave one; looking for stabler forms there once failed."""
    check_no_change(
        SIMPLIFY,
        """
        %x = input : f32[1,1]
        %y[] = exp(%x[_,_]) : f32[]
        return %y
        """,
    )


def test_an_exponential_of_a_literal_is_no_summand_to_shift():
    check_no_change(
        SIMPLIFY,
        """
        %0 = exp(2.0) : f32[3]
        %1[] = sum[i:3] %0[i] : f32[]
        %y = log(%1) : f32[]
        return %y
        """,
    )


def test_a_broadcasting_exponential_is_no_summand_to_shift():
    check_no_change(
        SIMPLIFY,
        """
        %x = input : f32[1]
        %0 = exp(%x) : f32[3]
        %1[_] = sum[i:3] %0[i] : f32[1]
        %y = div(%0, %1) : f32[3]
        return %y
        """,
    )


def test_a_product_of_exponentials_below_a_softmax_is_one_value():
    check_no_change(
        SIMPLIFY,
        """
        op shift(m) = maximum(minimum(stop(m), 3.4028234663852886e+38), -3.4028234663852886e+38)
        %x = input : f32[n,8]
        %w = parameter(@w) : f32[8,4]
        %0 = exp(%x) : f32[n,8]
        %1[i,j] = sum[k:8] %0[i,k] * %w[k,j] : f32[n,4]
        %2[i,_] = max[j:4] %1[i,j] : f32[n,1]
        %3 = shift(%2) : f32[n,1]
        %4 = sub(%1, %3) : f32[n,4]
        %5 = exp(%4) : f32[n,4]
        %6[i,_] = sum[j:4] %5[i,j] : f32[n,1]
        %y = div(%5, %6) : f32[n,4]
        return %y
        """,
    )


def test_values_alone_are_found_without_their_places():
    x = tt.input("x", (5, 300))
    for values in (x.topk(10)[0], x.topk(3, largest=False)[0], tt.take_along_axis(x, x.argsort(), -1)):
        graph = str(tt.compile([x], values).graph)
        assert "gather" not in graph
        assert "argsort" not in graph
    both = str(tt.compile([x], x.topk(10)).graph)
    assert "tt.largest(" in both
    assert "tt.largest_values" not in both
    program = tt.compile([x], [x.topk(10)[0], tt.grad((x.topk(10)[0] ** 2).sum(), x)])
    given = np.random.default_rng(0).standard_normal((5, 300)).astype(np.float32)
    values, slope = program(given)
    np.testing.assert_array_equal(values, -np.sort(-given)[:, :10])
    np.testing.assert_array_equal(slope, np.where(given >= values[:, -1:], 2 * given, 0))
