"""Copies and pickles of the course's objects: values, gradients and the state of optimisers go along."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.core.activations import ReLU, Sigmoid
from tinytorch.core.autograd import Variable, collect_parameters
from tinytorch.core.layers import Dense, Sequential
from tinytorch.core.losses import MeanSquaredError
from tinytorch.core.optimizers import SGD, Adam
from tinytorch.core.tensor import Tensor


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301  # our own bytes


each_way = pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])


@each_way
@pytest.mark.parametrize("make", [lambda: Tensor([1.0, 2.0]), lambda: Tensor([0.5, 1.0]) * 2])
def test_a_tensor_goes_with_its_values(copied: Callable[[Any], Any], make: Callable[[], Tensor]) -> None:
    x = make()
    x.requires_grad = True
    y = copied(x)
    assert (y.tolist(), y.dtype, y.requires_grad) == ([1, 2], np.float32, True)
    ReLU().forward_(y)
    y.data[0] = 9
    assert x.tolist() == [1, 2]


@each_way
def test_a_tensor_that_is_not_fed_stays_unfed(copied: Callable[[Any], Any]) -> None:
    y = copied(Tensor([2.0]) * tt.input("late", (1,)))
    with pytest.raises(tt.SymbolicValueError, match="late"):
        y.tolist()


@each_way
def test_a_leaf_goes_with_its_gradient(copied: Callable[[Any], Any]) -> None:
    x = Variable([1.0, 2.0])
    (x * x).sum().backward()
    y = copied(x)
    assert (y.tolist(), y.grad.tolist(), y.is_leaf) == ([1, 2], [2, 4], True)
    (y * 3).sum().backward()
    assert y.grad.tolist() == [5, 7]
    ReLU().forward_(y)
    y.data._data -= 1
    assert x.grad is not None
    assert (x.tolist(), x.grad.tolist()) == ([1, 2], [2, 4])


@each_way
def test_a_variable_that_was_computed_is_refused(copied: Callable[[Any], Any]) -> None:
    with pytest.raises(tt.GradientError, match=r"backward of mul[^$]*fix: variable.detach\(\)"):
        copied(Variable([1.0]) * 2)
    assert copied((Variable([1.0]) * 2).detach()).tolist() == [2]


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
@pytest.mark.parametrize("make", [Adam, lambda found: SGD(found, 0.1, momentum=0.9)])
def test_training_goes_on_from_a_copy(copied: Callable[[Any], Any], make: Callable[..., Any]) -> None:
    network = Sequential(Dense(2, 3, seed=0), ReLU(), Dense(3, 1, seed=1), Sigmoid())
    optimizer = make(collect_parameters(network))

    def step(network: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        MeanSquaredError()(network(Variable([[1.0, 2.0]], False)), Tensor([[0.25]])).backward()
        optimizer.step()

    step(network, optimizer)
    network[0].forward(Tensor([[1.0, 2.0]]))
    before = [np.array(item) for item in network.parameters()]
    other, again = copied((network, optimizer))
    step(other, again)
    for item, values in zip(network.parameters(), before, strict=True):
        np.testing.assert_array_equal(np.array(item), values)
    step(network, optimizer)
    for item, twin in zip(network.parameters(), other.parameters(), strict=True):
        assert item is not twin
        np.testing.assert_array_equal(np.array(item), np.array(twin))


def test_a_copied_activation_has_had_no_forward() -> None:
    activation = Sigmoid()
    activation(Tensor([1.0]))
    with pytest.raises(tt.GradientError, match="needs a forward before it"):
        copy.deepcopy(activation).backward([1.0])
    assert activation.backward([1.0]).shape == (1,)
