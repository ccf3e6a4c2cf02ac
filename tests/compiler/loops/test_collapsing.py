"""Loops are joined where they walk as one would, and not where the index itself is the result."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.build import IDENTITY, apply
from compiler.ir.op import Index
from compiler.ir.types import INT64


@pytest.mark.parametrize("backend", ["reference", "numpy", "llvm", "c"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_index_that_is_stored_keeps_its_loop(axis, backend):
    node = apply(IDENTITY, Index(axis), shape=(2, 3, 4), dtype=INT64)
    found = tt.compile([], tt.Tensor(node), backend=backend)()
    np.testing.assert_array_equal(found, np.indices((2, 3, 4))[axis])
