"""MapReduce: everything that computes, in index notation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property, lru_cache
from typing import TypeAlias

from compiler.errors import ShapeError
from compiler.ir.dims import Extent, Shape
from compiler.ir.formula.tape import Const, Formula, natural_dtype
from compiler.ir.hashing import hash_once
from compiler.ir.trait import Op, Trait
from compiler.ir.types import INT64, DType, Operand, TensorType, Weak


class Reducer(Enum):
    """How a MapReduce combines values over the loop indices that its output does not have."""

    NONE = "none"
    SUM = "sum"
    PROD = "prod"
    MAX = "max"
    MIN = "min"
    ARGMAX = "argmax"
    ARGMIN = "argmin"

    @property
    def has_identity(self) -> bool:
        """Whether no elements have a result: 0 or 1."""
        return self in (Reducer.SUM, Reducer.PROD)

    @property
    def is_search(self) -> bool:
        """Whether the result is the place of an element, and not a value."""
        return self in (Reducer.ARGMAX, Reducer.ARGMIN)

    @property
    def prefers_less(self) -> bool:
        """Whether the smaller of two elements wins; a NaN wins over both."""
        return self in (Reducer.MIN, Reducer.ARGMIN)


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


@hash_once
@dataclass(frozen=True)
class MapReduce(Op):
    """`out[output] = reducer over the other loops of formula(arguments)`, converted to `dtype`.

    `extents` gives the extent of every loop index. The output's loop indices are 0, 1, ... in the order of
    its axes; the loops from there on are reduced, row-major for a search. An op that reduces has as its
    formula one operand, or (sum only) a product of distinct operands.
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
        return self._traits

    @cached_property
    def _traits(self) -> Trait:
        if self.reducer is Reducer.NONE:
            return Trait.ELEMENTWISE
        return Trait.REDUCTION if self.formula.is_identity else Trait.CONTRACTION

    @cached_property
    def accesses(self) -> tuple[Access, ...]:
        """The arguments that read operands, in the order of the operands."""
        return tuple(item for item in self.arguments if isinstance(item, Access))

    @cached_property
    def positions(self) -> tuple[int, ...]:
        """The parameter of the formula that each operand is, in the order of the operands."""
        return tuple(k for k, item in enumerate(self.arguments) if isinstance(item, Access))

    @cached_property
    def kept(self) -> int:
        """The number of loop indices of the output; the rest are reduced."""
        return sum(axis is not None for axis in self.output)

    @cached_property
    def reduced(self) -> tuple[int, ...]:
        return tuple(range(self.kept, len(self.extents)))

    @property
    def is_conversion(self) -> bool:
        """Whether it only reads one operand in another dtype, perhaps at other places."""
        return self.reducer is Reducer.NONE and self.formula.is_identity

    def computes(self, position: int) -> bool:
        return not self.is_conversion

    def computed(self) -> MapReduce:
        is_kept = self.is_conversion or not self.dtype.is_storage
        return self if is_kept else replace(self, dtype=self.dtype.compute)

    @property
    def shape(self) -> Shape:
        return tuple(1 if axis is None else self.extents[axis] for axis in self.output)

    def operand_dtypes(self, operands: Sequence[TensorType]) -> list[Operand]:
        """The dtype of every parameter of the formula."""
        types = iter(operands)
        return [self._dtype(argument, types) for argument in self.arguments]

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        return _inferred(self, tuple(operands))

    def infer_anew(self, operands: Sequence[TensorType]) -> TensorType:
        """The type, worked out; `infer` remembers it. Raises as `infer`."""
        for position, (access, operand) in enumerate(zip(self.accesses, operands, strict=True)):
            expected = tuple(1 if axis is None else self.extents[axis] for axis in access.axes)
            if operand.shape != expected:
                raise ShapeError(f"operand {position} of {self.name} is {operand} and {expected} is needed")
        natural_dtype(self.formula, self.operand_dtypes(operands))
        return TensorType(self.dtype, self.shape)

    def _dtype(self, argument: Argument, types: Iterator[TensorType]) -> Operand:
        match argument:
            case Access():
                return next(types).dtype
            case Index():
                return INT64
            case Size():
                return Weak(int)
            case Const():
                return Weak(type(argument.value))


@lru_cache(maxsize=4096)
def _inferred(op: MapReduce, operands: tuple[TensorType, ...]) -> TensorType:
    return op.infer_anew(operands)


def reduced_dtype(reducer: Reducer, dtype: DType) -> DType:
    """The dtype that a reduction of `dtype` has: of integers, summed or multiplied, and of places int64."""
    if reducer.is_search or (reducer.has_identity and not dtype.is_float):
        return INT64
    return dtype
