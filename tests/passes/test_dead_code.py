"""What nothing depends on goes, with what only it needed; everything else stays."""

from compiler.ir.build import apply, input_node
from compiler.ir.graph import Graph
from compiler.ir.types import FLOAT32, TensorType
from compiler.schedule.target import Target
from passes.dead_code import DeadCode
from tests.passes.before_after import check_change, check_no_change

DEAD_CODE = DeadCode()


def test_no_change_where_everything_is_used():
    check_no_change(
        DEAD_CODE,
        """
        op causal(x, i, j) = where(i >= j, x, 0.0)
        %x = input : f32[n,n]
        %unused = input : f32[]
        %y[i,j] = causal(%x[i,j], i, j) : f32[n,n]
        %s[i] = sum[j:n] %y[i,j] : f32[n]
        return %s
        """,
    )


def test_an_argument_that_is_not_used_is_dropped_with_what_it_was_made_from():
    report = check_change(
        DEAD_CODE,
        """
        op second(x, y, z) = y * 2
        %x = input : f32[n]
        %y = input : f32[m,n]
        %a = exp(%x) : f32[n]
        %b = neg(%a) : f32[n]
        %c = second(%b, %y, 3.0) : f32[m,n]
        return %c
        """,
        """
        op second(y) = y * 2
        %x = input : f32[n]
        %y = input : f32[m,n]
        %c = second(%y) : f32[m,n]
        return %c
        """,
    )
    assert [str(action).split(" : ")[0] for action in report.actions] == [
        "%c",
        "nothing that is returned needs %a",
        "nothing that is returned needs %b",
    ]


def test_what_is_left_of_a_map_may_be_a_bare_view():
    check_change(
        DEAD_CODE,
        """
        op first(x, y) = x
        %x = input : f32[n]
        %y = input : f32[n]
        %same = first(%x, %y) : f32[n]
        %rows[i,j] = first(%x[i], %y[j]) : f32[n,n]
        %columns[i,j] = first(%x[j], %y[i]) : f32[n,n]
        return %same, %rows, %columns
        """,
        """
        %x = input : f32[n]
        %y = input : f32[n]
        %rows = broadcast(%x, shape=[n, n], axes=[0]) : f32[n,n]
        %columns = broadcast(%x, shape=[n, n], axes=[1]) : f32[n,n]
        return %x, %rows, %columns
        """,
    )


def test_a_result_without_elements_needs_nothing():
    check_change(
        DEAD_CODE,
        """
        %x = input : f32[0,n]
        %i = input : i32[0]
        %a = exp(%x) : f32[0,n]
        %b = mul(%i, %i) : i32[0]
        return %a, %b
        """,
        """
        op fill() = 0.0
        op fill~2() = 0
        %x = input : f32[0,n]
        %i = input : i32[0]
        %a = fill() : f32[0,n]
        %b = fill~2() : i32[0]
        return %a, %b
        """,
    )


def test_a_sum_of_nothing_is_zero():
    check_change(
        DEAD_CODE,
        """
        %x = input : f32[n,0]
        %y = input : f32[0,m]
        %z[i,j] = sum[k:0] %x[i,k] * %y[k,j] : f32[n,m]
        return %z
        """,
        """
        op fill() = 0.0
        %x = input : f32[n,0]
        %y = input : f32[0,m]
        %z = fill() : f32[n,m]
        return %z
        """,
    )


def test_a_node_that_a_pass_left_behind_goes():
    x = input_node("x", TensorType(FLOAT32, (3,)))
    y, dead = apply("exp", x), apply("neg", x, name="dead")
    graph = Graph((x, dead, y), (x,), (y,), ())
    after, report = DEAD_CODE.rewrite(graph, Target())
    assert after.nodes == (x, y)
    assert [action.nodes for action in report.actions] == [(dead,)]
