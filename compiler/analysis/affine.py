"""Maps that scale and shift one of their operands by numbers that are known: `x * a + b`, element by element.

What a map does to a value is read from its formula, run over pairs of a scale and a shift instead of numbers:
`(x - mean) * rsqrt * weight + bias` in one map, or in four, is one pair in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.ir.dims import Extent, Shape, product
from compiler.ir.formula.tape import Const
from compiler.ir.op import Access, MapReduce

Array: TypeAlias = np.ndarray[Any, Any]


class _NotAffineError(Exception):
    """A formula asks for what no scale and shift say."""


@dataclass(frozen=True, slots=True)
class Affine:
    """`x * scale + shift`, in float64: arrays with an axis for each of x, long or of extent 1."""

    scale: Array
    shift: Array

    @property
    def is_constant(self) -> bool:
        """Whether x is no part of it."""
        return not np.any(self.scale)

    def __add__(self, other: Affine) -> Affine:
        return Affine(self.scale + other.scale, self.shift + other.shift)

    def __sub__(self, other: Affine) -> Affine:
        return Affine(self.scale - other.scale, self.shift - other.shift)

    def __neg__(self) -> Affine:
        return Affine(-self.scale, -self.shift)

    def __mul__(self, other: Affine) -> Affine:
        if not (self.is_constant or other.is_constant):
            raise _NotAffineError
        scale = self.scale * other.shift + other.scale * self.shift
        return Affine(scale, self.shift * other.shift)

    def __truediv__(self, other: Affine) -> Affine:
        if not other.is_constant:
            raise _NotAffineError
        return Affine(self.scale / other.shift, self.shift / other.shift)

    def then(self, other: Affine) -> Affine:
        """What comes of this one, and then another."""
        return Affine(self.scale * other.scale, self.shift * other.scale + other.shift)


def known(value: Any) -> Affine:
    """A number, or numbers, that x is no part of."""
    return Affine(np.zeros(()), np.asarray(value, np.float64))


def affine_of(op: MapReduce, place: int, others: Sequence[Array]) -> Affine | None:
    """What a map does to the operand at `place`, which has the map's shape; None for anything else.

    `others` are the values of its other operands, in order.
    """
    if not all(line.atom in _ATOMS for line in op.formula.lines):
        return None
    rank, accesses = len(op.extents), list(op.accesses)
    if op.output != tuple(range(rank)) or accesses[place].axes != op.output:
        return None
    values = iter([*others[:place], None, *others[place:]])
    arguments: list[Affine] = []
    for argument in op.arguments:
        if isinstance(argument, Const):
            arguments.append(known(argument.value))
        elif isinstance(argument, Access):
            value = next(values)
            arguments.append(_X if value is None else known(_spread(value, argument, rank)))
        else:
            return None
    with np.errstate(all="ignore"):
        try:
            found = op.formula.evaluate(_ATOMS, arguments, known)
        except _NotAffineError:
            return None
    ones = (1,) * rank
    return Affine(*(part if part.ndim else part.reshape(ones) for part in (found.scale, found.shift)))


def regrouped(value: Array, shape: Shape, other: Shape) -> Array | None:
    """Numbers beside a value of one shape as they lie beside its reshape; None where axes are mixed.

    On every axis they are as long as the value or of extent 1; neighbours that become one axis, or come from
    one, are all long or all not.
    """
    found: list[Extent] = []
    groups = _groups(shape, other)
    if groups is None:
        return None
    for ours, theirs in groups:
        long = [value.shape[axis] != 1 for axis in ours if shape[axis] != 1]
        if any(long) and not all(long):
            return None
        found += [other[axis] if any(long) else 1 for axis in theirs]
    return value.reshape([int(str(extent)) for extent in found])


def _groups(shape: Shape, other: Shape) -> list[tuple[range, range]] | None:
    """The shortest runs of axes of two shapes that have as many elements; None where there are none."""
    found: list[tuple[range, range]] = []
    i = j = 0
    while i < len(shape) or j < len(other):
        first, second = i, j
        i, j = min(i + 1, len(shape)), min(j + 1, len(other))
        while product(shape[first:i]) != product(other[second:j]):
            if i == len(shape) and j == len(other):
                return None
            if j == len(other) or (i < len(shape) and _is_less(shape[first:i], other[second:j])):
                i += 1
            else:
                j += 1
        found.append((range(first, i), range(second, j)))
    return found


def _is_less(left: Shape, right: Shape) -> bool:
    """Whether a run has fewer elements. Of symbolic ones either answer only makes runs longer."""
    one, two = product(left), product(right)
    return isinstance(one, int) and (not isinstance(two, int) or one < two)


def _spread(value: Array, access: Access, rank: int) -> Array:
    """The elements of an operand with an axis for each loop that reads it."""
    loops = [(loop, n) for loop, n in zip(access.axes, value.shape, strict=True) if loop is not None]
    order = sorted(range(len(loops)), key=lambda k: loops[k][0])
    shape = [1] * rank
    for loop, extent in loops:
        shape[loop] = extent
    return value.reshape([n for _, n in loops]).transpose(order).reshape(shape)


_X: Final = Affine(np.ones(()), np.zeros(()))
_ATOMS: Final[Mapping[str, Callable[..., Affine]]] = {
    "add": Affine.__add__,
    "sub": Affine.__sub__,
    "neg": Affine.__neg__,
    "mul": Affine.__mul__,
    "div": Affine.__truediv__,
}
"""The atoms of which such formulas are made."""
