"""Activations: callables with `forward`, `forward_` (in place) and `backward`, on tensors and variables.

    relu = ReLU()
    relu(x)                # a Tensor of a Tensor, a Variable of a Variable
    relu.forward_(x)       # x itself, its buffer changed
    relu.backward(grad)    # the cotangent of the last argument

In place, gradients stay right. Where the slope follows from the new value nothing is kept; otherwise the old
value is, and `why()` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, Literal

from compiler.errors import ArgumentError, GradientError, ShapeError
from compiler.ir.build import apply, broadcast, constant_node, input_node
from compiler.ir.formula.saved import NoSavedForm, SavedForm, saved_form
from compiler.ir.formula.tape import Const, Formula, Tape, bind
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Reducer
from compiler.ir.types import FLOAT32, TensorType, floating
from tinytorch import tensor as symbolic
from tinytorch.api import grad
from tinytorch.core.gradients import Rule
from tinytorch.core.tensor import Tensor
from tinytorch.core.variable import Variable
from tinytorch.elementwise import elementwise as make_elementwise
from tinytorch.ops import elementwise, normalise


class Activation:
    """A function of `tt` with settings. Subclasses name the function and their settings."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self._last: tuple[symbolic.Tensor, Callable[[symbolic.Tensor], symbolic.Tensor]] | None = None
        """The last argument, and the function that was applied to it."""

    def of(self, x: symbolic.Tensor) -> symbolic.Tensor:
        """The function as `tt` has it."""
        return type(self).function(x, **self.settings)

    def forward(self, x: Any) -> Any:
        """The function of a Tensor or a Variable; of anything else that becomes a Tensor."""
        if isinstance(x, Variable):
            self._last = symbolic.Tensor(x.data.node), self.of
            return x.map(self.name, self.of)
        tensor = x if isinstance(x, Tensor) else Tensor(x)
        last = symbolic.Tensor(tensor.node)
        self._last = last, self.of
        return Tensor(self.of(last).node)

    def __call__(self, x: Any) -> Any:
        return self.forward(x)

    def forward_(self, x: Any) -> Any:
        """Replaces the values of `x` in its own buffer, and gives back `x`.

        Raises DTypeError where the results are no integers and the tensor is of integers.
        """
        if not isinstance(x, Tensor | Variable):
            raise ArgumentError(f"only a Tensor or a Variable can be changed in place, not {x!r}")
        self._last = None
        if isinstance(x, Variable):
            x.change(self._node_of, self._rule(x))
        else:
            x.change(self._node_of)
        return x

    def backward(self, grad_output: Any) -> Tensor:
        """The gradient by the argument of the last `forward`, for the gradient of its result.

        Raises GradientError before a `forward` (and after `forward_`, which keeps no argument), and
        ShapeError for a gradient of another shape.
        """
        if self._last is None:
            raise GradientError(f"{self.name}.backward needs a forward before it, not in place")
        x, function = self._last
        leaf = x if x.dtype.is_float else symbolic.Tensor(Tensor(x.astype(floating(x.dtype)).node).detached())
        result = function(leaf)
        seed = _data(grad_output)
        if seed.shape != result.shape:
            raise ShapeError(
                f"the gradient of {list(result.shape)} has the same shape, not {list(seed.shape)}"
            )
        return Tensor(grad(result, leaf, seed=seed.astype(result.dtype), allow_unused=True).node)

    @property
    def name(self) -> str:
        """The word for messages and pictures."""
        return type(self).__name__.lower()

    def why(self) -> str:
        """Whether gradients in place need the old value, and why."""
        form = _form(self._node_of(_probe()))
        if isinstance(form, SavedForm):
            return f"{self.name} in place keeps nothing: its slope follows from the new value"
        text = form.text if isinstance(form, NoSavedForm) else "it is not a function of each element alone"
        return f"{self.name} in place keeps the old value: {text}"

    def _node_of(self, node: Node) -> Node:
        return self.of(symbolic.Tensor(node)).node

    def _rule(self, x: Variable) -> Rule | None:
        """How gradients pass through the change without the old value, if they can."""
        if not x.requires_grad or not x.dtype.is_float:
            return None
        form = _form(self._node_of(_probe()))
        return _rule_of(form.derivative) if isinstance(form, SavedForm) else None

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({settings})"


def _data(value: Any) -> Tensor:
    if isinstance(value, Variable):
        return value.data
    return value if isinstance(value, Tensor) else Tensor(value)


def _probe() -> Node:
    return input_node("x", TensorType(FLOAT32, (2,)))


def _form(node: Node) -> SavedForm | NoSavedForm | None:
    """The slope of a map of one value as a function of its result; None for anything else."""
    op = node.op
    if (
        not isinstance(op, MapReduce)
        or op.reducer is not Reducer.NONE
        or len(node.operands) != 1
        or node.operands[0].operands
    ):
        return None
    literals = tuple((k, item.value) for k, item in enumerate(op.arguments) if isinstance(item, Const))
    return saved_form(_bound(op.formula, literals))


@cache
def _bound(formula: Formula, literals: tuple[tuple[int, Any], ...]) -> Formula:
    return bind(formula, dict(literals)) if literals else formula


@cache
def _rule_of(slope: Formula) -> Rule:
    """The cotangent times the slope, as one formula, in which literals have the cotangent's dtype."""
    tape = Tape(["g", "y"])
    formula = tape.finish(slope.name, tape.emit("zmul", 0, tape.inline(slope, [1])))
    return Rule(formula, lambda value, cotangent: apply(formula, cotangent, value))


class ReLU(Activation):
    """`max(x, 0)`; NaN stays NaN, ints stay ints."""

    function = staticmethod(elementwise.relu)


class Sigmoid(Activation):
    """`1 / (1 + exp(-x))`, without overflow."""

    function = staticmethod(elementwise.sigmoid)


class Tanh(Activation):
    """`tanh(x)`."""

    function = staticmethod(elementwise.tanh)


class GELU(Activation):
    """`x` times the normal distribution function, or `approximate="tanh"` or `"sigmoid"` (with 1.702)."""

    function = staticmethod(elementwise.gelu)

    def __init__(self, approximate: Literal["none", "tanh", "sigmoid"] = "none") -> None:
        super().__init__(approximate=approximate)


class LeakyReLU(Activation):
    """`x`, or `negative_slope` times it below 0."""

    function = staticmethod(elementwise.leaky_relu)

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__(negative_slope=negative_slope)


class ELU(Activation):
    """`x`, or `alpha (exp(x) - 1)` below 0."""

    function = staticmethod(elementwise.elu)

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(alpha=alpha)


class SELU(Activation):
    """ELU scaled so that it keeps mean 0 and variance 1."""

    function = staticmethod(elementwise.selu)


class SiLU(Activation):
    """`x sigmoid(x)`."""

    function = staticmethod(elementwise.silu)


Swish = SiLU


class Mish(Activation):
    """`x tanh(softplus(x))`."""

    function = staticmethod(elementwise.mish)


def _of_scaled(x: Any, *, beta: float = 1.0) -> Any:
    return elementwise.exact_softplus(beta * x) / beta


_scaled_softplus = make_elementwise("softplus_scaled", _of_scaled)


def _softplus(x: Any, *, beta: float = 1.0) -> Any:
    return elementwise.exact_softplus(x) if beta == 1 else _scaled_softplus(x, beta=beta)


class Softplus(Activation):
    """`log(1 + exp(beta x)) / beta`, for every x: `tt.softplus` is linear from 20 on, as PyTorch's."""

    function = staticmethod(_softplus)

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__(beta=beta)


class Softsign(Activation):
    """`x / (1 + |x|)`."""

    function = staticmethod(elementwise.softsign)


class LogSigmoid(Activation):
    """`log(sigmoid(x))`."""

    function = staticmethod(elementwise.log_sigmoid)


class Hardsigmoid(Activation):
    """`(x + 3) / 6` held between 0 and 1."""

    function = staticmethod(elementwise.hard_sigmoid)


class Hardswish(Activation):
    """`x` times Hardsigmoid of it."""

    function = staticmethod(elementwise.hard_swish)


class _Normalised(Activation):
    """A function of rows that does not change when the same number is added to a whole row."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__(axis=dim)

    @property
    def dim(self) -> int:
        """The dim along which the rows lie."""
        return self.settings["axis"]

    def forward(self, x: Any, dim: int | None = None) -> Any:
        """The function along `dim`, or along that given at construction."""
        if dim is None or dim == self.dim:
            return super().forward(x)
        other = type(self)(dim)
        result = other.forward(x)
        self._last = other._last
        return result

    def __call__(self, x: Any, dim: int | None = None) -> Any:
        return self.forward(x, dim)

    def why(self) -> str:
        """That the slopes of a row follow from its new values."""
        return f"{self.name} in place keeps nothing: the slopes of a row follow from its new values"

    def _rule(self, x: Variable) -> Rule | None:
        if not x.requires_grad or not x.dtype.is_float:
            return None
        return Rule((type(self), self.dim), self._pull)

    def _pull(self, value: Node, cotangent: Node) -> Node:
        """By the same function moved from the new value by 0: adding to a row commutes with it."""
        still = broadcast(constant_node(0.0, value.type.dtype), value.type.shape)
        at, step = symbolic.Tensor(value), symbolic.Tensor(still)
        return grad(self._moved(at, step), step, seed=symbolic.Tensor(cotangent)).node

    def _moved(self, value: symbolic.Tensor, step: symbolic.Tensor) -> symbolic.Tensor:
        raise NotImplementedError(f"{type(self).__name__} says how a step moves its values")


class Softmax(_Normalised):
    """`exp(x) / sum(exp(x))` along `dim`."""

    function = staticmethod(normalise.softmax)

    def _moved(self, value: symbolic.Tensor, step: symbolic.Tensor) -> symbolic.Tensor:
        raised = value * elementwise.exp(step)
        return raised / raised.sum(self.dim, keepdims=True)


class LogSoftmax(_Normalised):
    """`log(softmax(x))` along `dim`."""

    function = staticmethod(normalise.log_softmax)

    def _moved(self, value: symbolic.Tensor, step: symbolic.Tensor) -> symbolic.Tensor:
        return normalise.log_softmax(value + step, self.dim)


ACTIVATIONS: tuple[type[Activation], ...] = (
    ReLU, LeakyReLU, ELU, SELU, GELU, SiLU, Mish, Sigmoid, LogSigmoid, Tanh, Softplus, Softsign, Hardsigmoid,
    Hardswish, Softmax, LogSoftmax,
)  # fmt: skip
"""Every activation."""
