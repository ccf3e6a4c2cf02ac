"""What activations have in common: `forward`, in place, `backward`, and the slope from the new value."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, Final

from compiler.autodiff.adjoint_formula import weighted
from compiler.errors import ArgumentError, GradientError, ShapeError
from compiler.ir.build import apply, input_node
from compiler.ir.formula.saved import NoSavedForm, SavedForm, saved_form
from compiler.ir.formula.tape import Const, Formula, bind_literals
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Reducer
from compiler.ir.types import FLOAT32, TensorType, floating
from tinytorch import tensor as symbolic
from tinytorch.api import grad
from tinytorch.core.gradients import Rule
from tinytorch.core.tensor import Tensor
from tinytorch.core.variable import Variable

SECOND_CHANGE: Final = "a second change in place copies that value first"
"""What every change in place without a copy depends on: that its result stays."""


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
            x.change(self._node_of, self._rule(x), self.dim)
        else:
            x.change(self._node_of, self.dim)
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
    def dim(self) -> int | None:
        """The only dim along which elements depend on each other, if it is known."""
        return None

    @property
    def name(self) -> str:
        """The word for messages and pictures."""
        return type(self).__name__.lower()

    def why(self) -> str:
        """Whether gradients in place need the old value, and why."""
        form = _form(self._node_of(_probe()))
        if isinstance(form, SavedForm):
            slope = "its slope follows from the new value"
            slope += "" if form.is_accurate else f", though {form.loss}"
            return f"{self.name} in place keeps nothing: {slope}; {SECOND_CHANGE}"
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

    def __getstate__(self) -> dict[str, Any]:
        """Without the last argument: a copy begins anew."""
        return {**self.__dict__, "_last": None}

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
    literals = tuple((k, item) for k, item in enumerate(op.arguments) if isinstance(item, Const))
    return saved_form(bind_literals(op.formula, literals))


@cache
def _rule_of(slope: Formula) -> Rule:
    """The cotangent times the slope, as one formula, in which literals have the cotangent's dtype."""
    formula = weighted(slope, [0], ["g", "y"], True)
    return Rule(formula, lambda value, cotangent: apply(formula, cotangent, value))
