"""When a tensor is computed, and when its buffer is written or copied.

A tensor is recorded (it has a node and no value) or computed (it has a value, and a leaf for it as soon as
somebody reads it). That of a Variable made from others keeps its node, its history, beside the value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet, WeakValueDictionary, ref

import numpy as np

from compiler.errors import DTypeError, ShapeError
from compiler.ir.build import apply, input_node
from compiler.ir.dims import Shape
from compiler.ir.node import Node
from compiler.ir.types import DType, TensorType, dtype_of
from compiler.program import Program
from tinytorch.core.operators import Operators
from tinytorch.core.programs import Recording, run, run_in_place
from tinytorch.core.values import Array, Value, bind, forget, is_held, new_leaf, value_of_node

_HANDLES: Final[WeakValueDictionary[int, LazyTensor]] = WeakValueDictionary()
"""The tensors that are recorded and not computed, by the serial numbers of their nodes."""

_COMPUTED: Final[WeakSet[Node]] = WeakSet()
"""Nodes of such tensors that have been computed on the way to others."""


class LazyTensor(Operators):
    """Keeps the values that its operands had when it was recorded, whatever is written to them afterwards."""

    __slots__ = ("_is_history", "_node", "_program", "_value")

    def _start(self, node: Node | None, value: Value | None) -> None:
        self._program: Program | None = None
        self._is_history = False
        self._value: Value | None = value
        self._node: Node | None = None
        if node is not None:
            self._set_node(node)

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

    @property
    def is_history(self) -> bool:
        """Whether this is the tensor of a Variable that was computed from others."""
        return self._is_history

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

    def settle(self, value: Value, program: Program | None = None) -> None:
        """Takes a value that was computed for this tensor's node."""
        node = self._node
        if node is None:
            return  # another thread was faster
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

    def is_zero_of(self, array: Array) -> bool:
        """Whether this holds nothing but zeros, of the dtype and shape of an array that is added to it."""
        held = self._computed().array
        return held.dtype == array.dtype and held.shape == array.shape and not held.any()

    def stand_for(self, node: Node) -> None:
        """Makes this the tensor of another node of its Variable, whose value it has."""
        self._node = node


def compute(tensor: LazyTensor) -> None:
    """Gives a recorded tensor its value.

    What is computed on the way a second time, is kept this time: by each tensor that is still in use.
    """
    node = tensor.recorded
    if node is None:
        return  # another thread was faster
    known = value_of_node(node)
    if known is not None:
        tensor.settle(Value(known.array.copy()))
        return
    recording = Recording.of([node])
    kept = {node: tensor, **_worth_keeping(recording, node)}
    arrays, program = run(recording, list(kept))
    for (found, item), array in zip(kept.items(), arrays, strict=True):
        item.settle(Value(array, found), program)


def _worth_keeping(recording: Recording, root: Node) -> dict[Node, LazyTensor]:
    leaves = set(recording.leaves)
    inner = [node for node in recording.nodes if node not in leaves and node is not root]
    handles = {
        node: tensor
        for node in inner
        if (tensor := _HANDLES.get(node.serial)) is not None and tensor.recorded is node
    }
    is_repeated = any(node in _COMPUTED for node in inner)
    _COMPUTED.update(handles)
    return handles if is_repeated else {}
