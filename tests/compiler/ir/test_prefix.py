"""Prefix reductions: what they infer and refuse, their text, costs, ranges, explanations, marks in place."""

import re

import numpy as np
import pytest

import tinytorch as tt
from compiler.analysis.aliasing import regions_of
from compiler.analysis.cost import Cost, cost_of
from compiler.analysis.ranges import ranges_of
from compiler.backends.numpy.prefixes import write_prefix
from compiler.backends.reference import compute
from compiler.errors import DTypeError, LawError, ParseError, ShapeError
from compiler.ir.build import apply
from compiler.ir.dims import symbol
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import Prefix, Scan, Slice, Transpose
from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, TensorType
from compiler.ir.verify import verify
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.nest import nest_of
from compiler.schedule.planner import make_plan
from compiler.schedule.proof import prove_plan, prove_schedule
from compiler.schedule.schedule import Kernel, Schedule
from passes.inplace import inplace
from tests.backends import ALL
from tests.compiler.analysis.test_aliasing import leaf
from tests.compiler.schedule.byte_machine import run_plan
from tests.properties.comparing import difference, oracle

N = symbol("n")
TEXT = """\
%x = input : f32[n,4]
%a = cumsum(%x, axis=0, reverse=false) : f32[n,4]
%b = cummin(%a, axis=1, reverse=true) : f32[n,4]
%c = recurrence(%a, %b, axis=1, reverse=true) : f32[n,4]
return %c
"""


def typed(dtype, *shape):
    return TensorType(dtype, shape)


@pytest.mark.parametrize("scan", [Scan.SUM, Scan.PRODUCT, Scan.MAX, Scan.MIN])
def test_integers_are_counted_in_int64(scan):
    for dtype in (BOOL, INT32, INT64, FLOAT32, FLOAT64):
        found = Prefix(scan, 1).infer([typed(dtype, 3, N)])
        is_counted = not scan.picks and dtype in (BOOL, INT32)
        assert found == typed(INT64 if is_counted else dtype, 3, N)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=re.escape("cumsum along axis 2 of f32[3,n]: it has no such axis")):
        Prefix(Scan.SUM, 2).infer([typed(FLOAT32, 3, N)])
    with pytest.raises(ShapeError, match="recurrence has 2 operands of one type"):
        Prefix(Scan.RECURRENCE, 0).infer([typed(FLOAT32, 3), typed(FLOAT64, 3)])
    with pytest.raises(ShapeError, match="cumsum has 1 operands"):
        Prefix(Scan.SUM, 0).infer([typed(FLOAT32, 3), typed(FLOAT32, 3)])
    with pytest.raises(DTypeError, match="recurrence is of floating values"):
        Prefix(Scan.RECURRENCE, 0).infer([typed(INT64, 3), typed(INT64, 3)])


def test_a_text_is_read_and_printed():
    graph = Graph.parse(TEXT)
    assert str(graph) == TEXT
    verify(graph)
    assert graph.outputs[0].op == Prefix(Scan.RECURRENCE, 1, reverse=True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("axis=0, reverse=false", "axis=0, reverse=0", "reverse is true or false"),
        (
            "axis=0, reverse=false",
            "reverse=false",
            "'axis' is missing or unknown; its fields are axis, reverse",
        ),
        ("axis=0, reverse=false", "axis=n", "axis is an int"),
        ("cumsum(%x, axis=0", "cumsum(%x, scan=0, axis=0", "'scan' is missing or unknown"),
        ("axis=0", "axis=2", "it has no such axis"),
    ],
)
def test_what_is_no_prefix_reduction_is_a_parse_error(old, new, message):
    with pytest.raises(ParseError, match=re.escape(message)):
        Graph.parse(TEXT.replace(old, new))


def test_a_formula_may_be_called_the_same():
    text = "op cumsum(x) = x * 2.0\n%x = input : f32[3]\n%y = cumsum(%x) : f32[3]\nreturn %y\n"
    graph = Graph.parse(text)
    assert graph.outputs[0].op.name == "cumsum"
    again = Graph.parse(str(graph))
    assert str(again) == str(graph)
    assert again.outputs[0].op == graph.outputs[0].op


def test_its_work_is_one_operation_an_element():
    x = leaf(N, 4)
    node = make_node(Prefix(Scan.SUM, 0), [x])
    both = make_node(Prefix(Scan.RECURRENCE, 0), [x, node])
    regions = regions_of(Graph.of([both]))
    assert cost_of([node], {node}, regions) == Cost(4 * N, 4 * N, 0, 32 * N, 32 * N)
    assert cost_of([both], {both}, regions) == Cost(8 * N, 8 * N, 0, 64 * N, 32 * N)
    counted = tt.cumsum(tt.input("i", (3,), "int32")).node
    assert cost_of([counted], {counted}) == Cost(3, 0, 0, 12, 24)


def test_where_its_values_lie():
    x = tt.input("x", (5,), low=-0.5, high=1.0)
    y = tt.input("y", (5,), low=0.5, high=1.0)
    outputs = [x.cumsum(0), x.cumprod(0), x.cummax(0), y.cumsum(0), y.cumprod(0), (2 * y).cumprod(0)]
    known = ranges_of(Graph.of([item.node for item in outputs]))
    found = [(known[item.node].low, known[item.node].high) for item in outputs]
    assert found == [(-2.5, 5), (-1, 1), (-0.5, 1), (0.5, 5), (0, 1), (-np.inf, np.inf)]
    assert all(known[item.node].is_declared for item in outputs)


def test_it_has_a_nest_of_its_own():
    x = leaf(3)
    found = nest_of([apply("exp", x), make_node(Prefix(Scan.SUM, 0), [x])])
    assert isinstance(found, Refusal)
    assert found.reason is Reason.IN_ORDER


def test_explanations_say_what_it_is():
    x = tt.input("x", (3, 4))
    for tensor, formula, latex in (
        (x.cumsum(0), "y[i] = sum over j <= i of x[j]", r"y_i = \sum_{j \leq i} x_j"),
        (x.cumprod(1, reverse=True), "y[i] = product over j >= i of x[j]", r"y_i = \prod_{j \geq i} x_j"),
        (x.cummax(0), "y[i] = max over j <= i of x[j]", r"y_i = \max_{j \leq i} x_j"),
    ):
        found = tt.explain(tensor)
        assert (found.formula, found.latex) == (formula, latex)
    linear = tt.Tensor(make_node(Prefix(Scan.RECURRENCE, 0), [x.node, x.node]))
    assert tt.explain(linear).formula == "y[i] = a[i] * y[i-1] + b[i]"


# In place


def chain():
    """x -> a -> b = cumsum(a) -> c = recurrence(b, b) -> d."""
    a = apply("tanh", leaf(3, 4))
    b = make_node(Prefix(Scan.SUM, 0), [a])
    c = make_node(Prefix(Scan.RECURRENCE, 1, reverse=True), [b, b])
    return a, b, c, apply("exp", c)


def test_it_is_written_over_an_operand_that_nobody_needs():
    a, b, c, d = chain()
    schedule, report = inplace(Schedule.of(Graph.of([d])))
    assert [dict(kernel.in_place) for kernel in schedule.kernels] == [{}, {b: a}, {c: b}, {}]
    assert len(report.actions) == 2
    prove_schedule(schedule)
    plan = make_plan(schedule)
    prove_plan(plan)
    assert plan.peak_bytes == 3 * 4 * 8
    given = [np.linspace(-1, 1, 12).reshape(3, 4)]
    assert difference(oracle(schedule.graph, given, {}), run_plan(plan, given, {})) == ""
    built = tt.compile(tt.Tensor(schedule.graph.inputs[0]), tt.Tensor(d), backend="numpy")
    assert str(built.schedule) == str(schedule)
    np.testing.assert_array_equal(built(*given), oracle(schedule.graph, given, {}).values[0])


def test_it_is_not_written_over_what_it_reads_elsewhere():
    a = apply("tanh", leaf(3, 3))
    turned = make_node(Transpose((1, 0)), [a])
    b = make_node(Prefix(Scan.RECURRENCE, 0), [a, turned])
    schedule, report = inplace(Schedule.of(Graph.of([apply("exp", b)])))
    assert not any(kernel.in_place for kernel in schedule.kernels if b in kernel.members)
    (refusal,) = [item for item in report.refusals if item.nodes[0] is b]
    assert refusal.reason in (Reason.OTHER_INDEX, Reason.NOT_DENSE)
    kernels = tuple(
        Kernel(kernel.members, {b: a}) if b in kernel.members else kernel for kernel in schedule.kernels
    )
    with pytest.raises(LawError, match="reads elements that it writes at other places"):
        prove_schedule(Schedule(schedule.graph, kernels, schedule.donated))


def test_it_is_not_written_over_a_reversed_operand():
    a = apply("tanh", leaf(4))
    back = make_node(Slice((3,), (4,), (-1,)), [a])
    b = make_node(Prefix(Scan.SUM, 0), [back])
    base = Schedule.of(Graph.of([apply("exp", b)]))
    kernels = tuple(
        Kernel(kernel.members, {b: back}) if b in kernel.members else kernel for kernel in base.kernels
    )
    with pytest.raises(LawError, match="reads elements that it writes at other places"):
        prove_schedule(Schedule(base.graph, kernels, base.donated))


# The numpy backend's own code, against the oracle's


@pytest.mark.parametrize("scan", list(Scan))
@pytest.mark.parametrize(
    "shape", [(3, 20_000), (20_000,), (70, 300), (5, 3, 4), (2, 0), (0, 2), (1, 1)], ids=str
)
def test_pieces_carry_on(scan, shape):
    random = np.random.default_rng(0)
    for axis in range(len(shape)):
        for reverse in (False, True):
            x = leaf(*shape)
            node = make_node(Prefix(scan, axis, reverse), [x] * scan.operands)
            given = np.where(random.random(shape) < 0.5, 1.0, random.choice([-0.99, 1.01, 0.5], shape))
            expected = compute(node, [given] * scan.operands, {})
            over = given.copy()
            write_prefix(node, [over] * scan.operands, over)
            np.testing.assert_array_equal(over, expected)


def test_sums_are_carried_in_float64():
    x = tt.input("x", ("n",))
    given = np.full(100_000, 0.1, np.float32)
    exact = np.cumsum(given.astype(np.float64)).astype(np.float32)
    for backend in ALL:
        np.testing.assert_array_equal(tt.compile(x, tt.cumsum(x), backend=backend)(given), exact)
