"""Debug mode names the node that makes a NaN or an infinity, and is silent about what is meant."""

import json

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.reference import run
from compiler.debugging import numbers
from compiler.debugging.numbers import non_finite
from compiler.ir.node import make_node
from compiler.ir.op import Call
from compiler.ir.types import FLOAT32, TensorType
from tests.backends import ALL
from tinytorch.testing import PROGRAMS

INF, NAN = np.inf, np.nan


def array(*rows):
    return np.array(rows, np.float32)


def finding(inputs, outputs, data, *, mode="numbers", **named):
    """What is found of a call; None where it runs."""
    program = tt.compile(inputs, outputs, debug=mode, **named)
    try:
        program(*data)
    except tt.NumericsError as error:
        caught = error
    else:
        return None
    assert str(caught) == str(caught.found)
    return caught.found


@pytest.mark.parametrize("mode", ["numbers", True])
def test_forward_names_node_place_operands_formula_and_line(mode):
    x = tt.input("x", ("n", 3))
    y = tt.log(x * 2.0).named("logs")
    z = (y * 0.0).sum()
    found = finding([x], z, [array([1, 2, 3], [4, 0, 6])], mode=mode)
    assert found.name == "%logs"
    assert found.place == (1, 1)
    assert found.value == -INF
    assert found.result == "output 0"
    assert found.part == "forward"
    assert found.source.text.startswith("y = tt.log(x * 2.0)")
    (given,) = found.operands
    assert (given.low, given.high, given.nans) == (0, 12, 0)
    assert given.read == (((1, 1), 0.0),)
    text = str(found)
    assert "output 0 is not finite: %logs makes the first -inf, in the forward part" in text
    assert "formula: log(x) = log(x)" in text
    assert "debug='passes'" in text
    assert json.loads(json.dumps(found.to_dict()))["value"] == "-inf"


@pytest.mark.parametrize("passes", [(), None])
def test_backward_names_the_gradient_and_how_it_came_about(passes):
    x = tt.input("x", ("n", 3))
    loss = tt.sqrt(x).sum()
    found = finding([x], [loss, tt.grad(loss, x)], [array([4, 0, 1])], passes=passes)
    assert found.part == "backward"
    assert found.result == "output 1"
    assert found.place == (0, 1)
    assert "sqrt" in found.formula
    assert any("adjoint" in line for line in found.derivation)
    assert found.source.text.startswith("loss = tt.sqrt(x)")


def test_an_update_is_looked_at_before_it_is_written():
    x, w = tt.input("x", (3,)), tt.parameter(np.full(3, 1e38, np.float32), "w")
    loss = (w * x).sum()
    updates = {w: w + 10.0 * (w * x)}
    program = tt.compile([x], loss * 1e-38, updates=updates, debug="numbers")
    with pytest.raises(tt.NumericsError, match="the next value of %w is not finite") as caught:
        program(np.array([1, 0, 0], np.float32))
    assert caught.value.found.place == (0,)
    np.testing.assert_array_equal(tt.value_of(w), np.full(3, 1e38, np.float32))
    program(np.zeros(3, np.float32))


@pytest.mark.parametrize("mode", ["numbers", True])
def test_a_training_step_that_overflows_names_the_node(mode):
    x, labels = tt.input("x", ("batch", 4)), tt.input("labels", ("batch",), "int64")
    w = tt.parameter(np.full((4, 3), 1e20, np.float32), "w")
    logits = (x @ w).named("logits")
    loss = ((logits * logits).named("squares") * 1e-30).mean() + tt.losses.cross_entropy(
        logits * 1e-20, labels
    )
    updates = tt.optim.SGD([w], lr=0.1).updates(loss)
    found = finding(
        [x, labels], loss, [np.ones((2, 4), np.float32), np.zeros(2, np.int64)], mode=mode, updates=updates
    )
    assert found.name == "%squares"
    assert found.value == INF


def test_masks_are_no_fault():
    x = tt.input("x", ("n", 3))
    mask = tt.constant(array([0, -INF, 0]))
    masked = x + mask
    scores = tt.where(x > 0, x, -INF)
    padded = tt.pad(x, ((0, 0), (0, 1)), value=-INF)
    outputs = [masked, tt.softmax(masked), tt.softmax(scores), scores, padded.max(1), padded]
    assert finding([x], outputs, [array([1, 2, 3], [0, 1, -1])], mode=True) is None
    assert finding([x], x * 2.0, [array([INF, 2, 3])]) is None


def test_a_row_that_is_all_masked_makes_a_nan():
    x = tt.input("x", ("n", 3))
    y = tt.softmax(tt.where(x > 0, x, -INF))
    found = finding([x], y, [array([1, 2, 3], [-1, -1, -1])])
    assert np.isnan(found.value)
    assert found.place[0] == 1


def test_nan_made_of_infinities_that_were_given():
    x = tt.input("x", (2,))
    found = finding([x], (x - x).named("none"), [np.array([INF, 1], np.float32)], passes=())
    assert found.name == "%none"
    assert not found.is_given
    assert found.operands[0].high == INF


def test_a_nan_that_was_given_is_said_to_be():
    x, y = tt.input("x", (2,)), tt.input("y", (2,))
    found = finding([x, y], tt.exp(x * y), [np.zeros(2, np.float32), np.array([1, NAN], np.float32)])
    assert found.is_given
    assert (found.name, found.place) == ("%y", (1,))
    assert "%y has NaN to begin with" in str(found)


def test_a_branch_that_is_not_taken_is_no_fault():
    x = tt.input("x", (3,))
    y = tt.where(x > 0, tt.log(x), 0.0)
    assert finding([x], [y, tt.grad(y.sum(), x)], [np.array([-1, 0, 2], np.float32)]) is None


def test_the_first_of_several_is_named():
    x = tt.input("x", (3,))
    first = tt.exp(x * 100.0).named("first")
    second = tt.log(x - 1.0).named("second")
    found = finding([x], [second + 1.0, first * second], [np.array([1, 2, 3], np.float32)], passes=())
    assert found.name == "%first"


def test_sums_products_and_moved_elements_are_followed():
    x, y = tt.input("x", ("n", 3)), tt.input("y", (3, 2))
    made = (1.0 / x).named("made")
    product = made @ y
    moved = tt.concatenate([product.T, product.T], axis=0)[1:].reshape(-1)
    found = finding([x, y], moved.sum(), [array([1, 0, 1]), np.ones((3, 2), np.float32)])
    assert (found.name, found.place) == ("%made", (0, 1))
    overflow = finding([x, y], (x @ y).named("p"), [array([3e38, 3e38, 0]), np.ones((3, 2), np.float32)])
    assert (overflow.name, overflow.place) == ("%p", (0, 0))
    assert overflow.operands[0].read == (
        ((0, 0), np.float32(3e38)),
        ((0, 1), np.float32(3e38)),
        ((0, 2), 0.0),
    )


def test_a_scatter_that_overflows():
    x = tt.input("x", (2,))
    picked = tt.take(x, np.array([0, 0]), axis=0)
    slope = tt.grad((picked * 3e38).sum(), x)
    found = finding([x], slope, [np.zeros(2, np.float32)])
    assert found.part == "backward"
    assert found.place == (0,)


def test_a_python_function_that_makes_a_nan():
    x = tt.input("x", (2,))
    bad = make_node(
        Call("bad", lambda a: a * np.float32(NAN), TensorType(FLOAT32, (2,))), [x.node], name="bad"
    )
    found = finding([x], tt.Tensor(bad) + 1.0, [np.zeros(2, np.float32)])
    assert found.name == "%bad"
    assert found.operands[0].read == ()
    given = finding([x], tt.Tensor(bad) + 1.0, [np.array([0, NAN], np.float32)])
    assert given.is_given


def test_a_sum_of_too_many_elements_is_followed_by_one_of_them(monkeypatch):
    x = tt.input("x", ("n",))
    y = (tt.log(x).named("logs")).sum()
    data = np.ones(50_000, np.float32)
    data[77] = 0
    found = finding([x], y, [data], passes=())
    assert (found.name, found.place) == ("%logs", (77,))
    monkeypatch.setattr(numbers, "MOST_FOLLOWED", 1)
    assert finding([x], y, [data], passes=()) is None  # the limit is stated


@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - {"elementwise", "special values"}))
def test_no_false_alarm_on_the_programs_of_the_checkers(name):
    made = PROGRAMS[name]()
    assert finding(made.inputs, made.outputs, made.data, updates=made.updates) is None


@pytest.mark.parametrize("backend", ALL)
def test_every_backend_can_be_watched(backend):
    x = tt.input("x", (3,))
    program = tt.compile([x], tt.log(x), backend=backend, debug="numbers")
    assert program.backend == backend
    np.testing.assert_allclose(program(np.array([1, 2, 3], np.float32)), np.log([1, 2, 3]), rtol=1e-6)
    with pytest.raises(tt.NumericsError):
        program(np.array([1, 0, 3], np.float32))


def test_passes_alone_let_it_go():
    x = tt.input("x", (3,))
    program = tt.compile([x], tt.log(x), debug="passes")
    assert program(np.zeros(3, np.float32))[0] == -INF


def test_another_word_is_an_error():
    x = tt.input("x", (3,))
    with pytest.raises(tt.ArgumentError, match="debug is True, False, 'passes' or 'numbers', not 'nan'"):
        tt.compile([x], x, debug="nan")


@pytest.mark.parametrize("debug", [1, 0, None, np.True_])
def test_what_is_only_like_true_or_false_is_an_error(debug):
    x = tt.input("x", (3,))
    with pytest.raises(tt.ArgumentError, match="debug is True, False"):
        tt.compile([x], x, debug=debug)


def test_who_is_followed_too_far_is_said_to_be_lost_where_a_result_is_nan(monkeypatch):
    monkeypatch.setattr(numbers, "MOST_FOLLOWED", 3)
    x = tt.input("x", (2,))
    y = tt.log(x)
    for _ in range(6):
        y = tt.exp(y - 1)
    with pytest.raises(tt.NumericsError, match=r"output 0 is NaN; .* first 3 elements"):
        tt.compile([x], y, debug="numbers", passes=())(np.array([1, -1], np.float32))
    mask = tt.where(x > 0, 0.0, -np.inf) - 1.0 - 1.0 - 1.0 - 1.0
    tt.compile([x], mask, debug="numbers", passes=())(np.array([1, -1], np.float32))


def test_integers_and_finite_graphs_have_nothing():
    x = tt.input("x", (3,), "int64")
    graph = tt.compile([x], x * 2).graph
    (node,) = graph.inputs
    assert non_finite(graph, run(graph, {node: np.arange(3)}, {}), {}) is None


def test_it_can_be_caught_as_python_does():
    assert issubclass(tt.NumericsError, FloatingPointError)
    assert issubclass(tt.NumericsError, tt.TinytorchError)
