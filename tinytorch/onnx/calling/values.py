"""Values while a model is built.

    value ::= Tensor             the graph computes it
            | ndarray            known now; of dtype object where it holds extents or texts
            | Weight             an initialiser, which is a parameter where a tensor is wanted
            | list of values     a sequence
            | None               an optional one that is absent
            | Failed             what a node was to compute that is not supported

What takes values says which of them it takes: `tensor_of` and `known_of` convert.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from compiler.errors import DTypeError, UserError
from compiler.ir.build import parameter_node
from compiler.ir.dims import Dim, Extent, product, symbols
from compiler.ir.graph import Graph
from compiler.ir.op import Input, MapReduce, Parameter, Role, Size
from compiler.ir.types import dtype_of
from tinytorch.api import compile as compiled
from tinytorch.api import constant
from tinytorch.onnx.calling.reals import Real
from tinytorch.onnx.reading.limits import LARGEST_DENSE
from tinytorch.ops.joining import stack
from tinytorch.ops.making import zeros
from tinytorch.tensor import Tensor

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(slots=True, eq=False)
class Weight:
    """An initialiser: a constant, and the parameter that holds it once a tensor was wanted of it."""

    name: str
    array: Array
    tensor: Tensor | None = None
    role: Role | None = Role.TRAINED
    """What it is to the network; None is a constant."""
    is_said: bool = False
    """Whether the file says so, which then also holds of a number without axes."""

    def as_tensor(self, role: Role = Role.TRAINED) -> Tensor:
        """A parameter if it is of floats and has axes, or the file says so; else a constant."""
        if self.tensor is None:
            own = role if self.role is Role.TRAINED else self.role
            if self.array.dtype.kind == "f" and own is not None and (self.is_said or self.array.ndim):
                self.tensor = Tensor(parameter_node(self.array, self.name, role=own))
            else:
                self.tensor = constant(self.array, self.name)
        return self.tensor


@dataclass(slots=True)
class Failed:
    """Stands for what a node that is not supported was to compute."""


Value: TypeAlias = Tensor | Array | Weight | list[Any] | Failed | None


class Unsupported(Exception):  # noqa: N818  # the importer's own signal; users see UnsupportedOperatorError
    """What a node asks for is not to be had; the text says why."""

    operand = ""
    wanted: Sequence[str] = ()
    """The inputs of the model that it would have to know."""

    def place(self, operand: str) -> None:
        """Says which input it is about."""
        self.operand = self.operand or operand

    def __str__(self) -> str:
        text = super().__str__()
        return f"input {self.operand}: {text}" if self.operand else text


class NotKnown(Unsupported):
    """A value is wanted while the model is built that only a call has."""

    def __init__(self, tensor: Tensor) -> None:
        leaves = Graph.of([tensor.node]).nodes
        self.wanted = sorted(node.name or "" for node in leaves if isinstance(node.op, Input))
        these = ", ".join(map(repr, self.wanted))
        super().__init__(
            f"it has to be known before a call, and depends on {these or 'parameters'}"
            + (f"\n  fix: load(..., known={{{self.wanted[0]!r}: array}})" if these else "")
        )


def has_extents(array: Array) -> bool:
    """Whether an array holds a symbolic extent, or a float that is made of one."""
    return array.dtype == object and any(isinstance(item, Dim | Real) for item in array.flat)


def has_text(array: Array) -> bool:
    """Whether an array is of texts."""
    return array.dtype.kind in "US" or (array.dtype == object and any(isinstance(i, str) for i in array.flat))


def is_foreign(array: Array) -> bool:
    """Whether an array is of texts, or of another dtype that no tensor of ours has."""
    return has_text(array) if array.dtype == object else not is_held(array.dtype)


def is_held(dtype: np.dtype[Any]) -> bool:
    """Whether a tensor of ours can be of a NumPy dtype."""
    try:
        dtype_of(dtype)
    except DTypeError:
        return False
    return True


def tensor_of(value: Value, role: Role = Role.TRAINED) -> Tensor:
    """A value as a tensor of the graph. Raises Unsupported for what is none."""
    if isinstance(value, Tensor):
        return value
    array = value.array if isinstance(value, Weight) else value
    if not isinstance(array, np.ndarray):
        raise Unsupported(f"a tensor is wanted, not {_title(value)}")
    if is_foreign(array):
        what = "texts are no tensors" if has_text(array) else f"{array.dtype} is no dtype"
        raise Unsupported(f"{what} of ours")
    if isinstance(value, Weight):
        return value.as_tensor(role)
    value = array
    if has_extents(value):
        items = [_of_extent(item) for item in value.flat]
        return stack(items).reshape(value.shape) if value.ndim else items[0]
    if value.dtype == object:
        value = value.astype(np.int64)
    return constant(value)


def _of_extent(item: Extent | Real) -> Tensor:
    if isinstance(item, Real):
        return (zeros((), dtype=item.dtype) + item.extent) / item.divisor
    return zeros((), dtype="int64") + item


def known_of(value: Value) -> Array:
    """What a value is, now. Raises NotKnown for what only a call knows, Unsupported for what is no array."""
    if isinstance(value, Weight):
        return value.array
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, Tensor):
        raise Unsupported(f"a tensor is wanted, not {_title(value)}")
    if any(isinstance(node.op, Input | Parameter) for node in Graph.of([value.node]).nodes):
        raise NotKnown(value)
    size = product(value.shape)
    if isinstance(size, int) and size > LARGEST_DENSE:
        raise Unsupported(f"it has to be known before a call, and has {size} elements")
    try:
        return np.asarray(compiled([], value, backend="numpy", passes=())())
    except UserError as error:
        raise no_polynomial("it has to be known before a call, but", *_sizes(value)) from error


def no_polynomial(what: str, *extents: Extent) -> Unsupported:
    """What to raise for a size that extents make, and that is none of them."""
    names = sorted({name for item in extents for name in symbols(item)})
    fix = f"\n  fix: load(..., dims={{{names[0]!r}: number}}), or a text as '2*m'" if names else ""
    return Unsupported(f"{what} is no polynomial of {', '.join(names) or 'extents'}{fix}")


def _sizes(tensor: Tensor) -> list[Extent]:
    """The extents that a tensor is computed from."""
    maps = [node.op for node in Graph.of([tensor.node]).nodes if isinstance(node.op, MapReduce)]
    return [item.extent for op in maps for item in op.arguments if isinstance(item, Size)]


def shape_of(value: Value) -> tuple[Extent, ...]:
    """The extents of a value's axes. Raises Unsupported for what is no array."""
    if isinstance(value, Weight):
        value = value.array
    if not isinstance(value, Tensor | np.ndarray):
        raise Unsupported(f"a tensor is wanted, not {_title(value)}")
    return tuple(value.shape)


def dtype_name(value: Value) -> str:
    """The name of a value's dtype, as `float32`; `object` of texts."""
    if isinstance(value, Weight):
        value = value.array
    if isinstance(value, np.ndarray):
        return _dtype_of_extents(value) if has_extents(value) else str(value.dtype)
    return str(value.dtype) if isinstance(value, Tensor) else "object"


def _dtype_of_extents(array: Array) -> str:
    return next((item.dtype for item in array.flat if isinstance(item, Real)), "int64")


def _title(value: Value) -> str:
    return "a sequence" if isinstance(value, list) else "nothing" if value is None else type(value).__name__
