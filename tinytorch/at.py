"""Updates that change nothing: `x.at[key].set(values)` is another tensor, as in JAX."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from compiler.ir.build import apply
from compiler.ir.op import Combine
from tinytorch.arithmetic import as_nodes
from tinytorch.handle import Handle
from tinytorch.selection import Selection

Result = TypeVar("Result", bound=Handle)


class At(Generic[Result]):
    """What `x.at` is: `x.at[key]` says where, as `x[key]` does."""

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Result) -> None:
        self._tensor = tensor

    def __getitem__(self, key: Any) -> Place[Result]:
        """The elements that `x[key]` selects. Raises as `x[key]` does."""
        return Place(self._tensor, Selection.of(self._tensor.node, key))

    def __repr__(self) -> str:
        return f"{self._tensor!r}.at; write x.at[key].set(values)"


class Place(Generic[Result]):
    """Elements of a tensor, of which each method gives the whole tensor, with them changed.

    Values broadcast to the shape of `x[key]` and take the tensor's dtype; DTypeError where it cannot hold
    them. Of several values for one element the last one, in row-major order, is set, and the others combine
    in that order: bits do not depend on threads. A program writes over `x` where nobody reads it afterwards
    (`donate=`, a parameter's update, a value of its own). Gradients are to any order; equal winners of `max`
    and `min` share, as in torch.scatter_reduce.
    """

    __slots__ = ("_selection", "_tensor")

    def __init__(self, tensor: Result, selection: Selection) -> None:
        self._tensor, self._selection = tensor, selection

    def get(self) -> Result:
        """The elements, as `x[key]`."""
        return type(self._tensor)(self._selection.read())

    def set(self, values: Any) -> Result:
        """The tensor with values in their place (torch.index_put, NumPy's `x[key] = values`)."""
        return self._with(values, Combine.SET)

    def add(self, values: Any) -> Result:
        """The tensor with values added to them, all of those that meet one (numpy.add.at)."""
        return self._with(values, Combine.ADD)

    def subtract(self, values: Any) -> Result:
        """The tensor with values subtracted from them (numpy.subtract.at)."""
        _, node = as_nodes(self._tensor, values)
        return self._with(type(self._tensor)(apply("neg", node)), Combine.ADD)

    def multiply(self, values: Any) -> Result:
        """The tensor with them multiplied by values (numpy.multiply.at).

        It has a gradient by values where the indices are known when the graph is built and differ.
        """
        return self._with(values, Combine.MULTIPLY)

    def max(self, values: Any) -> Result:
        """The tensor with the larger of them and values in their place; NaN stays (numpy.maximum.at)."""
        return self._with(values, Combine.MAX)

    def min(self, values: Any) -> Result:
        """The tensor with the smaller of them and values in their place; NaN stays (numpy.minimum.at)."""
        return self._with(values, Combine.MIN)

    def _with(self, values: Any, combine: Combine) -> Result:
        _, node = as_nodes(self._tensor, values)
        return type(self._tensor)(self._selection.written(node, combine))
