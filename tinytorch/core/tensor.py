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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Self, cast
from weakref import WeakSet, WeakValueDictionary, ref

import numpy as np

from compiler.errors import ArgumentError, DTypeError, ShapeError, SymbolicValueError
from compiler.ir.build import apply, input_node
from compiler.ir.dims import Shape
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.types import DType, Operand, Scalar, TensorType, Weak, dtype_of, promote
from compiler.program import Program
from compiler.render.drawing import draw as draw_graph
from tinytorch import tensor as symbolic
from tinytorch.arithmetic import TensorLike, check_power
from tinytorch.axes import Axis
from tinytorch.core.programs import Recording, run, run_in_place
from tinytorch.core.values import Array, Value, bind, forget, is_held, new_leaf, own_array, value_of_node

_HANDLES: Final[WeakValueDictionary[int, Tensor]] = WeakValueDictionary()
"""The tensors that are recorded and not computed, by the serial numbers of their nodes."""

_COMPUTED: Final[WeakSet[Node]] = WeakSet()
"""Nodes of such tensors that have been computed on the way to others."""


class Outranking:
    """What answers arithmetic with a tensor itself, whichever side it stands on: a Variable."""

    __slots__ = ()


class Tensor(symbolic.Tensor):
    """An array of numbers, from a scalar, a (nested) list, an array or a tensor. The data is copied.

    Floats that come without a dtype are float32; arrays keep theirs; ints stay ints until a result is
    fractional. Raises DTypeError for strings, objects and ragged lists.
    """

    __slots__ = ("_is_history", "_node", "_program", "_value", "grad", "requires_grad")
    __array_ufunc__ = None

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        self.requires_grad = requires_grad
        self.grad: Any = None
        self._program: Program | None = None
        self._is_history = False
        self._node: Node | None = None
        self._value: Value | None = None
        if isinstance(data, Node):
            self._set_node(data)
        elif isinstance(data, symbolic.Tensor):
            self._set_node(data.node if dtype is None else data.astype(dtype).node)
        else:
            array = own_array(data)
            self._value = Value(array if dtype is None else array.astype(dtype_of(dtype).numpy, copy=False))

    def _set_node(self, node: Node) -> None:
        self._node = node
        if node.operands:
            _HANDLES[node.serial] = self

    # Recording

    @property
    def node(self) -> Node:
        """What an operation on this tensor reads: the node of the value that it has now."""
        if self._value is None:
            assert self._node is not None
            return apply("stop", self._node) if self._is_history else self._node
        if self._is_history:
            return new_leaf(self._value)
        if is_held(self._value):
            return new_leaf(self.readable())
        if self._node is None:
            self._node = new_leaf(self._value)
        return self._node

    def readable(self) -> Value:
        """The present value for a leaf to stand for: a copy where somebody else holds the array."""
        value = self._computed()
        return Value(value.array.copy()) if is_held(value) and not self._is_history else value

    def detached(self) -> Node:
        """A leaf with the present value."""
        return new_leaf(self.readable())

    @classmethod
    def of_array(cls, array: Array) -> Tensor:
        """The tensor of an array that nobody else has; it is not copied."""
        tensor = cls.__new__(cls)
        tensor.requires_grad, tensor.grad, tensor._program, tensor._is_history = False, None, None, False
        tensor._node, tensor._value = None, Value(array)
        return tensor

    @property
    def is_history(self) -> bool:
        """Whether this is the tensor of a Variable that was computed from others."""
        return self._is_history

    @classmethod
    def of_variable(cls, node: Node) -> Tensor:
        """The tensor of a Variable recorded as a node: who reads the tensor has no gradient by it."""
        tensor = cls(node)
        tensor._is_history = True
        return tensor

    def _wrap(self, node: Node) -> Self:
        return type(self)(node)

    def _binary(self, atom: str, left: Any, right: Any) -> Any:
        pair = _operands(left, right)
        if pair is None:
            return NotImplemented
        return self._wrap(apply(atom, *pair))

    def compared(self, atom: str, left: Any, right: Any) -> Tensor:
        """A comparison of two operands, of which one at least is a tensor."""
        return self._binary(atom, left, right)

    # Python asks a subclass first only where it has reflected operators of its own: with these
    # `tt.input * Tensor` is a Tensor, as `Tensor * tt.input` is.

    def __radd__(self, other: TensorLike) -> Any:
        return self._binary("add", other, self)

    def __rsub__(self, other: TensorLike) -> Any:
        return self._binary("sub", other, self)

    def __rmul__(self, other: TensorLike) -> Any:
        return self._binary("mul", other, self)

    def __rtruediv__(self, other: TensorLike) -> Any:
        return self._binary("div", other, self)

    def __rpow__(self, other: TensorLike) -> Any:
        check_power(other, self)
        return self._binary("pow", other, self)

    def __rand__(self, other: TensorLike) -> Any:
        return self._binary("and", other, self)

    def __ror__(self, other: TensorLike) -> Any:
        return self._binary("or", other, self)

    def __rxor__(self, other: TensorLike) -> Any:
        return self._binary("xor", other, self)

    def __matmul__(self, other: Any) -> Any:
        return NotImplemented if isinstance(other, Outranking) else super().__matmul__(_tensor(other))

    def __rmatmul__(self, other: Any) -> Self:
        return super().__rmatmul__(_tensor(other))

    def __pow__(self, other: TensorLike) -> Any:
        whole = whole_number(other)
        if whole is not None and (self.dtype.is_float or not isinstance(other, float)):
            check_power(self, whole)
            return self._wrap(apply("pow", self.node, whole))
        return NotImplemented if isinstance(other, Outranking) else super().__pow__(other)

    # What it is

    @property
    def type(self) -> TensorType:
        """dtype and shape, printed as in `f32[2,3]`."""
        if self._value is None:
            assert self._node is not None
            return self._node.type
        return TensorType(dtype_of(self._value.array.dtype), self._value.array.shape)

    @property
    def shape(self) -> Shape:
        """The extents."""
        return self.type.shape if self._value is None else self._value.array.shape

    @property
    def dtype(self) -> DType:
        """The element type; equal to NumPy's dtype of the same name."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Any:
        """The number of elements."""
        return self.type.size

    # Values

    def _computed(self) -> Value:
        if self._value is None:
            compute(self)
        assert self._value is not None
        return self._value

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

    def settle(self, value: Value, program: Program | None = None) -> None:
        """Takes a value that was computed for this tensor's node."""
        node = self._node
        assert node is not None
        self._program, self._value = program, value
        if not value_of_node(node):
            bind(node, value)
        if self._is_history:
            value.array.setflags(write=False)
        else:
            self._node = None

    def _release(self) -> None:
        """Makes the buffer this tensor's alone: nodes that need what it holds get a copy of their own."""
        value = self._value
        assert value is not None
        array, watch = value.array, ref(value)
        forget(value)
        self._node = self._value = None
        del value
        kept = watch()
        if kept is not None:
            kept.array = array.copy()
        self._value = Value(array)

    @property
    def is_computed(self) -> bool:
        """Whether the values are known."""
        return self._value is not None

    @property
    def recorded(self) -> Node | None:
        """The node that this tensor stands for until it is computed; of a Variable's, also afterwards."""
        return self._node

    def check_change(self, function: Callable[[Node], Node]) -> None:
        """Raises DTypeError or ShapeError where the result of a function has another dtype or shape."""
        kind = self.type
        found = function(input_node("x", kind))
        if found.type.dtype is not kind.dtype:
            raise DTypeError(
                f"{found.op.name} of {kind} is {found.type}, which the buffer cannot hold in place\n"
                "  fix: make the tensor floating first, or use forward instead of forward_"
            )
        if found.type.shape != kind.shape:
            raise ShapeError(f"{found.op.name} of {kind} is {found.type}: in place the shape stays")

    def change(self, function: Callable[[Node], Node], dim: int | None = None) -> None:
        """Replaces the values by a function of them, in the same buffer where there is one.

        A function that mixes elements along one dim only, names it, and needs room for some rows at a time.
        Raises DTypeError where the result has another dtype and ShapeError where it has another shape.
        """
        self.check_change(function)
        if self._value is None:
            assert self._node is not None
            self._set_node(function(self._node))
            return
        self._release()
        own = self._value.array
        own.setflags(write=True)
        run_in_place(function, own, dim)
        own.setflags(write=not self._is_history)

    def write(self, array: Array) -> None:
        """Writes other values of the same shape into the buffer, which stays the same object."""
        self._computed()
        self._release()
        assert self._value is not None
        np.copyto(self._value.array, array)

    def stand_for(self, node: Node) -> None:
        """Makes this the tensor of another node of its Variable, whose value it has."""
        self._node = node

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self._computed().array, dtype=dtype, copy=True)

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

    # Shape and reductions, with the course's words

    def reshape(self, *shape: Any) -> Self:
        """The elements in row-major order under another shape; one extent may be -1."""
        return super().reshape(*shape)

    def transpose(self, *dims: Any) -> Self:
        """The dims in another order; reversed if none is given."""
        return super().transpose(*dims)

    def sum(  # pyright: ignore[reportIncompatibleMethodOverride]  # the course says dim
        self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None
    ) -> Self:
        """The sum over dims, or of everything. bool and int32 are summed as int64."""
        return super().sum(_one_of(dim, axis), keepdims)

    def mean(  # pyright: ignore[reportIncompatibleMethodOverride]  # the course says dim
        self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None
    ) -> Self:
        """The arithmetic mean over dims, or of everything."""
        return super().mean(_one_of(dim, axis), keepdims)

    def max(  # pyright: ignore[reportIncompatibleMethodOverride]  # the course says dim
        self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None
    ) -> Self:
        """The largest element over dims, or of everything; NaN where there is one."""
        return super().max(_one_of(dim, axis), keepdims)

    def min(  # pyright: ignore[reportIncompatibleMethodOverride]  # the course says dim
        self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None
    ) -> Self:
        """The smallest element over dims, or of everything; NaN where there is one."""
        return super().min(_one_of(dim, axis), keepdims)

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


def compute(tensor: Tensor) -> None:
    """Gives a recorded tensor its value.

    What is computed on the way a second time, is kept this time: by each tensor that is still in use.
    """
    node = tensor.recorded
    assert node is not None
    known = value_of_node(node)
    if known is not None:
        tensor.settle(Value(known.array.copy()))
        return
    recording = Recording.of([node])
    tensors = [tensor, *_worth_keeping(recording, node)]
    nodes = [found for item in tensors if (found := item.recorded) is not None]
    arrays, program = run(recording, nodes)
    for item, found, array in zip(tensors, nodes, arrays, strict=True):
        item.settle(Value(array, found), program)


def _worth_keeping(recording: Recording, root: Node) -> list[Tensor]:
    leaves = set(recording.leaves)
    inner = [node for node in recording.nodes if node not in leaves and node is not root]
    handles = [
        tensor
        for node in inner
        if (tensor := _HANDLES.get(node.serial)) is not None and tensor.recorded is node
    ]
    is_repeated = any(node in _COMPUTED for node in inner)
    _COMPUTED.update(tensor.recorded for tensor in handles if tensor.recorded is not None)
    return handles if is_repeated else []


def _operands(left: Any, right: Any) -> tuple[Node, Node] | None:
    """Two operands as nodes; a Python scalar takes the dtype that it has beside the other one."""
    if isinstance(left, Outranking) or isinstance(right, Outranking):
        return None
    if is_scalar(left):
        node = _tensor(right).node
        return scalar_node(left, node), node
    node = _tensor(left).node
    return node, scalar_node(right, node) if is_scalar(right) else _tensor(right).node


def is_scalar(value: Any) -> bool:
    """Whether a value is a Python number, which has no dtype of its own."""
    return isinstance(value, bool | int | float) and not isinstance(value, np.generic)


def scalar_node(value: Scalar, beside: Node) -> Node:
    """A Python number as a leaf, in the dtype that it has beside a node."""
    operands: list[Operand] = [beside.type.dtype, Weak(type(value))]
    try:
        return new_leaf(Value(np.array(value, promote(operands).numpy)))
    except OverflowError:
        raise DTypeError(f"{value} does not fit into {beside.type.dtype}") from None


def _tensor(value: Any) -> symbolic.Tensor:
    return value if isinstance(value, symbolic.Tensor) else Tensor(value)


def whole_number(value: Any) -> int | None:
    """The integer that a Python number is, if it is one."""
    if not is_scalar(value) or isinstance(value, bool):
        return None
    return int(value) if isinstance(value, int) or value.is_integer() else None


def _one_of(dim: Axis, axis: Axis) -> Axis:
    if dim is not None and axis is not None:
        raise ArgumentError("dim and axis are two names of one thing: give one of them")
    return axis if dim is None else dim
