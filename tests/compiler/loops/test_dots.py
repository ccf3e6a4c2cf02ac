"""Products of few rows, or few columns, by vectors along the terms."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.ir.types import FLOAT32
from compiler.loops.dots import _Sums
from compiler.loops.language import Value
from compiler.loops.recognition import FEW_ROWS, MANY_TERMS
from tests.backends import ALL, NATIVE

ROWS = [(rows, "float32") for rows in (1, 2, 3, 6, 7, FEW_ROWS, FEW_ROWS + 1)]
EXACT = np.random.default_rng(3)


def whole(*shape, dtype="float32"):
    """Small whole numbers: sums of their products are exact in any order."""
    return EXACT.integers(-9, 9, shape).astype(dtype)


def is_by_terms(program):
    """Whether the product is no tile."""
    texts = [program.source(number) for number in range(len(program.schedule.kernels))]
    return not any("tile " in text for text in texts)


@pytest.mark.parametrize(("rows", "dtype"), [*ROWS, (2, "float64"), (7, "float64"), (3, "int32")])
@pytest.mark.parametrize(("columns", "terms"), [(40, 64), (33, 301), (1, 80)])
def test_few_rows_of_both_factors_terms_last(rows, columns, terms, dtype):
    x, w, b = (
        tt.input("x", (rows, terms), dtype),
        tt.input("w", (columns, terms), dtype),
        tt.input("b", (columns,), dtype),
    )
    given = whole(rows, terms, dtype=dtype), whole(columns, terms, dtype=dtype), whole(columns, dtype=dtype)
    expected = given[0].astype("float64") @ given[1].T.astype("float64")
    for backend in NATIVE:
        program = tt.compile([x, w, b], [x @ w.T, tt.maximum(x @ w.T + b, 0)], backend=backend)
        plain, mapped = program(*given)
        assert np.array_equal(plain, expected)
        assert np.array_equal(mapped, np.maximum(expected + given[2], 0))


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("columns", [1, 2, 10, FEW_ROWS + 1])
@pytest.mark.parametrize("is_turned", [False, True])
def test_few_columns_of_many_rows(backend, columns, is_turned):
    terms, rows = 333, 200
    shape = (columns, terms) if is_turned else (terms, columns)
    x, w, b = tt.input("x", (rows, terms)), tt.input("w", shape), tt.input("b", (columns,))
    product = x @ (w.T if is_turned else w)
    program = tt.compile([x, w, b], [product, tt.relu(product + b)], backend=backend)
    given = whole(rows, terms), whole(*shape), whole(columns)
    plain, mapped = program(*given)
    expected = given[0] @ (given[1].T if is_turned else given[1])
    assert np.array_equal(plain, expected)
    assert np.array_equal(mapped, np.maximum(expected + given[2], 0))


@pytest.mark.parametrize("backend", NATIVE)
def test_batches_of_few_rows(backend):
    q, k = tt.input("q", (6, 3, 70)), tt.input("k", (6, 19, 70))
    program = tt.compile([q, k], q @ k.transpose(0, 2, 1), backend=backend)
    given = whole(6, 3, 70), whole(6, 19, 70)
    assert np.array_equal(program(*given), given[0] @ given[1].transpose(0, 2, 1))
    assert is_by_terms(program)


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 9, 12, 40])
def test_an_open_number_of_rows(rows):
    x, w = tt.input("x", ("n", 130)), tt.input("w", (50, 130))
    program = tt.compile([x, w], x @ w.T)
    given = whole(rows, 130), whole(50, 130)
    assert np.array_equal(program(*given), given[0] @ given[1].T)


@pytest.mark.parametrize("rows", [2, 6, 12])
def test_a_result_that_takes_the_place_of_what_it_reads(rows):
    x, w, y = tt.input("x", (rows, 200)), tt.input("w", (90, 200)), tt.input("y", (rows, 90))
    program = tt.compile([x, w, y], x @ w.T + y, donate=[y])
    given = whole(rows, 200), whole(90, 200), whole(rows, 90)
    expected = given[0] @ given[1].T + given[2]
    assert np.array_equal(program(*given), expected)


def test_the_same_bits_for_any_number_of_threads_and_emitter():
    x, w = tt.input("x", (6, 1000)), tt.input("w", (700, 1000))
    rng = np.random.default_rng(0)
    given = rng.standard_normal((6, 1000)).astype("f"), rng.standard_normal((700, 1000)).astype("f")
    results, before = [], tt.get_num_threads()
    for backend in NATIVE:
        program = tt.compile([x, w], x @ w.T, backend=backend)
        try:
            for threads in (1, 2, 3):
                tt.set_num_threads(threads)
                results.append(program(*given))
        finally:
            tt.set_num_threads(before)
    assert all(np.array_equal(results[0], other) for other in results)


@pytest.mark.parametrize(
    ("rows", "terms", "expected"),
    [
        (1, 16, True),
        (2, MANY_TERMS, True),
        (2, MANY_TERMS - 1, False),
        (FEW_ROWS, 100, True),
        (FEW_ROWS + 1, 100, False),
    ],
)
def test_which_products_are_summed_by_terms(rows, terms, expected):
    x, w = tt.input("x", (rows, terms)), tt.input("w", (100, terms))
    assert is_by_terms(tt.compile([x, w], x @ w.T, backend="llvm")) == expected


@pytest.mark.parametrize(
    ("rows", "most", "together", "blocks"),
    [(1, 24, 8, [1]), (3, 24, 8, [3]), (4, 24, 4, [4]), (6, 24, 4, [6]), (7, 24, 4, [3, 4]),
     (12, 24, 4, [6, 6]), (1, 12, 8, [1]), (2, 12, 4, [2]), (7, 12, 4, [2, 2, 3])],
)  # fmt: skip
def test_sums_have_registers(rows, most, together, blocks):
    totals = [Value(FLOAT32, 16) for _ in range(rows)]
    writing = _Sums(None, totals, totals, most, is_whole=True)
    assert writing.together == together
    assert [len(block) for block in writing.blocks] == blocks
