"""An index outside its axis is named with its place, its operand, the user's lines and a fix."""

import inspect
import re
from copy import copy
from pathlib import Path

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import ALL
from tinytorch import losses

HERE = Path(__file__)
FORWARD = "  fix: pass indices from 0 to 2, or select from a longer axis"
NEGATIVE = "  fix: pass indices from 0 to 2; negative ones neither count from the end nor are left out"


def cross_entropy(k):
    x = tt.input("x", (4, 3))
    loss = losses.cross_entropy(x, k)
    return [x, k], [loss, tt.grad(loss, x)]


def cross_entropy_on_another_axis(k):
    x = tt.input("x", (3, 4))
    return [x, k], losses.cross_entropy(x, k, axis=0)


def take(k):
    x = tt.input("x", (3, 4))
    return [x, k], tt.take(x, k, axis=0)


def take_along_axis(k):
    x = tt.input("x", (4, 3))
    return [x, k], tt.take_along_axis(x, k.unsqueeze(1), axis=1)


def gradient_of_take(k):
    x = tt.input("x", (3, 4))
    y = (tt.take(x, k, axis=0) * 2.0).sum()
    return [x, k], tt.grad(y, x)


BUILDS = {
    cross_entropy: ("gather", "[{}]", "%classes : i64[4]"),
    cross_entropy_on_another_axis: ("gather", "[0, {}]", "a result of reshape : i64[1,4]"),
    take: ("gather", "[{}]", "%classes : i64[4]"),
    take_along_axis: ("gather", "[{}, 0]", "a result of reshape : i64[4,1]"),
    gradient_of_take: ("scatter_add", "[{}]", "%classes : i64[4]"),
}
"""The op that refuses, the place of the index, and the operand that holds it."""


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", ["int64", "int32"])
@pytest.mark.parametrize(("wrong", "fix"), [(3, FORWARD), (-1, NEGATIVE)])
@pytest.mark.parametrize("build", BUILDS)
def test_the_message(build, wrong, fix, dtype, backend):
    op, place, operand = BUILDS[build]
    arguments, outputs = build(tt.input("classes", (4,), dtype))
    labels = np.array([0, 2, wrong, wrong], dtype)
    x = np.ones([int(n) for n in arguments[0].shape], np.float32)
    program = tt.compile(arguments, outputs, backend=backend)
    with pytest.raises(tt.IndexRangeError) as caught:
        program(x, labels)
    assert str(copy(caught.value)) == str(caught.value)
    sentence, indices, result, last = str(caught.value).splitlines()
    assert sentence == f"{op}: index {wrong} at {place.format(2)} is outside 0 .. 2"
    assert re.sub(r"^  %\d+, ", "  ", indices).startswith(
        f"  {operand.replace('i64', 'i32' if dtype == 'int32' else 'i64')}, from {HERE}:"
    )
    (node,) = (node for node in program.graph.nodes if node.op.name == op)
    assert result.startswith(f"  {program.graph.names.values[node]}, a result of {op} : ")
    line, _, text = result.rpartition(f"{HERE}:")[2].partition(": ")
    lines, first = inspect.getsourcelines(build)
    assert f"    {text}\n" == lines[int(line) - first]
    assert last == fix


@pytest.mark.parametrize("backend", ALL)
def test_of_nothing_nothing_can_be_selected(backend):
    x, k = tt.input("x", (0, 2)), tt.input("k", (1,), "int64")
    program = tt.compile([x, k], tt.take(x, k, axis=0), backend=backend)
    with pytest.raises(tt.IndexRangeError) as caught:
        program(np.zeros((0, 2), np.float32), np.zeros(1, np.int64))
    lines = str(caught.value).splitlines()
    assert lines[0] == "gather: index 0 at [0] selects from an empty axis"
    assert lines[-1] == "  fix: select from an axis that has elements"
