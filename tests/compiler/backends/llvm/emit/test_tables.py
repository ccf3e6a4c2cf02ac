"""Products whose rows and terms lie as tables say, packed in every way, against NumPy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.ir.types import INT64, dtype_of
from compiler.loops.language import Layout, Memory, Pack, Ref, Tile, Value
from tests.compiler.backends.llvm.emit.test_products import MACHINES
from tests.compiler.backends.llvm.writing import Writer, run

LANES, ROWS, VECTORS = 8, 3, 2
WIDTH = LANES * VECTORS
TERMS = 40
"""More than two of any block of terms, and not a whole number of them."""


def product(dtype, step, packed):
    """out = A @ B of as many rows and columns as a tile has at most; B's columns lie `step` apart."""
    writer = Writer()
    columns = writer.number()
    a, rows, left = writer.array(dtype), writer.array("int64"), writer.array("int64")
    b, right, out = writer.array(dtype), writer.array("int64"), writer.array(dtype)
    room, panel, far = writer.room(dtype, TERMS * WIDTH), Memory(dtype_of(dtype)), Value(INT64)
    if packed:
        strides = Ref(right), step
        writer.write(
            Pack(
                panel,
                far,
                room,
                Ref(b),
                Layout.STRIDED,
                strides,
                TERMS,
                columns,
                WIDTH,
                LANES,
                ROWS,
                1,
                False,
            )
        )
    writer.write(
        Tile(
            Ref(out), ROWS, VECTORS, LANES, Ref(a), (Ref(rows), Ref(left)), ROWS,
            Ref(panel) if packed else Ref(b), far if packed else Ref(right), TERMS, 0, columns,
            masked=not packed,
        )
    )  # fmt: skip
    return writer.kernel


def terms(kind):
    """How far the terms lie: neighbours, runs that no block meets, and none that are neighbours."""
    runs = {"neighbours": (1, TERMS), "runs": (TERMS // 5, 5), "apart": (TERMS, 1)}[kind]
    return (np.arange(runs[0])[:, None] * 51 + np.arange(runs[1])).reshape(-1)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", ["neighbours", "runs", "apart"])
@pytest.mark.parametrize("step", [1, 2, 50])
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_a_panel_whose_terms_follow_a_table(dtype, step, kind, machine):
    """Whole numbers, so that no order of the terms shows. Memory ends with the last element that is read."""
    rng = np.random.default_rng(step)
    far = terms(kind)
    rows, left = np.array([7, 0, 19]), far[::-1].copy()
    a = rng.integers(-9, 9, far.max() + 20).astype(dtype)
    for columns in (1, 11, 16):
        b = rng.integers(-9, 9, far.max() + (columns - 1) * step + 1).astype(dtype)
        out = np.zeros(ROWS * WIDTH, dtype)
        kernel = product(dtype, step, packed=True)
        run(kernel, columns, a, rows, left, b, far, out, machine=MACHINES[machine])
        expected = a[rows[:, None] + left] @ b[far[:, None] + step * np.arange(columns)]
        np.testing.assert_array_equal(out.reshape(ROWS, WIDTH)[:, :columns], expected)


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_a_panel_that_is_read_where_it_lies(dtype):
    rng = np.random.default_rng(0)
    far, rows = terms("runs"), np.array([3, 4, 0])
    for columns in (1, 11, 16):
        b = rng.integers(-9, 9, far.max() + columns).astype(dtype)
        a = rng.integers(-9, 9, far.max() + 5).astype(dtype)
        out = np.zeros(ROWS * WIDTH, dtype)
        run(product(dtype, 1, packed=False), columns, a, rows, far, b, far, out)
        expected = a[rows[:, None] + far] @ b[far[:, None] + np.arange(columns)]
        np.testing.assert_array_equal(out.reshape(ROWS, WIDTH)[:, :columns], expected)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("by_table", [False, True])
@pytest.mark.parametrize("far", [1, 3])
def test_terms_that_a_table_leaves_out(far, by_table, machine):
    """Rows of A lie 50 apart, its terms `far` or as a table says; those of B as wide as a tile."""
    writer = Writer()
    terms = writer.number()
    a, left, b = writer.array("float32"), writer.array("int64"), writer.array("float32")
    live, out = writer.array("int64"), writer.array("float32")
    by_term = Ref(left) if by_table else far
    writer.write(
        Tile(
            Ref(out), ROWS, VECTORS, LANES, Ref(a), (50, by_term), 2, Ref(b), WIDTH, terms, 0, WIDTH,
            masked=False, live=Ref(live),
        )
    )  # fmt: skip
    rng = np.random.default_rng(far)
    places = rng.permutation(16) if by_table else far * np.arange(16)
    table = places if by_table else np.zeros(1, np.int64)
    a = rng.integers(-9, 9, 100).astype(np.float32)
    for chosen in ([], [3], [0, 2, 3, 7, 15]):
        b = rng.integers(-9, 9, (16, WIDTH)).astype(np.float32)
        out = np.full(ROWS * WIDTH, 7, np.float32)
        live = np.array([*chosen, 99], np.int64)
        run(writer.kernel, len(chosen), a, table, b.reshape(-1), live, out, machine=MACHINES[machine])
        expected = a.reshape(2, 50)[[0, 1, 1]][:, places[chosen]] @ b[chosen]
        np.testing.assert_array_equal(out.reshape(ROWS, WIDTH), expected)
