"""What was masked out has the gradient 0, whatever it is multiplied by."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.graph import Graph
from tests.backends import NATIVE

BACKENDS = [("reference", ()), ("numpy", None), *((name, None) for name in NATIVE)]
X = np.array([[1.0, -1.0, 2.0], [-3.0, 4.0, -5.0]])
BAD = np.array([[np.inf, 2.0, np.nan], [3.0, -np.inf, 5.0]])
"""Infinite or NaN where X is positive, which is where `kept` masks."""


def kept(x, value):
    return tt.where(x > 0, 0, value)


CASES = {
    "a literal": lambda x, s: kept(x, x * np.inf),
    "a tensor": lambda x, s: kept(x, x * s),
    "the other operand": lambda x, s: kept(x, s * x),
    "a quotient": lambda x, s: kept(x, x / (1 / s)),
    "a chain": lambda x, s: kept(x, tt.exp((x * s) * 0.1)),
    "a sum": lambda x, s: kept(x, x * s + tt.sin(x) * s),
    "two masks": lambda x, s: tt.where(x > 3, 0, kept(x, x * s)),
    "a clip between": lambda x, s: kept(x, tt.clip(x * s, -100, 100)),
    "a saved form": lambda x, s: kept(x, tt.tanh(x * s)),
    "a broadcast": lambda x, s: kept(x, x * s.reshape(2, 3)),
    "moves": lambda x, s: kept(x, (x.T * s.T).T.reshape(3, 2).reshape(2, 3)),
    "a stack": lambda x, s: kept(x, tt.concatenate([x * s, x], axis=0)[:2]),
    "a negative": lambda x, s: -kept(x, -(x * s)),
}


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda item: item[0])
@pytest.mark.parametrize("case", CASES)
def test_what_is_masked_out_has_no_part_in_any_product(case, backend):
    function = CASES[case]
    x, s = tt.input("x", (2, 3), "float64"), tt.input("s", (2, 3), "float64")
    name, passes = backend
    slopes = tt.grad(function(x, s).sum(), [x, s], allow_unused=True)
    program = tt.compile([x, s], slopes, backend=name, passes=passes)
    by_x, by_s = program(X, BAD)
    masked = X > 0
    np.testing.assert_array_equal(by_x[masked], 0)
    np.testing.assert_array_equal(by_s[masked], 0)
    fine = np.where(masked, 1.0, BAD)
    for found, expected in zip((by_x, by_s), program(X, fine), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_it_is_0_in_second_gradients_too():
    x = tt.input("x", (2, 3), "float64")
    s = tt.constant(BAD)
    (slope,) = tt.grad(kept(x, x * x * s).sum(), [x])
    (bent,) = tt.grad((slope * slope).sum(), [x])
    found = tt.compile([x], bent, backend="reference")(X)
    np.testing.assert_array_equal(found, np.where(X > 0, 0, 8 * X * np.where(X > 0, 0, BAD) ** 2))


@pytest.mark.parametrize("cut", [tt.tril, tt.triu])
def test_triangles_are_masks(cut):
    x = tt.input("x", (3, 3), "float64")
    inside = cut(tt.constant(np.ones((3, 3))))
    weights = np.where((np.tri(3) if cut is tt.tril else np.tri(3).T) > 0, 2.0, np.inf)
    slope, mask = tt.compile([x], [tt.grad(cut(x * weights).sum(), x), inside])(np.ones((3, 3)))
    np.testing.assert_array_equal(slope, 2 * mask)


def test_a_masked_loss_of_rows():
    """Rows that are masked out whole keep their gradient of 0 through sums within the row."""
    logits, labels, mask = (
        tt.input("x", ("n", 3), "float64"),
        tt.input("t", ("n",), "int64"),
        tt.input("m", ("n",), "bool"),
    )
    losses = tt.losses.cross_entropy(logits, labels, reduction="none")
    loss = tt.where(mask, losses, 0).sum() / mask.sum()
    values = np.array([[1.0, 2.0, 3.0], [np.nan, np.inf, 0.0], [0.5, 0.25, -1.0]])
    is_row = np.array([True, False, True])
    for backend, passes in BACKENDS:
        program = tt.compile([logits, labels, mask], tt.grad(loss, logits), backend=backend, passes=passes)
        found = program(values, np.array([0, 1, 2]), is_row)
        np.testing.assert_array_equal(found[1], 0)
        alone = program(values[is_row], np.array([0, 2]), np.array([True, True]))
        np.testing.assert_allclose(found[is_row], alone, rtol=1e-14)


def test_a_masked_row_passes_through_its_largest_and_its_sum():
    x, w, mask = (
        tt.input("x", (2, 3), "float64"),
        tt.input("w", (2, 3), "float64"),
        tt.input("m", (2,), "bool"),
    )
    for reduced in (lambda v: v.max(axis=1), lambda v: v.sum(axis=1), lambda v: v.mean(axis=1)):
        slope = tt.grad(tt.where(mask, reduced(x * w), 0).sum(), x)
        weights = np.array([[1.0, 2.0, 3.0], [np.nan, np.inf, 1.0]])
        found = tt.compile([x, w, mask], slope)(np.ones((2, 3)), weights, np.array([True, False]))
        np.testing.assert_array_equal(found[1], 0)
        assert found[0].any()


def products(value, x):
    lines = [
        line.atom
        for node in Graph.of([tt.grad(value.sum(), x).node]).nodes
        if hasattr(node.op, "formula")
        for line in node.op.formula.lines
    ]
    return lines.count("zmul")


def test_without_a_mask_no_product_is_guarded():
    x, s = tt.input("x", (2, 3)), tt.input("s", (2, 3))
    assert products(tt.relu(x * s) + tt.clip(x * s, 0, 1) + tt.maximum(x * s, s), x) == 0
    assert products(kept(x, x * s), x) == 1
    assert products(kept(x, x + s) * s, x) == 0
    assert products(kept(x, x * 2.0), x) == 0


def test_a_contraction_ends_what_is_known():
    x, w = tt.input("x", (2, 3)), tt.input("w", (3, 3))
    y = (x * 2.0) @ w
    assert products(kept(y, y), x) == 0
    assert products(kept(y, tt.exp(y)), x) == 1


def test_the_explanation_has_the_product_that_was_emitted():
    x, s = tt.input("x", (2, 3)), tt.input("s", (2, 3))
    assert tt.explain(tt.grad(kept(x, x * s).sum(), x)).derivation[-1] == "adjoint: mul'x(g, y) = zmul(g, y)"
    assert tt.explain(tt.grad((x * s).sum(), x)).derivation[-1] == "adjoint: mul'x(g, y) = g * y"
    infinite = tt.explain(tt.grad(kept(x, x * np.inf).sum(), x)).derivation[-1]
    assert infinite == "adjoint: mul'(g) = zmul(g, inf)"
