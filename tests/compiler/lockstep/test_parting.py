"""Where two programs of one graph part."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.numpy.backend import NumPy
from compiler.ir.build import apply
from compiler.lockstep.parting import first_parting
from compiler.lockstep.values import Side, values_of
from compiler.pipeline.contract import Report
from compiler.rewrite.sweep import sweep
from tinytorch.testing import PROGRAMS

NUMPY = NumPy()


def side(name, inputs, outputs, data, passes=(), spoil=None, updates=None):
    """A program's values; `spoil` maps names of the final graph to functions of their values."""
    program = tt.compile(inputs, outputs, updates=updates, passes=passes, backend=NUMPY)
    arrays, sizes = program.signature.bind(data, {})
    values = values_of(program.schedule, NUMPY, arrays, sizes)
    for node, called in program.graph.names.values.items():
        if spoil and called in spoil:
            values[node] = spoil[called](values[node])
    return Side(name, program.source_graph, program.history, program.schedule, values), sizes


def chain():
    x = tt.input("x", ("n", 5))
    h = tt.tanh(x * 1.5).named("h")
    y = tt.sigmoid(h @ h.T).named("y")
    return [x], [y.sum(1)], [np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)]


def test_a_kernel_that_is_wrong_is_named():
    inputs, outputs, data = chain()
    good, sizes = side("good", inputs, outputs, data)
    bad, _ = side("bad", inputs, outputs, data, spoil={"%y": lambda array: array + np.float32(1e-3)})
    parting = first_parting(good, bad, sizes)
    assert parting.name == "%y"
    assert parting.wrong == ("bad",)
    assert "kernel 4 does not compute what its operands make it" in parting.reason
    assert str(parting).startswith("bad parts from good at %y\n  %y = sigmoid(%2)")


def test_one_wrong_element_is_found_with_its_place():
    inputs, outputs, data = chain()

    def spoiled(array):
        array = array.copy()
        array[2, 3] *= np.float32(1 + 1e-3)
        return array

    good, sizes = side("good", inputs, outputs, data)
    bad, _ = side("bad", inputs, outputs, data, spoil={"%h": spoiled})
    parting = first_parting(good, bad, sizes)
    assert (parting.name, parting.place) == ("%h", (2, 3))
    assert float(parting.exact) == pytest.approx(parting.found[0], rel=1e-6)


def test_rounding_that_grows_is_no_parting():
    """A difference of one unit in the last place becomes one of percents by cancellation."""
    x = tt.input("x", (4,))
    h = tt.exp(x).named("h")
    y = ((h - 1.0) * 1e6).named("y")
    data = [np.full(4, 1e-6, np.float32)]
    good, sizes = side("good", [x], [y], data)
    values = dict(good.values)
    for node in good.schedule.graph.nodes:
        if node.name == "h":
            values[node] = np.nextafter(values[node], np.float32(2))
            for later in good.schedule.graph.nodes:
                if later.serial > node.serial:
                    values[later] = (values[node] - 1) * np.float32(1 if later.name != "y" else 1e6)
    other = Side("other", good.source, good.history, good.schedule, values)
    last = good.source.outputs[0]
    assert abs(good.value(last) - other.value(last)).max() > 0.1
    assert first_parting(good, other, sizes) is None


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_that_are_right_part_nowhere_but_where_they_are_made_stable(name):
    made = PROGRAMS[name]()
    good, sizes = side("plain", made.inputs, made.outputs, made.data, updates=made.updates)
    other, _ = side("all", made.inputs, made.outputs, made.data, tt.default_passes(), updates=made.updates)
    assert first_parting(good, other, sizes) is None


class ByHand:
    """A pass that keeps no account of what became of what."""

    name = "by hand"

    def rewrite(self, graph, target):
        def visit(old, node):
            return apply("exp", node.operands[0]) if node.op.name == "tanh" else node

        after = sweep(graph, visit)
        return type(after)(after.nodes, after.inputs, after.outputs, after.updates), Report()


def test_a_guess_is_said_to_be_one():
    inputs, outputs, data = chain()
    good, sizes = side("good", inputs, outputs, data)
    bad, _ = side("bad", inputs, outputs, data, [ByHand()])
    parting = first_parting(good, bad, sizes)
    assert not parting.is_exact
    assert "guessed rightly" in str(parting)
    assert "pass by hand" in parting.reason


@pytest.mark.parametrize(("shift", "name"), [(10.0, None), (5000.0, "%y")])
def test_a_sum_of_too_many_terms_is_judged_by_its_margin(shift, name):
    x = tt.input("x", ("n",))
    data = [np.tile(np.array([1000, -1000], np.float32), 25_000)]
    good, sizes = side("good", [x], [x.sum().named("y")], data)
    values = dict(good.values)
    (total,) = good.schedule.graph.outputs
    values[total] = values[total] + np.float32(shift)
    moved = Side("moved", good.source, good.history, good.schedule, values)
    parting = first_parting(good, moved, sizes)
    assert (parting and parting.name) == name
    assert parting is None or parting.exact == ""
