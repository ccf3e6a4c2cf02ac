"""Support vectors (ai.onnx.ml): sums of kernels, and classes that are compared two by two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np

from tinytorch.linalg import solve
from tinytorch.onnx.calling.operator import Call, operator
from tinytorch.onnx.calling.values import Array, Unsupported
from tinytorch.onnx.operators.linear import labelled, transformed, wide
from tinytorch.ops.activations import sigmoid
from tinytorch.ops.elementwise import clip, exp, tanh, where
from tinytorch.ops.layout import concatenate, take
from tinytorch.tensor import Tensor

_DOMAIN: Final = "ai.onnx.ml"

_KERNELS: Final[Mapping[str, Callable[[Tensor, Array, float, float, float], Tensor]]] = {
    "LINEAR": lambda x, rows, gamma, coef, degree: x @ rows.T,
    "POLY": lambda x, rows, gamma, coef, degree: (gamma * (x @ rows.T) + coef) ** degree,
    "RBF": lambda x, rows, gamma, coef, degree: exp(-gamma * ((x.unsqueeze(1) - rows) ** 2).sum(-1)),
    "SIGMOID": lambda x, rows, gamma, coef, degree: tanh(gamma * (x @ rows.T) + coef),
}


def _kernels(x: Tensor, vectors: Sequence[float], count: int, name: str, params: Sequence[float]) -> Tensor:
    """How near each row of x is to each vector, `[rows, vectors]`."""
    if name not in _KERNELS:
        raise Unsupported(f"there is no kernel {name!r}")
    rows: Array = np.asarray(vectors, x.dtype.numpy).reshape(count, -1)
    gamma, coef, degree = params
    return _KERNELS[name](x, rows, gamma, coef, degree)


@operator("SVMRegressor", since=1, domain=_DOMAIN)
def svm_regressor(
    x: Tensor, *, coefficients: Sequence[float], rho: Sequence[float], kernel_type: str, n_supports: int,
    one_class: int, post_transform: str, kernel_params: Sequence[float] = (0.0, 0.0, 0.0),
    support_vectors: Sequence[float] = (),
) -> Tensor:  # fmt: skip
    """The sum of coefficients times kernels of x and the support vectors, plus rho."""
    x = wide(x)
    rows = support_vectors if n_supports else coefficients
    weights: Array = np.asarray(coefficients, x.dtype.numpy) if n_supports else np.ones(1, x.dtype.numpy)
    found = _kernels(x, rows, max(n_supports, 1), kernel_type, kernel_params) @ weights[:, None] + rho[0]
    found = where(found > 0, 1.0, -1.0) if one_class else found
    return transformed(found, post_transform).astype("float32")


@operator("SVMClassifier", since=1, domain=_DOMAIN, limits="With support vectors; labels are numbers.")
def svm_classifier(
    x: Tensor, *, coefficients: Sequence[float], rho: Sequence[float], kernel_type: str, post_transform: str,
    kernel_params: Sequence[float] = (0.0, 0.0, 0.0), support_vectors: Sequence[float] = (),
    vectors_per_class: Sequence[int] = (), prob_a: Sequence[float] = (), prob_b: Sequence[float] = (),
    classlabels_ints: Sequence[int] | None = None, classlabels_strings: Any = None, call: Call,
) -> Any:  # fmt: skip
    """The class that most comparisons of two are for; and their scores, or probabilities of classes."""
    if not vectors_per_class:
        raise Unsupported("it has no support vectors; a linear model is a LinearClassifier")
    x = wide(x)
    near = _kernels(x, support_vectors, sum(vectors_per_class), kernel_type, kernel_params)
    pairs = list(combinations(range(len(vectors_per_class)), 2))
    weights = _weights(np.asarray(coefficients, x.dtype.numpy), vectors_per_class, pairs)
    scores = near @ weights + np.asarray(rho, x.dtype.numpy)
    votes = _votes(scores, pairs, len(vectors_per_class))
    if prob_a:
        first, second = (np.asarray(item, x.dtype.numpy) for item in (prob_a, prob_b))
        scores = _coupled(sigmoid(-(scores * first + second)), pairs, len(vectors_per_class))
    elif len(pairs) == 1:
        scores = concatenate([-scores, scores], -1)
    found = transformed(scores, post_transform).astype("float32")
    return labelled(votes.argmax(-1), classlabels_ints, classlabels_strings, call), found


def _weights(coefficients: Array, counts: Sequence[int], pairs: Sequence[tuple[int, int]]) -> Array:
    """What each vector adds to the comparison of two classes: 0 if it is of neither, `[vectors, pairs]`."""
    table = coefficients.reshape(len(counts) - 1, -1)
    of: Array = np.repeat(np.arange(len(counts)), counts)
    columns = [np.where(of == i, table[j - 1], np.where(of == j, table[i], 0)) for i, j in pairs]
    return np.stack(columns, -1).astype(coefficients.dtype)


def _votes(scores: Tensor, pairs: Sequence[tuple[int, int]], count: int) -> Tensor:
    """For how many comparisons each class is the better one, `[rows, classes]`."""
    first, second = (np.eye(count, dtype=np.float32)[[pair[k] for pair in pairs]] for k in (0, 1))
    wins = (scores > 0).astype("float32")
    return wins @ first + (1 - wins) @ second


def _coupled(shares: Tensor, pairs: Sequence[tuple[int, int]], count: int) -> Tensor:
    """Probabilities of classes from those of the first one of each two.

    Wu, Lin and Weng, Probability Estimates for Multi-class Classification by Pairwise Coupling (2004): the
    least squares of their second method, solved at once where libsvm iterates to within 0.005.
    """
    held = clip(shares, 1e-7, 1 - 1e-7)
    both = concatenate([held, 1 - held], -1)
    place: Array = np.zeros((count, count), np.int64)
    for number, (i, j) in enumerate(pairs):
        place[i, j], place[j, i] = number, number + len(pairs)
    table = where(np.eye(count, dtype=bool), 0.0, take(both, place, 1))
    turned = table.swapaxes(-1, -2)
    squares = (table * table).sum(-2).unsqueeze(-1) * np.eye(count, dtype=np.float32)
    found = solve(squares - table * turned + 1, np.ones((count, 1), np.float32)).squeeze(-1)
    return found / found.sum(-1, keepdims=True)
