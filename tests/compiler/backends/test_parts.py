"""Concatenations, stacks and padded arrays of computed values, which backends write in place of the parts."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.schedule.plan import InPart
from tests.properties.trial import backends

NAMES = sorted(set(backends()) - {"reference"})


def halves(x):
    return [tt.tanh(x), x * 2]


CASES = {
    "rows": lambda x: tt.concatenate(halves(x)),
    "columns": lambda x: tt.concatenate(halves(x), axis=1),
    "columns beside a leaf": lambda x: tt.concatenate([x, *halves(x)], axis=1),
    "a stack": lambda x: tt.stack(halves(x)),
    "a stack of columns": lambda x: tt.stack(halves(x), axis=1),
    "one value twice": lambda x: (lambda y: tt.concatenate([y, x, y], axis=1))(tt.tanh(x)),
    "edges": lambda x: tt.pad(tt.tanh(x), ((1, 2), (3, 0)), value=7.0),
    "in the slab": lambda x: tt.concatenate(halves(x), axis=1).sum(axis=0),
    "read later": lambda x: (lambda y: tt.concatenate([y, x], axis=1).sum(axis=1) @ tt.exp(y))(tt.tanh(x)),
    "rows with maxima": lambda x: tt.concatenate([x.max(axis=1), x.sum(axis=1)]),
    "products": lambda x: tt.concatenate([tt.relu(x @ (x.T @ x)), x * 2], axis=1),
}


@pytest.mark.parametrize("rows", [0, 1, 3, 700])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_parts_hold_their_values(name, case, rows):
    x = tt.input("x", ("n", 40))
    y = CASES[case](x)
    program = tt.compile([x], y, backend=name)
    assert any(isinstance(place, InPart) for place in program.plan.places.values())
    array = np.random.default_rng(0).normal(size=(rows, 40)).astype(np.float32)
    expected = tt.compile([x], y, backend="reference")(array)
    margin = 1e-5 * np.abs(expected).max(initial=1.0)
    np.testing.assert_allclose(program(array), expected, rtol=2e-5, atol=margin)
    given = np.full_like(expected, np.nan)
    assert program(array, out=given) is given
    np.testing.assert_allclose(given, expected, rtol=2e-5, atol=margin)


@pytest.mark.parametrize("case", CASES)
def test_bits_do_not_depend_on_threads(case):
    x = tt.input("x", (900, 40))
    program = tt.compile([x], CASES[case](x))
    array = np.random.default_rng(0).normal(size=(900, 40)).astype(np.float32)
    threads = tt.get_num_threads()
    found = []
    for count in (1, 2, 3):
        tt.set_num_threads(count)
        found.append(program(array).tobytes())
    tt.set_num_threads(threads)
    assert len(set(found)) == 1


def test_nothing_is_left_to_copy():
    x = tt.input("x", (300, 40))
    program = tt.compile([x], tt.concatenate(halves(x), axis=1), backend="llvm")
    assert "has all its parts, and nothing is to be done" in program.source()
    assert program.cost.kernels[-1].bytes_written == 0
    assert program.cost.total.bytes_read == x.type.bytes


def test_what_is_no_part_is_counted():
    x = tt.input("x", (300, 40))
    y = tt.tanh(x)
    program = tt.compile([x], tt.concatenate([y, x[:, :20], y], axis=1), backend="llvm")
    assert program.cost.kernels[-1].bytes_read == y.type.bytes + x.type.bytes // 2
    assert program.cost.kernels[-1].bytes_written == y.type.bytes + x.type.bytes // 2


def test_rows_of_a_product_stay_one_loop_or_are_copied():
    x, w = tt.input("x", (4, 5, 6, 8)), tt.input("w", (8, 16))
    y = tt.relu(x @ w)
    beside = tt.compile([x, w], tt.concatenate([y, y, x], axis=3), backend="llvm")
    assert list(beside.plan.strides.values()) == [(1200, 240, 40, 1)]
    edged = tt.compile([x, w], tt.pad(y, ((0, 0), (1, 1), (1, 1), (0, 0))), backend="llvm")
    assert edged.plan.strides == {}
