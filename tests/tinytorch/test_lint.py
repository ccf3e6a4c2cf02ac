"""Each rule fires on the node, the line and with the fix, and is silent on the repaired twin."""

import inspect
import json
import math

import numpy as np
import pytest

import tinytorch as tt
from compiler.lint.finding import Code
from compiler.lint.linting import RULES
from tests.benchmarks.systems.ours import build
from tests.benchmarks.workloads import NAMES
from tinytorch.testing import PROGRAMS

ROWS = np.ones((4, 3), np.float32)
WEIGHTS = np.full((3, 2), 0.1, np.float32)


def bounded(low=-math.inf, high=math.inf, shape=("batch", 3)):
    return tt.input("x", shape, low=low, high=high)


def training(frozen: bool):
    x, w, b = (
        tt.input("x", (4, 3)),
        tt.parameter(WEIGHTS, "w"),
        tt.parameter(np.zeros(2), "b", dtype="float32"),
    )
    loss = ((x @ w + b) ** 2).mean()
    slopes = tt.grad(loss, [w, b])
    updates = {w: w - 0.1 * slopes[0]} | ({} if frozen else {b: b - 0.1 * slopes[1]})
    return tt.compile([x], loss, updates=updates, backend="reference")


def test_what_is_frozen_or_kept_is_not_meant_to_be_trained():
    x, w, b = tt.input("x", (4, 3)), tt.parameter(WEIGHTS, "w"), tt.parameter(np.zeros(2, np.float32), "b")
    b.requires_grad = False
    loss, plateau = ((x @ w + b) ** 2).mean(), tt.optim.Plateau(0.1)
    updates = tt.optim.NAdam([w, b], plateau.lr).updates(loss)
    averaged = tt.optim.Average([w]).updates(updates)
    assert not list(tt.lint(tt.compile([x], loss, updates=averaged, backend="reference")))
    assert not list(tt.lint(tt.compile([x], loss, updates=plateau.updates(loss), backend="reference")))


def unreached(used: bool):
    x, w, u = tt.input("x", (4, 3)), tt.parameter(WEIGHTS, "w"), tt.parameter(WEIGHTS, "u")
    loss = ((x @ (w * u if used else w)) ** 2).mean()
    slopes = tt.grad(loss, [w, u], allow_unused=True)
    updates = {w: w - 0.1 * slopes[0], u: u * 0.99 - 0.1 * slopes[1]}
    return tt.compile([x], loss, updates=updates, backend="reference")


def idle(step: float):
    x, w = tt.input("x", (4, 3)), tt.parameter(WEIGHTS, "w")
    return tt.compile([x], x @ w, updates={w: w * 1.0 + step if step else w * 1.0}, backend="reference")


def spare(used: bool):
    x, y = tt.input("x", (4,)), tt.input("y", (4,))
    return tt.compile([x, y], x * y if used else x * 2.0, backend="reference")


def by_hand(added: float):
    raised = tt.exp(tt.input("x", ("batch", 3)))
    total = raised.sum(1, keepdims=True)
    return raised / (total + added) if added else raised / total


CASES = {
    "exp of a declared range": (
        Code.EXP_OVERFLOWS, lambda: tt.exp(bounded(-1, 100)), lambda: tt.exp(bounded(-1, 80)), "tt.minimum",
    ),
    "exp in float64": (
        Code.EXP_OVERFLOWS,
        lambda: tt.exp(tt.input("x", (2,), "float64", low=0, high=800)),
        lambda: tt.exp(tt.input("x", (2,), "float64", low=0, high=700)),
        "largest exponent",
    ),
    "exp of a contraction": (
        Code.EXP_OVERFLOWS,
        lambda: tt.exp(bounded(0, 1) @ tt.constant(np.full((3, 2), 40.0, np.float32))),
        lambda: tt.exp(bounded(0, 1) @ tt.constant(np.full((3, 2), 20.0, np.float32))),
        "tt.minimum",
    ),
    "log at 0": (
        Code.LOG_OF_ZERO, lambda: tt.log(bounded(0, 1)), lambda: tt.log(bounded(0.5, 1)), "tt.maximum",
    ),
    "log1p at -1": (
        Code.LOG_OF_ZERO, lambda: tt.log1p(bounded(-1, 1)), lambda: tt.log1p(bounded(-0.5, 1)), "tt.maximum",
    ),
    "log of a pad": (
        Code.LOG_OF_ZERO,
        lambda: tt.log(tt.pad(bounded(1, 2, (3,)), ((1, 0),))),
        lambda: tt.log(tt.pad(bounded(1, 2, (3,)), ((1, 0),)) + 1.0),
        "tt.maximum",
    ),
    "sqrt below 0": (
        Code.ROOT_OF_NEGATIVE, lambda: tt.sqrt(bounded(-1, 4)), lambda: tt.sqrt(bounded(0, 4)), "tt.maximum",
    ),
    "division across 0": (
        Code.DIVIDES_BY_ZERO, lambda: 1.0 / bounded(-1, 1), lambda: 1.0 / bounded(1, 2), "tt.where",
    ),
    "division by a sum": (
        Code.DIVIDES_BY_ZERO,
        lambda: (lambda x: x / x.sum(1, keepdims=True))(bounded(0, 1)),
        lambda: (lambda x: x / (x.sum(1, keepdims=True) + 1e-3))(bounded(0, 1)),
        "1e-6",
    ),
    "relu of negative numbers": (
        Code.SATURATED, lambda: tt.relu(bounded(-2, -1)), lambda: tt.relu(bounded(-2, 1)), "scale or shift",
    ),
    "tanh of large numbers": (
        Code.SATURATED, lambda: tt.tanh(bounded(20, 30)), lambda: tt.tanh(bounded(-1, 30)), "scale or shift",
    ),
    "softmax with a term below": (
        Code.NEARLY_STABLE, lambda: by_hand(1e-9), lambda: by_hand(0), "tt.softmax",
    ),
    "log-sum-exp behind a bound": (
        Code.NEARLY_STABLE,
        lambda: tt.log(tt.maximum(tt.exp(bounded()).sum(1), 1e-9)),
        lambda: tt.log(tt.exp(bounded()).sum(1)),
        "tt.logsumexp",
    ),
    "an array of float64": (
        Code.WIDENED, lambda: bounded() * tt.constant(np.ones(3)), lambda: bounded() * 2.0, "float32",
    ),
    "a frozen parameter": (Code.NOT_UPDATED, lambda: training(True), lambda: training(False), "tt.constant"),
    "a parameter that the loss does not reach": (
        Code.NO_GRADIENT, lambda: unreached(False), lambda: unreached(True), "leave it out of the optimiser",
    ),
    "a mean over nothing": (
        Code.EMPTY_MEAN,
        lambda: tt.input("x", (0, 3)).mean(0),
        lambda: tt.input("x", (1, 3)).mean(0),
        "empty axis",
    ),
    "an update of nothing": (Code.IDLE_UPDATE, lambda: idle(0.0), lambda: idle(1.0), "leave the update out"),
    "an input that nothing reads": (
        Code.UNUSED_INPUT, lambda: spare(False), lambda: spare(True), "leave it out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_rule_fires_and_is_silent_on_the_repaired_twin(case):
    code, wrong, right, fix = CASES[case]
    (finding,) = tt.lint(wrong())
    assert finding.code is code
    assert fix in finding.fix
    assert finding.source is not None
    assert finding.source.file == __file__
    assert not tt.lint(right()), str(tt.lint(right()))


def test_every_code_has_a_case():
    assert {code for code, *_ in CASES.values()} == set(Code)
    assert len(RULES) == len(Code)


def test_a_finding_points_at_the_node_its_line_and_scope():
    x = bounded(-1, 100)
    with tt.scope("head"):
        y = tt.exp(x)
        line = inspect.currentframe().f_lineno - 1
    report = tt.lint(y)
    (finding,) = report
    assert finding.source.line == line
    assert finding.scope == "head"
    text = str(report)
    assert f"{__file__}:{line}" in text
    assert "EXP_OVERFLOWS" in text
    assert "[-1, 100]" in text
    assert json.loads(json.dumps(report.to_dict()))["findings"][0]["line"] == line


@pytest.mark.parametrize("op", [tt.exp, tt.log, tt.sqrt, tt.tanh, tt.relu, tt.reciprocal])
def test_nothing_is_said_of_what_is_not_declared(op):
    x = tt.input("x", ("batch", 3))
    assert not tt.lint(op(x))
    assert not tt.lint(op(tt.relu(x) * 1000.0))
    assert not tt.lint(op(bounded(0, 1000) * tt.parameter(ROWS[0])))


@pytest.mark.parametrize("op", [tt.softmax, tt.log_softmax, tt.logsumexp])
def test_what_is_stable_is_no_finding(op):
    assert not tt.lint(op(bounded(-1000, 1000)))


def test_a_square_is_not_negative():
    x = bounded(-1, 1)
    centred = x - x.mean(0)
    assert not tt.lint(tt.sqrt(centred * centred))
    assert not tt.lint(x / tt.sqrt(tt.var(x, 0) + 1e-5))
    assert not tt.lint(tt.layer_norm(x, axis=-1))
    assert tt.lint(tt.sqrt((x**2).mean(0) - x.mean(0) ** 2))


def test_what_the_compiler_makes_stable_is_no_finding():
    x = bounded(-1000, 1000)
    assert not tt.lint(tt.exp(x) / tt.exp(x).sum(1, keepdims=True))
    assert not tt.lint(tt.log(tt.exp(x).sum(1)))
    assert not tt.lint(tt.log(1.0 + tt.exp(x)))


def test_a_branch_that_is_not_chosen_is_no_finding():
    x = bounded(-1, 1)
    assert not tt.lint(tt.where(x > 0, tt.log(x), 0.0))
    assert tt.lint([tt.where(x > 0, tt.log(x), 0.0), tt.log(x)])


def test_an_average_lies_where_its_terms_lie():
    x = bounded(1, 2)
    assert not tt.lint(tt.log(x.mean()))
    assert tt.lint(tt.log(bounded(0, 2).mean()))


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_false_alarm_on_the_programs_of_the_checkers(name):
    made = PROGRAMS[name]()
    report = tt.lint(
        tt.compile(made.inputs, made.outputs, updates=made.updates, passes=(), backend="reference")
    )
    assert not report, str(report)


@pytest.mark.parametrize("name", NAMES)
def test_no_false_alarm_on_the_workloads_of_the_benchmarks(name):
    program, _ = build(name, passes=(), backend="reference")
    report = tt.lint(program)
    assert not report, str(report)


@pytest.mark.parametrize("optimiser", [tt.optim.SGD, tt.optim.Adam])
@pytest.mark.parametrize("high", [math.inf, 255.0])
def test_no_false_alarm_on_a_training_step(optimiser, high):
    x, labels = bounded(0.0, high), tt.input("labels", ("batch",), "int64")
    w, b = tt.parameter(WEIGHTS, "w"), tt.parameter(np.zeros(2), "b", dtype="float32")
    loss = tt.losses.cross_entropy(tt.gelu(x @ w + b), labels)
    updates = optimiser([w, b], lr=0.1).updates(loss)
    report = tt.lint(tt.compile([x, labels], loss, updates=updates, backend="reference"))
    assert not report, str(report)


def test_schedules_states_and_counters_need_no_gradient():
    x, w = tt.input("x", (4, 3)), tt.parameter(WEIGHTS, "w")
    rate, count = tt.parameter(np.float32(0.1), "rate"), tt.parameter(np.float32(0), "count")
    heat, mean = tt.parameter(np.float32(2), "heat"), tt.parameter(np.zeros(3, np.float32), "mean")
    loss = ((x @ w / heat) ** 2).mean()
    updates = {
        w: w - rate * tt.grad(loss, w), rate: rate * 0.99, heat: heat * 0.9,
        mean: mean * 0.9 + x.mean(0) * 0.1, count: count + 1.0,
    }  # fmt: skip
    program = tt.compile([x], [loss, tt.exp(count * -1.0)], updates=updates, backend="reference")
    assert not tt.lint(program), str(tt.lint(program))


def test_an_optimiser_with_a_parameter_that_nothing_reaches_is_told_once():
    x, w, u = tt.input("x", (4, 3)), tt.parameter(WEIGHTS, "w"), tt.parameter(WEIGHTS, "u")
    loss = ((x @ w) ** 2).mean()
    slope, zeros = tt.grad(loss, [w, u], allow_unused=True)
    moved = tt.parameter(np.zeros_like(WEIGHTS), "moved")
    momentum = 0.9 * moved + zeros
    updates = {w: w - 0.1 * slope, u: u - 0.1 * momentum, moved: momentum}
    (finding,) = tt.lint(tt.compile([x], loss, updates=updates, backend="reference"))
    assert (finding.code, finding.name) == (Code.NO_GRADIENT, "%u")


def test_a_long_chain_needs_no_recursion():
    x = bounded(0, 1, (2,))
    for _ in range(5000):
        x = tt.maximum(x, 0.5)
    assert not tt.lint(tt.log(x))


def test_a_declared_range_is_part_of_the_text():
    graph = tt.graph_of(tt.exp(bounded(-1, 100)))
    assert "%x = input(-1.0, 100.0) : f32[batch,3]" in str(graph)
    again = tt.parse(str(graph))
    assert str(again) == str(graph)
    assert [item.code for item in tt.lint(again)] == [Code.EXP_OVERFLOWS]
    assert "%x = input(-inf, 0.0) :" in str(tt.graph_of(bounded(high=0)))
    assert "%x = input :" in str(tt.graph_of(bounded()))
    assert tt.diff(graph, tt.graph_of(tt.exp(bounded(-1, 80))))


@pytest.mark.parametrize(("low", "high"), [(2, 1), (math.nan, 1), (0, math.nan)])
def test_a_range_that_is_none(low, high):
    with pytest.raises(tt.ArgumentError, match="between low and high"):
        bounded(low, high)
    with pytest.raises(tt.ParseError, match="between low and high"):
        tt.parse(f"%x = input({float(low)}, {float(high)}) : f32[2]\nreturn %x")


@pytest.mark.parametrize("inside", ["", "1.0", "1.0, 2.0, 3.0", "true, 2.0", "[1.0], 2.0", "n, 2.0"])
def test_a_range_that_does_not_read(inside):
    with pytest.raises(tt.ParseError):
        tt.parse(f"%x = input({inside}) : f32[2]\nreturn %x")


def test_a_bound_is_a_number():
    with pytest.raises(tt.ArgumentError, match="low"):
        tt.input("x", (2,), low="0")


def test_what_is_no_program():
    with pytest.raises(tt.ArgumentError):
        tt.lint(3)
