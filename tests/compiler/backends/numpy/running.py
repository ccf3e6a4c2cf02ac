"""Helpers of the tests of the NumPy backend."""

from typing import Any

import numpy as np

import tinytorch as tt
from compiler.program import Program
from tests.properties.trial import tiles_of

Array = np.ndarray[Any, Any]


def compiled(inputs: list[tt.Tensor], outputs: list[tt.Tensor], **options: Any) -> Program:
    return tt.compile(inputs, outputs, backend="numpy", **options)


def source(program: Program, **sizes: int) -> str:
    """The generated Python for some sizes."""
    return program._executable.source(sizes)


def oracle(inputs: list[tt.Tensor], outputs: list[tt.Tensor], *arrays: Array) -> list[Array]:
    return tt.compile(inputs, outputs, passes=(), backend="reference")(*arrays)


def assert_right(
    inputs: list[tt.Tensor], outputs: list[tt.Tensor], *arrays: Array, tile: int = 16384, **options: Any
) -> Program:
    """Compares a program with the oracle."""
    with tiles_of(tile):
        program = compiled(inputs, outputs, **options)
        found = program(*(array.copy() for array in arrays))
    for left, right in zip(found, oracle(inputs, outputs, *arrays), strict=True):
        assert left.dtype == right.dtype
        if right.dtype.kind != "f":
            np.testing.assert_array_equal(left, right)
            continue
        scale = np.max(np.abs(right), initial=1.0, where=np.isfinite(right))
        tolerance = {"float32": 1e-5, "float64": 1e-12}[right.dtype.name]
        np.testing.assert_allclose(left, right, rtol=0, atol=tolerance * scale)
    return program
