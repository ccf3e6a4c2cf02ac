"""Kernels of every kind of statement, as C: what LLVM's emitter is asked, and the interpreter's bits."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from tests.backends import HAS_C
from tests.compiler.backends.c.running import MACHINES, called, functions, lowered, run
from tests.compiler.backends.llvm.emit import test_kernel, test_products, test_tables
from tests.compiler.loops import interpreter
from tests.compiler.loops.kernels import CASES, kernel

pytestmark = pytest.mark.skipif(not HAS_C, reason="there is no C compiler")

OF_LLVM = {
    "test_addresses_are_computed_before_the_innermost_loop",
    "test_an_atom_that_nobody_knows",
    "test_counts_become_arguments_first",
    "test_a_fold_is_lowered_first",
    "test_tiles_of_a_module_share_their_function",
}
"""What asks for its IR."""


@pytest.fixture(autouse=True)
def _in_c(monkeypatch):
    for module in (test_kernel, test_products, test_tables):
        monkeypatch.setattr(module, "run", run)


for _module in (test_kernel, test_products, test_tables):
    globals().update(
        {
            name: item
            for name, item in vars(_module).items()
            if name.startswith("test_") and name not in OF_LLVM
        }
    )


@pytest.mark.parametrize("width", MACHINES)
@pytest.mark.parametrize("name", CASES)
def test_kernels_by_hand_have_the_same_bits(name, width):
    machine = MACHINES[width]
    arguments, chunks, _ = CASES[name](np.random.default_rng(3))
    item = lowered(kernel(name), machine)
    by_hand = [x.copy() if isinstance(x, np.ndarray) else x for x in arguments]
    interpreter.run(item, *by_hand, chunks=chunks, is_fused=machine.has_fma, is_lowered=True)
    called(functions({"f": item}, machine)["f"], arguments, chunks)
    for found, expected in zip(arguments, by_hand, strict=True):
        np.testing.assert_array_equal(found, expected)
