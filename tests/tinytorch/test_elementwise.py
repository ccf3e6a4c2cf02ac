"""An op from one formula works on tensors, numbers and the variables of another formula."""

import copy
import pickle

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, FormulaError
from tinytorch.testing import check_gradient

slanted = tt.elementwise("slanted", lambda x, y, *, slope=0.5, shift=1: tt.where(x > y, x, slope * x + shift))


def compute(tensor: tt.Tensor) -> np.ndarray:
    return tt.compile([], tensor, backend="reference")()


def test_operands_are_positional_and_parameters_by_keyword():
    x = tt.constant([1.0, -1.0])
    np.testing.assert_allclose(compute(slanted(x, 0.0)), [1.0, 0.5])
    np.testing.assert_allclose(compute(slanted(x, 0.0, slope=2.0)), [1.0, -1.0])
    np.testing.assert_allclose(compute(slanted(x, 0.0, shift=3, slope=2.0)), [1.0, 1.0])


def test_a_parameter_in_the_place_of_an_operand_is_told_its_keyword():
    with pytest.raises(
        ArgumentError,
        match=r"leaky_relu takes 1 operand \(x\), not 2\n  fix: .* leaky_relu\(x, negative_slope=0\.01\)",
    ):
        tt.leaky_relu(tt.input("x"), 0.2)
    with pytest.raises(ArgumentError, match=r"slanted takes 2 operands \(x, y\), not 1\Z"):
        slanted(1.0)


def test_operands_broadcast_and_promote():
    x, y = tt.input("x", ("n", 1)), tt.input("y", (3,), "float64")
    assert str(slanted(y, x).type) == "f64[n,3]"


def test_a_parameter_may_be_a_tensor():
    x, slope = tt.constant([1.0, -1.0]), tt.constant([2.0, 3.0])
    np.testing.assert_allclose(compute(slanted(x, 0.0, slope=slope)), [1.0, -2.0])


def test_numbers_and_arrays_become_constants():
    assert compute(slanted(2.0, 1.0)) == 2.0
    np.testing.assert_allclose(compute(slanted(np.array([-2.0]), 1.0)), [0.0])


def test_an_op_works_inside_another_formula():
    outer = tt.elementwise("outer", lambda x: slanted(x, 0, slope=0.1) * 2)
    assert str(outer.formula) == "outer(x) = where(x > 0, x, 0.1 * x + 1) * 2"
    np.testing.assert_allclose(compute(outer(tt.constant([1.0, -1.0]))), [2.0, 1.8], rtol=1e-6)


def test_an_op_says_what_it_is():
    assert slanted.name == slanted.__name__ == "slanted"
    assert slanted.operands == ("x", "y")
    assert slanted.defaults == {"slope": 0.5, "shift": 1}
    assert repr(slanted) == "<op slanted(x, y, slope, shift) = where(x > y, x, slope * x + shift)>"
    assert slanted.__doc__ is not None
    assert "element by element" in slanted.__doc__


def test_an_op_has_gradients_to_second_order():
    check_gradient(lambda x, y: slanted(x, y) * x, np.array([0.3, -1.2]), np.array([-1.0, 2.0]), order=2)


def test_an_identity_is_no_node():
    x = tt.input("x", (3,))
    assert tt.elementwise("same", lambda a: a)(x).node is x.node


def test_a_formula_that_is_too_long_is_an_error():
    def long(x):
        for k in range(2100):
            x = tt.sin(x) + k
        return x

    with pytest.raises(
        FormulaError, match="the formula of 'long' has 4200 lines and 4096 is the most; make it of two"
    ):
        tt.elementwise("long", long)


def test_a_variable_of_another_formula_is_an_error():
    kept = []
    tt.elementwise("one", lambda x: kept.append(x) or x)
    with pytest.raises(FormulaError, match="a variable of one formula is used in another"):
        tt.elementwise("two", lambda x: x + kept[0])


def test_a_tensor_inside_a_formula_is_an_error():
    w = tt.parameter(2.0)
    with pytest.raises(
        FormulaError, match="a formula is made of its variables, numbers and element-wise functions"
    ):
        tt.elementwise("scaled", lambda x: x * w)


@pytest.mark.parametrize("op", [slanted, tt.mish, tt.logical_and, tt.remainder])
def test_an_op_is_copied_and_pickled_as_its_formula(op):
    for twin in (copy.deepcopy(op), pickle.loads(pickle.dumps(op))):  # noqa: S301  # our own bytes
        assert (twin.formula, twin.defaults, twin.meaning) == (op.formula, op.defaults, op.meaning)
        assert type(twin) is type(op)
