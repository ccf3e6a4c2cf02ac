"""Stable expressions, written in random ways that are equal: other operators, orders, sharing and axes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import tinytorch as tt

Array = np.ndarray

SCALES = {
    "x": (lambda x: x, 1.0),
    "-x": (lambda x: -x, -1.0),
    "x * 2": (lambda x: x * 2, 2.0),
    "x / 4": (lambda x: x / 4, 0.25),
    "0.5 * x": (lambda x: 0.5 * x, 0.5),
}
"""Multiples of an input, and the factor of each."""

over = tt.elementwise("over", lambda a, b: a / b)
raised = tt.elementwise("raised", lambda a: tt.exp(a))
more = tt.elementwise("more", lambda a: 1 + a)
inverse = tt.elementwise("inverse", lambda a: 1 / a)


class Speller:
    """Writes each step in one of several ways."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.known: dict[object, tt.Tensor] = {}

    def one_of(self, *ways: Callable[[], tt.Tensor]) -> tt.Tensor:
        return self.turned(self.random.choice(ways)())

    def turned(self, x: tt.Tensor) -> tt.Tensor:
        """A value of two axes, sometimes by way of views that cancel."""
        if x.ndim != 2 or self.random.random() < 0.8:
            return x
        return self.random.choice(
            [lambda: x.T.T, lambda: x.unsqueeze(1).squeeze(1), lambda: x.reshape(x.shape)]
        )()

    def exp(self, x: tt.Tensor) -> tt.Tensor:
        """A new exponential, or the one of the same tensor that was there before."""
        ways = [
            lambda: tt.exp(x),
            lambda: raised(x),
            lambda: 1 / tt.exp(-x),
            lambda: tt.exp(x.T).T,
            lambda: self.known.setdefault(id(x), tt.exp(x)),
            lambda: tt.exp(x / 2) * tt.exp(0.5 * x),
        ]
        return self.one_of(*ways)

    def add(self, a: tt.Tensor | float, b: tt.Tensor | float) -> tt.Tensor:
        ways = [lambda: a + b, lambda: b + a, lambda: a - (-b), lambda: -(-a - b)]
        if not isinstance(a, tt.Tensor):
            ways += [lambda: more(b), lambda: tt.constant(np.ones((), b.dtype.numpy)) + b]
        return self.one_of(*ways)

    def neg(self, a: tt.Tensor) -> tt.Tensor:
        return self.one_of(lambda: -a, lambda: a * -1, lambda: 0 - a, lambda: a / -1)

    def div(self, a: tt.Tensor | float, b: tt.Tensor) -> tt.Tensor:
        ways = [
            lambda: a / b,
            lambda: a * (1 / b),
            lambda: inverse(b) * a,
            lambda: a * b**-1,
            lambda: b**-1.0 * a,
        ]
        return self.one_of(*ways, *([] if not isinstance(a, tt.Tensor) else [lambda: over(a, b)]))

    def log(self, a: tt.Tensor) -> tt.Tensor:
        return self.one_of(
            lambda: tt.log(a), lambda: -tt.log(1 / a), lambda: tt.log(a * 2) - float(np.log(2))
        )

    def column(self, x: tt.Tensor) -> tt.Tensor:
        """The sums of rows, as a column."""
        n = x.shape[1]
        ones = tt.constant(np.ones((n, 1), x.dtype.numpy))
        return self.one_of(
            lambda: x.sum(1, keepdims=True),
            lambda: x.sum(1)[:, None],
            lambda: x.sum(1).unsqueeze(1),
            lambda: x.sum(1).reshape(x.shape[0], 1),
            lambda: x.T.sum(0).unsqueeze(-1),
            lambda: x @ ones,
            lambda: x.mean(1, keepdims=True) * n,
            lambda: x.reshape(x.shape[0], n, 1).sum((1, 2)).reshape(-1, 1),
        )

    def less(self, x: tt.Tensor) -> tt.Tensor:
        """An exponent, or that minus its largest in the row."""
        ways = [
            lambda: x,
            lambda: x,
            lambda: x - x.max(1, keepdims=True),
            lambda: x + (-x.max(1)[:, None]),
            lambda: x - tt.stop_gradient(x.max(1, keepdims=True)),
        ]
        return self.random.choice(ways)()


@dataclass(frozen=True)
class Form:
    """A function: how it is written with a speller, what is right, and what is said to be recognised."""

    write: Callable[[Speller, tt.Tensor], tt.Tensor]
    ours: Callable[[tt.Tensor], tt.Tensor]
    exact: Callable[[Array], Array]
    rules: frozenset[str]


def lse(x: Array) -> Array:
    m = x.max(1, keepdims=True)
    return m + np.log(np.exp(x - m).sum(1, keepdims=True))


def _softmax(s: Speller, x: tt.Tensor) -> tt.Tensor:
    x = s.less(x)
    return s.div(s.exp(x), s.column(s.exp(x)))


def _tanh(s: Speller, x: tt.Tensor) -> tt.Tensor:
    up, down = (lambda: s.exp(x)), (lambda: s.exp(-x))
    return s.one_of(
        lambda: s.div(s.add(up(), -down()), s.add(up(), down())),
        lambda: s.div(s.exp(2 * x) - 1, s.add(1, s.exp(x * 2))),
        lambda: s.div(1 - s.exp(-2 * x), s.add(1, s.exp(-2 * x))),
    )


def _sigmoid(s: Speller, x: tt.Tensor) -> tt.Tensor:
    return s.one_of(
        lambda: s.div(1, s.add(1, s.exp(-x))),
        lambda: s.div(s.exp(x), s.add(1, s.exp(x))),
        lambda: s.add(1, -s.div(1, s.add(1, s.exp(x)))),
        lambda: s.add(1, -tt.sigmoid(-x)),
    )


def _softplus(s: Speller, x: tt.Tensor) -> tt.Tensor:
    return s.one_of(
        lambda: s.log(s.add(1, s.exp(x))), lambda: tt.log1p(s.exp(x)), lambda: -s.log(tt.sigmoid(-x))
    )


SHIFTED = {
    "log(sum(exp(x))) = m + log(sum(exp(x - m)))",
    "exp(x) / sum(exp(x)) = exp(x - m) / sum(exp(x - m))",
}
SPLIT = "log(exp(x) * y) = x + log(y)"
LOG_OF_TWO = "log(exp(x) + exp(y)) = maximum(x, y) + softplus(-abs(x - y))"
SIGMOID = "1 / (1 + exp(-x)) = sigmoid(x)"
SOFTPLUS = "log(1 + exp(x)) = softplus(x)"
TANH = "(exp(x) - exp(-x)) / (exp(x) + exp(-x)) = tanh(x)"

FORMS = {
    "softmax": Form(_softmax, tt.softmax, lambda x: np.exp(x - lse(x)), frozenset(SHIFTED)),
    "log_softmax": Form(
        lambda s, x: s.log(_softmax(s, x)), tt.log_softmax, lambda x: x - lse(x), frozenset({*SHIFTED, SPLIT})
    ),
    "logsumexp": Form(
        lambda s, x: s.log(s.column(s.exp(x))),
        lambda x: tt.logsumexp(x, 1, keepdims=True),
        lse,
        frozenset({*SHIFTED, SPLIT}),
    ),
    "sigmoid": Form(_sigmoid, tt.sigmoid, lambda x: np.exp(-np.logaddexp(0, -x)), frozenset({SIGMOID})),
    "softplus": Form(
        _softplus,
        tt.softplus,
        lambda x: np.logaddexp(0, x),
        frozenset({SOFTPLUS, SIGMOID, SPLIT, LOG_OF_TWO}),
    ),
    "tanh": Form(_tanh, tt.tanh, np.tanh, frozenset({TANH, SIGMOID, "exp(x) - 1 = expm1(x)"})),
}
"""Forms by name. Of the rules at least one is reported for the form, and no other."""
