"""How parameters begin: functions of a shape and a generator, by name or made here.

    tt.nn.Dense(64, 10, initialiser="orthogonal")
    tt.nn.Dense(64, 10, initialiser=tt.nn.initialisers.variance_scaling(2.0, "fan_out"))

A matrix is `[inputs, outputs]`; a weight of more axes, as of a convolution, `[outputs, inputs, *kernel]`: its
fans are counted with the kernel's elements. Names are PyTorch's and Keras's.

kaiming, he        He et al., Delving Deep into Rectifiers (2015), with the gain of relu
xavier, glorot     Glorot and Bengio, Understanding the difficulty of training deep networks (2010)
lecun              LeCun et al., Efficient BackProp (1998)
orthogonal         Saxe et al., Exact solutions to the nonlinear dynamics of learning (2014)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from tinytorch.values import checked_number

__all__ = [
    "INITIALISERS", "constant", "dirac", "eye", "normal", "orthogonal", "sparse", "truncated_normal",
    "uniform", "variance_scaling",
]  # fmt: skip

Array: TypeAlias = np.ndarray[Any, Any]
Initialiser: TypeAlias = "Callable[[tuple[int, ...], np.random.Generator], Array]"
"""In quotes, so that numpy.random is not loaded before it is needed."""

Fan: TypeAlias = Literal["fan_in", "fan_out", "fan_avg"]
Distribution: TypeAlias = Literal["uniform", "normal", "truncated_normal"]


def uniform(bound: float) -> Initialiser:
    """Uniform between -`bound` and `bound`."""
    return partial(_uniform, checked_number("bound", bound))


def normal(deviation: float, mean: float = 0.0) -> Initialiser:
    """Normal, with a standard deviation and a mean."""
    return partial(_normal, checked_number("deviation", deviation), checked_number("mean", mean))


def truncated_normal(
    deviation: float, mean: float = 0.0, low: float = -2.0, high: float = 2.0
) -> Initialiser:
    """Normal, of which only what lies between `low` and `high` deviations from the mean is taken."""
    numbers = (("deviation", deviation), ("mean", mean), ("low", low), ("high", high))
    checked = [checked_number(what, value) for what, value in numbers]
    if not low < high:
        raise ArgumentError(f"nothing lies between {low} and {high}")
    return partial(_truncated, *checked)


def constant(value: float) -> Initialiser:
    """The same value everywhere."""
    return partial(_constant, checked_number("value", value))


def orthogonal(gain: float = 1.0) -> Initialiser:
    """`gain` times a matrix with orthonormal rows or columns, of what lies beyond the first axis in one."""
    return partial(_orthogonal, checked_number("gain", gain))


def sparse(sparsity: float, deviation: float = 0.01) -> Initialiser:
    """Normal, with this share of each column zero.

    Martens, Deep learning via Hessian-free optimization (2010).
    """
    share = checked_number("sparsity", sparsity)
    if not 0 <= share <= 1:
        raise ArgumentError(f"a share lies between 0 and 1, not {sparsity!r}")
    return partial(_sparse, share, checked_number("deviation", deviation))


def variance_scaling(
    scale: float = 1.0, mode: Fan = "fan_in", distribution: Distribution = "truncated_normal"
) -> Initialiser:
    """Of variance `scale / fan`: of the inputs, the outputs, or their average (Keras's VarianceScaling).

    PyTorch's `kaiming_normal_` with a gain is `variance_scaling(gain**2, mode, "normal")`.
    """
    if mode not in _FANS or distribution not in _SPREAD:
        raise ArgumentError(
            f"variance_scaling takes a mode, {', '.join(_FANS)}, and a distribution, {', '.join(_SPREAD)}, "
            f"not {mode!r} and {distribution!r}"
        )
    return partial(_scaled, checked_number("scale", scale), mode, distribution)


# Functions with names, so that a network pickles.


def eye(shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    """The identity, of a matrix. Raises ShapeError for other shapes."""
    if len(shape) != 2:  # a matrix
        raise ShapeError(f"the initialiser eye is of matrices, not {list(shape)}")
    return np.eye(*shape)


def dirac(shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    """What makes a convolution the identity: 1 in the middle of a kernel, from each channel to its own."""
    if len(shape) < 3:  # outputs, inputs and a kernel
        raise ShapeError(
            f"the initialiser dirac is of kernels, [outputs, inputs, *kernel], not {list(shape)}"
        )
    array = np.zeros(shape)
    middle = tuple(extent // 2 for extent in shape[2:])
    for channel in range(min(shape[:2])):
        array[(channel, channel, *middle)] = 1
    return array


def _uniform(bound: float, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    return generator.uniform(-bound, bound, shape)


def _normal(deviation: float, mean: float, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    return mean + deviation * generator.standard_normal(shape)


def _truncated(
    deviation: float,
    mean: float,
    low: float,
    high: float,
    shape: tuple[int, ...],
    generator: np.random.Generator,
) -> Array:
    """What falls outside is drawn again."""
    drawn = generator.standard_normal(shape)
    while (outside := (drawn < low) | (drawn > high)).any():
        drawn[outside] = generator.standard_normal(int(outside.sum()))
    return mean + deviation * drawn


def _constant(value: float, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    return np.full(shape, value)


def _orthogonal(gain: float, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    """By the QR of a normal matrix, with signs that make it uniform over all such matrices."""
    if len(shape) < 2:  # a matrix and more
        raise ShapeError(f"the initialiser orthogonal is of two axes and more, not {list(shape)}")
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diag(r) < 0, -1, 1)
    return gain * (q if rows >= columns else q.T).reshape(shape)


def _sparse(share: float, deviation: float, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    if len(shape) != 2:  # a matrix
        raise ShapeError(f"the initialiser sparse is of matrices, not {list(shape)}")
    array = deviation * generator.standard_normal(shape)
    for column in range(shape[1]):
        array[generator.permutation(shape[0])[: math.ceil(share * shape[0])], column] = 0
    return array


def _scaled(
    scale: float,
    mode: Fan,
    distribution: Distribution,
    shape: tuple[int, ...],
    generator: np.random.Generator,
) -> Array:
    variance = scale / max(_FANS[mode](*_fans(shape)), 1)
    return _SPREAD[distribution](math.sqrt(variance))(shape, generator)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs of each output, and outputs of each input."""
    if len(shape) <= 2:
        first, *others = shape or (1,)
        return first, others[0] if others else first
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def _inputs(inputs: int, outputs: int) -> float:
    return inputs


def _outputs(inputs: int, outputs: int) -> float:
    return outputs


def _average(inputs: int, outputs: int) -> float:
    return (inputs + outputs) / 2


def _uniform_of(deviation: float) -> Initialiser:
    """Uniform, with a standard deviation."""
    return uniform(math.sqrt(3) * deviation)


def _truncated_of(deviation: float) -> Initialiser:
    """Cut at two deviations, and as wide again as it was before that."""
    return truncated_normal(deviation / 0.87962566103423978)


_FANS: Final[Mapping[str, Callable[[int, int], float]]] = {
    "fan_in": _inputs, "fan_out": _outputs, "fan_avg": _average,
}  # fmt: skip
_SPREAD: Final[Mapping[str, Callable[[float], Initialiser]]] = {
    "uniform": _uniform_of, "normal": normal, "truncated_normal": _truncated_of,
}  # fmt: skip

_KAIMING: Final = {
    "uniform": variance_scaling(2, "fan_in", "uniform"),
    "normal": variance_scaling(2, "fan_in", "normal"),
}
_XAVIER: Final = {
    "uniform": variance_scaling(1, "fan_avg", "uniform"),
    "normal": variance_scaling(1, "fan_avg", "normal"),
}

INITIALISERS: Final[Mapping[str, Initialiser]] = {
    "torch_linear": variance_scaling(1 / 3, "fan_in", "uniform"),
    "kaiming_uniform": _KAIMING["uniform"],
    "kaiming_normal": _KAIMING["normal"],
    "xavier_uniform": _XAVIER["uniform"],
    "xavier_normal": _XAVIER["normal"],
    "he_uniform": _KAIMING["uniform"],
    "he_normal": variance_scaling(2, "fan_in", "truncated_normal"),
    "glorot_uniform": _XAVIER["uniform"],
    "glorot_normal": variance_scaling(1, "fan_avg", "truncated_normal"),
    "lecun_uniform": variance_scaling(1, "fan_in", "uniform"),
    "lecun_normal": variance_scaling(1, "fan_in", "truncated_normal"),
    "normal": normal(1.0),
    "trunc_normal": truncated_normal(1.0),
    "random_uniform": uniform(0.05),
    "random_normal": normal(0.05),
    "truncated_normal": truncated_normal(0.05),
    "orthogonal": orthogonal(),
    "identity": eye,
    "eye": eye,
    "dirac": dirac,
    "zeros": constant(0.0),
    "ones": constant(1.0),
}
"""`torch_linear` is the default of PyTorch's Linear and convolutions, uniform within `1 / sqrt(inputs)`.

`normal` and `trunc_normal` are PyTorch's, of deviation 1; `random_normal`, `random_uniform` and
`truncated_normal` Keras's, of 0.05. Keras cuts its normals at two deviations, PyTorch does not.
"""


def find_initialiser(which: str | Initialiser) -> Initialiser:
    """An initialiser by name, or the function itself. Raises ArgumentError naming those there are."""
    if not isinstance(which, str):
        return which
    if which not in INITIALISERS:
        raise ArgumentError(f"no initialiser is named {which!r}; there are {', '.join(INITIALISERS)}")
    return INITIALISERS[which]
