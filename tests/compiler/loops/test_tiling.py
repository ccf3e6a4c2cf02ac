"""Tiles of sums: their rows and columns, and where they store sums."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.ir.types import FLOAT32
from compiler.loops.shapes import choose
from tests.backends import NATIVE
from tests.compiler.backends.llvm.writing import HOST

WIDE = replace(HOST, vector_bytes=64, vector_registers=32)


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (27, 32, 7),
        (64, 32, 8),
        (9, 32, 9),
        (14, 64, 14),
        (15, 32, 8),
        (9, 48, 5),
        (196, 32, 8),
        (25, 16, 8),
        (17, 48, 6),
        (None, 32, 8),
        (6, 32, 6),
    ],
)
def test_a_tile_has_rows_that_fit_how_many_there_are(rows, columns, expected):
    """Columns of 16 are one vector: a tile of few rows would wait for its sums."""
    assert choose(WIDE, FLOAT32, rows, columns).rows == expected


@pytest.mark.parametrize(("rows", "terms", "columns"), [(27, 40, 32), (9, 300, 33), (17, 5, 47), (36, 0, 64)])
def test_products_of_a_few_rows_too_many_for_whole_tiles(rows, terms, columns):
    x, w = tt.input("x", (rows, terms)), tt.input("w", (terms, columns))
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-9, 9, shape).astype("f") for shape in ((rows, terms), (terms, columns)))
    program = tt.compile([x, w], [x @ w, tt.relu(x @ w)], backend="llvm")
    plain, mapped = program(a, b)
    assert np.array_equal(plain, a @ b)
    assert np.array_equal(mapped, np.maximum(a @ b, 0))


@pytest.mark.parametrize(
    ("rows", "columns", "is_copied"),
    [(15, 4096, False), (16, 4096, True), (16, 4000, False), (32, 4000, True)],
)
def test_panels_whose_rows_have_few_places_in_a_cache_are_copied_for_fewer_rows(rows, columns, is_copied):
    x, w = tt.input("x", (rows, 20)), tt.input("w", (20, columns))
    program = tt.compile([x, w], x @ w, backend="llvm")
    assert ("pack" in program.source(0)) == is_copied
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-9, 9, shape).astype("f") for shape in ((rows, 20), (20, columns)))
    assert np.array_equal(program(a, b), a @ b)


def test_sums_that_nothing_follows_are_stored_by_the_tile():
    x, w = tt.input("x", (40, 50)), tt.input("w", (50, 64))
    direct = tt.compile([x, w], x @ w, backend="llvm").source(0)
    mapped = tt.compile([x, w], tt.relu(x @ w), backend="llvm").source(0)
    assert "tile %0[" in direct
    assert "tile room" in mapped


def test_lines_of_a_result_are_asked_for_before_its_sums():
    """One vector of sums is narrow, and its rows share lines."""
    x = tt.input("x", (40, 50))
    for columns, is_asked_for in ((64, True), (40, True), (16, True), (10, False)):
        w = tt.input("w", (50, columns))
        text = tt.compile([x, w], x @ w, backend="llvm").source(0, language="c")
        assert ("__builtin_prefetch(sums" in text) == is_asked_for


@pytest.mark.parametrize(
    ("rows", "columns", "depth", "expected"),
    [(None, 2261, 11, (6, 4)), (None, 64, 32, (6, 4)), (None, 48, 11, (6, 3)), (None, 64, 33, (8, 2)),
     (8, 2261, 11, (8, 2))],
)  # fmt: skip
def test_many_rows_of_few_terms_are_stored_along_rows(rows, columns, depth, expected):
    shape = choose(WIDE, FLOAT32, rows, columns, depth)
    assert (shape.rows, shape.vectors) == expected
    assert shape.along_rows == (expected == (6, 4))


@pytest.mark.parametrize(
    ("rows", "columns", "depth", "expected"),
    [
        (None, 1024, None, (6, 4)),
        (256, 1024, 256, (6, 4)),
        (255, 1024, 256, (8, 2)),
        (None, 1000, None, (8, 3)),
        (None, 400, None, (5, 5)),
        (None, 64, None, (6, 4)),
        (64, 64, None, (6, 4)),
        (None, 64, 256, (8, 2)),
        (None, 100, None, (3, 7)),
    ],
)
def test_tiles_are_broad_where_rows_are_read_from_afar(rows, columns, depth, expected):
    shape = choose(WIDE, FLOAT32, rows, columns, depth)
    assert (shape.rows, shape.vectors) == expected


def test_tiles_have_as_many_rows_as_panels_that_were_copied():
    assert choose(WIDE, FLOAT32, None, 1024, None, by_table=True).rows == 8


def test_sums_of_several_blocks_lie_in_the_result_which_maps_write_over():
    """Blocks of terms outside of panels: a block of the left side stays near while panels pass."""
    x, w, b = tt.input("x", (70, 600)), tt.input("w", (600, 90)), tt.input("b", (90,))
    program = tt.compile([x, w, b], tt.relu(x @ w + b), backend="llvm")
    text = program.source(0)
    assert text.index("by 256") < text.index("pack ") < text.index("tile %2[") < text.index("= %0 + %b[")
    rng = np.random.default_rng(0)
    given = [rng.integers(-9, 9, item.shape).astype("f") for item in (x, w, b)]
    assert np.array_equal(program(*given), np.maximum(given[0] @ given[1] + given[2], 0))


@pytest.mark.parametrize("formula", ["in the place of what is added", "of another dtype", "few rows"])
def test_sums_of_several_blocks_that_a_result_cannot_hold_are_held_beside_it(formula):
    """Where a map reads what it writes over, where elements are other ones; and few rows are near anyway."""
    rows = 20 if formula == "few rows" else 70
    x, w, c = tt.input("x", (rows, 600)), tt.input("w", (600, 90)), tt.input("c", (rows, 90))
    y = (x @ w + c).astype("float64" if formula == "of another dtype" else "float32")
    donate = [c] if formula.startswith("in the place") else []
    program = tt.compile([x, w, c], y, donate=donate, backend="llvm")
    assert "tile room" in program.source(0)
    rng = np.random.default_rng(0)
    given = [rng.integers(-9, 9, item.shape).astype("f") for item in (x, w, c)]
    expected = given[0] @ given[1] + given[2]
    assert np.array_equal(program(*given), expected)


def test_tiles_of_few_terms_follow_each_other_along_rows():
    x, w = tt.input("x", (5000, 8)), tt.input("w", (8, 200))
    text = tt.compile([x, w], x @ w, backend="llvm").source(0)
    if "vectors of 16" in text:
        assert text.index("by 6:") < text.index("by 64:") < text.index("tile ")


def test_large_results_of_few_terms():
    """Rows that are whole lines, and rows that are not, with maps behind them and without."""
    rng = np.random.default_rng(0)
    for terms, columns in ((3, 4099), (20, 4099), (3, 4096), (20, 4096)):
        a, b = (rng.integers(-9, 9, shape).astype("f") for shape in ((70, terms), (terms, columns)))
        x, w = tt.input("x", a.shape), tt.input("w", b.shape)
        plain, mapped = tt.compile([x, w], [x @ w, tt.relu(x @ w)], backend="llvm")(a, b)
        assert np.array_equal(plain, a @ b)
        assert np.array_equal(mapped, np.maximum(a @ b, 0))


def test_a_panel_that_is_read_where_it_lies_is_asked_for():
    """One that is copied is near already."""
    w = tt.input("w", (300, 500))
    for rows, is_asked_for in ((8, True), (64, False)):
        x = tt.input("x", (rows, 300))
        text = tt.compile([x, w], x @ w, backend="llvm").source(0, language="c")
        assert (": 8 * step)" in text) == is_asked_for


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("columns", [64, 80, 256])
def test_maps_behind_broad_tiles_may_branch_where_any_lane_is_rare(backend, columns):
    """Four vectors are in one mask, of which both emitters ask whether any lane is set."""
    x, y = tt.input("x", (256, 64)), tt.input("y", (64, columns))
    random = np.random.default_rng(columns)
    a, b = (random.standard_normal(shape).astype("float32") for shape in ((256, 64), (64, columns)))
    a[7] *= 1e6
    z = x @ y
    maps = [tt.cos(z), tt.log(abs(z.astype("float64")) + 1)]
    cosine, logarithm = tt.compile([x, y], maps, backend=backend)(a, b)
    product = tt.compile([x, y], z, backend=backend)(a, b).astype("float64")
    np.testing.assert_allclose(cosine, np.cos(product), rtol=0, atol=1e-6)
    np.testing.assert_allclose(logarithm, np.log(abs(product) + 1), rtol=1e-14)
