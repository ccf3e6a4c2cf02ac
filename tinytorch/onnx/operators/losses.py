"""Losses of classes."""

from __future__ import annotations

from typing import Any

from tinytorch.losses.classes import cross_entropy, nll
from tinytorch.onnx.calling.operator import Call, operator
from tinytorch.ops.normalise import log_softmax
from tinytorch.tensor import Tensor


@operator("NegativeLogLikelihoodLoss", since=12)
def negative_log_likelihood(
    x: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: Any,
    ignore_index: int | None = None,
) -> Tensor:
    """-weight[target] * x[target] along axis 1, its sum, or its mean by the weights."""
    return nll(x, target, weight, axis=1, ignore_index=ignore_index, reduction=reduction)


@operator("SoftmaxCrossEntropyLoss", since=12)
def softmax_cross_entropy(
    scores: Tensor, labels: Tensor, weights: Tensor | None = None, *, reduction: Any,
    ignore_index: int | None = None, call: Call,
) -> Any:  # fmt: skip
    """The negative log-likelihood of log_softmax along axis 1, which is the second output."""
    settings: Any = {"axis": 1, "ignore_index": ignore_index, "reduction": reduction}
    if not call.wants(1):
        return cross_entropy(scores, labels, weights, **settings)
    logs = log_softmax(scores, 1)
    return nll(logs, labels, weights, **settings), logs
