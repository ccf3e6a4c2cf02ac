"""Floats that become integers: the same one in a scalar and in any lane of a vector, out of range too."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from compiler.ir.types import FLOAT32, FLOAT64, INT32, INT64, DType
from tests.compiler.backends.llvm.writing import HOST, Writer, module_of, run

NUMBERS = [1.5, -1.5, -0.0, 5e9, -5e9, 1e30, -np.inf, np.nan]
SATURATING = replace(HOST, saturates=True)


def conversion(given: DType, wanted: DType, lanes: int) -> Any:
    """A kernel that converts `lanes` numbers (0: one), as often as it is told."""
    writer = Writer()
    source, target, count = writer.array(given), writer.array(wanted), writer.number()
    with writer.loop(count, lanes=lanes, step=max(1, lanes)) as loop:
        value = writer.load(source, (loop.index, 1), lanes=lanes)
        writer.store(target, writer.let("cast", value, dtype=wanted), (loop.index, 1))
    return writer.kernel


@pytest.mark.parametrize("lanes", [0, 2, 8])
@pytest.mark.parametrize("wanted", [INT32, INT64])
@pytest.mark.parametrize("given", [FLOAT32, FLOAT64])
def test_saturation(given: DType, wanted: DType, lanes: int) -> None:
    low, high = np.iinfo(wanted.numpy).min, np.iinfo(wanted.numpy).max
    billions = 5_000_000_000 if wanted is INT64 else high
    expected = [1, -1, 0, billions, -billions if wanted is INT64 else low, high, low, 0]
    got = np.empty(len(NUMBERS), wanted.numpy)
    numbers = np.array(NUMBERS, given.numpy)
    run(conversion(given, wanted, lanes), numbers, got, len(got), machine=SATURATING)
    np.testing.assert_array_equal(got, np.array(expected, wanted.numpy))


@pytest.mark.parametrize("lanes", [0, 4])
def test_arm_is_asked_to_saturate_and_needs_no_calls(lanes: int) -> None:
    """Else `fcvtzs` of a vector makes integers of 64 bits, and their upper halves are cut off."""
    engine.binding.initialize_all_targets()
    engine.binding.initialize_all_asmprinters()
    neon = engine.Target("aarch64-unknown-linux-gnu", "generic", "+neon")
    module = module_of(conversion(FLOAT64, INT32, lanes), neon.machine)
    assert "fptosi.sat" in str(module)
    assert "\tbl\t" not in engine.assembly(module, neon)


def test_what_is_out_of_range_is_the_same_in_rows_and_alone() -> None:
    x = tt.input("x", ("n", 9), "float64")
    rows = tt.compile([x], x.astype("int32"), backend="llvm")
    alone = tt.compile([x], tt.max(x, axis=1).astype("int32"), backend="llvm")
    array = np.repeat(np.array(NUMBERS)[:, None], 9, axis=1)
    np.testing.assert_array_equal(rows(array), np.repeat(alone(array)[:, None], 9, axis=1))
