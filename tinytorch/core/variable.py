"""Variable: a tensor whose gradient is wanted.

    w = Variable([1.0, 2.0])
    loss = ((w * 3 - 1) ** 2).mean()
    loss.backward()
    w.grad                           # a Variable; added to by every backward until zero_grad()

What happens to variables is recorded as for tensors; `backward` compiles value and gradients together, once
for each structure. The gradients are `tt.grad`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np

from compiler.errors import ArgumentError, GradientError, ShapeError
from compiler.ir.build import apply
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.numbers import is_floating, number
from compiler.ir.types import floating
from tinytorch import tensor as symbolic
from tinytorch.core.arithmetic import Arithmetic
from tinytorch.core.gradients import (
    Change,
    Owner,
    Rule,
    before,
    changed_leaf,
    gradients_of,
    is_changed,
    owned_leaf,
)
from tinytorch.core.holder import Holder
from tinytorch.core.operands import exponent_of, operand_node
from tinytorch.core.tensor import Tensor
from tinytorch.core.values import Array, Value, own_array, value_of_node

GradientFunction = Callable[["Variable"], Any]


class Recorded:
    """The `grad_fn` of a computed variable: the operation, and the variables it was computed from."""

    __slots__ = ("inputs", "name")

    def __init__(self, name: str, inputs: tuple[Variable, ...]) -> None:
        self.name = name
        self.inputs = inputs

    def __repr__(self) -> str:
        return f"<backward of {self.name}>"


class Variable(Owner, Arithmetic, Holder):
    """Data (a scalar, a list, an array, a Tensor) with a gradient.

    `grad_fn` is what made a computed variable; a function given as `grad_fn` is called with the gradient (a
    Variable) that arrives here, and passes it on itself.
    """

    __slots__ = ("_grad_fn", "_node", "_tensor", "grad", "requires_grad")

    def __init__(
        self, data: Any, requires_grad: bool = True, grad_fn: GradientFunction | Recorded | None = None
    ) -> None:
        self.requires_grad = requires_grad
        self.grad: Variable | None = None
        self._grad_fn = grad_fn
        self._node: Node | None = None
        self._tensor = data if isinstance(grad_fn, Recorded) else _tensor_of(data)

    @classmethod
    def recorded(cls, node: Node, name: str, inputs: Sequence[Variable]) -> Variable:
        """What an operation on variables made."""
        is_wanted = any(item.requires_grad for item in inputs)
        if not is_wanted:
            return cls(Tensor(node), requires_grad=False)
        made = cls(Tensor.of_variable(node), grad_fn=Recorded(name, tuple(inputs)))
        made._node = node
        return made

    # What it is

    @property
    def data(self) -> Tensor:
        """The tensor. Writing to its array is seen by what is recorded afterwards."""
        return self._tensor

    @data.setter
    def data(self, value: Any) -> None:
        self._tensor = _tensor_of(value)
        self._node = None
        if self._is_recorded:
            self._grad_fn = None

    @property
    def grad_fn(self) -> Any:
        """What made it, None for a leaf."""
        return self._grad_fn

    @property
    def is_leaf(self) -> bool:
        """Whether it was made from data, so that gradients are kept in it."""
        return self._grad_fn is None

    @property
    def _is_recorded(self) -> bool:
        return isinstance(self._grad_fn, Recorded)

    def detach(self) -> Variable:
        """The present value as a variable without a gradient."""
        return Variable(Tensor(np.array(self)), requires_grad=False)

    def graph(self) -> Graph:
        """What was recorded for this variable."""
        return Graph.of([self._node]) if self._node is not None else self._tensor.graph()

    def draw(self, path: Any, *, detail: bool = False) -> Any:
        """Draws `graph()`, as `Tensor.draw`."""
        return self._tensor.draw(path, detail=detail)

    def __repr__(self) -> str:
        made = f", grad_fn={self._grad_fn!r}" if self._grad_fn is not None else ""
        return f"Variable({self._tensor!r}, requires_grad={self.requires_grad}{made})"

    def __reduce__(self) -> tuple[Any, ...]:
        """As its values and its gradient. Raises GradientError where it was computed from others."""
        if self._is_recorded:
            raise GradientError(
                f"only a leaf can be copied or pickled, and this was computed: {self._grad_fn!r}\n"
                "  fix: variable.detach()"
            )
        made = type(self), (Tensor(self._tensor), self.requires_grad, self._grad_fn)
        return *made, (None, {"grad": self.grad})

    # Recording

    def read(self) -> Node:
        """The node that an operation on this variable reads."""
        if not self.requires_grad:
            return self._tensor.node
        if self._node is not None and (self._is_recorded or self._is_unchanged(self._node)):
            return self._node
        self._node = owned_leaf(self, self._tensor.readable())
        return self._node

    def _is_unchanged(self, leaf: Node) -> bool:
        """Whether a leaf still stands for the present value, which somebody else may have written to."""
        known, present = value_of_node(leaf), self._tensor.readable()
        if known is present:
            return True
        is_same = known is not None and np.array_equal(
            known.array, present.array, equal_nan=is_floating(known.array.dtype)
        )
        return is_changed(leaf) and is_same

    def change(self, function: Callable[[Node], Node], rule: Rule | None, dim: int | None = None) -> None:
        """An operation in place: the values become a function of them in the same buffer; gradients follow.

        With a rule the slope follows from the new value, and the old one is not kept for it. The gradient of
        a leaf is with respect to the value that it had. Raises as `Tensor.change`.
        """
        if not self.requires_grad:
            self._tensor.change(function, dim)
            return
        self._tensor.check_change(function)
        node = self.read()
        if not self._tensor.is_computed:
            self._tensor.change(function)
            self._node = self._tensor.recorded
            return
        parent = before(node) if rule is not None else function(node)
        self._node = node = None  # what nobody else reads needs no copy
        self._tensor.change(function, dim)
        self._node = changed_leaf(self._tensor.readable(), Change(parent, rule))
        if self._is_recorded:
            self._tensor.stand_for(self._node)

    def map(self, name: str, function: Callable[[symbolic.Tensor], symbolic.Tensor]) -> Variable:
        """A function of this variable as a `tt` tensor, recorded under a name."""
        return Variable.recorded(function(symbolic.Tensor(self.read())).node, name, [self])

    def binary(self, atom: str, left: Any, right: Any) -> Variable:
        """An atom of two operands, of which one at least is a variable."""
        pair = [item if isinstance(item, Variable) else _operand(item, self) for item in (left, right)]
        nodes = [item.read() if isinstance(item, Variable) else item for item in pair]
        return Variable.recorded(
            apply(atom, *nodes), atom, [item for item in pair if isinstance(item, Variable)]
        )

    def compared(self, atom: str, other: Any) -> Tensor:
        """A comparison, as a tensor of bools."""
        beside = other.data if isinstance(other, Variable) else other
        return self._tensor.compared(atom, self._tensor, beside)

    def power(self, exponent: Any) -> Variable:
        """`self ** exponent`, of a number or of another variable."""
        given = number(exponent)
        whole = exponent_of(given)
        if whole is None or (isinstance(given, float) and not self.dtype.is_float):
            return self.binary("pow", self, exponent)
        return self.map("power", lambda x: x**whole)

    def product(self, left: Any, right: Any) -> Variable:
        """`left @ right`."""
        return of_two("matmul", lambda x, y: x @ y, left, right)

    # Gradients

    def backward(self, gradient: Any = None) -> None:
        """Adds the gradient of this value to the `grad` of every leaf that it was computed from.

        `gradient` is the cotangent, in this variable's shape; ones unless given. Where nothing requires a
        gradient nothing happens. Raises ShapeError for a cotangent of another shape.
        """
        if not self.requires_grad:
            return
        root = self.read()
        kind = floating(self.dtype).numpy
        seed = np.ones(self.shape, kind) if gradient is None else _seed(gradient, self).astype(kind)
        found = gradients_of(root, seed)
        if not self._tensor.is_computed and found.value.dtype == self.dtype:
            self._tensor.settle(Value(found.value, root))
        for owner, array in zip(found.owners, found.arrays, strict=True):
            if array is not None:
                cast(Variable, owner).receive(array)

    def receive(self, array: Array) -> None:
        """Takes a share of the gradient: adds it to `grad`, or calls the function given as `grad_fn`."""
        fresh = Variable(Tensor.of_array(array), requires_grad=False)
        if self._grad_fn is not None:
            self._grad_fn(fresh)  # pyright: ignore[reportCallIssue]  # a leaf's is the caller's function
            return
        if self.grad is not None and not self.grad.data.is_zero_of(array):
            fresh = Variable(self.grad.data + fresh.data, requires_grad=False)
            fresh.data.readable()
        self.grad = fresh

    def zero_grad(self) -> None:
        """Fills the gradient with zeros, if there is one, as the course does; `grad = None` forgets it."""
        if self.grad is not None:
            self.grad.data.write(np.zeros(self.grad.shape))


def _tensor_of(data: Any) -> Tensor:
    if isinstance(data, Variable):
        return Tensor(np.array(data))
    if isinstance(data, Tensor) and not data.is_history:
        return data
    return Tensor(data)


def _operand(value: Any, beside: Variable) -> Node:
    """What is no variable as a node without a gradient."""
    return operand_node(value, beside.dtype)


def _seed(gradient: Any, of: Variable) -> Array:
    array = np.array(gradient) if isinstance(gradient, Variable | Tensor) else own_array(gradient)
    if array.shape != of.shape:
        raise ShapeError(f"the gradient of {list(of.shape)} has the same shape, not {list(array.shape)}")
    return array


def of_two(
    name: str, function: Callable[[symbolic.Tensor, symbolic.Tensor], symbolic.Tensor], left: Any, right: Any
) -> Variable:
    """A function of two `tt` tensors, of variables or what becomes a tensor, recorded under a name."""
    if not isinstance(left, Variable) and not isinstance(right, Variable):
        left = as_variable(left)
    variables = [item for item in (left, right) if isinstance(item, Variable)]
    nodes = [
        item.read() if isinstance(item, Variable) else _operand(item, variables[0]) for item in (left, right)
    ]
    first, second = map(symbolic.Tensor, nodes)
    return Variable.recorded(function(first, second).node, name, variables)


def as_variable(value: Any) -> Variable:
    """A variable as it is; anything else as one without a gradient."""
    return value if isinstance(value, Variable) else Variable(value, requires_grad=False)


def each_variable(given: Iterable[Any]) -> list[Variable]:
    """Variables given as a list, or anything that yields them.

    Raises ArgumentError for one alone, whose elements are variables that nobody holds, and for other things.
    """
    if isinstance(given, Variable):
        raise ArgumentError(f"variables are given as a list, not one alone: {given!r}\n  fix: [variable]")
    found = list(given)
    for item in found:
        if not isinstance(item, Variable):
            raise ArgumentError(f"these are Variables, not {item!r}\n  fix: Variable(data)")
    return found
