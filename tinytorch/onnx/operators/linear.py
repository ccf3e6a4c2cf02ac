"""Linear models, and what comes after scores (ai.onnx.ml)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from tinytorch.onnx.calling.operator import Call, operator
from tinytorch.onnx.calling.values import Array, Unsupported
from tinytorch.ops.activations import sigmoid
from tinytorch.ops.elementwise import abs, erfinv, exp, where
from tinytorch.ops.layout import concatenate, take
from tinytorch.ops.normalise import softmax
from tinytorch.tensor import Tensor

_DOMAIN: Final = "ai.onnx.ml"


def _softmax_zero(scores: Tensor) -> Tensor:
    """softmax in which what is 0 stays so."""
    largest = scores.max(-1, keepdims=True)
    raised = where(abs(scores) > 1e-7, exp(scores - largest), scores * exp(-largest))
    total = raised.sum(-1, keepdims=True)
    return where(total == 0, 0.5, raised / where(total == 0, 1.0, total))


def _probit(scores: Tensor) -> Tensor:
    return math.sqrt(2) * erfinv(2 * scores - 1)


_TRANSFORMS: Final[Mapping[str, Callable[[Tensor], Tensor]]] = {
    "NONE": lambda scores: scores,
    "LOGISTIC": sigmoid,
    "SOFTMAX": softmax,
    "SOFTMAX_ZERO": _softmax_zero,
    "PROBIT": _probit,
}


def transformed(scores: Tensor, name: str) -> Tensor:
    """Scores after a post_transform. Raises Unsupported for one that there is not."""
    if name not in _TRANSFORMS:
        raise Unsupported(f"there is no post_transform {name!r}")
    return _TRANSFORMS[name](scores)


def labelled(place: Tensor, labels: Sequence[int] | None, texts: Any, call: Call) -> Tensor | None:
    """The labels of classes; texts only where nobody wants them."""
    if texts:
        if call.wants(0):
            raise Unsupported("its labels are texts, which are no tensors of ours")
        return None
    return place if labels is None else take(np.asarray(labels, np.int64), place)


def wide(x: Tensor) -> Tensor:
    """Features as floats: float64 stays, others are float32."""
    return x if str(x.dtype) == "float64" else x.astype("float32")


def _scores(x: Tensor, coefficients: Sequence[float], intercepts: Sequence[float] | None) -> Tensor:
    width = x.shape[-1]
    if not isinstance(width, int):
        raise Unsupported(f"the number of features is {width}")
    matrix: Array = np.asarray(coefficients, np.float32).reshape(-1, width)
    scores = x @ matrix.T.astype(x.dtype.numpy)
    return scores if intercepts is None else scores + np.asarray(intercepts, x.dtype.numpy)


@operator("LinearRegressor", since=1, domain=_DOMAIN)
def linear_regressor(
    x: Tensor, *, coefficients: Sequence[float], post_transform: str, targets: int,
    intercepts: Sequence[float] | None = None,
) -> Tensor:  # fmt: skip
    """x times coefficients `[targets, features]`, plus intercepts."""
    found = _scores(wide(x), coefficients, intercepts)
    if found.shape[-1] != targets:
        raise Unsupported(f"{len(coefficients)} coefficients are not those of {targets} targets")
    return transformed(found, post_transform).astype("float32")


@operator("LinearClassifier", since=1, domain=_DOMAIN, limits="Labels are numbers.")
def linear_classifier(
    x: Tensor, *, coefficients: Sequence[float], intercepts: Sequence[float] | None = None,
    classlabels_ints: Sequence[int] | None = None, classlabels_strings: Any = None, multi_class: int = 0,
    post_transform: str, call: Call,
) -> Any:  # fmt: skip
    """The label of the largest score, and the scores; one score of two classes is that of the second."""
    scores = _scores(wide(x), coefficients, intercepts)
    count = len(classlabels_ints or classlabels_strings or ())
    if count == 2 and scores.shape[-1] == 1:
        place = (scores[:, 0] > 0).astype("int64")
        second = sigmoid(scores) if post_transform == "LOGISTIC" else scores
        found = concatenate([1 - second, second], -1)
    else:
        place, found = scores.argmax(-1), transformed(scores, post_transform)
    return labelled(place, classlabels_ints, classlabels_strings, call), found.astype("float32")
