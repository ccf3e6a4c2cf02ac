"""Tensor: a handle on one node of the graph. Operators and methods make nodes; nothing is computed."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any, NoReturn, Self, TypeAlias

import numpy as np

from compiler.errors import ArgumentError, DTypeError, ShapeError, SymbolicValueError
from compiler.ir.build import apply, broadcast, cast, constant_node, reduce
from compiler.ir.dims import Extent, Shape, divide_exactly, extent, product
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Reducer, Reshape, Size, Transpose
from compiler.ir.types import DType, Scalar, TensorType, dtype_of, floating
from tinytorch.indexing import take_key
from tinytorch.products import matmul_node

Axis: TypeAlias = int | Sequence[int] | None
TensorLike: TypeAlias = "Tensor | Scalar | np.ndarray[Any, Any] | np.generic"


class Tensor:
    """A symbolic array. Make one with `tt.input`, `tt.parameter`, `tt.constant`, or an operation on tensors.

    Arithmetic and comparison broadcast as in NumPy and promote as NumPy 2 does. `==` compares element by
    element; two handles are the same dictionary key if they are the same object.
    """

    __slots__ = ("__weakref__", "node")
    __array_priority__ = 1000
    __array_ufunc__ = None  # numpy_array * tensor asks the tensor

    def __init__(self, node: Node) -> None:
        self.node = node

    def _wrap(self, node: Node) -> Self:
        return type(self)(node)

    # What it is

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

    def __iter__(self) -> Any:
        for position in range(len(self)):
            yield self[position]

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

    def __float__(self) -> NoReturn:
        return self.__array__()

    def __reduce__(self) -> tuple[Any, ...]:
        """As the text and arrays of its graph: tensors that are pickled apart share no node afterwards."""
        return _of_graph, (type(self), Graph.of([self.node]))

    __int__ = __index__ = __float__
    __hash__ = object.__hash__

    # Arithmetic

    def _binary(self, atom: str, left: Any, right: Any) -> Self:
        return self._wrap(apply(atom, as_value(left), as_value(right)))

    def __add__(self, other: TensorLike) -> Self:
        return self._binary("add", self, other)

    def __radd__(self, other: TensorLike) -> Self:
        return self._binary("add", other, self)

    def __sub__(self, other: TensorLike) -> Self:
        return self._binary("sub", self, other)

    def __rsub__(self, other: TensorLike) -> Self:
        return self._binary("sub", other, self)

    def __mul__(self, other: TensorLike) -> Self:
        return self._binary("mul", self, other)

    def __rmul__(self, other: TensorLike) -> Self:
        return self._binary("mul", other, self)

    def __truediv__(self, other: TensorLike) -> Self:
        return self._binary("div", self, other)

    def __rtruediv__(self, other: TensorLike) -> Self:
        return self._binary("div", other, self)

    def __pow__(self, other: TensorLike) -> Self:
        check_power(self, other)
        return self._binary("pow", self, other)

    def __rpow__(self, other: TensorLike) -> Self:
        check_power(other, self)
        return self._binary("pow", other, self)

    def __neg__(self) -> Self:
        return self._wrap(apply("neg", self.node))

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return self._wrap(apply("abs", self.node))

    def __matmul__(self, other: Tensor) -> Self:
        return self._wrap(matmul_node(self.node, as_tensor(other).node))

    def __rmatmul__(self, other: Any) -> Self:
        return self._wrap(matmul_node(as_tensor(other).node, self.node))

    def __lt__(self, other: TensorLike) -> Self:
        return self._binary("lt", self, other)

    def __le__(self, other: TensorLike) -> Self:
        return self._binary("le", self, other)

    def __gt__(self, other: TensorLike) -> Self:
        return self._binary("gt", self, other)

    def __ge__(self, other: TensorLike) -> Self:
        return self._binary("ge", self, other)

    def __eq__(self, other: object) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]  # element-wise
        return self._binary("eq", self, other)

    def __ne__(self, other: object) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]  # element-wise
        return self._binary("ne", self, other)

    def __and__(self, other: TensorLike) -> Self:
        return self._binary("and", self, other)

    def __or__(self, other: TensorLike) -> Self:
        return self._binary("or", self, other)

    def __xor__(self, other: TensorLike) -> Self:
        return self._binary("xor", self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Self:
        return self._wrap(apply("not", self.node))

    def astype(self, dtype: Any) -> Self:
        """The values converted to another dtype."""
        return self._wrap(cast(self.node, dtype_of(dtype)))

    # Reductions: `axis` is an int, several, or None for all; negative axes count from the last

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The sum over axes. bool and int32 are summed as int64."""
        return self._reduce(Reducer.SUM, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The largest element over axes, NaN where there is one.

        Tied elements share the gradient (torch.amax).
        """
        self._require_elements("max", axis)
        return self._reduce(Reducer.MAX, axis, keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The smallest element over axes, NaN where there is one.

        Tied elements share the gradient (torch.amin).
        """
        self._require_elements("min", axis)
        return self._reduce(Reducer.MIN, axis, keepdims)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Self:
        """The index (int64) of the first largest element along an axis, or in the flattened tensor.

        NaN is largest.
        """
        self._require_elements("argmax", axis)
        return self._reduce(Reducer.ARGMAX, axis, keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Self:
        """The index (int64) of the first smallest element along an axis, or in the flattened tensor."""
        self._require_elements("argmin", axis)
        return (-self)._reduce(Reducer.ARGMAX, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The arithmetic mean over axes, floating: float64 for int64, float32 for bool and int32.

        NaN of nothing.
        """
        floats = self.astype(floating(self.dtype))
        total = floats.sum(axis, keepdims)
        count = product(self.shape[k] for k in normalised_axes(axis, self.ndim))
        return self._wrap(apply("div", total.node, Size(count)))

    def var(self, axis: Axis = None, keepdims: bool = False, *, correction: int = 1) -> Self:
        """The variance over axes, divided by n - `correction` as torch.var does (NumPy's default is 0)."""
        centred = self - self.mean(axis, keepdims=True)
        total = (centred * centred).sum(axis, keepdims)
        count = product(self.shape[k] for k in normalised_axes(axis, self.ndim)) - correction
        return self._wrap(apply("div", total.node, Size(max(count, 0) if isinstance(count, int) else count)))

    def std(self, axis: Axis = None, keepdims: bool = False, *, correction: int = 1) -> Self:
        """The square root of `var`."""
        return self._wrap(apply("sqrt", self.var(axis, keepdims, correction=correction).node))

    def _reduce(self, reducer: Reducer, axis: Axis, keepdims: bool) -> Self:
        axes = normalised_axes(axis, self.ndim)
        if not axes:
            return self.astype("int64") * 0 if reducer is Reducer.ARGMAX else self._sum_of_nothing(reducer)
        return self._wrap(reduce(reducer, self.node, axes, keepdims))

    def _sum_of_nothing(self, reducer: Reducer) -> Self:
        is_counted = reducer is Reducer.SUM and not self.dtype.is_float
        return self.astype("int64") if is_counted else self

    def _require_elements(self, what: str, axis: Axis) -> None:
        if any(self.shape[k] == 0 for k in normalised_axes(axis, self.ndim)):
            raise ShapeError(f"{what} of no elements has no value: {describe(self.node)}")

    # Shape

    def reshape(self, *shape: Any) -> Self:
        """The elements in row-major order under another shape; one extent may be -1."""
        wanted = _resolved(self.node, _spread(shape))
        return self if wanted == self.shape else self._wrap(make_node(Reshape(wanted), [self.node]))

    def transpose(self, *axes: Any) -> Self:
        """The axes in another order; reversed if none is given, as in NumPy."""
        order = tuple(normalised_axis(k, self.ndim) for k in _spread(axes)) or tuple(
            reversed(range(self.ndim))
        )
        is_same = order == tuple(range(self.ndim))
        return self if is_same else self._wrap(make_node(Transpose(order), [self.node]))

    @property
    def T(self) -> Self:  # noqa: N802  # NumPy's name
        """The axes in reverse order."""
        return self.transpose()

    def swapaxes(self, first: int, second: int) -> Self:
        """Two axes exchanged."""
        order = list(range(self.ndim))
        a, b = normalised_axis(first, self.ndim), normalised_axis(second, self.ndim)
        order[a], order[b] = order[b], order[a]
        return self.transpose(order)

    def squeeze(self, axis: Axis = None) -> Self:
        """Without the unit axes given, or without all of them.

        Raises ShapeError for an axis that is not 1.
        """
        found = [k for k, n in enumerate(self.shape) if n == 1]
        gone = found if axis is None else normalised_axes(axis, self.ndim)
        if any(k not in found for k in gone):
            raise ShapeError(f"only unit axes can be squeezed: axes {list(gone)} of {describe(self.node)}")
        return self.reshape([n for k, n in enumerate(self.shape) if k not in gone])

    def unsqueeze(self, axis: int) -> Self:
        """With a new unit axis before `axis`; -1 puts it last."""
        place = normalised_axis(axis, self.ndim + 1)
        return self.reshape([*self.shape[:place], 1, *self.shape[place:]])

    def flatten(self, start: int = 0, end: int = -1) -> Self:
        """The axes from `start` to `end` (inclusive, as in torch.flatten) made into one."""
        if not self.shape:
            return self.reshape([1])
        first, last = normalised_axis(start, self.ndim), normalised_axis(end, self.ndim)
        merged = product(self.shape[first : last + 1])
        return self.reshape([*self.shape[:first], merged, *self.shape[last + 1 :]])

    def broadcast_to(self, shape: Sequence[Extent | str]) -> Self:
        """Repeated to a shape as NumPy broadcasts."""
        return self._wrap(broadcast(self.node, tuple(map(extent, shape))))

    def __getitem__(self, key: Any) -> Self:
        """Ints, slices, None, Ellipsis, and one integer tensor, array or list along an axis, as in NumPy."""
        return self._wrap(take_key(self.node, _unwrapped_key(key)))


def _of_graph(kind: type[Tensor], graph: Graph) -> Tensor:
    return kind(graph.outputs[0])


def checked_name(name: Any) -> str:
    """A name for a value. Raises ArgumentError for anything but a string with something in it."""
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"a name is a string with something in it, not {name!r}")
    return name


def as_value(value: Any) -> Node | Scalar:
    """What an operation takes: a tensor's node, a Python scalar (weakly typed), or a constant of an array."""
    if isinstance(value, Tensor):
        return value.node
    if isinstance(value, bool | int | float) and not isinstance(value, np.generic):
        return value
    return as_tensor(value).node


def as_tensor(value: Any) -> Tensor:
    """A tensor as it is; a scalar or an array as a constant. Raises DTypeError for anything else."""
    return value if isinstance(value, Tensor) else Tensor(constant_of_array(value, None, None))


def constant_of_array(value: Any, dtype: Any, name: str | None) -> Node:
    """A constant node of an array-like.

    Floats that come without a dtype (lists, Python scalars) are float32.
    """
    array = checked_array(value)
    if dtype is None and not isinstance(value, np.ndarray | np.generic) and array.dtype == np.float64:
        dtype = DType.FLOAT32
    return constant_node(array, dtype_of(array.dtype if dtype is None else dtype), name)


def checked_array(value: Any) -> np.ndarray[Any, Any]:
    """An array-like as an array of one of our dtypes.

    Raises DTypeError for objects, strings and ragged lists.
    """
    if isinstance(value, Tensor):
        value.__array__()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DTypeError(f"not a rectangular array of numbers: {_shown(value)} ({error})") from None
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise DTypeError(f"not an array of bools, integers or floats but of {array.dtype}: {_shown(value)}")
    return array


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."


def check_power(base: Any, exponent: Any) -> None:
    """Integers have powers by non-negative literal integers only. Raises DTypeError."""
    dtypes = [item.dtype for item in (base, exponent) if isinstance(item, Tensor)]
    if any(dtype.is_float for dtype in dtypes) or isinstance(base, float) or isinstance(exponent, float):
        return
    if not (isinstance(exponent, int) and exponent >= 0):
        raise DTypeError(
            "an integer tensor has powers by non-negative Python ints; cast it to float32 for others"
        )


def normalised_axis(axis: Any, rank: int) -> int:
    """An axis counted from the front. Raises ShapeError if there is none such."""
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise ShapeError(f"an axis is an int, not {axis!r}")
    number = axis.__index__()
    if not -rank <= number < rank:
        raise ShapeError(f"axis {number} is out of range for {rank} axes")
    return number % rank


def normalised_axes(axis: Axis, rank: int) -> tuple[int, ...]:
    """Axes counted from the front, ascending. Raises ShapeError for an axis given twice."""
    if axis is None:
        return tuple(range(rank))
    given = axis if isinstance(axis, Sequence) else [axis]
    axes = sorted(normalised_axis(item, rank) for item in given)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"an axis is given twice: {list(given)}")
    return tuple(axes)


def _resolved(node: Node, shape: list[Any]) -> Shape:
    holes = [k for k, item in enumerate(shape) if isinstance(item, int) and item == -1]
    if len(holes) > 1:
        raise ShapeError(f"reshape to {shape}: only one extent can be -1")
    known = [extent(item) for k, item in enumerate(shape) if k not in holes]
    if not holes:
        return tuple(known)
    rest = divide_exactly(node.type.size, product(known))
    if rest is None:
        raise ShapeError(f"reshape to {shape}: {product(known)} does not divide the size of {describe(node)}")
    return (*known[: holes[0]], rest, *known[holes[0] :])


def _spread(given: tuple[Any, ...]) -> list[Any]:
    """The items of `f(a, b)` as of `f((a, b))`."""
    if len(given) != 1 or not isinstance(given[0], tuple | list):
        return list(given)
    return list(typing.cast("Sequence[Any]", given[0]))


def _unwrapped_key(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(map(_unwrapped_key, typing.cast("tuple[Any, ...]", key)))
    if isinstance(key, Tensor):
        return key.node
    return as_tensor(key).node if isinstance(key, list | np.ndarray) else key
