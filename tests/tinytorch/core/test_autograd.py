"""Variables: gradients, accumulation, and the functions of a training loop."""

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.core import autograd
from tinytorch.core.activations import LogSoftmax, ReLU
from tinytorch.core.autograd import (
    Variable,
    check_gradients,
    clip_gradients,
    collect_parameters,
    zero_gradients,
)
from tinytorch.core.layers import Dense, Sequential
from tinytorch.core.optimizers import SGD, Adam
from tinytorch.core.programs import CACHE
from tinytorch.core.tensor import Tensor
from tinytorch.testing import CheckFailed

FUNCTIONS = {
    "add": lambda x, y: autograd.add(x, y) + 2, "subtract": lambda x, y: 1 - autograd.subtract(x, y),
    "multiply": lambda x, y: autograd.multiply(x, y) * 3, "divide": lambda x, y: 2 / autograd.divide(x, y),
    "power": lambda x, y: autograd.power(x, 3) + x**y, "exp": lambda x, y: autograd.exp(x) * y,
    "log": lambda x, y: autograd.log(x) * y, "sum_all": lambda x, y: autograd.sum_all(x * y),
    "mean": lambda x, y: autograd.mean(x * y), "relu": lambda x, y: autograd.relu_with_grad(x - y) * x,
    "sigmoid": lambda x, y: autograd.sigmoid_with_grad(x * y),
    "tanh": lambda x, y: autograd.tanh_with_grad(x * y),
    "softmax": lambda x, y: autograd.softmax_with_grad(x * y) * x, "matmul": lambda x, y: x @ x.T + y.sum(),
    "negative": lambda x, y: -x * y, "index": lambda x, y: x[0] * y, "max": lambda x, y: (x * y).max(dim=1),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_against_differences(name: str) -> None:
    check_gradients(FUNCTIONS[name], [[0.5, 1.5, 2.0], [1.2, 0.7, 3.0]], [1.1, 0.4, 2.5])


def test_the_checker_finds_a_rule_that_is_slightly_wrong() -> None:
    with pytest.raises(CheckFailed, match="argument 0"):
        check_gradients(lambda x: x * 1.001 - Variable(np.array(x) * 0.001, requires_grad=False), [2.0])


def test_a_leaf_and_what_is_computed() -> None:
    x = Variable([1.0, 2.0])
    y = x * 2
    assert x.is_leaf
    assert x.grad_fn is None
    assert not y.is_leaf
    assert repr(y.grad_fn) == "<backward of mul>"
    assert isinstance(x.data, Tensor)
    assert (x.shape, x.size) == ((2,), 2)
    y.backward()
    assert isinstance(x.grad, Variable)
    assert y.grad is None


def test_gradients_accumulate_until_they_are_filled_with_zeros() -> None:
    x, unused = Variable([1.0, 2.0]), Variable([1.0])
    y = (x * x).sum()
    y.backward()
    y.backward()
    held = x.grad
    assert np.array_equal(x.grad, [4, 8])
    zero_gradients([x, unused])
    assert x.grad is held
    assert x.grad.tolist() == [0, 0]
    assert unused.grad is None
    y.backward(2.0)
    assert np.array_equal(x.grad, [4, 8])
    x.zero_grad()
    assert x.grad.tolist() == [0, 0]
    before = CACHE.compiled
    y.backward(2.0)
    assert CACHE.compiled == before
    x.grad = None
    y.backward(2.0)
    assert np.array_equal(x.grad, [4, 8])


def test_what_was_made_from_a_gradient_keeps_it_when_it_is_filled_with_zeros() -> None:
    x = Variable([1.0, 2.0])
    (x * x).sum().backward()
    twice = x.grad.data * 2
    x.zero_grad()
    assert twice.tolist() == [4, 8]


SLOPES = {
    "mean": (autograd.mean, [0.5, 0.5]),
    "mean of a dim": (lambda x: x.reshape(1, 2).mean(1), [0.5, 0.5]),
    "sum": (autograd.sum_all, [1, 1]),
    "largest": (lambda x: x.max(), [0.5, 0.5]),
    "smallest of a dim": (lambda x: x.reshape(2, 1).min(1), [1, 1]),
    "softmax": (lambda x: autograd.softmax(x) * Tensor([1.0, 3.0]), [-0.5, 0.5]),
    "log_softmax": (lambda x: LogSoftmax()(x) * Tensor([1.0, 3.0]), [-1, 1]),
    "sigmoid": (autograd.sigmoid, [0.19661193, 0.19661193]),
    "divide": (lambda x: x / 4, [0.25, 0.25]),
    "power": (lambda x: autograd.power(x, 2.0), [2, 2]),
    "power 0": (lambda x: autograd.power(x, 0), [0, 0]),
    "negative power": (lambda x: autograd.power(x, -1.0), [-1, -1]),
    "moved": (lambda x: x.reshape(2, 1).T[0] * 3.0, [3, 3]),
    "matmul": (lambda x: autograd.matmul(x, Tensor([1.0, 2.0])), [1, 2]),
    "mean of a product with floats": (lambda x: autograd.mean(x * Tensor([1.0, 2.0])), [0.5, 1]),
}


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "int64", "float32"])
@pytest.mark.parametrize("name", SLOPES)
def test_whatever_is_computed_of_integers_has_floating_gradients(name: str, dtype: str) -> None:
    function, expected = SLOPES[name]
    x = Variable(np.array([1, 1], dtype))
    function(x).backward()
    np.testing.assert_allclose(np.array(x.grad), expected, rtol=1e-6)
    assert x.grad.dtype == "float32"


def test_a_slope_of_0_is_a_gradient_of_zeros_and_no_dependence_is_none() -> None:
    x, y = Variable([1.0, 2.0]), Variable([[3.0], [4.0]])
    (autograd.power(x, 0) + 0.0 * y).backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([0, 0], [[0], [0]])
    z, w = Variable([1.0, 2.0]), Variable([1.0, 2.0])
    (z.data * w).backward()
    assert z.grad is None
    assert w.grad.tolist() == [1, 2]
    u = Variable([1.0, 2.0])
    ReLU().forward_(u)
    (u**0).backward()
    assert u.grad.tolist() == [0, 0]


def test_gradients_have_the_operands_shape() -> None:
    x, y = Variable([[1.0], [2.0]]), Variable(3.0)
    (x * np.ones((2, 4), np.float32) * y).backward()
    assert np.array_equal(x.grad, [[12], [12]])
    assert np.array_equal(y.grad, 12)


def test_a_diamond_of_depth_100() -> None:
    x = Variable(1.0)
    y = x
    for _ in range(100):
        y = y + y
    (y * 2.0**-100).backward()
    assert x.grad.item() == 1.0


def test_integers_have_floating_gradients() -> None:
    x = Variable([1, 2, 3])
    y = (x * x).sum()
    assert y.dtype == np.int64
    y.backward()
    assert x.grad.dtype == np.float32
    assert np.array_equal(x.grad, [2, 4, 6])


def test_log_is_held_in_the_course_and_not_in_tt() -> None:
    x = Variable([-5.0, 0.0, 1e-9, 0.5])
    y = autograd.log(x)
    y.backward()
    np.testing.assert_allclose(y.data.data, [np.log(1e-8)] * 3 + [np.log(0.5)], rtol=1e-6)
    np.testing.assert_allclose(np.array(x.grad), [1e8, 1e8, 1e8, 2], rtol=1e-6)
    assert tt.log(Tensor([0.0])).item() == -np.inf


def test_a_training_loop_of_the_course_compiles_once() -> None:
    x = np.linspace(-1, 1, 20, dtype=np.float32).reshape(-1, 1)
    w, b = Variable([[0.0]]), Variable([0.0])

    def step(rate):
        loss = autograd.mean((Variable(x, False) @ w + b - Variable(2 * x + 1, False)) ** 2)
        zero_gradients([w, b])
        loss.backward()
        w.data._data -= rate * w.grad.data._data
        b.data._data -= rate * b.grad.data._data
        return loss.item()

    step(0.3)
    step(0.3)
    before = CACHE.compiled
    losses = [step(0.3 + 0.001 * k) for k in range(60)]
    assert CACHE.compiled == before
    assert losses[-1] < 1e-8
    np.testing.assert_allclose([w.item(), b.item()], [2, 1], atol=1e-4)


def test_a_function_given_as_grad_fn_is_called() -> None:
    x = Variable([1.0, 2.0])
    y = Variable(x.data * 10, grad_fn=lambda gradient: x.backward(gradient * 10))
    (y * 3).sum().backward()
    assert np.array_equal(x.grad, [30, 30])
    assert not y.is_leaf


def test_a_tensor_of_a_variable_carries_no_gradient() -> None:
    x = Variable([1.0, 2.0])
    y = x * x
    (Variable(y.data * 2, requires_grad=False) * x).sum().backward()
    assert np.array_equal(x.grad, [2, 8])


def test_mixing_with_tensors_arrays_and_numbers() -> None:
    x = Variable([1.0, 2.0])
    for other in (Tensor([3.0, 4.0]), np.float32([3, 4]), [3.0, 4.0]):
        for found in (x * other, other * x):
            assert isinstance(found, Variable)
            assert found.tolist() == [3, 8]


def test_clipping_scales_together() -> None:
    x, y = Variable([3.0]), Variable([4.0])
    ((x * x + y * y).sum() * 0.5).backward()
    assert clip_gradients([x, y], 1.0) is None
    assert [x.grad.item(), y.grad.item()] == pytest.approx([0.6, 0.8])
    clip_gradients([x, y], 10.0)
    assert x.grad.item() == pytest.approx(0.6)


def test_clipping_refuses_nan_and_negative_bounds() -> None:
    x = Variable([np.nan])
    (x * x).sum().backward()
    with pytest.raises(tt.GradientError, match="NaN or infinite"):
        clip_gradients([x])
    for bound in (-1, float("nan"), "a", None):
        with pytest.raises(tt.ArgumentError, match="is a number and not negative"):
            clip_gradients([x], bound)


def test_parameters_are_collected_through_modules_lists_and_dicts() -> None:
    first, second, third = Dense(2, 3), Dense(3, 4, use_bias=False), Dense(4, 1)
    found = collect_parameters([first, {"a": [second]}], Sequential(ReLU(), third, first))
    expected = [first.weights, first.bias, second.weights, third.weights, third.bias]
    assert [id(item) for item in found] == [id(item) for item in expected]


def test_what_backward_refuses() -> None:
    x = Variable([1.0, 2.0])
    with pytest.raises(tt.ShapeError, match=r"\[2\] has the same shape, not \[3\]"):
        (x * 2).backward([1.0, 2.0, 3.0])


def test_backward_where_nothing_requires_a_gradient_does_nothing() -> None:
    x = Variable([1.0], requires_grad=False)
    x.backward()
    (x * 2).backward([1.0])
    assert x.grad is None


def test_the_data_of_a_computed_variable_is_not_assigned_to() -> None:
    y = Variable([1.0, 2.0]) * 2
    with pytest.raises(tt.GradientError, match=r"read-only: f32\[2\]\n  fix: variable.data = values"):
        y.data.data = np.zeros(2, np.float32)
    y.data = [5.0, 6.0]
    assert (y.is_leaf, (y * 3).tolist()) == (True, [15, 18])


@pytest.mark.parametrize(
    "take",
    [clip_gradients, zero_gradients, SGD, lambda given: Adam(given)],
    ids=["clip", "zero", "sgd", "adam"],
)
def test_one_variable_alone_is_no_list_of_variables(take) -> None:
    with pytest.raises(tt.ArgumentError, match=r"as a list, not one alone: Variable\([^$]*fix: \[variable\]"):
        take(Variable([3.0, 4.0]))
    with pytest.raises(tt.ArgumentError, match=r"Variables, not array"):
        take([np.ones(2)])


def test_large_finite_gradients_are_clipped() -> None:
    x = Variable(np.array([0.0, 0.0]))
    (x * np.array([3e200, -4e200])).sum().backward()
    clip_gradients([x], 1.0)
    assert x.grad is not None
    np.testing.assert_allclose(np.array(x.grad), [0.6, -0.8])
    x.grad = Variable([1.0, np.inf])
    with pytest.raises(tt.GradientError, match="NaN or infinite"):
        clip_gradients([x], 1.0)


def test_parameters_are_found_in_sets_slots_and_what_yields_modules() -> None:
    class Slotted:
        __slots__ = ("missing", "scale")

        def __init__(self) -> None:
            self.scale = Variable(2.0)

    class Reading:
        def __init__(self) -> None:
            self.weight = Variable(1.0)
            self.batches = iter([1, 2])

    assert [item.item() for item in collect_parameters(Slotted())] == [2]
    assert len(collect_parameters({Variable(1.0), Variable(2.0)})) == 2
    modules = [Dense(2, 2), Slotted()]
    assert collect_parameters(item for item in modules) == collect_parameters(modules)
    reading = Reading()
    assert collect_parameters(reading) == [reading.weight]
    assert next(reading.batches) == 1


def test_axis_is_another_word_for_dim_and_the_smallest_shares_its_gradient() -> None:
    x = Variable([[1.0, -2.0, 1.0], [4.0, 5.0, 6.0]])
    for name in ("sum", "mean", "max", "min"):
        np.testing.assert_array_equal(getattr(x, name)(axis=1).tolist(), getattr(x, name)(1).tolist())
        with pytest.raises(tt.ArgumentError, match="two names of one thing"):
            getattr(x, name)(1, axis=1)
    (x.min(axis=0) + abs(x)[0]).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[2, 0, 2], [0, 0, 0]]
