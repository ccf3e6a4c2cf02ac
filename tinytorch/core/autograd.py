"""The course's functions of variables, and what a training loop does with their gradients.

w = Variable([1.0, 2.0])
loss = mean((w * 3 - 1) ** 2)
loss.backward()
clip_gradients([w], max_norm=1.0)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, Final, cast

import numpy as np

from compiler.errors import ArgumentError, GradientError
from tinytorch.core.tensor import Tensor
from tinytorch.core.variable import Variable, as_variable, each_variable, of_two
from tinytorch.elementwise import elementwise
from tinytorch.ops import activations, normalise
from tinytorch.ops import elementwise as ops
from tinytorch.testing import CheckFailed

__all__ = [
    "Variable", "add", "subtract", "multiply", "divide", "power", "matmul", "exp", "log", "sum_all", "mean",
    "relu_with_grad", "sigmoid_with_grad", "tanh_with_grad", "softmax_with_grad", "relu", "sigmoid", "tanh",
    "softmax", "clip_gradients", "zero_gradients", "collect_parameters", "check_gradients",
]  # fmt: skip


def add(a: Any, b: Any) -> Variable:
    """The sum of two operands, one at least a variable; each gets the cotangent, summed where it repeats."""
    return as_variable(a) + b


def subtract(a: Any, b: Any) -> Variable:
    """The first operand less the second; the gradient of the second has the other sign."""
    return as_variable(a) - b


def multiply(a: Any, b: Any) -> Variable:
    """The product of two operands; each has for a gradient the cotangent times the other one."""
    return as_variable(a) * b


def divide(a: Any, b: Any) -> Variable:
    """The true quotient of two operands, floating for ints too; by 0 it is an infinity, or NaN of 0."""
    return as_variable(a) / b


def power(base: Any, exponent: Any) -> Variable:
    """`base ** exponent`, of a number or of another variable."""
    return as_variable(base) ** exponent


def matmul(a: Any, b: Any) -> Variable:
    """The matrix product of the last two axes, over leading axes that broadcast (numpy.matmul)."""
    return of_two("matmul", lambda x, y: x @ y, a, b)


def exp(x: Any) -> Variable:
    """e to the power x, infinite beyond 88.7; its slope is its value."""
    return as_variable(x).map("exp", ops.exp)


def _clamped(x: Any) -> Any:
    # Below the bound the value is the bound and the slope still 1, so that log has the slope 1 / bound there.
    return ops.where(x > SMALLEST, x, SMALLEST + (x - ops.stop_gradient(x)))


SMALLEST: Final = 1e-8
_at_least_smallest = elementwise("at_least_smallest", _clamped)


def log(x: Any) -> Variable:
    """`log(max(x, 1e-8))` with the gradient `1 / max(x, 1e-8)`, the course's. `tt.log` is not clamped."""
    return as_variable(x).map("log", lambda t: ops.log(_at_least_smallest(t)))


def sum_all(x: Any) -> Variable:
    """The elements added up to one number; each has the cotangent for a gradient."""
    return as_variable(x).sum()


def mean(x: Any) -> Variable:
    """The arithmetic average of everything, one number; each element gets its share of the cotangent."""
    return as_variable(x).mean()


def relu_with_grad(x: Any) -> Variable:
    """0 below 0, `x` above, as a function of variables; the slope at 0 is 0."""
    return as_variable(x).map("relu", activations.relu)


def sigmoid_with_grad(x: Any) -> Variable:
    """The logistic function `1 / (1 + exp(-x))` of a variable, an S from 0 to 1; overflows nowhere."""
    return as_variable(x).map("sigmoid", activations.sigmoid)


def tanh_with_grad(x: Any) -> Variable:
    """The hyperbolic tangent of a variable, an S from -1 to 1 with slope 1 at 0."""
    return as_variable(x).map("tanh", ops.tanh)


def softmax_with_grad(x: Any, dim: int = -1) -> Variable:
    """Exponentials over their sum along a dim."""
    return as_variable(x).map("softmax", lambda t: normalise.softmax(t, dim))


relu, sigmoid, tanh, softmax = relu_with_grad, sigmoid_with_grad, tanh_with_grad, softmax_with_grad


# Gradients of many variables


def zero_gradients(variables: Iterable[Variable]) -> None:
    """Fills the gradients with zeros, where there are any."""
    for variable in each_variable(variables):
        variable.zero_grad()


def clip_gradients(variables: Iterable[Variable], max_norm: float = 1.0) -> None:
    """Scales all gradients together down so that their Euclidean norm is at most `max_norm`.

    Raises ArgumentError for a bound that is negative or no number, GradientError
    where a gradient is NaN or infinite: scaling it would make every other one NaN or 0.
    """
    if not isinstance(cast(Any, max_norm), Real) or not max_norm >= 0:
        raise ArgumentError(f"max_norm is a number and not negative: {max_norm!r}")
    held = [item for item in each_variable(variables) if item.grad is not None]
    norm = _norm([item.grad.data.astype("float64") for item in held if item.grad is not None])
    if not np.isfinite(norm):
        raise GradientError("a gradient that is NaN or infinite cannot be clipped")
    if norm > max_norm:
        for item in held:
            assert item.grad is not None
            item.grad = Variable(item.grad.data * (max_norm / norm), requires_grad=False)


def _norm(gradients: Sequence[Tensor]) -> float:
    """The Euclidean norm of all together; the squares of large elements, which overflow, are of shares."""
    total = sum((gradient * gradient).sum().item() for gradient in gradients)
    if np.isfinite(total):
        return float(np.sqrt(total))
    largest = [abs(gradient).max().item() for gradient in gradients if gradient.size]
    if not np.isfinite(largest).all():
        return float("nan")
    shares = [gradient / max(largest) for gradient in gradients]
    return max(largest) * float(np.sqrt(sum((share * share).sum().item() for share in shares)))


def collect_parameters(*modules: Any) -> list[Variable]:
    """Every variable that requires a gradient in modules, lists and dicts of any depth, once, in order.

    Of a module these are its attributes. Of the arguments only, what yields items is gone through as a list.
    """
    found: dict[int, Variable] = {}
    seen: set[int] = set()
    pending: list[Any] = [_listed(item) for item in reversed(modules)]
    while pending:
        item = pending.pop()
        if isinstance(item, Variable):
            if item.requires_grad and item.is_leaf:
                found.setdefault(id(item), item)
        elif id(item) not in seen:
            seen.add(id(item))
            pending.extend(reversed(_parts(item)))
    return list(found.values())


def _listed(item: Any) -> Any:
    return list(cast("Iterator[Any]", item)) if isinstance(item, Iterator) else item


def _parts(item: Any) -> list[Any]:
    if isinstance(item, Mapping):
        return list(cast("Mapping[Any, Any]", item).values())
    if isinstance(item, Tensor | np.ndarray | str | bytes | type):
        return []
    if isinstance(item, list | tuple | set | frozenset | deque):
        return list(cast("Iterable[Any]", item))
    slots = [name for kind in type(item).__mro__ for name in _names(getattr(kind, "__slots__", ()))]
    held = [getattr(item, name) for name in slots if hasattr(item, name)]
    return [*held, *cast("dict[str, Any]", getattr(item, "__dict__", {})).values()]


def _names(slots: str | Iterable[str]) -> list[str]:
    return [slots] if isinstance(slots, str) else list(slots)


def check_gradients(
    function: Callable[..., Variable], *arrays: Any, step: float = 1e-6, tolerance: float = 1e-5
) -> None:
    """Compares the gradients of a function of variables with central differences of its sum, in float64.

    Raises CheckFailed naming argument and place where they differ by more than `tolerance` of their size (or
    of 1): a rule that is wrong by 0.1% is caught.
    """
    values = [np.array(array, np.float64) for array in arrays]
    variables = [Variable(value) for value in values]
    function(*variables).backward()
    for place, (variable, value) in enumerate(zip(variables, values, strict=True)):
        derived = np.zeros_like(value) if variable.grad is None else np.array(variable.grad)
        for index in np.ndindex(value.shape):
            ends: list[float] = []
            for moved in (value[index] + step, value[index] - step):
                given = [Variable(item, requires_grad=False) for item in values]
                given[place].data.data[index] = moved
                ends.append(float(np.array(function(*given)).sum()))
            measured = (ends[0] - ends[1]) / (2 * step)
            if not abs(measured - derived[index]) <= tolerance * max(1.0, abs(measured)):
                raise CheckFailed(
                    f"the gradient by argument {place} at {index} is {derived[index]:.9g}, "
                    f"and the function's slope there is {measured:.9g}"
                )
