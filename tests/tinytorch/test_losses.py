"""Losses and their gradients equal torch's, at the edges too; what is wrong raises."""

import numpy as np
import pytest

from compiler.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from compiler.ir.op import ScatterAdd
from tests.backends import ALL, FAST
from tests.tinytorch.evaluation import of_torch, ours
from tinytorch import api, losses
from tinytorch.ops.activations import sigmoid
from tinytorch.ops.layout import one_hot

torch = pytest.importorskip("torch")
F = torch.nn.functional

R = np.random.default_rng(3)
LOGITS = R.standard_normal((5, 4)) * 3
HUGE = np.array([[1000.0, -1000.0, 0.0, 5.0], [-1000.0, -1000.0, 1000.0, 1000.0], [0.0, 0.0, 0.0, 0.0]])
LABELS = np.array([0, 3, 1, 1, 2])
SHARES = R.dirichlet(np.ones(4), 5)
PAIRS = {
    "mse": (losses.mse, F.mse_loss, [LOGITS, R.standard_normal((5, 4))]),
    "cross_entropy": (losses.cross_entropy, F.cross_entropy, [LOGITS, LABELS]),
    "cross_entropy of shares": (losses.cross_entropy, F.cross_entropy, [LOGITS, SHARES]),
    "cross_entropy of huge logits": (losses.cross_entropy, F.cross_entropy, [HUGE, LABELS[:3]]),
    "cross_entropy of images": (
        losses.cross_entropy,
        F.cross_entropy,
        [R.standard_normal((2, 4, 3)), R.integers(0, 4, (2, 3))],
    ),
    "cross_entropy of one row": (losses.cross_entropy, F.cross_entropy, [LOGITS[0], np.array(2)]),
    "binary_cross_entropy": (
        losses.binary_cross_entropy,
        F.binary_cross_entropy,
        [R.uniform(0.01, 0.99, (5, 2)), R.uniform(size=(5, 2))],
    ),
    "binary_cross_entropy_with_logits": (
        losses.binary_cross_entropy_with_logits,
        F.binary_cross_entropy_with_logits,
        [HUGE, np.array([[1.0, 0.0, 1.0, 0.3], [0.0, 0.5, 0.5, 1.0], [0.0, 0.3, 1.0, 0.5]])],
    ),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PAIRS)
def test_losses_equal_those_of_torch(name, dtype, reduction):
    mine, theirs, arrays = PAIRS[name]
    arrays = [item.astype(dtype) if item.dtype.kind == "f" else item for item in arrays]
    exact = [item.astype(np.float64) if item.dtype.kind == "f" else item for item in arrays]
    orders = 1 if name == "binary_cross_entropy" else 2  # torch's second derivative lacks the target
    found = ours(lambda *x: mine(*x, reduction=reduction), arrays, orders)
    expected = of_torch(lambda *x: theirs(*x, reduction=reduction), exact, orders)
    tolerance = 1e-5 if dtype == "float32" else 1e-11
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_rows_of_a_one_hot_target_are_class_indices():
    x, y = api.input("x", (5, 4), "float64"), api.input("y", (5,), "int64")
    values = [losses.cross_entropy(x, y), losses.cross_entropy(x, one_hot(y, 4))]
    first, second = api.compile([x, y], values)(LOGITS, LABELS)
    np.testing.assert_allclose(first, second, rtol=1e-14)


def test_a_class_that_cannot_be_costs_nothing_where_it_is_not_wanted():
    logits = np.array([[-np.inf, 1.0, 2.0]])
    x = api.input("x", (1, 3), "float64")
    target = api.constant(np.array([[0.0, 0.25, 0.75]]))
    by_index = losses.cross_entropy(x, api.constant(np.array([2])))
    loss = losses.cross_entropy(x, target)
    found = api.compile(x, [loss, api.grad(loss, x), by_index, api.grad(by_index, x)])(logits)
    log_shares = np.log(np.exp([1.0, 2.0]) / np.exp([1.0, 2.0]).sum())
    np.testing.assert_allclose(found[0], -(log_shares @ [0.25, 0.75]))
    np.testing.assert_allclose(found[1], [[0, *(np.exp(log_shares) - [0.25, 0.75])]])
    np.testing.assert_allclose(found[2], -log_shares[1])
    np.testing.assert_allclose(found[3], [[0, *(np.exp(log_shares) - [0, 1])]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy_at_the_ends(dtype):
    p, t = np.array([0.0, 0.0, 1.0, 1.0, np.nan], dtype), np.array([0.0, 1.0, 0.0, 1.0, 1.0], dtype)
    x, y = api.input("x", (5,), dtype), api.input("y", (5,), dtype)
    loss = losses.binary_cross_entropy(x, y, reduction="none")
    values, slopes = api.compile([x, y], [loss, api.grad(loss.sum(), x)])(p, t)
    np.testing.assert_array_equal(values, [0, 100, 100, 0, np.nan])
    np.testing.assert_array_equal(
        values[:4], F.binary_cross_entropy(torch.tensor(p[:4]), torch.tensor(t[:4]), reduction="none")
    )
    np.testing.assert_array_equal(slopes, [1, 0, 0, -1, np.nan])


def test_small_losses_of_certain_logits_are_not_lost():
    x, y = api.input("x", (2,)), api.input("y", (2,))
    loss = losses.binary_cross_entropy_with_logits(x, y, reduction="none")
    found = api.compile([x, y], loss)(np.array([20.0, -20.0], "float32"), np.array([1.0, 0.0], "float32"))
    np.testing.assert_allclose(found, np.log1p(np.exp([-20.0, -20.0])), rtol=1e-6)


def test_the_gradient_through_written_out_probabilities_is_finite():
    x, y = api.input("x", (2,)), api.input("y", (2,))
    loss = losses.binary_cross_entropy(sigmoid(x), y, reduction="sum")
    found = api.compile([x, y], api.grad(loss, x))(
        np.array([1000.0, -1000.0], "float32"), np.array([0.0, 1.0], "float32")
    )
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("backend", "debug"), [("reference", False), ("numpy", False), ("llvm", False), ("numpy", True)]
)
@pytest.mark.parametrize("label", [-1, 4, -100])
def test_a_label_out_of_range_changes_nothing(label, backend, debug):
    x, y, w = api.input("x", ("n", 4)), api.input("y", ("n",), "int64"), api.parameter(np.ones(4, "float32"))
    loss = losses.cross_entropy(x * w, y)
    step = api.compile([x, y], loss, updates={w: w - api.grad(loss, w)}, backend=backend, debug=debug)
    out = np.full((), 7, "float32")
    with pytest.raises(IndexRangeError, match=rf"index {label} at \[1\] is outside 0 .. 3"):
        step(np.ones((2, 4), "float32"), np.array([0, label]), out=out)
    np.testing.assert_array_equal(api.value_of(w), 1)
    assert out == 7


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_with_class_indices_and_its_gradient_are_one_kernel_over_rows(backend, dtype):
    x, y = api.input("x", ("n", 4)), api.input("y", ("n",), dtype)
    loss = losses.cross_entropy(x, y)
    for outputs in ([loss], [loss, api.grad(loss, x)]):
        program = api.compile([x, y], outputs, backend=backend)
        kernels = program.schedule.kernels
        assert sum(any(node.type.shape == x.shape for node in kernel.members) for kernel in kernels) == 1
        assert not any(isinstance(node.op, ScatterAdd) for node in program.graph.nodes)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("classes", [4, 100])
def test_a_row_that_is_not_finite_spoils_no_other(backend, classes):
    logits, labels = R.standard_normal((6, classes)), R.integers(0, classes, 6)
    logits[1, -1], logits[2, 0], logits[4, 0], labels[4] = np.nan, np.inf, -np.inf, 1
    x, y = api.input("x", ("n", classes), "float64"), api.input("y", ("n",), "int64")
    each = losses.cross_entropy(x, y, reduction="none")
    found = api.compile([x, y], [each, api.grad(each.sum(), x)], backend=backend)(logits, labels)
    tensor = torch.tensor(logits, requires_grad=True)
    expected = F.cross_entropy(tensor, torch.tensor(labels), reduction="none")
    expected.sum().backward()
    rows = [0, 1, 3, 4, 5]  # row 2 is infinite or NaN
    np.testing.assert_allclose(found[0][rows], expected.detach().numpy()[rows], rtol=1e-12)
    np.testing.assert_allclose(found[1][rows], tensor.grad.numpy()[rows], rtol=1e-12, atol=1e-15)
    assert not np.isfinite(found[0][2])


def test_of_no_classes_there_is_no_label():
    x, y = api.input("x", ("n", 0)), api.input("y", ("n",), "int64")
    program = api.compile([x, y], losses.cross_entropy(x, y, reduction="none"))
    assert program(np.zeros((0, 0), "float32"), np.zeros(0, "int64")).shape == (0,)
    with pytest.raises(IndexRangeError, match="selects from an empty axis"):
        program(np.zeros((1, 0), "float32"), np.zeros(1, "int64"))


def test_an_empty_batch_has_a_loss_of_nan():
    x, y = api.input("x", ("n", 4)), api.input("y", ("n",), "int64")
    loss = losses.cross_entropy(x, y)
    value, slopes = api.compile([x, y], [loss, api.grad(loss, x)])(
        np.zeros((0, 4), "float32"), np.zeros(0, "int64")
    )
    assert np.isnan(value)
    assert slopes.shape == (0, 4)


X = api.input("x", ("n", 4))
REFUSED = [
    (
        lambda: losses.mse(X, api.input("y", ("n", 1))),
        ShapeError,
        "mse: prediction and target have different shapes",
    ),
    (lambda: losses.cross_entropy(X, api.input("y", ("n",))), DTypeError, "class indices are int32 or int64"),
    (
        lambda: losses.cross_entropy(X, api.input("y", ("m",), "int64")),
        ShapeError,
        "targets are class indices of shape",
    ),
    (lambda: losses.mse(X, X, reduction="average"), ArgumentError, "a reduction is 'mean', 'sum' or 'none'"),
    (lambda: losses.binary_cross_entropy(X > 0, X), DTypeError, "a prediction is floating, not bool"),
]


@pytest.mark.parametrize(("call", "error", "wording"), REFUSED)
def test_what_is_refused(call, error, wording):
    with pytest.raises(error, match=wording):
        call()
