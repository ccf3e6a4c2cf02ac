"""Which rows lie in lanes."""

import pytest

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from compiler.loops.across import LONGEST
from compiler.loops.arguments import FEW

LANES = engine.host_target().machine.vector_bytes // 4


def is_across(function, *shape):
    """Whether the kernel of a function walks rows by vectors."""
    x = tt.input("x", shape)
    lines = tt.compile([x], function(x)).source().splitlines()
    return any("for i in" in line and "in vectors" in line for line in lines)


def argmax(x):
    return tt.argmax(x, axis=1)


def total(x):
    return tt.sum(x, axis=1)


@pytest.mark.parametrize("function", [argmax, total, tt.softmax, tt.log_softmax, tt.layer_norm])
def test_rows_a_little_longer_than_a_vector_do(function):
    assert is_across(function, 1000, LANES + 1)
    assert is_across(function, 1000, LANES)


@pytest.mark.parametrize("function", [argmax, total, tt.softmax, tt.log_softmax, tt.layer_norm])
def test_long_rows_do_not(function):
    assert not is_across(function, 1000, LONGEST * LANES + 1)


def test_a_search_is_worth_more_than_a_sum():
    assert is_across(argmax, 1000, 2 * LANES)
    assert not is_across(total, 1000, 2 * LANES)


def test_longer_rows_are_worth_a_logarithm_for_each():
    assert is_across(tt.log_softmax, 1000, 3 * LANES)
    assert not is_across(argmax, 1000, 3 * LANES)


def test_few_rows_are_not_turned():
    assert not is_across(argmax, FEW, LANES + 1)
    assert is_across(argmax, FEW + 1, LANES + 1)


def test_what_can_not_be_turned_stays():
    def every_other(x):
        return argmax(x[:, ::2])

    assert not is_across(every_other, 1000, 2 * LANES + 2)
