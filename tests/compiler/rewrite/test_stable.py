"""The stabilised twin: the same functions in forms whose values and gradients do not overflow or cancel."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.verify import verify
from compiler.rewrite.patterns import single_atom
from compiler.rewrite.stable import StableForms, stabilised

LARGE = np.array([[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1000.0]])
X = tt.input("x", ("n", 3), "float64")


def softmax() -> tt.Tensor:
    raised = tt.exp(X)
    return raised / raised.sum(axis=1, keepdims=True)


def twin(node: Node) -> Node:
    return stabilised(node, ())[node]


def value(node: Node, argument: np.ndarray) -> np.ndarray:
    return tt.compile([X], tt.Tensor(node), passes=(), backend="reference")(argument)


NAIVE = {
    "log(sum(exp(x)))": lambda: tt.log(tt.exp(X).sum(axis=1)),
    "log(sum(exp(x))) with unit axes": lambda: tt.log(tt.exp(X).sum(axis=1, keepdims=True)),
    "exp(x) / sum(exp(x))": softmax,
    "log(softmax)": lambda: tt.log(softmax()),
    "log of a picked softmax": lambda: tt.log(softmax()[:, 1]),
    "log(1 + exp(x))": lambda: tt.log(1 + tt.exp(X)),
    "1 - sigmoid(x)": lambda: 1 - tt.sigmoid(X),
    "log(sigmoid(x))": lambda: tt.log(tt.sigmoid(X)),
}


@pytest.mark.parametrize("name", NAIVE)
def test_a_twin_is_the_same_function_where_both_are_finite(name):
    node = NAIVE[name]().node
    argument = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_allclose(value(twin(node), argument), value(node, argument), rtol=1e-12)
    assert twin(node).type == node.type
    verify(Graph.of([twin(node)]))


@pytest.mark.parametrize("name", NAIVE)
def test_a_gradient_is_finite_where_the_naive_form_overflows(name):
    (slope,) = tt.grad(NAIVE[name]().sum(), [X])
    found = tt.compile([X], slope, backend="reference")(LARGE)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", [name for name in NAIVE if name != "1 - sigmoid(x)"])
def test_the_twin_has_a_value_where_the_naive_form_overflows(name):
    node = NAIVE[name]().node
    assert np.isfinite(value(twin(node), LARGE)).all()
    assert not np.isfinite(value(node, LARGE)).all()


def test_what_is_stable_is_its_own_twin():
    for y in (tt.log_softmax(X), tt.logsumexp(X, axis=1), tt.softmax(X), tt.tanh(X) @ np.ones((3, 2))):
        assert twin(y.node) is y.node


def test_a_stable_form_says_by_which_equation():
    node = NAIVE["log(sum(exp(x)))"]().node
    (log,) = [item for item in Graph.of([twin(node)]).nodes if single_atom(item) == "log"]
    assert log.origin.rule == "log(sum(exp(x))) = m + log(sum(exp(x - m)))"
    assert log.origin.of is node
    assert log.origin.source == node.origin.source


def test_equal_nodes_that_nothing_is_made_of_are_their_own_twins():
    w = tt.parameter(np.ones((3, 3)), name="w")
    y = tt.tanh(tt.relu(X) @ w + tt.relu(X) @ w)
    assert twin(y.node) is y.node


def transformer() -> tt.Tensor:
    """Two blocks that write their masks and norms anew each time."""
    h, weights = tt.input("h", ("b", 6, 4)), [tt.parameter(np.eye(4), name=f"w{k}") for k in range(8)]
    for q, k, v, w in (weights[:4], weights[4:]):
        queries, keys, values = (tt.layer_norm(h) @ item for item in (q, k, v))
        mask = tt.constant(np.tril(np.ones((6, 6))) > 0)
        scores = tt.where(mask, queries @ keys.swapaxes(1, 2) / 2.0, -1e9)
        h = h + tt.softmax(scores) @ values
        h = h + tt.gelu(tt.layer_norm(h) @ w) + tt.log_softmax(h) * tt.sigmoid(h)
    return (h * h).mean()


def test_a_gradient_doubles_nothing_of_the_graph_that_it_is_of():
    loss = transformer()
    forward = Graph.of([loss.node])
    parameters = [tt.Tensor(node) for node in forward.parameters]
    slopes = tt.grad(loss, parameters)
    program = tt.compile([tt.Tensor(forward.inputs[0])], [loss, *slopes], passes=(), backend="reference")
    made_by_the_user = [node for node in program.source_graph.nodes if node.origin.maker == "user"]
    assert len(made_by_the_user) == len(forward)


def test_after_a_stable_form_only_what_reads_it_is_made_anew():
    side = tt.tanh(X) @ np.ones((3, 3))
    soft = softmax()
    y = (tt.sin(soft) + side).node
    found = Graph.of([twin(y)]).nodes
    assert side.node in found
    assert soft.node not in found


def test_a_stopped_sum_is_no_softmax():
    """The value is that of softmax, and the gradient is not."""
    raised = tt.exp(X)
    y = raised / tt.stop_gradient(raised.sum(axis=1, keepdims=True))
    (slope,) = tt.grad(y.sum(), [X])
    argument = np.array([[0.5, 1.0, -1.0]])
    want = np.exp(argument) / np.exp(argument).sum()
    np.testing.assert_allclose(tt.compile([X], slope, backend="reference")(argument), want, rtol=1e-12)


def test_a_stable_form_is_its_own_stable_form():
    for name in NAIVE:
        once = twin(NAIVE[name]().node)
        assert twin(once) is once, name


def test_a_formula_is_made_stable_with_what_it_reads():
    more = tt.elementwise("more", lambda e: 3 * tt.log(1 + e))
    node = more(tt.exp(X)).node
    np.testing.assert_allclose(value(twin(node), LARGE), 3 * np.logaddexp(0, LARGE))


def test_nothing_is_matched_across_a_node_that_is_kept():
    raised = tt.exp(X)
    node = tt.log(raised.sum(axis=1)).node
    assert StableForms({raised.node}).of(node) is None
    assert StableForms().of(node) is not None
    (slope,) = tt.grad(tt.Tensor(node).sum(), [raised])
    argument = np.zeros((1, 3))
    np.testing.assert_allclose(tt.compile([X], slope, backend="reference")(argument), np.full((1, 3), 1 / 3))


def test_a_shift_of_infinity_is_none():
    node = NAIVE["log(sum(exp(x)))"]().node
    infinite = np.array([[-np.inf, -np.inf, -np.inf], [np.inf, 0, 0], [-np.inf, 0.0, 0.0]])
    np.testing.assert_allclose(value(twin(node), infinite), [-np.inf, np.inf, np.log(2)])


def test_equal_expressions_become_one_node():
    node = (tt.exp(X) / tt.exp(X).sum(axis=1, keepdims=True)).node
    found = twin(node)
    assert found is not node
    assert np.isfinite(value(found, LARGE)).all()
