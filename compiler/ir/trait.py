"""Op: what every op answers, and the traits that a pass may ask for. Call: an op that is opaque."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any

import numpy as np

from compiler.errors import ShapeError
from compiler.ir.dims import Extent, evaluate
from compiler.ir.hashing import Hashed, hash_once
from compiler.ir.types import TensorType, dtype_of


class Trait(Flag):
    """What a pass may ask of an op, instead of asking for its name."""

    NONE = 0
    ELEMENTWISE = auto()
    """Each output element is a formula of one element of each operand."""
    REDUCTION = auto()
    """Reduces one operand over some of its axes."""
    CONTRACTION = auto()
    """Sums a product of two or more operands."""
    PREFIX = auto()
    """Reduces the elements of an axis up to each of them, in order."""
    LAYOUT = auto()
    """Moves elements and computes nothing (scatter_add and fold add, scatter combines)."""
    VIEW = auto()
    """The result of a dense operand can be a strided view of it; elements of it may overlap."""
    UPDATE = auto()
    """The result is operand 0 but for some elements, and may be written over it."""
    OPAQUE = auto()
    """A Python function that only the interpreter can run."""
    LEAF = auto()
    """Computes nothing: an input, a parameter or a constant."""


class Op(Hashed, ABC):
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

    def computes(self, position: int) -> bool:
        """Whether the op computes with an operand, and so reads it in its `compute` dtype."""
        return False

    def computed(self) -> Op:
        """The op of which a result in a storage dtype is the conversion."""
        return self

    def has(self, trait: Trait) -> bool:
        return self.traits._value_ & trait._value_ == trait._value_


class Shareable(ABC):
    """A function that writes into an array that it is given, by one thread or by several."""

    @abstractmethod
    def write(self, out: Any, *operands: Any) -> None:
        """The result into a dense array that shares no memory with the operands, which stay as they are."""

    def parts(self, count: int, out: Any, operands: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Arguments of `write` for up to `count` threads, which together write what one would."""
        return [(out, *operands)]

    def nanoseconds(self, operands: Sequence[Any]) -> float:
        """About how long one thread takes."""
        return 2.0 * max(item.size for item in operands)


class ArrayFunction(Shareable):
    """One that knows its result's type.

    Two that are equal compute the same, so subclasses are frozen dataclasses of their settings.
    """

    @property
    @abstractmethod
    def label(self) -> str:
        """What texts call it; with the result's type it says everything."""

    @abstractmethod
    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        """The result's type. Raises ShapeError or DTypeError where the operands' types do not fit."""

    def needs(self, operands: Sequence[TensorType]) -> Sequence[tuple[Extent, str]]:
        """Extents that must not be negative in a call, and what is wrong where they are."""
        return ()

    def adjoint(self, operand: int, cotangent: Any, operands: Sequence[Any], origin: Any) -> Any:
        """The cotangent of an operand as a node, built from nodes; None for none."""
        return None

    def __call__(self, *operands: Any) -> Any:
        types = [TensorType(dtype_of(array.dtype), array.shape) for array in operands]
        found = self.infer(types)
        out = np.empty(tuple(evaluate(extent, {}) for extent in found.shape), found.dtype.numpy)
        self.write(out, *operands)
        return out


@hash_once
@dataclass(frozen=True, slots=True)
class Call(Op):
    """A pure Python function of arrays with a declared result type, opaque to every pass.

    `function(*arrays)` returns an array of the type. `gradient(cotangent, *operands)` builds, from nodes, the
    cotangent of each operand (None for none); without it the call is not differentiable, unless the function
    is an `ArrayFunction`, which has an adjoint of its own and writes where it is told.
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
        if isinstance(self.function, ArrayFunction):
            found = self.function.infer(operands)
            if found != self.type:
                shown = ", ".join(map(str, operands))
                raise ShapeError(f"{self.label} of {shown} is {found}, not {self.type}")
        return self.type
