"""The gradient checker passes what is right and is proven to fail on what is wrong by 0.1%."""

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.testing import CheckFailed, check_backend, check_gradient, check_pass

A = np.random.default_rng(1).standard_normal((3, 4))


def wrong_by(share: float):
    def gradient(loss: tt.Tensor, inputs) -> list[tt.Tensor]:
        first, *others = tt.grad(loss, list(inputs))
        return [first * (1 + share), *others]

    return gradient


def matmul(x: tt.Tensor, w: tt.Tensor) -> tt.Tensor:
    return tt.tanh(x @ w)


def test_what_is_right_passes_to_second_order():
    check_gradient(matmul, A, A.T.copy())
    check_gradient(matmul, A, A.T.copy(), order=2)


@pytest.mark.parametrize("share", [1e-3, -1e-3])
@pytest.mark.parametrize("seed", range(3))
def test_a_rule_that_is_wrong_by_a_thousandth_is_caught(share, seed):
    with pytest.raises(
        CheckFailed, match=r"the gradient by argument 0 is .* and the function's slope there is"
    ):
        check_gradient(matmul, A, A.T.copy(), gradient=wrong_by(share), seed=seed)


def test_one_wrong_element_is_caught():
    def gradient(loss: tt.Tensor, inputs) -> list[tt.Tensor]:
        (slope,) = tt.grad(loss, list(inputs))
        error = np.zeros_like(A)
        error[1, 2] = 1e-3
        return [slope * (1 + error)]

    with pytest.raises(CheckFailed):
        check_gradient(tt.exp, A, gradient=gradient)


def test_a_failure_is_an_assertion_and_an_error_of_ours():
    assert issubclass(CheckFailed, AssertionError)
    assert issubclass(CheckFailed, tt.TinytorchError)


@pytest.mark.parametrize(
    "check",
    [lambda names: check_pass("inplace", names=names), lambda names: check_backend("numpy", names=names)],
)
def test_a_program_that_is_not_there_is_named(check):
    with pytest.raises(tt.ArgumentError, match="no test program is named 'chian'; there are elementwise, "):
        check(["chian"])
    check("chain")


def test_a_gradient_has_an_order():
    with pytest.raises(tt.ArgumentError, match="of order 1 or more, not 0"):
        check_gradient(tt.tanh, np.ones(2), order=0)
