"""Updates: operand 0 with other elements at some places, over which the result may be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from compiler.errors import DTypeError, ShapeError
from compiler.ir.dims import Shape, product
from compiler.ir.hashing import hash_once
from compiler.ir.layout import Gather, Layout, Slice, check_indices
from compiler.ir.trait import Trait
from compiler.ir.types import BOOL, TensorType


class Combine(Enum):
    """What becomes of an element and a value that meets it; several values come in row-major order."""

    SET = "set"
    ADD = "add"
    MULTIPLY = "multiply"
    MAX = "max"
    MIN = "min"

    @property
    def atom(self) -> str | None:
        """The atom of the element and the value; None where the value alone is the result."""
        return _ATOMS.get(self)


_ATOMS = {Combine.ADD: "add", Combine.MULTIPLY: "mul", Combine.MAX: "maximum", Combine.MIN: "minimum"}


@dataclass(frozen=True, slots=True)
class Update(Layout):
    """An op whose result is operand 0 but for what the last operand is written to, or meets."""

    @property
    def traits(self) -> Trait:
        return Trait.LAYOUT | Trait.UPDATE


@hash_once
@dataclass(frozen=True, slots=True)
class Scatter(Update):
    """Operand 0, where the elements of operand 2 meet those that the indices in operand 1 name.

    Plain: `out[a, index[*i], b]` meets `values[a, *i, b]`; an index counts through `spans` axes, from
    `axis` on, as through one. Batched: all three have the same rank and
    `out[a, index[a, i, b], b]` meets `values[a, i, b]`. Values with the same index come in row-major order,
    each rounded to the dtype; of those that are set the last one stays. An index outside `0 .. extent-1`
    raises IndexRangeError when the program runs.
    """

    word = "scatter"
    axis: int
    combine: Combine
    batched: bool = False
    spans: int = 1

    def merged(self, target: TensorType) -> TensorType:
        """What is updated with the axes through which an index counts as one."""
        shape, end = target.shape, self.axis + self.spans
        return TensorType(target.dtype, (*shape[: self.axis], product(shape[self.axis : end]), *shape[end:]))

    def computes(self, position: int) -> bool:
        return position == 1 or self.combine is not Combine.SET

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        target, index, values = operands
        check_indices(self.name, index)
        if not 0 <= self.axis <= target.rank - self.spans or self.spans < 1:
            raise ShapeError(f"{target} has no {self.spans} axes from {self.axis} on")
        if self.batched and self.spans > 1:
            raise ShapeError(f"a batched scatter has indices of one axis, not of {self.spans}")
        picked = Gather(self.axis, self.batched).infer([self.merged(target), index])
        if picked != values:
            raise ShapeError(
                f"scatter of {values} to {target} at {index} along axis {self.axis}: {picked} is needed"
            )
        if target.dtype is BOOL and self.combine is not Combine.SET:
            raise DTypeError(f"bools are set, and have no {self.combine.value}: {target}")
        return target


@hash_once
@dataclass(frozen=True, slots=True)
class Insert(Update):
    """Operand 0 with operand 1 at `start + n * step` along each axis: what Slice reads, written."""

    word = "insert"
    starts: Shape
    steps: tuple[int, ...]

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        target, values = operands
        if any(step < 1 for step in self.steps):
            raise ShapeError(f"the steps of an insert are at least 1, not {list(self.steps)}")
        if values.dtype is not target.dtype or values.rank != target.rank:
            raise ShapeError(f"insert of {values} in {target}: the dtype and the number of axes are the same")
        Slice(self.starts, values.shape, self.steps).infer([target])
        return target
