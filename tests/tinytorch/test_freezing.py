"""Programs whose parameters are constants."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError


def test_a_frozen_parameter_keeps_the_value_that_it_had() -> None:
    x, w, b = tt.input("x", (2,)), tt.parameter([1.0, 2.0], "w"), tt.parameter([0.5, 0.5], "b")
    every, one, none = (tt.compile([x], x * w + b, freeze=which) for which in (True, [w], False))
    tt.set_value(w, [10.0, 10.0])
    tt.set_value(b, [0.0, 0.0])
    ones = np.ones(2, np.float32)
    assert every(ones).tolist() == [1.5, 2.5]
    assert one(ones).tolist() == [1.0, 2.0]
    assert none(ones).tolist() == [10.0, 10.0]
    assert "parameter" not in str(every.source_graph)
    assert "%w = constant([1.0, 2.0])" in str(one.source_graph)


def test_what_is_computed_from_frozen_parameters_alone_is_computed_once() -> None:
    x, w = tt.input("x", (2,)), tt.parameter([1.0, 2.0], "w")
    program = tt.compile([x], x * tt.exp(w), freeze=w)
    assert "exp" not in str(program.graph)


def test_an_updated_parameter_is_not_frozen() -> None:
    x, w = tt.input("x", (2,)), tt.parameter([1.0, 2.0], "w")
    with pytest.raises(
        ArgumentError, match=r"update writes to %w[\s\S]*test_freezing.py[\s\S]*fix: leave out"
    ):
        tt.compile([x], x * w, updates={w: w + x}, freeze=True)


def test_what_is_no_parameter_is_not_frozen() -> None:
    x, w = tt.input("x", (2,)), tt.parameter([1.0, 2.0], "w")
    for wrong in ([x], x, ["w"], [tt.parameter(1.0)]):
        with pytest.raises(
            ArgumentError, match="freeze is True, or parameters that the outputs are made from"
        ):
            tt.compile([x], x * w, freeze=wrong)
