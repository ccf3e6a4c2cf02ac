"""Reductions beside a row's: of some of its columns, over its rows, into results in another order."""

from collections.abc import Sequence

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.run.program import NativeProgram
from compiler.backends.llvm.steps.launches import Scratch
from compiler.backends.llvm.steps.loops import LoopStep

SHAPE = (3, 5, 37)


def native_equals_oracle(inputs: Sequence[tt.Tensor], outputs: Sequence[tt.Tensor]) -> int:
    """Compares the backends on normal numbers, and returns the number of kernels; no step is Python's."""
    generator = np.random.default_rng(0)
    data = [generator.standard_normal([int(str(n)) for n in item.shape]) for item in inputs]
    program = tt.compile(inputs, outputs, backend="llvm")
    assert isinstance(program._executable, NativeProgram)
    assert program._executable.python_steps == ()
    expected = tt.compile(inputs, outputs, backend="reference")(*data)
    for found, right in zip(program(*data), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-13)
    return len(program.schedule.kernels)


def test_a_row_maximum_beside_a_whole_sum_that_is_read_in_the_kernel() -> None:
    x = tt.input("x", (2, 3), "float64")
    y = tt.exp(x)
    mean = y.sum() / 6.0
    outputs = [mean, y.max(axis=1), (y - mean).sum(axis=1), y.sum(axis=0)]
    assert native_equals_oracle([x], outputs) == 1


@pytest.mark.parametrize("axis", [0, 1, 2, (0, 1), (0, 2), (1, 2)])
@pytest.mark.parametrize("method", ["sum", "max", "min"])
def test_some_columns_of_a_row_are_reduced(axis: int | tuple[int, ...], method: str) -> None:
    x = tt.input("x", SHAPE, "float64")
    y = x - x.mean(axis=(1, 2), keepdims=True)
    assert native_equals_oracle([x], [y, getattr(tt.exp(y), method)(axis=axis)]) == 1


def test_a_nan_is_found_among_some_columns() -> None:
    x = tt.input("x", SHAPE, "float64")
    y = x - x.max(axis=(1, 2), keepdims=True)
    data = np.zeros(SHAPE)
    data[1, 2, 3] = np.nan
    found = tt.compile([x], [y, y.max(axis=2)], backend="llvm")(data)[1]
    assert np.isnan(found[1]).all()
    assert not np.isnan(found[[0, 2]]).any()


@pytest.mark.parametrize("axis", [0, 1])
def test_an_argmax_beside_maps_and_row_reductions(axis: int) -> None:
    x = tt.input("x", (7, 37), "float64")
    y = tt.exp(x - x.max(axis=1, keepdims=True))
    native_equals_oracle([x], [y, y.argmax(axis=axis), tt.sin(y).argmin(axis=axis)])


def test_an_argmax_of_a_transpose_counts_in_its_order() -> None:
    x = tt.input("x", (7, 37), "float64")
    native_equals_oracle([x], [x.T.argmax(), x.T.argmax(axis=0), x.argmax(), x.T.argmin(axis=0), x.argmin()])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_sums_that_are_no_neighbours(dtype: str) -> None:
    """The sum's axes are in another order than the loops, so the accumulators lie apart."""
    x = tt.input("x", (5, 7, 37), dtype)
    outputs = [tt.einsum("ijk->kj", x), x.max(axis=0).T] if dtype != "bool" else [x.max(axis=0).T]
    data = (np.random.default_rng(0).standard_normal((5, 7, 37)) * 9).astype(dtype)
    program = tt.compile([x], outputs, backend="llvm")
    assert isinstance(program._executable, NativeProgram)
    assert program._executable.python_steps == ()
    expected = tt.compile([x], outputs, backend="reference")(data)
    for found, right in zip(program(data), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-4)


def test_chunks_that_each_have_accumulators_of_their_own_share_one_array_of_them() -> None:
    """A float32 sum is taken in float64 beside the result; no other chunk adds to a chunk's accumulators."""
    shape = (8, 40, 4112)  # more than a room of one row holds
    x = tt.input("x", shape)
    data = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    program = tt.compile([x], x.sum(axis=1), backend="llvm")
    assert isinstance(program._executable, NativeProgram)
    (step,) = program._executable.lowered.of_kernel[0]
    assert isinstance(step, LoopStep)
    scratch = Scratch()
    nest, _ = step.launches({}, scratch)
    assert nest.chunks > 1
    assert scratch.bytes == 8 * 8 * 4112
    assert not step.draft.partials[0].is_split
    assert step.draft.partials[0].distance not in step.bound.given  # no chunk's are behind another's
    np.testing.assert_allclose(program(data), data.sum(axis=1), rtol=1e-5, atol=1e-5)
