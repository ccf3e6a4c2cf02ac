"""The three kinds of op, and the leaves.

    Op         ::= MapReduce | Layout | Call | Leaf
    MapReduce  ::= out[O] = reducer over K of formula(argument, ...)
    argument   ::= Access       the next operand at loop indices, one (or the unit axis) for each of its axes
                 | Index        the value of a loop index
                 | Size         an extent
                 | Const        a literal
    Layout     ::= reshape | transpose | broadcast | diagonal | slice | pad | concatenate | gather
                 | scatter_add
    Call       ::= an opaque pure function with a declared result type
    Leaf       ::= input | parameter | constant

An op is a value: two nodes with equal ops and the same operands compute the same thing.
"""

from __future__ import annotations

import itertools
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from typing import Any, ClassVar, TypeAlias
from weakref import WeakSet

import numpy as np

from compiler.errors import ShapeError, UnboundArrayError
from compiler.ir.dims import Extent, Shape, product
from compiler.ir.formula.tape import Const, Formula, natural_dtype
from compiler.ir.types import BOOL, INT32, INT64, DType, Operand, TensorType, Weak

_serials = itertools.count()


class Trait(Flag):
    """What a pass may ask of an op, instead of asking for its name."""

    NONE = 0
    ELEMENTWISE = auto()
    """Each output element is a formula of one element of each operand."""
    REDUCTION = auto()
    """Reduces one operand over some of its axes."""
    CONTRACTION = auto()
    """Sums a product of two or more operands."""
    LAYOUT = auto()
    """Moves elements and computes nothing (scatter_add adds)."""
    VIEW = auto()
    """The result of a dense operand can be a strided view of it."""
    OPAQUE = auto()
    """A Python function that only the interpreter can run."""
    LEAF = auto()
    """Computes nothing: an input, a parameter or a constant."""


class Reducer(Enum):
    """How a MapReduce combines values over the loop indices that its output does not have."""

    NONE = "none"
    SUM = "sum"
    MAX = "max"
    MIN = "min"
    ARGMAX = "argmax"


class Op(ABC):
    """What a node does. `name` is for people; decisions ask for traits."""

    __slots__ = ()

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def traits(self) -> Trait: ...

    @abstractmethod
    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        """The result's type. Raises ShapeError or DTypeError where the operands' types do not fit."""

    def has(self, trait: Trait) -> bool:
        return trait in self.traits


@dataclass(frozen=True, slots=True)
class Access:
    """Reads the next operand: for each of its axes a loop index, or None for a unit axis."""

    axes: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """The value of a loop index, an int64."""

    loop: int


@dataclass(frozen=True, slots=True)
class Size:
    """The value of an extent, a weak int."""

    extent: Extent


Argument: TypeAlias = Access | Index | Size | Const


@dataclass(frozen=True, slots=True)
class MapReduce(Op):
    """`out[output] = reducer over the other loops of formula(arguments)`, converted to `dtype`.

    `extents` gives the extent of every loop index. The output's loop indices are 0, 1, ... in the order of
    its axes; the loops from there on are reduced, row-major for argmax. An op that reduces has as its formula
    one operand, or (sum only) a product of distinct operands.
    """

    formula: Formula
    arguments: tuple[Argument, ...]
    extents: Shape
    output: tuple[int | None, ...]
    dtype: DType
    reducer: Reducer = Reducer.NONE

    @property
    def name(self) -> str:
        return self.formula.name if self.reducer is Reducer.NONE else self.reducer.value

    @property
    def traits(self) -> Trait:
        if self.reducer is Reducer.NONE:
            return Trait.ELEMENTWISE
        return Trait.REDUCTION if self.formula.is_identity else Trait.CONTRACTION

    @property
    def accesses(self) -> tuple[Access, ...]:
        """The arguments that read operands, in the order of the operands."""
        return tuple(item for item in self.arguments if isinstance(item, Access))

    @property
    def kept(self) -> int:
        """The number of loop indices of the output; the rest are reduced."""
        return sum(axis is not None for axis in self.output)

    @property
    def reduced(self) -> tuple[int, ...]:
        return tuple(range(self.kept, len(self.extents)))

    @property
    def shape(self) -> Shape:
        return tuple(1 if axis is None else self.extents[axis] for axis in self.output)

    def operand_dtypes(self, operands: Sequence[TensorType]) -> list[Operand]:
        """The dtype of every parameter of the formula."""
        types = iter(operands)
        return [self._dtype(argument, types) for argument in self.arguments]

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        for position, (access, operand) in enumerate(zip(self.accesses, operands, strict=True)):
            expected = tuple(1 if axis is None else self.extents[axis] for axis in access.axes)
            if operand.shape != expected:
                raise ShapeError(f"operand {position} of {self.name} is {operand} and {expected} is needed")
        natural_dtype(self.formula, self.operand_dtypes(operands))
        return TensorType(self.dtype, self.shape)

    def _dtype(self, argument: Argument, types: Any) -> Operand:
        match argument:
            case Access():
                return next(types).dtype
            case Index():
                return INT64
            case Size():
                return Weak(int)
            case Const():
                return Weak(type(argument.value))


def reduced_dtype(reducer: Reducer, dtype: DType) -> DType:
    """The dtype that a reduction of `dtype` has: integers are summed as int64, argmax gives int64."""
    if reducer is Reducer.ARGMAX or (reducer is Reducer.SUM and dtype in (BOOL, INT32)):
        return INT64
    return dtype


@dataclass(frozen=True, slots=True)
class Layout(Op):
    """An op that moves elements. Its fields say everything about it; the class only carries the rules."""

    word: ClassVar[str]
    is_view: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return self.word

    @property
    def traits(self) -> Trait:
        return Trait.LAYOUT | (Trait.VIEW if self.is_view else Trait.NONE)


@dataclass(frozen=True, slots=True)
class Reshape(Layout):
    """The same elements in row-major order under another shape of the same size."""

    word = "reshape"
    is_view = True
    shape: Shape

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if product(self.shape) != operand.size:
            raise ShapeError(
                f"cannot reshape {operand} ({operand.size} elements) to {list(self.shape)} "
                f"({product(self.shape)} elements)"
            )
        return TensorType(operand.dtype, self.shape)


@dataclass(frozen=True, slots=True)
class Transpose(Layout):
    """Axis `k` of the result is axis `order[k]` of the operand."""

    word = "transpose"
    is_view = True
    order: tuple[int, ...]

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if sorted(self.order) != list(range(operand.rank)):
            raise ShapeError(f"{list(self.order)} is no order of the {operand.rank} axes of {operand}")
        return TensorType(operand.dtype, tuple(operand.shape[axis] for axis in self.order))


@dataclass(frozen=True, slots=True)
class Broadcast(Layout):
    """Repeats the operand along unit and new axes; its axis `k` is axis `axes[k]` of the result."""

    word = "broadcast"
    is_view = True
    shape: Shape
    axes: tuple[int, ...]

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if len(self.axes) != operand.rank or list(self.axes) != sorted(set(self.axes)):
            raise ShapeError(f"{list(self.axes)} does not place the axes of {operand} in ascending order")
        for axis, extent in zip(self.axes, operand.shape, strict=True):
            if axis >= len(self.shape) or extent not in (1, self.shape[axis]):
                raise ShapeError(
                    f"{operand} does not broadcast to {list(self.shape)} at axes {list(self.axes)}"
                )
        return TensorType(operand.dtype, self.shape)


@dataclass(frozen=True, slots=True)
class Diagonal(Layout):
    """The elements at which two axes of equal extent agree, as a new last axis."""

    word = "diagonal"
    is_view = True
    first: int
    second: int

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if self.first == self.second or max(self.first, self.second) >= operand.rank:
            raise ShapeError(f"a diagonal needs two different axes of {operand}")
        if operand.shape[self.first] != operand.shape[self.second]:
            raise ShapeError(
                f"the diagonal's axes {self.first} and {self.second} of {operand} differ in extent"
            )
        rest = [n for axis, n in enumerate(operand.shape) if axis not in (self.first, self.second)]
        return TensorType(operand.dtype, (*rest, operand.shape[self.first]))


@dataclass(frozen=True, slots=True)
class Slice(Layout):
    """Along each axis the elements at `start + n * step` for n below `size`; a step may be negative."""

    word = "slice"
    is_view = True
    starts: Shape
    sizes: Shape
    steps: tuple[int, ...]

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if not len(self.starts) == len(self.sizes) == len(self.steps) == operand.rank or 0 in self.steps:
            raise ShapeError(
                f"a slice of {operand} needs a start, a size and a step that is not 0 for each axis"
            )
        for axis, extent in enumerate(operand.shape):
            self._check(operand, axis, extent)
        return TensorType(operand.dtype, self.sizes)

    def _check(self, operand: TensorType, axis: int, extent: Extent) -> None:
        start, size, step = self.starts[axis], self.sizes[axis], self.steps[axis]
        last = start + (size - 1) * step
        for position in (start, last):
            low, high = position, extent - 1 - position
            if size != 0 and any(isinstance(gap, int) and gap < 0 for gap in (low, high)):
                raise ShapeError(f"slice({start}, size {size}, step {step}) leaves axis {axis} of {operand}")


@dataclass(frozen=True, slots=True, eq=False)
class Pad(Layout):
    """Puts `low` copies of `value` before, `high` behind and `interior` between the elements of each axis."""

    word = "pad"
    low: Shape
    high: Shape
    interior: tuple[int, ...]
    value: float = 0.0

    def _key(self) -> tuple[Any, ...]:
        return self.low, self.high, self.interior, Const(self.value)

    def __eq__(self, other: object) -> bool:
        """-0.0 is not 0.0, and NaN is NaN."""
        return isinstance(other, Pad) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if not len(self.low) == len(self.high) == len(self.interior) == operand.rank:
            raise ShapeError(f"padding {operand} needs a low, a high and an interior count for each axis")
        counts = [*self.low, *self.high, *self.interior]
        if any(isinstance(count, int) and count < 0 for count in counts):
            raise ShapeError(f"padding counts are not negative: {counts}; slice to remove elements")
        rows = zip(self.low, operand.shape, self.interior, self.high, strict=True)
        return TensorType(operand.dtype, tuple(a + n + (n - 1) * inner + b for a, n, inner, b in rows))


@dataclass(frozen=True, slots=True)
class Concatenate(Layout):
    """The operands one behind the other along an axis."""

    word = "concatenate"
    axis: int

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        first = operands[0]
        for other in operands:
            same = [n for k, n in enumerate(other.shape) if k != self.axis]
            if other.dtype is not first.dtype or same != [
                n for k, n in enumerate(first.shape) if k != self.axis
            ]:
                raise ShapeError(f"{first} and {other} do not fit each other off axis {self.axis}")
        if not 0 <= self.axis < first.rank:
            raise ShapeError(f"{first} has no axis {self.axis}")
        total: Extent = sum((item.shape[self.axis] for item in operands[1:]), first.shape[self.axis])
        shape = (*first.shape[: self.axis], total, *first.shape[self.axis + 1 :])
        return TensorType(first.dtype, shape)


@dataclass(frozen=True, slots=True)
class Gather(Layout):
    """Elements of operand 0 along an axis at the indices in operand 1.

    Plain: `out[a, *i, b] = x[a, index[*i], b]` with `a` before and `b` behind the axis (NumPy's take).
    Batched: x and index have the same rank and `out[a, i, b] = x[a, index[a, i, b], b]` (take_along_axis).
    An index outside `0 .. extent-1` raises IndexRangeError when the program runs.
    """

    word = "gather"
    axis: int
    batched: bool = False

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        data, index = operands
        _check_indices(self.name, index)
        if not 0 <= self.axis < data.rank:
            raise ShapeError(f"{data} has no axis {self.axis}")
        if not self.batched:
            return TensorType(data.dtype, data.shape[: self.axis] + index.shape + data.shape[self.axis + 1 :])
        _check_batched(data.shape, index.shape, self.axis)
        return TensorType(data.dtype, index.shape)


@dataclass(frozen=True, slots=True)
class ScatterAdd(Layout):
    """The adjoint of Gather: zeros of `extent` along the axis, plus operand 1 at the indices in operand 0.

    Elements with the same index are added in row-major order.
    """

    word = "scatter_add"
    axis: int
    extent: Extent
    batched: bool = False

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        index, data = operands
        _check_indices(self.name, index)
        width = 1 if self.batched else index.rank
        shape = (*data.shape[: self.axis], self.extent, *data.shape[self.axis + width :])
        picked = Gather(self.axis, self.batched).infer([TensorType(data.dtype, shape), index])
        if picked.shape != data.shape:
            raise ShapeError(
                f"scatter_add of {data} at {index} along axis {self.axis}: the shapes do not fit"
            )
        return TensorType(data.dtype, shape)


def _check_indices(name: str, index: TensorType) -> None:
    if not index.dtype.is_integer:
        raise ShapeError(f"the indices of {name} are int32 or int64, not {index}")


def _check_batched(data: Shape, index: Shape, axis: int) -> None:
    off_axis = [(a, b) for k, (a, b) in enumerate(zip(data, index, strict=False)) if k != axis]
    if len(data) != len(index) or any(a != b for a, b in off_axis):
        raise ShapeError(f"indices {list(index)} and data {list(data)} differ off axis {axis}")


LAYOUTS: tuple[type[Layout], ...] = (
    Reshape, Transpose, Broadcast, Diagonal, Slice, Pad, Concatenate, Gather, ScatterAdd,
)  # fmt: skip
"""Every layout op."""


@dataclass(frozen=True, slots=True)
class Call(Op):
    """A pure Python function of arrays with a declared result type, opaque to every pass.

    `function(*arrays)` returns an array of the type. `gradient(cotangent, *operands)` builds, from nodes, the
    cotangent of each operand (None for none); without it the call is not differentiable.
    """

    label: str
    function: Callable[..., Any]
    type: TensorType
    gradient: Callable[..., Any] | None = None

    @property
    def name(self) -> str:
        return self.label

    @property
    def traits(self) -> Trait:
        return Trait.OPAQUE

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        return self.type


@dataclass(frozen=True, slots=True)
class Input(Op):
    """A value given to each call, under its node's name."""

    type: TensorType

    @property
    def name(self) -> str:
        return "input"

    @property
    def traits(self) -> Trait:
        return Trait.LEAF

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        return self.type


_buffers: WeakSet[Buffer] = WeakSet()


def _free_locks() -> None:
    """A fork copies locks that other threads held, and nobody in the child would ever release them."""
    for buffer in _buffers:
        buffer.lock = threading.RLock()
        buffer.users = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks)


class Buffer:
    """The one mutable array of a parameter, with the lock that serialises programs which update it.

    Two buffers are never equal. `array` raises UnboundArrayError if the parameter was read from text alone.
    """

    __slots__ = ("__weakref__", "_array", "is_updated", "lock", "reference", "serial", "users")

    def __init__(self, array: np.ndarray[Any, Any] | None, reference: str = "") -> None:
        self._array = array
        self.reference = reference
        self.lock = threading.RLock()
        self.serial = next(_serials)
        self.is_updated = False
        """Whether some program writes to it; those that read it then take its lock, in order of `serial`."""
        self.users = 0
        """Calls that hold the lock: more than one only where a program is called within a call of one."""
        _buffers.add(self)

    @property
    def array(self) -> np.ndarray[Any, Any]:
        if self._array is None:
            raise UnboundArrayError(
                f"@{self.reference} was read from text without its array; "
                f"parse with arrays={{{self.reference!r}: array}}"
            )
        return self._array

    @array.setter
    def array(self, value: np.ndarray[Any, Any]) -> None:
        self._array = value

    @property
    def is_bound(self) -> bool:
        return self._array is not None


@contextmanager
def locked(buffers: Iterable[Buffer]) -> Generator[None]:
    """Holds the locks of buffers, taken in one order everywhere: nobody waits in a circle."""
    taken: list[Buffer] = []
    try:
        for buffer in sorted(set(buffers), key=lambda buffer: buffer.serial):
            buffer.lock.acquire()
            taken.append(buffer)
        yield
    finally:
        for buffer in reversed(taken):
            buffer.lock.release()


@dataclass(frozen=True, slots=True)
class Parameter(Op):
    """A value that lasts between calls, read when a call begins and written by its updates."""

    type: TensorType
    buffer: Buffer

    @property
    def name(self) -> str:
        return "parameter"

    @property
    def traits(self) -> Trait:
        return Trait.LEAF

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        return self.type


@dataclass(frozen=True, slots=True)
class Constant(Op):
    """An immutable array. Equal to a constant of the same type and bits."""

    type: TensorType
    buffer: Buffer = field(compare=False)
    bits: bytes
    """What is compared: the array's bytes, or a unique token for a constant whose array is not known."""

    @property
    def name(self) -> str:
        return "constant"

    @property
    def traits(self) -> Trait:
        return Trait.LEAF

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        return self.type


def constant_of(array: np.ndarray[Any, Any], dtype: DType) -> Constant:
    """A constant op that holds a read-only copy of an array."""
    copy = np.array(array, dtype=dtype.numpy, order="C", copy=True)
    copy.setflags(write=False)
    return Constant(TensorType(dtype, copy.shape), Buffer(copy), copy.tobytes())
