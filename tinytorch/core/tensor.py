"""Tensor: the course's array, recorded first and computed when it is read.

    x = Tensor([[1, -2], [3, -4]])
    y = (x * 2).sum()      # recorded
    y.data                 # compiled, once for each structure, and run
    y.draw("y.svg")

It is a `tt.Tensor` whose leaves have values. The buffer of a tensor is its own: an expression keeps the
values that its operands had when it was recorded, whatever is written to their buffers afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from compiler.errors import GradientError, ShapeError, SymbolicValueError
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.types import dtype_of
from compiler.render.drawing import draw as draw_graph
from tinytorch import tensor as symbolic
from tinytorch.core.lazy import LazyTensor
from tinytorch.core.programs import Recording, run
from tinytorch.core.values import Array, Value, own_array


class Tensor(LazyTensor):
    """An array of numbers, from a scalar, a (nested) list, an array or a tensor. The data is copied.

    Floats that come without a dtype are float32; arrays keep theirs; ints stay ints until a result is
    fractional. int8 and uint8 (and int16, uint16) are kept as int32, uint32 as int64, float16 as float32.
    Raises DTypeError for strings, objects and ragged lists.
    """

    __slots__ = ("grad", "requires_grad")

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        # The course's: whether gradients reach it, which is said when it is made.
        self.requires_grad = requires_grad  # pyright: ignore[reportIncompatibleMethodOverride]
        self.grad: Any = None
        if isinstance(data, Node):
            self._start(data, None)
        elif isinstance(data, symbolic.Tensor):
            self._start(data.node if dtype is None else data.astype(dtype).node, None)
        else:
            array = own_array(data)
            typed = array if dtype is None else array.astype(dtype_of(dtype).numpy, copy=False)
            self._start(None, Value(typed))

    @classmethod
    def of_array(cls, array: Array) -> Tensor:
        """The tensor of an array that nobody else has; it is not copied."""
        tensor = cls.__new__(cls)
        tensor.requires_grad, tensor.grad = False, None
        tensor._start(None, Value(array))
        return tensor

    @classmethod
    def of_variable(cls, node: Node) -> Tensor:
        """The tensor of a Variable recorded as a node: who reads the tensor has no gradient by it."""
        tensor = cls(node)
        tensor._is_history = True
        return tensor

    # Values

    @property
    def data(self) -> Array:
        """The array itself, not a copy. What is written to it is seen by what is recorded afterwards.

        Of a Variable that was computed from others it is read-only: what is written would have no gradient.
        Raises SymbolicValueError naming the inputs that must be fed first.
        """
        self._computed()
        if not self._is_history:
            self._release()
        assert self._value is not None
        return self._value.array

    @data.setter
    def data(self, value: Any) -> None:
        if self._value is not None and value is self._value.array:
            return  # what `tensor._data -= step` assigns: it has been written already
        if self._is_history:
            raise GradientError(
                f"the data of a Variable that was computed from others is read-only: {self.type}\n"
                "  fix: variable.data = values, which makes it a leaf"
            )
        array = own_array(value)
        self._node, self._value, self._is_history = None, Value(array), False

    _data = data

    def numpy(self) -> Array:
        """The array itself, as `data`."""
        return self.data

    def tolist(self) -> Any:
        """The values as Python numbers in nested lists."""
        return self._computed().array.tolist()

    def item(self) -> Any:
        """The one value as a Python number. Raises ShapeError where there are more or none."""
        array = self._computed().array
        if array.size != 1:
            raise ShapeError(f"item() is of one element, and this tensor has {array.size}: {self.type}")
        return array.item()

    def fed(self, **arrays: Any) -> Tensor:
        """The value for inputs (`tt.input`) given by name. Raises as a call of a program does."""
        recording = Recording.of([self.node], fed=arrays)
        return type(self)(run(recording, [self.node], arrays)[0][0])

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self._computed().array, dtype=dtype, copy=True)

    def __array_function__(self, function: Any, types: Any, arguments: Any, named: Any) -> Any:
        """NumPy's functions read the values, as they do of an array; `np.exp(x)` and operators record."""
        return function._implementation(*arguments, **named)

    def __float__(self) -> Any:
        return float(self.item())

    def __int__(self) -> Any:
        return int(self.item())

    def __index__(self) -> Any:
        return self._computed().array.__index__()

    def __bool__(self) -> Any:
        if self.size != 1:
            raise SymbolicValueError(
                f"{self.type} is neither true nor false; use (a == b).data.all(), or tt.where(c, a, b)"
            )
        return bool(self.item())

    def __len__(self) -> int:
        if not self.shape:
            raise SymbolicValueError("a scalar has no length")
        return cast(int, self.shape[0])

    def __iter__(self) -> Iterator[Self]:
        return (self[position] for position in range(len(self)))

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        try:
            array = self._computed().array
        except SymbolicValueError:
            return f"Tensor({self.type}, not fed)"
        text = np.array2string(array, separator=", ", prefix="Tensor(")
        return f"Tensor({text}, shape={array.shape}, dtype={array.dtype})"

    def __reduce__(self) -> tuple[Any, ...]:
        """As its values, without what was recorded for them; as a graph where it is not fed."""
        try:
            array = self._computed().array
        except SymbolicValueError:
            return super().__reduce__()
        return type(self), (array, None, self.requires_grad), (None, {"grad": self.grad})

    # Seeing

    def graph(self) -> Graph:
        """What was recorded for this tensor: also after it has been computed."""
        if self._value is None or self._is_history:
            assert self._node is not None
            return Graph.of([self._node])
        return self._program.source_graph if self._program is not None else Graph.of([self.node])

    def draw(self, path: str | os.PathLike[str], *, detail: bool = False) -> Path:
        """Draws `graph()` to .svg, .png, .pdf or .dot. Raises DrawingError where Graphviz is missing."""
        return draw_graph(self.graph(), path, detail=detail)
