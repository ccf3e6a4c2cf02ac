import pytest

from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.frame import SHORT, SIDE_BY_SIDE
from compiler.schedule.nest import Nest, nest_of

SOFTMAX = """
%x = input : f32[batch,10]
%m[i,_] = max[j:10] %x[i,j] : f32[batch,1]
%d = sub(%x, %m) : f32[batch,10]
%e = exp(%d) : f32[batch,10]
%s[i,_] = sum[j:10] %e[i,j] : f32[batch,1]
%y = div(%e, %s) : f32[batch,10]
return %y
"""


def members_of(text: str) -> dict[str | None, Node]:
    return {node.name: node for node in Graph.parse(text).nodes if node.operands}


def nest(text: str) -> tuple[Nest, dict[str | None, Node]]:
    members = members_of(text)
    found = nest_of(tuple(members.values()))
    assert isinstance(found, Nest), found
    return found, members


def refusal(text: str) -> Refusal:
    found = nest_of(tuple(members_of(text).values()))
    assert isinstance(found, Refusal)
    return found


def test_softmax_is_rows_times_columns() -> None:
    found, at = nest(SOFTMAX)
    assert [str(extent) for extent in found.loops] == ["batch", "10"]
    assert (found.rows, found.columns) == (1, (1,))
    assert found.axes_of(at["m"]) == (0, None)
    assert found.accesses_of(at["d"]) == [(0, 1), (0, None)]
    assert [found.is_row_value(at[name]) for name in "mdesy"] == [True, False, False, True, False]
    assert not any(found.is_trailing(node) for node in at.values())


def test_loops_of_extent_1_are_left_out() -> None:
    found, at = nest(
        """
        %x = input : f32[batch,1,10]
        %a[i,_,j] = neg(%x[i,_,j]) : f32[batch,1,10]
        %b = exp(%a) : f32[batch,1,10]
        return %b
        """
    )
    assert len(found.loops) == 2
    assert found.placement[at["a"]] == (0, 1)
    assert found.placement[at["b"]] == (0, None, 1)


def test_columns_that_are_not_the_last_axes_come_last() -> None:
    found, at = nest(
        """
        %x = input : f32[5,7]
        %m[_,i] = max[j:5] %x[j,i] : f32[1,7]
        %d = sub(%x, %m) : f32[5,7]
        return %d
        """
    )
    assert found.loops == (7, 5)
    assert found.columns == (1,)
    assert found.axes_of(at["d"]) == (1, 0)


def test_a_trailing_reduction_may_reduce_any_loops() -> None:
    found, at = nest(
        """
        %x = input : f32[5,7]
        %e = exp(%x) : f32[5,7]
        %b[i] = sum[j:5] %e[j,i] : f32[7]
        %r[i] = max[j:7] %e[i,j] : f32[5]
        %a[] = sum[i:5,j:7] %e[i,j] : f32[]
        return %b, %r, %a
        """
    )
    assert found.columns == ()
    assert [found.is_trailing(at[name]) for name in "ebra"] == [False, True, True, True]
    assert found.reduced_by(at["b"]) == {0}
    assert found.reduced_by(at["a"]) == {0, 1}


def of_a_sum(shape: str, axis: int) -> Nest:
    extents = shape.split(",")
    names = list("ij"[: len(extents) - 1])
    kept, left = ",".join(names), ",".join(extents[:axis] + extents[axis + 1 :])
    summed = "ijk"[len(names)]
    read = ",".join([*names[:axis], summed, *names[axis:]])
    return nest(
        f"""
        %x = input : f32[{shape}]
        %e = exp(%x) : f32[{shape}]
        %s[{kept}] = sum[{summed}:{extents[axis]}] %e[{read}] : f32[{left}]
        return %s
        """
    )[0]


@pytest.mark.parametrize(
    ("shape", "axis", "loops", "rows"),
    [
        (f"{SHORT},7", 0, [7, SHORT], 1),
        ("3,4,5", 0, [4, 5, 3], 2),
        (f"9,3,{SIDE_BY_SIDE}", 1, [9, SIDE_BY_SIDE, 3], 2),
        (f"{SHORT + 1},7", 0, [SHORT + 1, 7], 2),
        (f"9,3,{SIDE_BY_SIDE - 1}", 1, [9, 3, SIDE_BY_SIDE - 1], 3),
        ("9,3", 1, [9, 3], 2),
    ],
)
def test_what_short_loops_reduce_side_by_side_are_columns(
    shape: str, axis: int, loops: list[int], rows: int
) -> None:
    found = of_a_sum(shape, axis)
    assert (list(found.loops), found.rows) == (loops, rows)


def test_a_loop_of_unknown_length_is_short_for_nobody_and_rows_of_unknown_number_are_many() -> None:
    assert of_a_sum("batch,7", 0).columns == ()
    assert of_a_sum("3,batch", 0).columns == (1,)
    assert of_a_sum("9,3,batch", 1).columns == (2,)


def test_rows_that_are_picked_are_read_one_by_one() -> None:
    found, _ = nest(
        f"""
        %x = input : f32[50,{SIDE_BY_SIDE}]
        %k = input : i64[9,3]
        %p = gather(%x, %k, axis=0) : f32[9,3,{SIDE_BY_SIDE}]
        %s[i,j] = sum[k:3] %p[i,k,j] : f32[9,{SIDE_BY_SIDE}]
        return %s
        """
    )
    assert (list(found.loops), found.columns) == ([9, 3, SIDE_BY_SIDE], ())


def test_trailing_beside_the_columns() -> None:
    found, at = nest(SOFTMAX.replace("return", "%b[i] = sum[j:batch] %y[j,i] : f32[10]\nreturn %b,"))
    assert found.is_trailing(at["b"])
    assert not found.is_trailing(at["s"])


def test_a_map_over_the_rows_alone_needs_columns() -> None:
    row = """
    %x = input : f32[batch,10]
    %v = input : f32[batch,1]
    %n = neg(%v) : f32[batch,1]
    {}%y = mul(%x, %n) : f32[batch,10]
    %z = mul(%y, {}) : f32[batch,10]
    return %z
    """
    assert refusal(row.format("", "%y")).reason is Reason.OTHER_LOOPS
    found, at = nest(row.format("%m[i,_] = max[j:10] %x[i,j] : f32[batch,1]\n", "%m"))
    assert found.is_row_value(at["n"])


def test_a_dot_product_of_rows_is_a_reduction() -> None:
    found, at = nest(
        """
        %x = input : f32[batch,10]
        %g = input : f32[batch,10]
        %e = exp(%x) : f32[batch,10]
        %d[i,_] = sum[j:10] %e[i,j] * %g[i,j] : f32[batch,1]
        %y = sub(%e, %d) : f32[batch,10]
        return %y
        """
    )
    assert found.columns == (1,)
    assert found.accesses_of(at["d"]) == [(0, 1), (0, 1)]


def test_a_matrix_product_takes_maps_of_its_value_along_and_nothing_else() -> None:
    text = """
    %x = input : f32[batch,10]
    %w = input : f32[10,5]
    %h[i,j] = sum[k:10] %x[i,k] * %w[k,j] : f32[batch,5]
    {}
    return {}
    """
    alone, _ = nest(text.format("", "%h"))
    assert len(alone.loops) == 3
    found, at = nest(text.format("%y = exp(%h) : f32[batch,5]", "%y"))
    assert ([str(extent) for extent in found.loops], found.rows) == (["batch", "5", "10"], 2)
    assert (found.placement[at["h"]], found.placement[at["y"]]) == ((0, 1, 2), (0, 1))
    total = text.format("%y[i] = sum[j:5] %h[i,j] : f32[batch]", "%y")
    assert refusal(total).reason is Reason.OTHER_LOOPS
    crossed = text.replace("batch", "5").format("%y[i,j] = add(%h[i,j], %h[j,i]) : f32[5,5]", "%y")
    assert refusal(crossed).reason is Reason.OTHER_LOOPS


def test_a_value_read_with_its_axes_exchanged_has_no_nest() -> None:
    found = refusal(
        """
        op turned(x, y) = x + y
        %x = input : f32[3,3]
        %e = exp(%x) : f32[3,3]
        %y[i,j] = turned(%e[i,j], %e[j,i]) : f32[3,3]
        return %y
        """
    )
    assert found.reason is Reason.OTHER_LOOPS
    assert found.sentence == "%y reads %e at other places than it is made"


def test_two_reductions_read_inside_must_reduce_the_same_loops() -> None:
    found = refusal(
        """
        %x = input : f32[3,4]
        %r[i,_] = sum[j:4] %x[i,j] : f32[3,1]
        %c[_,i] = sum[j:3] %x[j,i] : f32[1,4]
        %a = sub(%x, %r) : f32[3,4]
        %b = sub(%a, %c) : f32[3,4]
        return %b
        """
    )
    assert found.sentence == "%c would need other columns than the kernel has"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("%y = pad(%e, low=[0], high=[1], interior=[0], value=0.0) : f32[4]", Reason.MOVES_ELEMENTS),
        ("%y = reshape(%e, shape=[3,1]) : f32[3,1]", Reason.VIEW),
        ("%y[_] = sum[i:3] %e[i] : f32[1]", None),
    ],
)
def test_members_are_maps_and_reductions(line: str, reason: Reason | None) -> None:
    members = members_of(f"%x = input : f32[3]\n%e = exp(%x) : f32[3]\n{line}\nreturn %y\n")
    found = nest_of(tuple(members.values()))
    assert (found.reason if isinstance(found, Refusal) else None) is reason


def test_a_reduction_of_unit_loops_shares_no_nest() -> None:
    found = refusal(
        """
        %x = input : f32[3,1]
        %e = exp(%x) : f32[3,1]
        %y[i] = sum[j:1] %e[i,j] : f32[3]
        return %y
        """
    )
    assert found.sentence == "%y reduces loops of extent 1 only"


def test_members_that_only_share_an_operand_lie_on_its_axes() -> None:
    found, at = nest(
        """
        op left(x) = x + 1
        op right(x) = x - 1
        %x = input : f32[3,3]
        %a[i,j] = left(%x[i,j]) : f32[3,3]
        %b[i,j] = right(%x[j,i]) : f32[3,3]
        return %a, %b
        """
    )
    assert found.accesses_of(at["a"]) == found.accesses_of(at["b"]) == [(0, 1)]
    assert found.axes_of(at["b"]) == (1, 0)
