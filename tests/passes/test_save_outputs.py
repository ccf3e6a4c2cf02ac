from textwrap import dedent

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.graph import Graph
from compiler.ir.verify import verify
from compiler.pipeline.contract import Report
from compiler.pipeline.manager import run_passes
from compiler.rewrite.refusal import Reason
from compiler.schedule.target import Target
from passes.inplace import InPlace
from passes.save_outputs import SaveOutputs
from tinytorch.tensor import Tensor

TARGET = Target(fuses=True, writes_in_place=True)


MEMORY = SaveOutputs(prefer_memory=True)


def run(graph: Graph, saving: SaveOutputs = MEMORY) -> tuple[Graph, Report]:
    after, report = saving.rewrite(graph, TARGET)
    verify(after)
    assert (after is graph) == (not report.actions)
    return after, report


def gradient_of(function: object, *, extra: bool = False) -> Graph:
    """The gradient of function(x @ w) by x."""
    x, w = tt.input("x", (4, 3)), tt.input("w", (3, 3))
    hidden = (x @ w).named("h")
    value = function(hidden)
    assert isinstance(value, Tensor)
    loss = (value * value).sum()
    outputs = [loss, tt.grad(loss, x), *([hidden] if extra else [])]
    return Graph.of([item.node for item in outputs])


def readers(graph: Graph, name: str) -> list[str]:
    (node,) = [node for node in graph.nodes if node.name == name]
    return [user.op.name for user in graph.users[node]]


TEXT = """
op sigmoid'(g, x) = g * (sigmoid(x) * (1 - sigmoid(x)))
%x = input : f32[n]
%g = input : f32[n]
%h = neg(%x) : f32[n]
%y = sigmoid(%h) : f32[n]
"""


def sigmoid_text() -> str:
    """The text above with the rule that is derived at present."""
    from compiler.autodiff.adjoint_formula import adjoint_formula
    from compiler.ir.build import atom_formula

    rule = adjoint_formula(atom_formula("sigmoid"), 0)
    assert rule is not None
    head = "\n".join(TEXT.splitlines()[2:])
    return f"op {rule.formula}\n{head}\n%d = sigmoid'(%g, %h) : f32[n]\n"


def test_the_gradient_reads_the_result() -> None:
    after, report = run(Graph.parse(sigmoid_text() + "return %y, %d\n"))
    assert str(after) == dedent("""\
        op sigmoid'(g, y) = g * (y * (1 - y))
        %x = input : f32[n]
        %g = input : f32[n]
        %h = neg(%x) : f32[n]
        %y = sigmoid(%h) : f32[n]
        %d = sigmoid'(%g, %y) : f32[n]
        return %y, %d
        """)
    assert [str(action) for action in report.actions] == [
        "%d reads %y instead of %h: sigmoid' = y * (1 - y) with y = %y"
    ]


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "elu", "exp"])
def test_the_argument_is_read_by_the_forward_op_alone(name: str) -> None:
    graph = gradient_of(getattr(tt, name))
    assert len(readers(graph, "h")) == 2
    after, _ = run(graph)
    assert len(readers(after, "h")) == 1


def test_then_the_forward_op_runs_in_place() -> None:
    for passes, count in (((), 0), ((SaveOutputs(),), 0), ((MEMORY,), 1)):
        schedule, _ = run_passes(gradient_of(tt.tanh), (*passes, InPlace()), TARGET)
        marks = [node.op.name for kernel in schedule.kernels for node in kernel.in_place]
        assert marks.count("tanh") == count


@pytest.mark.parametrize(
    "name", ["relu", "log_sigmoid", "exp", "sqrt", "rsqrt", "reciprocal", "hard_sigmoid"]
)
def test_by_default_where_the_slope_keeps_its_digits(name: str) -> None:
    graph = gradient_of(getattr(tt, name))
    assert len(readers(run(graph, SaveOutputs())[0], "h")) == 1


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("sigmoid", 505_000),
        ("tanh", 504_000),
        ("elu", 505_000),
        ("selu", 503_000),
        ("softsign", 3_360_000),
        ("expm1", 505_000),
        ("log1p", 20),
    ],
)
def test_refused_by_default_where_the_slope_loses_digits(name: str, units: int) -> None:
    graph = gradient_of(getattr(tt, name))
    after, report = run(graph, SaveOutputs())
    assert after is graph
    (refusal,) = report.refusals
    assert refusal.reason is Reason.LOSES_DIGITS
    assert f"is off by {units:,} units in the last place" in refusal.sentence
    assert "SaveOutputs(prefer_memory=True) takes it all the same" in refusal.sentence


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_refused_where_the_slope_does_not_follow_from_the_value(name: str) -> None:
    after, report = run(gradient_of(getattr(tt, name)))
    assert len(readers(after, "h")) == 2
    (refusal,) = report.refusals
    assert refusal.reason is Reason.NO_SAVED_FORM
    assert "have the same value, and the slopes" in refusal.sentence


RELU = """\
op relu(x) = where(x <= 0, 0, x)
op relu'(g, x) = where(x <= 0, 0, g)
%x = input : f32[n]
%g = input : f32[n]
%h = neg(%x) : f32[n]
%y = relu(%h) : f32[n]
%d = relu'(%g, %h) : f32[n]
"""


def test_done_where_it_spares_an_expensive_atom_though_the_argument_lives_on() -> None:
    after, report = run(Graph.parse(sigmoid_text() + "return %y, %d, %h\n"))
    assert len(report.actions) == 1
    assert not report.refusals
    assert len(readers(after, "h")) == 1


@pytest.mark.parametrize(
    ("more", "reason", "sentence"),
    [
        ("return %y, %d, %h\n", Reason.RETURNED, "the result needs %h in any case"),
        ("%z = exp(%h) : f32[n]\nreturn %y, %d, %z\n", Reason.READ_LATER, "%z reads %h in any case"),
    ],
)
def test_refused_where_the_argument_lives_on(more: str, reason: Reason, sentence: str) -> None:
    _, report = run(Graph.parse(RELU + more))
    assert [(refusal.reason, refusal.sentence) for refusal in report.refusals] == [(reason, sentence)]


@pytest.mark.parametrize("guarded", ["zmul(g, %s)", "g * %s"])
def test_what_guards_the_cotangent_still_does(guarded: str) -> None:
    slope = "sigmoid(x) * sigmoid(-x)"
    text = f"op sigmoid'(g, x) = {guarded % ('(' + slope + ')')}\n" + "\n".join(TEXT.splitlines()[2:])
    after, _ = run(Graph.parse(text + "\n%d = sigmoid'(%g, %h) : f32[n]\nreturn %y, %d\n"))
    assert (
        f"op sigmoid'(g, y) = {'zmul(g, y * (1 - y))' if guarded.startswith('z') else 'g * (y * (1 - y))'}\n"
        in str(after)
    )


def test_a_selection_of_the_argument_becomes_one_of_the_value() -> None:
    after, _ = run(Graph.parse(RELU + "return %y, %d\n"))
    assert "op relu'(g, y) = where(y <= 0, 0, g)\n" in str(after)


@pytest.mark.parametrize(
    "text",
    [
        "%x = input : f32[n]\n%h = neg(%x) : f32[n]\n%y = tanh(%h) : f32[n]\nreturn %y, %h\n",
        sigmoid_text().replace("(%g, %h)", "(%h, %g)") + "return %y, %d\n",
        sigmoid_text().replace("(%h)", "(%x)").replace("(%g, %h)", "(%g, %x)") + "return %y, %d, %h\n",
        "op sigmoid'(g, x) = g * x\n" + "\n".join(sigmoid_text().splitlines()[1:]) + "\nreturn %y, %d\n",
    ],
    ids=["no gradient", "of the other operand", "of an input", "another function of that name"],
)
def test_no_change(text: str) -> None:
    graph = Graph.parse(text)
    after, report = run(graph)
    assert after is graph
    assert report == Report()


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "elu", "exp"])
def test_values_stay(name: str) -> None:
    x, w = tt.input("x", (4, 3), "float64"), tt.input("w", (3, 3), "float64")
    loss = (getattr(tt, name)(x @ w) ** 2).sum()
    outputs = [loss, tt.grad(loss, [x, w])[0]]
    generator = np.random.default_rng(0)
    arrays = generator.standard_normal((4, 3)), generator.standard_normal((3, 3))
    plain = tt.compile([x, w], outputs, passes=(), backend="reference")(*arrays)
    saved = tt.compile([x, w], outputs, passes=(MEMORY,), backend="reference")(*arrays)
    for left, right in zip(plain, saved, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-13, atol=1e-13)
