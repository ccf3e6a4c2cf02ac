"""Losses of the course: `tt.losses` on variables. Each is a callable of predictions and targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tinytorch import losses
from tinytorch.core.variable import Variable, of_two


class Loss:
    """A scalar of predictions and targets of one shape. Raises ShapeError where the shapes differ."""

    function: ClassVar[Callable[..., Any]]

    def forward(self, predictions: Any, targets: Any) -> Variable:
        """The loss, with gradients by the predictions (and by targets that require one)."""
        function = type(self).function
        return of_two(type(self).__name__, lambda x, y: function(x, y), predictions, targets)

    def __call__(self, predictions: Any, targets: Any) -> Variable:
        return self.forward(predictions, targets)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class MeanSquaredError(Loss):
    """The squared differences of predictions and targets, averaged over all elements."""

    function = staticmethod(losses.mse)


class CrossEntropyLoss(Loss):
    """The cross-entropy of targets (class indices, or probabilities) and `softmax(logits)`, in nats."""

    function = staticmethod(losses.cross_entropy)


class BinaryCrossEntropyLoss(Loss):
    """How surprised predicted probabilities are by targets between 0 and 1, averaged, in nats."""

    function = staticmethod(losses.binary_cross_entropy)


MSELoss = MeanSquaredError
"""PyTorch's name."""
