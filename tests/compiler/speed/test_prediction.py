"""Predictions: what is counted of loops, what of memory, and where they stand."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.ir.node import make_node
from compiler.ir.op import Call
from compiler.ir.types import BOOL, FLOAT32, INT64
from compiler.loops.language import Carry, For, If, Kernel, Let, Literal, Load, Memory, Ref, Store, Value
from compiler.speed.prediction import Prediction
from compiler.speed.work import seconds_of
from tests.compiler.speed.machines import MACHINE

native = pytest.mark.skipif(not Llvm().is_available, reason="needs the native backend")


def vectors(atom="neg", count=1, *, step=1, carried=False):
    """A loop over vectors that loads, computes so many atoms one after the other, and stores."""
    source, target, size, index = Memory(FLOAT32), Memory(FLOAT32), Value(INT64), Value(INT64)
    item, first = Value(FLOAT32, 16), Value(FLOAT32, 16)
    body, last = [Load(item, Ref(source, ((index, 1),), step=step))], item
    for number in range(count):
        found = Value(FLOAT32, 16)
        before = first if carried and number == 0 else last
        body.append(Let(found, atom, (before, item)))
        last = found
    body.append(Store(Ref(target, ((index, 1),)), last))
    carry = (Carry(first, Literal.of(0.0, FLOAT32), last, Value(FLOAT32, 16)),) if carried else ()
    loop = For(index, 0, size, tuple(body), step=16, lanes=16, carried=carry)
    return Kernel((source, target, size), Value(INT64), (), (loop,))


def nanoseconds(kernel, size, chunks=1):
    return 1e9 * seconds_of(kernel, [object(), object(), size], chunks, MACHINE)


def test_a_loop_takes_as_long_as_the_part_that_has_most_to_do():
    assert nanoseconds(vectors("add", 1), 1600) == pytest.approx(100 + 3)
    assert nanoseconds(vectors("add", 5), 1600) == pytest.approx(500 + 15)
    assert nanoseconds(vectors("div", 1), 1600) == pytest.approx(1600 + 12)


def test_a_chain_that_is_carried_waits_for_itself():
    assert nanoseconds(vectors("add", 2, carried=True), 1600) == pytest.approx(600 + 6)


def test_vectors_of_neighbours_and_elements_one_by_one_are_loaded():
    assert nanoseconds(vectors("add", 1, step=2), 1600) == pytest.approx(200 + 3)
    assert nanoseconds(vectors("add", 1, step=50), 1600) == pytest.approx(1600 + 3)
    assert nanoseconds(vectors("add", 1, step=0), 1600) == pytest.approx(100 + 3)


def test_chunks_are_counted_each():
    assert nanoseconds(vectors("add", 1), 1600, chunks=3) == pytest.approx(3 * 103)


def test_the_last_iteration_may_be_shorter():
    rows, width, size = Value(INT64), Value(INT64), Value(INT64)
    limit, is_less, stop = Value(INT64), Value(BOOL), Value(INT64)
    inner = vectors("add", 4).body[0]
    body = (
        Let(limit, "add", (rows, Literal.of(160, INT64))),
        Let(is_less, "le", (limit, size)),
        Let(stop, "where", (is_less, limit, size)),
        For(width, rows, stop, inner.body[:-1], step=16, lanes=16),
    )
    kernel = Kernel((size,), Value(INT64), (), (For(rows, 0, size, body, step=160),))
    assert 1e9 * seconds_of(kernel, [320], 1, MACHINE) == pytest.approx(2 * (40 + 1.25) + 12)
    assert 1e9 * seconds_of(kernel, [176], 1, MACHINE) == pytest.approx((40 + 1.25) + (4 + 1.25) + 12)


def test_a_branch_that_is_known_is_the_one_that_is_taken():
    size, flag = Value(INT64), Value(BOOL)
    loop = vectors("add", 4).body[0]
    long = For(loop.index, 0, 1600, loop.body, step=16, lanes=16)
    body = (Let(flag, "lt", (size, Literal.of(5, INT64))), If(flag, (long,), ()))
    kernel = Kernel((size,), Value(INT64), (), body)
    assert seconds_of(kernel, [9], 1, MACHINE) < 1e-9
    assert seconds_of(kernel, [4], 1, MACHINE) > 4e-7


def test_what_is_predicted_of_several_is_their_sum():
    found = Prediction.of([Prediction(3.0, {"issue": 2.0, "L2": 1.0}), Prediction(4.0, {"L2": 4.0})])
    assert (found.microseconds, found.parts, found.bound) == (7.0, {"issue": 2.0, "L2": 5.0}, "L2")
    assert Prediction(0.0, {}).bound == ""


def profiled(inputs, outputs, *arrays, backend=None):
    return tt.compile(inputs, outputs, backend=backend).profile(*arrays, seconds=1e-9)


@native
def test_a_profile_has_predictions_beside_what_was_measured():
    x = tt.input("x", ("n", 64))
    y = tt.softmax(x @ np.eye(64, dtype=np.float32))
    profile = profiled([x], y, np.ones((32, 64), np.float32))
    found = [item.predicted for item in profile.kernels]
    assert all(item.microseconds >= 0 for item in found)
    assert sum(item.microseconds for item in found) == pytest.approx(profile.total.predicted.microseconds)
    heading, *_ = str(profile).splitlines()
    assert "predicted" in heading
    assert "bound" in heading
    data = json.loads(json.dumps(profile.to_dict()))
    assert data["total"]["predicted_microseconds"] > 0
    assert data["total"]["bound"] in ("issue", "launch", "L2", "L3", "memory")


@native
def test_more_work_takes_longer_and_is_bound_by_what_there_is_more_of():
    """On a machine of round numbers with the caches of a real one: what this one does hangs on its hour."""
    caches = {"L1": 32e3, "L2": 1e6, "L3": 32e6, "memory": math.inf}
    machine = replace(
        MACHINE, levels=tuple(replace(level, size=caches[level.name]) for level in MACHINE.levels)
    )
    x = tt.input("x", ("n", 1000))
    cheap, dear = (tt.compile([x], y)._executable for y in (x + 1, tt.exp(tt.tanh(tt.sin(x)))))

    def predicted(executable, rows):
        return executable.predicted({"n": rows}, machine)[0]

    for program in (cheap, dear):
        assert predicted(program, 1).microseconds < predicted(program, 1000).microseconds
    assert predicted(dear, 1000).microseconds > predicted(cheap, 1000).microseconds
    assert predicted(dear, 1000).bound == "issue"
    assert predicted(cheap, 1000).bound == "L3"
    assert predicted(cheap, 200_000).bound == "memory"


@native
def test_what_python_computes_is_not_predicted():
    x = tt.input("x", (4,))
    doubled = tt.Tensor(make_node(Call("doubled", lambda array: array * 2, x.node.type), [x.node]))
    profile = profiled([x], doubled + 1, np.ones(4, np.float32))
    unknown = [item.predicted for item in profile.kernels if item.predicted.bound == "Python"]
    assert [math.isnan(item.microseconds) for item in unknown] == [True]
    assert profile.kernels[0].to_dict()["predicted_microseconds"] is None


def test_a_backend_that_predicts_nothing_has_no_column():
    x = tt.input("x", (4,))
    profile = profiled([x], x + 1, np.ones(4, np.float32), backend="numpy")
    assert profile.total.predicted is None
    assert "predicted" not in str(profile)
    assert "bound" not in profile.to_dict()["total"]
