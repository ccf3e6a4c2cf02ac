"""The manager: order, laws after each pass, history, and the name of the pass that fails."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from compiler.errors import LawError, PassError, ShapeError
from compiler.ir.build import apply, input_node, parameter_node
from compiler.ir.graph import Graph
from compiler.ir.node import Node, Origin
from compiler.ir.types import FLOAT32, FLOAT64, TensorType
from compiler.pipeline.contract import Action, Report, is_pass
from compiler.pipeline.manager import run_passes
from compiler.schedule.schedule import Kernel, Schedule
from compiler.schedule.target import Target

VECTOR = TensorType(FLOAT32, (3,))
X, Y = input_node("x", VECTOR), input_node("y", VECTOR)


@dataclass(frozen=True)
class Rewrite:
    act: Callable[[Graph], Any]
    name: str = "dance"

    def rewrite(self, graph: Graph, target: Target) -> Any:
        return self.act(graph)


@dataclass(frozen=True)
class Scheduling:
    act: Callable[[Schedule], Any]
    name: str = "arrange"

    def schedule(self, schedule: Schedule, target: Target) -> Any:
        return self.act(schedule)


def graph() -> Graph:
    x = input_node("x", VECTOR)
    return Graph.of([apply("exp", apply("neg", x))])


def unchanged(given: Any) -> Any:
    return given, Report()


def negated(given: Graph) -> tuple[Graph, Report]:
    (output,) = given.outputs
    return Graph.of([apply("abs", output)], given.updates, given.inputs), Report(
        (Action((output,), "negated"),)
    )


def test_history_has_a_record_for_each_pass():
    before = graph()
    schedule, records = run_passes(
        before, [Rewrite(unchanged, "rest"), Rewrite(negated), Scheduling(unchanged)], Target()
    )
    assert [record.name for record in records] == ["rest", "dance", "arrange"]
    assert [record.changed for record in records] == [False, True, False]
    assert records[1].before is before
    assert records[1].after is schedule.graph
    assert records[2].after is schedule
    assert str(records[1]).startswith("dance: 1 done, 0 refused, ")
    assert str(records[1].report.actions[0]) == "negated"


def test_without_passes_the_schedule_is_one_kernel_a_node():
    schedule, records = run_passes(graph(), [], Target())
    assert records == ()
    assert [len(kernel.members) for kernel in schedule.kernels] == [1, 1]


def fail(error: Exception) -> Callable[[Any], Any]:
    def act(given: Any) -> Any:
        raise error

    return act


@pytest.mark.parametrize("kind", [Rewrite, Scheduling])
@pytest.mark.parametrize(
    "error", [KeyError("x"), ShapeError("wrong"), LawError("broken"), RecursionError("deep")]
)
def test_a_pass_that_fails_is_named(kind, error):
    with pytest.raises(PassError, match=rf"pass faulty failed: {type(error).__name__}: .*") as caught:
        run_passes(graph(), [kind(fail(error), "faulty")], Target())
    assert caught.value.__cause__ is error


def test_what_a_pass_says_itself_is_kept():
    with pytest.raises(PassError, match=r"^my own words$"):
        run_passes(graph(), [Rewrite(fail(PassError("my own words")))], Target())


@pytest.mark.parametrize("result", [None, 3, (1, 2), (graph(), None), (None, Report()), [graph(), Report()]])
def test_a_pass_that_returns_something_else_is_named(result):
    with pytest.raises(PassError, match=r"pass dance returns .* and promises a Graph and a Report"):
        run_passes(graph(), [Rewrite(lambda _: result)], Target())


def test_a_pass_that_breaks_a_law_is_named():
    def bare(given: Graph) -> Any:
        (output,) = given.outputs
        wrong = Node(output.op, output.operands, VECTOR, "a", Origin())
        return Graph((wrong, *given.nodes), given.inputs, (wrong,), ()), Report()

    with pytest.raises(LawError, match=r"^pass dance broke a law: An operand is created before"):
        run_passes(graph(), [Rewrite(bare)], Target())


def test_a_schedule_that_breaks_a_law_is_named():
    def lose(given: Schedule) -> Any:
        return Schedule(given.graph, given.kernels[:1]), Report()

    with pytest.raises(LawError, match=r"^pass arrange broke a law: Every node that is no leaf is a member"):
        run_passes(graph(), [Scheduling(lose)], Target())


def with_parameter() -> Graph:
    x, w = input_node("x", VECTOR), parameter_node(np.zeros(3, np.float32), "w")
    return Graph.of([apply("add", x, w)], [(w, apply("neg", w))])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: Graph.of(g.outputs, [], g.inputs), "what is updated: %w became nothing"),
        (
            lambda g: Graph.of([apply("neg", g.outputs[0], dtype=FLOAT64)], g.updates, g.inputs),
            "the type of output 0: f32[3] became f64[3]",
        ),
        (
            lambda g: Graph.of(
                g.outputs, [(g.updates[0][0], apply("neg", g.inputs[0], dtype=FLOAT64))], g.inputs
            ),
            "the type of the update of %w: f32[3] became f64[3]",
        ),
        (lambda g: Graph.of([], g.updates, g.inputs), "the outputs: a result of add became nothing"),
        (lambda g: Graph.of(g.outputs, g.updates, [*g.inputs, Y]), "the inputs: %x became %x, %y"),
        (lambda g: Graph.of([apply("add", X, X)], g.updates, [X]), "the inputs: %x became %x, another node"),
    ],
)
def test_a_pass_keeps_inputs_updates_and_types(change, message):
    with pytest.raises(PassError, match=f"pass dance changed {re.escape(message)}"):
        run_passes(with_parameter(), [Rewrite(lambda given: (change(given), Report()))], Target())


def test_a_scheduling_pass_keeps_the_graph():
    other = Schedule.of(graph())
    with pytest.raises(PassError, match="pass arrange schedules another graph"):
        run_passes(graph(), [Scheduling(lambda _: (other, Report()))], Target())


def test_a_rewrite_after_scheduling_is_an_error():
    with pytest.raises(
        PassError, match="dance rewrites the graph and cannot come after arrange, which schedules it"
    ):
        run_passes(graph(), [Scheduling(unchanged), Rewrite(unchanged)], Target())


def test_what_is_no_pass_is_an_error():
    for item in (3, "dance", object(), Rewrite):
        assert not is_pass(item)
        with pytest.raises(PassError, match="is no pass: it has neither `rewrite` nor `schedule`"):
            run_passes(graph(), [item], Target())  # type: ignore[list-item]


def test_a_schedule_is_made_of_the_rewritten_graph():
    def fused(given: Schedule) -> Any:
        members = tuple(node for kernel in given.kernels for node in kernel.members)
        return Schedule(given.graph, (Kernel(members),)), Report()

    schedule, _ = run_passes(graph(), [Rewrite(negated), Scheduling(fused)], Target())
    assert [len(kernel.members) for kernel in schedule.kernels] == [3]
