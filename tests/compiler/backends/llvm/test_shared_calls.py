"""Rows of a call of ours are shared by threads: the same bits, and an error of a thread is the call's."""

import os
import subprocess
import sys

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.run import sharing
from compiler.errors import LinearAlgebraError
from compiler.ir.build import constant_node
from compiler.ir.known_calls import Order, call_of
from compiler.ir.node import make_node
from compiler.ir.types import FLOAT32, TensorType


@pytest.fixture
def threads():
    """Sets their number, which is as it was afterwards."""
    before = tt.get_num_threads()
    yield tt.set_num_threads
    tt.set_num_threads(before)


def test_any_number_of_threads_gives_the_same_bits(monkeypatch, threads):
    begun = []
    monkeypatch.setattr(sharing, "_run", lambda *given, run=sharing._run: begun.append(0) or run(*given))
    x = tt.input("x", (2, 1100, 1100), "float16")  # of which native code sorts no rows
    made = [x.sort(), x.argsort(1), *x.topk(3), x.median((0, 1)), tt.quantile(x, [0.1, 0.2, 0.7], 2)]
    program = tt.compile([x], [*made, tt.grad(x.sort()[..., :5].sum(), x)], backend="llvm")
    given = np.random.default_rng(0).integers(-50, 50, (2, 1100, 1100)).astype(np.float16)
    given[0, 0, :3] = np.nan
    results = []
    for count in (1, 2, 5):
        threads(count)
        results.append(program(given))
        assert len(begun) == {1: 0, 2: 6, 5: 6 + 24}[count]
    for others in results[1:]:
        for found, wanted in zip(others, results[0], strict=True):
            np.testing.assert_array_equal(found.view(np.uint8), wanted.view(np.uint8))


def test_an_error_of_a_thread_is_that_of_the_call(threads):
    class Failing(Order):
        def write(self, out, *operands):
            if operands[0].flags.writeable:
                raise ValueError("one of them")

    threads(2)
    x = np.zeros((4, int(sharing._FROM)), np.float32)
    op = call_of(Failing(), TensorType(FLOAT32, x.shape))
    node = make_node(op, [constant_node(x, FLOAT32)])
    with pytest.raises(ValueError, match="one of them"):
        sharing.write_shared(node, op, [x], {}, np.empty(x.shape, np.int64))


def test_stacks_of_matrices_are_shared_and_an_error_names_its_place_in_all(monkeypatch, threads):
    monkeypatch.setattr(sharing, "_FROM", 0.0)
    given = np.random.default_rng(0).standard_normal((4, 5, 20, 20))
    given = given @ given.swapaxes(-1, -2) + np.eye(20)
    x = tt.input("x", given.shape, "float64")
    made = [tt.linalg.inv(x), tt.linalg.det(x), tt.linalg.solve(x, x), tt.linalg.eigvalsh(x)]
    program = tt.compile([x], [*made, tt.grad(tt.linalg.eigvalsh(x).sum(), x)], backend="llvm")
    results = []
    for count in (1, 2, 3):
        threads(count)
        results.append(program(given))
    for others in results[1:]:
        for found, wanted in zip(others, results[0], strict=True):
            np.testing.assert_array_equal(found, wanted)
    np.testing.assert_allclose(results[0][3], np.linalg.eigvalsh(given), rtol=1e-12)
    np.testing.assert_allclose(results[0][4], np.broadcast_to(np.eye(20), given.shape), atol=1e-12)
    given[3, 2] = 0
    with pytest.raises(LinearAlgebraError, match=r"singular matrix at \[3, 2\]"):
        tt.compile([x], tt.linalg.inv(x), backend="llvm")(given)


FORKING = """
import os, numpy as np, tinytorch as tt
tt.set_num_threads(2)
x = tt.input("x", (1000, 2000))
program = tt.compile([x], x.sort(), backend="llvm")
given = np.random.default_rng(0).standard_normal((1000, 2000)).astype("float32")
assert (program(given) == np.sort(given)).all()
child = os.fork()
if not child:
    os._exit(not (program(given) == np.sort(given)).all())
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_of_a_fork_begins_threads_of_its_own():
    subprocess.run([sys.executable, "-c", FORKING], check=True, timeout=60)
