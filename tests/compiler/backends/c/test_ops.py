"""Every op and its gradients on `c` equal the oracle; the kernels of all are compiled by a few calls."""

import itertools
from functools import cache

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.backends.c.backend import ByC, C
from compiler.backends.c.compiling import find_compiler
from compiler.backends.llvm.steps.library import load_kernels
from compiler.backends.llvm.steps.lowering import lower
from tests.backends import HAS_C
from tests.tinytorch.evaluation import operands
from tests.tinytorch.op_table import ROWS
from tests.tinytorch.ops.test_backends import TOLERANCE, assert_close, cases, graph_of
from tinytorch import api

pytestmark = pytest.mark.skipif(not HAS_C, reason="there is no C compiler")

GROUPS = 10
"""As many tests, and calls of a compiler."""


class Collecting:
    """A backend that runs nothing, and knows the kernels of what it was given."""

    name, target = "collecting", C.target

    def __init__(self):
        self.kernels = {}

    def build(self, plan):
        for step in lower(plan, C().machine).steps:
            self.kernels.update(step.kernels)
        return self

    def run(self, inputs, sizes, outputs):
        raise AssertionError


@cache
def problems(group):
    """Inputs, results, arguments and dtype of the cases of some rows."""
    found = []
    for row in itertools.islice(ROWS, group, None, GROUPS):
        for case, dtype in cases(row):
            with np.errstate(over="ignore", under="ignore"):
                arrays = operands(case, dtype)
            found.append((*graph_of(row, arrays), arrays, dtype))
    return found


@pytest.mark.parametrize("group", range(GROUPS))
def test_ops_on_c(group):
    collecting = Collecting()
    for inputs, results, _, _ in problems(group):
        api.compile(inputs, results, backend=collecting)
    load_kernels(collecting.kernels, C().machine, ByC(find_compiler()))
    for inputs, results, arrays, dtype in problems(group):
        oracle = api.compile(inputs, results, passes=(), backend="reference")(*arrays)
        found = api.compile(inputs, results, backend="c")(*arrays)
        for ours, expected in zip(found, oracle, strict=True):
            assert_close(ours, expected, TOLERANCE[dtype])
