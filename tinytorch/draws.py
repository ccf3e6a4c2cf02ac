"""Draws: maps of a key and of the place of each element, which are random bits, and numbers made of these."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from compiler.errors import DTypeError, ShapeError
from compiler.ir.build import apply
from compiler.ir.dims import Shape, shape_of
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Formula
from compiler.ir.node import Node, describe
from compiler.ir.op import Index, Size
from compiler.ir.printing import loop_name
from compiler.ir.types import FLOAT32, FLOAT64, INT32, INT64, DType, dtype_of
from tinytorch.handle import Handle
from tinytorch.tensor import Tensor, as_tensor

BODIES: Final = {
    "random_int32": "random32(key, @)",
    "random_int64": "random64(key, @)",
    "uniform": f"(random32(key, @) >> 9 & {2**23 - 1}) * {2.0**-23!r}",
    "uniform52": f"random64(key, @) >> 12 & {2**52 - 1}",
}
"""What is drawn, at a place `@`. Shifts keep the sign, which the mask takes away."""


def key_node(key: Any, what: str) -> Node:
    """The node of a key. Raises DTypeError or ShapeError, which name what was given instead."""
    fix = "\n  fix: key = tt.random.key(0), and tt.random.split(key) for more of them"
    if not isinstance(key, Handle) and not hasattr(key, "dtype"):
        raise DTypeError(f"{what} takes a key first, an integer tensor of no axes, not {key!r}{fix}")
    node = as_tensor(key).node
    if not node.type.dtype.is_integer:
        raise DTypeError(f"{what} takes a key first, an integer tensor, not {describe(node)}{fix}")
    return node


def one_key(key: Any, what: str) -> Node:
    """As `key_node`, of one key alone."""
    node = key_node(key, what)
    if node.type.rank:
        fix = "\n  fix: keys[0], or tt.random.fold_in(key, number)"
        raise ShapeError(f"{what} takes one key, of no axes, not {describe(node)}{fix}")
    return node


def drawn_shape(shape: Any, what: str) -> Shape:
    """The shape that is drawn. Raises ShapeError, for a size below 0 too."""
    try:
        found = shape_of(shape)
    except ShapeError as error:
        raise ShapeError(f"{what}: {error}") from None
    for item in found:
        if isinstance(item, int) and item < 0:
            raise ShapeError(f"{what}: an extent is not below 0: {found}")
    return found


def drawn_dtype(dtype: Any, what: str, *, integers: bool = False) -> DType:
    """The dtype that is drawn. Raises DTypeError for one of another kind."""
    found = dtype_of(dtype)
    wanted = (INT32, INT64) if integers else (FLOAT32, FLOAT64)
    if found not in wanted:
        raise DTypeError(f"{what} draws {' or '.join(map(str, wanted))}, not {found}; cast what is drawn")
    return found


def draw(name: str, key: Node, shape: Shape, dtype: DType) -> Tensor:
    """Elements of one of `BODIES`, each at its row-major place, converted to a dtype."""
    inner = [extent if isinstance(extent, int) else Size(extent) for extent in shape[1:]]
    indices = [Index(loop) for loop in range(len(shape))]
    return Tensor(apply(_formula(name, len(shape)), key, *indices, *inner, shape=shape, dtype=dtype))


@cache
def _formula(name: str, rank: int) -> Formula:
    """`uniform(key, i, j, nj) = ... i * nj + j ...`, the place counted from 0."""
    loops = [loop_name(loop) for loop in range(rank)]
    extents = [f"n{loop}" for loop in loops[1:]]
    place = loops[0] if loops else "0"
    for loop, extent in zip(loops[1:], extents, strict=True):
        place = f"({place}) * {extent} + {loop}" if "+" in place else f"{place} * {extent} + {loop}"
    parameters = ", ".join(["key", *loops, *extents])
    return parse_formula(f"{name}({parameters}) = {BODIES[name].replace('@', place)}")


def unit(key: Node, shape: Shape, dtype: DType) -> Tensor:
    """Multiples of 2^-23 (float32) or 2^-52 (float64) in [0, 1)."""
    if dtype is FLOAT32:
        return draw("uniform", key, shape, dtype)
    return draw("uniform52", key, shape, dtype) * 2.0**-52
