"""Kernels that differ in nothing but numbers are one piece of code."""

from __future__ import annotations

import pytest

pytest.importorskip("llvmlite")

import numpy as np

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.backends.llvm.run.program import NativeProgram


def keys(shapes: list[list[tuple[int, ...]]], outputs) -> list[set[str]]:
    """What names the code of the programs of some inputs, whose results are those of NumPy."""
    found: list[set[str]] = []
    for case in shapes:
        arrays = [np.random.default_rng(1).integers(-9, 9, shape).astype(np.float32) for shape in case]
        inputs = [tt.input(f"x{place}", shape) for place, shape in enumerate(case)]
        program = tt.compile(inputs, outputs(tt, *inputs), backend="llvm")
        np.testing.assert_array_equal(program(*arrays), outputs(np, *arrays))
        native = Llvm().build(program.plan)
        assert isinstance(native, NativeProgram)
        found.append({key for step in native.lowered.steps for key in getattr(step, "kernels", {})})
    return found


def product(library, x, y):
    return library.matmul(x, y)


def test_products_of_many_rows_share_their_code_where_columns_fill_tiles():
    one, two, three = keys(
        [[(m, k), (k, n)] for m, k, n in [(64, 9, 128), (40, 250, 64), (999, 64, 192)]], product
    )
    assert one == two == three


def test_terms_of_several_blocks_are_other_code():
    one, two, three = keys([[(64, k), (k, 64)] for k in (256, 257, 1000)], product)
    assert one != two == three


def test_few_rows_and_columns_that_fill_no_tile_are_known_when_code_is_made():
    shapes = [(8, 64), (7, 64), (64, 60), (64, 50)]
    assert len(set(map(frozenset, keys([[(m, 64), (64, n)] for m, n in shapes], product)))) == len(shapes)


def turned(library, x):
    return library.transpose(x)


def test_copies_in_whole_squares_share_their_code():
    one, two, wide = keys([[shape] for shape in [(128, 192), (192, 64), (512, 128)]], turned)
    assert one == two != wide


def test_copies_with_ragged_rows_share_their_code():
    one, two = keys([[shape] for shape in [(100, 192), (180, 128)]], turned)
    assert one == two
