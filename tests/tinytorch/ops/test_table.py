"""Every public op has a row in the table, so that it is compared and differentiated."""

import inspect
import math

import pytest

from tests.tinytorch.op_table import ROWS, UNARY
from tinytorch import linalg
from tinytorch.elementwise import Elementwise, elementwise
from tinytorch.ops import (
    activations,
    adaptive,
    arrays,
    attention,
    contract,
    convolution,
    counting,
    diagonals,
    embedding,
    functions,
    joining,
    layout,
    making,
    normalise,
    padding,
    pooling,
    prefix,
    reduce,
    resampling,
    scattering,
    sorting,
    vectors,
    windows,
)
from tinytorch.ops import elementwise as vocabulary

FORMULAS = [vocabulary, activations, functions]
MODULES = [
    *FORMULAS,
    arrays,
    joining,
    vectors,
    making,
    reduce,
    prefix,
    normalise,
    contract,
    attention,
    embedding,
    layout,
    windows,
    sorting,
    counting,
    scattering,
    diagonals,
    convolution,
    pooling,
    adaptive,
    resampling,
    padding,
    linalg,
]


def public_ops():
    seen = set()
    for module in MODULES:
        for name, value in vars(module).items():
            is_own = inspect.isfunction(value) and value.__module__ == module.__name__
            is_formula = isinstance(value, Elementwise) and module in FORMULAS
            if not name.startswith("_") and (is_own or is_formula) and id(value) not in seen:
                seen.add(id(value))
                yield name, value


def rows_named(name):
    return [row for row in ROWS if row.name.split()[0] == name]


def test_there_is_a_vocabulary():
    assert len(list(public_ops())) > 110


@pytest.mark.parametrize("name", [name for name, _ in public_ops()])
def test_every_op_has_a_row(name):
    assert rows_named(name), f"{name} has no row in tests/tinytorch/op_table"


def test_every_row_is_of_an_op():
    names = {name for name, _ in public_ops()}
    assert {row.name.split()[0] for row in ROWS} <= names


def test_every_formula_of_one_operand_is_tried_on_special_values():
    single = {n for n, op in public_ops() if isinstance(op, Elementwise) and len(op.operands) == 1}
    single -= {"logical_not", "bitwise_not"}
    assert single <= {row.name.split()[0] for row in UNARY}


def test_a_hole_is_found():
    assert not rows_named("nonsense")


@pytest.mark.parametrize(
    "op", [op for _, op in public_ops() if isinstance(op, Elementwise)], ids=lambda op: op.name
)
def test_an_op_works_inside_another_formula(op):
    is_logical = op.name in ("and", "or", "xor", "not")

    def around(x, y, z):
        operands = [x > 0, y > 0] if is_logical else [x > 0 if op.name == "where" else x, y, z]
        value = op(*operands[: len(op.operands)])
        return vocabulary.where(value, 1.0, 0.0) if is_test(op) else value

    formula = elementwise("around", around).formula
    assert len(formula.parameters) == 3
    assert any(line.atom == op.formula.lines[-1].atom for line in formula.lines) or op.formula.lines == ()


def is_test(op):
    return op.name in (
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "and",
        "or",
        "xor",
        "not",
        "isnan",
        "isinf",
        "isfinite",
    )


def test_functions_of_settings_work_inside_another_formula():
    text = str(elementwise("f", lambda x: activations.gelu(x) + vocabulary.clip(x, 0, 6) ** 2).formula)
    assert "normcdf(x)" in text
    text = str(
        elementwise(
            "f", lambda x: vocabulary.pow(x, 2) + activations.softplus(x, beta=2, threshold=math.inf)
        ).formula
    )
    assert "x ** 2" in text or "x * x" in text
