"""Floats that become integers: the same one in a scalar and in any lane of a vector, out of range too."""

import ctypes
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.backends.llvm.formulas import Evaluator
from compiler.backends.llvm.jit import engine
from compiler.backends.llvm.jit.untyped import ir
from compiler.backends.llvm.lanes import Instructions
from compiler.ir.types import FLOAT32, FLOAT64, INT32, INT64, DType

NUMBERS = [1.5, -1.5, -0.0, 5e9, -5e9, 1e30, -np.inf, np.nan]


def conversion(given: DType, wanted: DType, lanes: int, instructions: Instructions) -> Any:
    """A module whose `f(source, target)` converts `lanes` numbers (0: one)."""
    module = ir.Module("conversion")
    signature = ir.FunctionType(ir.VoidType(), [ir.PointerType(), ir.PointerType()])
    function = ir.Function(module, signature, "f")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    evaluator = Evaluator(builder, lanes, instructions)
    value = builder.load(function.args[0], typ=evaluator.type(given), align=given.size)
    builder.store(evaluator.cast(value, given, wanted), function.args[1], align=wanted.size)
    builder.ret_void()
    return module


def converted(numbers: Any, wanted: DType, lanes: int) -> Any:
    given = FLOAT32 if numbers.dtype == np.float32 else FLOAT64
    library = engine.load(conversion(given, wanted, lanes, Instructions(saturates=True)), ["f"])
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(library["f"])
    out = np.empty(len(numbers), wanted.numpy)
    for start in range(0, len(numbers), max(1, lanes)):
        function(numbers[start:].ctypes.data, out[start:].ctypes.data)
    return out


@pytest.mark.parametrize("lanes", [0, 2, 8])
@pytest.mark.parametrize("wanted", [INT32, INT64])
@pytest.mark.parametrize("given", [FLOAT32, FLOAT64])
def test_saturation(given: DType, wanted: DType, lanes: int) -> None:
    low, high = np.iinfo(wanted.numpy).min, np.iinfo(wanted.numpy).max
    billions = 5_000_000_000 if wanted is INT64 else high
    expected = [1, -1, 0, billions, -billions if wanted is INT64 else low, high, low, 0]
    got = converted(np.array(NUMBERS, given.numpy), wanted, lanes)
    np.testing.assert_array_equal(got, np.array(expected, wanted.numpy))


@pytest.mark.parametrize("lanes", [0, 4])
def test_arm_is_asked_to_saturate_and_needs_no_calls(lanes: int) -> None:
    """Else `fcvtzs` of a vector makes integers of 64 bits, and their upper halves are cut off."""
    engine.binding.initialize_all_targets()
    engine.binding.initialize_all_asmprinters()
    neon = engine.Target("aarch64-unknown-linux-gnu", "generic", "+neon")
    module = conversion(FLOAT64, INT32, lanes, Instructions.of(neon))
    assert "fptosi.sat" in str(module)
    assert "\tbl\t" not in engine.assembly(module, neon)


def test_what_is_out_of_range_is_the_same_in_rows_and_alone() -> None:
    x = tt.input("x", ("n", 9), "float64")
    rows = tt.compile([x], x.astype("int32"), backend="llvm")
    alone = tt.compile([x], tt.max(x, axis=1).astype("int32"), backend="llvm")
    array = np.repeat(np.array(NUMBERS)[:, None], 9, axis=1)
    np.testing.assert_array_equal(rows(array), np.repeat(alone(array)[:, None], 9, axis=1))
