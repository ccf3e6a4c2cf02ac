"""Rows of a call of ours are shared by threads: the same bits, and an error of a thread is the call's."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.run import sharing
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
    x = tt.input("x", (3, 200, 1000))
    made = [x.sort(), x.argsort(1), *x.topk(3), x.median((0, 1)), tt.quantile(x, [0.1, 0.2, 0.7], 2)]
    program = tt.compile([x], [*made, tt.grad(x.sort()[..., :5].sum(), x)], backend="llvm")
    given = np.random.default_rng(0).integers(-50, 50, (3, 200, 1000)).astype(np.float32)
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
