"""Handle: what a tensor is - one node of the graph - and what it is not, a value."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NoReturn, Self, cast

import numpy as np

from compiler.errors import ArgumentError, SymbolicValueError
from compiler.ir.build import parameter_node
from compiler.ir.dims import Extent, Shape
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.op import Locks, Parameter, Role
from compiler.ir.types import DType, TensorType
from tinytorch.values import checked_name


class Handle:
    """One node under the hand of a user: its type, its name, and errors where a value is asked for."""

    __slots__ = ("__weakref__", "node")
    __array_priority__ = 1000

    def __init__(self, node: Node) -> None:
        if not isinstance(cast(object, node), Node):
            raise ArgumentError(
                f"a {type(self).__name__} is a handle on a node, and not made of {type(node).__name__}\n"
                "  fix: tt.constant(array), tt.parameter(array), or tt.input(name, shape) for a call's"
            )
        self.node = node

    def _wrap(self, node: Node) -> Self:
        return type(self)(node)

    @property
    def shape(self) -> Shape:
        """The extents: ints, and polynomials in the symbolic dimensions."""
        return self.node.type.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.node.type.rank

    @property
    def size(self) -> Extent:
        """The number of elements."""
        return self.node.type.size

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.node.type.dtype

    @property
    def type(self) -> TensorType:
        """dtype and shape, printed as in `f32[batch,64]`."""
        return self.node.type

    @property
    def name(self) -> str | None:
        """The human name, which every pass keeps."""
        return self.node.name

    def named(self, name: str) -> Self:
        """The same value under a name that texts and drawings show.

        Inputs and parameters have theirs already.
        """
        if not self.node.operands:
            raise ArgumentError(f"{describe(self.node)} is a leaf; name it where it is made")
        return self._wrap(self.node.named(checked_name(name)))

    def __repr__(self) -> str:
        name = f"%{self.name} = " if self.name else ""
        return f"Tensor({name}{self.node.op.name} : {self.type})"

    def __len__(self) -> int:
        if not self.shape or not isinstance(self.shape[0], int):
            raise SymbolicValueError(f"the length of {self!r} is {self.shape[0] if self.shape else 'none'}")
        return self.shape[0]

    def __bool__(self) -> NoReturn:
        raise SymbolicValueError(
            f"{describe(self.node)} has no value before a program runs, so it is neither true nor false; "
            "use tt.where(condition, a, b), or & | ~ on conditions"
        )

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        raise SymbolicValueError(
            f"{describe(self.node)} has no value before a program runs; use tt.compile(inputs, outputs) "
            f"and call it"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """`np.exp(x)`, `array + x`: the graph of the function that NumPy was asked for (NEP 13)."""
        return import_module("tinytorch.protocols").ufunc_of(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, named: Any) -> Any:
        """`np.concatenate([x, y])`, `np.sum(x, axis=1)`: the same of other functions (NEP 18)."""
        if not all(issubclass(item, Handle | np.ndarray) for item in types):
            return NotImplemented
        return import_module("tinytorch.protocols").function_of(function, arguments, named)

    def __float__(self) -> NoReturn:
        return self.__array__()

    def __reduce__(self) -> tuple[Any, ...]:
        """As the text and arrays of its graph: tensors that are pickled apart share no node afterwards."""
        op = self.node.op
        if isinstance(op, Parameter) and op.buffer.is_bound:
            with Locks([op.buffer]):
                array = op.buffer.array.copy()
            return _of_parameter, (type(self), array, self.node.name, op.buffer.is_named, op.buffer.role)
        return _of_graph, (type(self), Graph.of([self.node]))

    __int__ = __index__ = __float__


def _of_parameter(kind: type[Handle], array: Any, name: str | None, is_named: bool, role: Role) -> Handle:
    return kind(parameter_node(array, name, is_named=is_named, role=role))


def _of_graph(kind: type[Handle], graph: Graph) -> Handle:
    return kind(graph.outputs[0])
