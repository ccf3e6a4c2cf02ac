"""`check_backend` and `check_pass` fail on what is a thousandth, or one buffer, off, and on nothing else."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.numpy.backend import NumPy
from compiler.errors import LawError, PassError, PluginError
from compiler.ir.build import apply
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import MapReduce
from compiler.pipeline.contract import Report
from compiler.schedule.plan import InSlab
from compiler.schedule.schedule import Schedule
from tinytorch.testing import PROGRAMS, CheckFailed, check_backend, check_pass

QUICK = ["chain", "shared buffers", "updates"]


@pytest.mark.parametrize("name", ["reference", "numpy"])
def test_a_backend_that_is_right_passes(name):
    check_backend(name)


class Off(NumPy):
    """Runs a plan that `change` has made worse, and then calls `disturb`."""

    name = "off"

    def __init__(self, change=lambda plan: plan, disturb=lambda inputs, outputs: None) -> None:
        self.change, self.disturb = change, disturb

    def build(self, plan):
        executable, disturb = super().build(self.change(plan)), self.disturb

        class Disturbed:
            def run(self, inputs, sizes, outputs):
                executable.run(inputs, sizes, outputs)
                disturb(inputs, outputs)

        return Disturbed()


def a_thousandth(inputs, outputs):
    for array in outputs:
        if array.dtype.kind == "f":
            array *= array.dtype.type(1.001)


class Keeps:
    """Hands out an output, and changes it in the next call."""

    def __init__(self):
        self.last = None

    def __call__(self, inputs, outputs):
        if self.last is not None:
            self.last[...] = 0
        self.last = outputs[0]


class WritesToAnInput:
    """Writes to an argument in the second call of a program."""

    def __init__(self):
        self.last = None

    def __call__(self, inputs, outputs):
        if self.last is inputs[0]:
            inputs[0][...] = 1
        self.last = inputs[0]


@pytest.mark.parametrize(
    ("disturb", "message"),
    [
        (a_thousandth, "off, no passes, program 'chain': .* is wrong: at .* the oracle says"),
        (Keeps(), "is wrong: at "),
        (WritesToAnInput(), "the caller's array for %x"),
    ],
)
def test_a_backend_that_is_off_fails(disturb, message):
    with pytest.raises(CheckFailed, match=message):
        check_backend(Off(disturb=disturb), names=QUICK)


def one_buffer_off(plan):
    """One slot lies where another one does."""
    slots = [node for node, place in plan.places.items() if isinstance(place, InSlab)]
    moved = [node for node in slots if plan.places[node].offset != 0]
    if not moved:
        return plan
    return replace(plan, places={**plan.places, moved[0]: replace(plan.places[moved[0]], offset=0)})


def late_commits(plan):
    """Updates are written before anything has read the old values."""
    return replace(plan, commits=tuple(replace(item, through=None) for item in plan.commits))


@pytest.mark.parametrize("change", [one_buffer_off, late_commits])
def test_a_plan_that_is_one_buffer_off_fails(change):
    with pytest.raises(CheckFailed):
        check_backend(Off(change=change), names=QUICK)


def test_what_is_no_backend_is_an_error():
    with pytest.raises(PluginError, match="is no backend"):
        check_backend(3)
    with pytest.raises(PluginError):
        check_backend("nothing of this name")


@dataclass(frozen=True)
class Rewrites:
    """Maps each node by a function."""

    change: object
    name: str = "rewrites"

    def rewrite(self, graph: Graph, target: object) -> tuple[Graph, Report]:
        return graph.rebuilt(self.change), Report()


def kept(node: Node, operands: tuple[Node, ...]) -> Node:
    return node if operands == node.operands else make_node(node.op, operands)


def negated_twice(node: Node, operands: tuple[Node, ...]) -> Node:
    if node.op.name != "tanh":
        return kept(node, operands)
    return apply("neg", apply("neg", kept(node, operands)))


def slightly_less(node: Node, operands: tuple[Node, ...]) -> Node:
    made = kept(node, operands)
    return apply("mul", made, 0.999) if node.op.name == "tanh" else made


def test_a_rewriting_pass_that_is_right_passes():
    check_pass(Rewrites(kept))
    check_pass(Rewrites(negated_twice), names=QUICK)


def test_a_rewriting_pass_that_is_wrong_by_a_thousandth_fails():
    with pytest.raises(CheckFailed, match="pass rewrites alone, program 'chain'"):
        check_pass(Rewrites(slightly_less), names=QUICK)


def test_a_rewriting_pass_that_breaks_a_law_fails():
    def twice(node, operands):
        return (
            replace(node, operands=(*operands, *operands))
            if isinstance(node.op, MapReduce)
            else kept(node, operands)
        )

    with pytest.raises((LawError, PassError), match=r"^pass rewrites alone, program '.*': .*rewrites"):
        check_pass(Rewrites(twice), names=QUICK)


def test_what_a_pass_raises_is_raised_with_the_name_of_the_program():
    def picky(node, operands):
        if node.op.name == "tanh":
            raise KeyError(node.op.name)
        return kept(node, operands)

    sentence = r"^pass rewrites alone, program 'chain': pass rewrites failed: KeyError: 'tanh'$"
    with pytest.raises(PassError, match=sentence) as caught:
        check_pass(Rewrites(picky), names=QUICK)
    assert isinstance(caught.value.__cause__, PassError)


def test_what_a_backend_raises_is_raised_with_the_name_of_the_program():
    class Broken(NumPy):
        def build(self, plan):
            raise RecursionError("deep")

    with pytest.raises(CheckFailed, match=r"^numpy, no passes, program 'chain': RecursionError: deep$"):
        check_backend(Broken(), names=["chain"])


@dataclass(frozen=True)
class Schedules:
    """Changes a schedule by a function."""

    change: object
    name: str = "schedules"

    def schedule(self, schedule: Schedule, target: object) -> tuple[Schedule, Report]:
        return self.change(schedule), Report()


def everything_in_place(schedule: Schedule) -> Schedule:
    """Writes every map over its first operand, whoever reads that later."""
    kernels = []
    for kernel in schedule.kernels:
        first = kernel.members[0]
        fits = [x for x in first.operands if x.type == first.type and x in schedule.kernel_of]
        alone = len(kernel.members) == 1 and isinstance(first.op, MapReduce) and fits
        kernels.append(replace(kernel, in_place={first: fits[0]}) if alone else kernel)
    return replace(schedule, kernels=tuple(kernels))


def backwards(schedule: Schedule) -> Schedule:
    return replace(schedule, kernels=schedule.kernels[::-1])


def one_kernel_less(schedule: Schedule) -> Schedule:
    return replace(schedule, kernels=schedule.kernels[:-1])


@pytest.mark.parametrize("change", [everything_in_place, backwards, one_kernel_less])
def test_a_scheduling_pass_that_is_wrong_fails(change):
    with pytest.raises((LawError, PassError, CheckFailed)):
        check_pass(Schedules(change), names=QUICK)


def test_a_scheduling_pass_that_is_right_passes():
    check_pass(Schedules(lambda schedule: schedule), names=QUICK)


@pytest.mark.parametrize("item", tt.default_passes(), ids=lambda item: item.name)
def test_the_default_passes_pass(item):
    check_pass(item, names=["rows", "layouts", "updates", "training step"])


def test_every_program_has_data_for_its_inputs_and_is_new():
    for make in PROGRAMS.values():
        one, two = make(), make()
        assert len(one.inputs) == len(one.data)
        assert one.inputs[0] is not two.inputs[0]
        assert all(
            np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
            for a, b in zip(one.data, two.data, strict=True)
        )
