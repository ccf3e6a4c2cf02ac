"""The map that converts: the one that reads or writes a storage dtype."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from compiler.ir.formula.parsing import parse_formula
from compiler.ir.map_reduce import Access, MapReduce
from compiler.ir.types import DType, TensorType

IDENTITY: Final = parse_formula("cast(x) = x")


@lru_cache(maxsize=4096)
def conversion(given: TensorType, dtype: DType) -> MapReduce:
    """The map from values of a type to the same values in another dtype.

    To and from a storage dtype it goes by way of its `compute` dtype: float64 becomes float32, then float16,
    as in PyTorch, and floats become int32, then int8, modulo 2^8.
    """
    axes = tuple(range(given.rank))
    return MapReduce(IDENTITY, (Access(axes),), given.shape, axes, dtype)
