"""Matrix products written by hand around Pack and Tile, against NumPy."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.ir.types import INT64, dtype_of
from compiler.loops.language import Layout, Memory, Pack, Ref, Tile, Value
from tests.compiler.backends.llvm.writing import HOST, Writer, module_of, run

DEPTH = 16
"""Terms of a block."""

MACHINES = {
    "as it is": HOST,
    "without masks": replace(HOST, has_masked_memory=False),
    "with masks": replace(HOST, has_masked_memory=True),
    "without fma": replace(HOST, has_fma=False),
}


def product(dtype, layout, rows, vectors, lanes, contiguous, whole=False, few=32, packed=True):
    """out = A @ B over blocks of terms; arguments: m, n, k, A, its strides, B, its strides, out, n of out."""
    writer, width = Writer(), vectors * lanes
    m, n, k = (writer.number() for _ in range(3))
    a, (a_row, a_term) = writer.array(dtype), (writer.number(), writer.number())
    b, (b_term, b_column) = writer.array(dtype), (writer.number(), writer.number())
    out, wide = writer.array(dtype), writer.number()
    room, sums = writer.room(dtype, DEPTH * width), writer.room(dtype, rows * 64 * width)
    a_term = 1 if contiguous else a_term
    right_strides = {
        Layout.ROWS: (b_term, 1),
        Layout.COLUMNS: (1, b_column),
        Layout.STRIDED: (b_term, b_column),
    }[layout]
    with writer.loop(n, step=width) as j:
        columns = writer.let("sub", n, j.index)
        with writer.loop(writer.let("maximum", k, 1), step=DEPTH) as block:
            terms = writer.let("minimum", writer.let("sub", k, block.index), DEPTH)
            source = Ref(b, ((block.index, right_strides[0]), (j.index, right_strides[1])))
            panel, step = Memory(dtype_of(dtype)), Value(INT64)
            if packed:
                pack = Pack(
                    panel,
                    step,
                    room,
                    source,
                    layout,
                    right_strides,
                    terms,
                    columns,
                    width,
                    lanes,
                    m,
                    few,
                    whole,
                )
                writer.write(pack)
            right = Ref(panel) if packed else source
            with writer.loop(m, step=rows) as i:
                writer.write(
                    Tile(
                        sums=Ref(sums, ((i.index, width),)),
                        rows=rows,
                        vectors=vectors,
                        lanes=lanes,
                        left=Ref(a, ((i.index, a_row), (block.index, a_term))),
                        left_strides=(a_row, a_term),
                        exist=writer.let("sub", m, i.index),
                        right=right,
                        right_step=step if packed else b_term,
                        terms=terms,
                        first=block.index,
                        columns=columns,
                        masked=not packed and not whole,
                    )
                )
        count = writer.let("minimum", columns, width)
        with writer.loop(m) as i, writer.loop(count, lanes=lanes, masked=True) as c:
            total = writer.load(sums, (i.index, width), (c.index, 1), lanes=lanes)
            writer.store(out, total, (i.index, wide), (j.index, 1), (c.index, 1), mask=c.mask)
    return writer.kernel


def arrays(dtype, m, n, k, layout, contiguous):
    rng = np.random.default_rng(m * 100 + n * 10 + k)
    a, b = (rng.integers(-9, 9, shape).astype(dtype) for shape in ((m, k), (k, n)))
    if not contiguous:
        a = a.T.copy().T
    if layout is Layout.COLUMNS:
        b = b.T.copy().T
    if layout is Layout.STRIDED:
        b = np.repeat(b.T, 3, axis=1).T[::3]
    return a, b


def check(kernel, dtype, m, n, k, layout, contiguous, machine=HOST):
    a, b = arrays(dtype, m, n, k, layout, contiguous)
    out = np.full((m, n), 77, dtype)
    strides = [s // a.itemsize for s in (*a.strides, *b.strides)]
    run(kernel, m, n, k, a, *strides[:2], b, *strides[2:], out, n, machine=machine)
    np.testing.assert_array_equal(out, a @ b)


SIZES = [(1, 1, 1), (3, 5, 0), (5, 16, 16), (8, 17, 35), (13, 37, 50), (40, 33, 17)]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("contiguous", [False, True])
@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_every_layout_is_packed(dtype, layout, contiguous, machine):
    """Whole numbers, so that no order of the terms shows."""
    kernel = product(dtype, layout, 3, 2, 8, contiguous)
    for m, n, k in SIZES:
        check(kernel, dtype, m, n, k, layout, contiguous, MACHINES[machine])


@pytest.mark.parametrize("few", [1, 100])
def test_panels_that_no_column_cuts_off(few):
    kernel = product("float64", Layout.ROWS, 4, 3, 4, contiguous=True, whole=True, few=few)
    for m, n, k in ((1, 12, 4), (7, 24, 40), (33, 36, 16)):
        check(kernel, "float64", m, n, k, Layout.ROWS, contiguous=True)


@pytest.mark.parametrize("whole", [False, True])
def test_rows_that_are_read_where_they_lie(whole):
    kernel = product("float32", Layout.ROWS, 2, 2, 8, contiguous=False, whole=whole, packed=False)
    for m, n, k in ((1, 16, 4), (7, 32, 40), *([(5, 11, 20)] * (not whole))):
        check(kernel, "float32", m, n, k, Layout.ROWS, contiguous=False)


@pytest.mark.parametrize("cut", [False, True])
def test_sums_are_stored_in_the_result_where_rows_and_columns_exist(cut):
    writer, rows, width = Writer(), 4, 16
    m, n, k = (writer.number() for _ in range(3))
    a, b, out = (writer.array("float32") for _ in range(3))
    wide = writer.number()
    with writer.loop(n, step=width) as j, writer.loop(m, step=rows) as i:
        writer.write(
            Tile(
                sums=Ref(out, ((i.index, wide), (j.index, 1))), rows=rows, vectors=2, lanes=8,
                left=Ref(a, ((i.index, k),)), left_strides=(k, 1), exist=writer.let("sub", m, i.index),
                right=Ref(b, ((j.index, 1),)), right_step=n, terms=k, first=0,
                columns=writer.let("sub", n, j.index) if cut else width, masked=cut, apart=wide,
            )
        )  # fmt: skip
    rng = np.random.default_rng(0)
    for m, n, k in ((1, 16, 5), (6, 32, 9), (8, 48, 0), *([(7, 21, 4), (4, 3, 11)] if cut else [])):
        a, b = (rng.integers(-9, 9, shape).astype("float32") for shape in ((m, k), (k, n)))
        out = np.full((m + 1, n + 3), 77, "float32")
        run(writer.kernel, m, n, k, a, b, out, n + 3)
        np.testing.assert_array_equal(out[:m, :n], a @ b)
        assert np.all(out[m:] == 77)
        assert np.all(out[:, n:] == 77)


@pytest.mark.parametrize("name", ["as it is", "without fma"])
def test_a_sum_is_a_chain_in_ascending_order_in_each_block(name):
    machine = MACHINES[name]
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((1, 40)).astype("float32"), rng.standard_normal((40, 8)).astype("float32")
    out = np.zeros((1, 8), "float32")
    kernel = product("float32", Layout.ROWS, 1, 1, 8, contiguous=True)
    run(kernel, 1, 8, 40, a, 40, 1, b, 8, 1, out, 8, machine=machine)
    wide = np.float64 if machine.has_fma else np.float32  # the product of two float32 is exact in float64
    blocks = []
    for first in range(0, 40, DEPTH):
        total = np.zeros(8, "float32")
        for term in range(first, min(40, first + DEPTH)):
            total = (wide(a[0, term]) * b[term].astype(wide) + total).astype("float32")
        blocks.append(total)
    np.testing.assert_allclose(
        out[0], (blocks[0] + blocks[1]) + blocks[2], rtol=0 if wide is np.float32 else 1e-7
    )


def test_tiles_of_a_module_share_their_function():
    text = str(module_of(product("float32", Layout.ROWS, 8, 2, 8, contiguous=True)))
    assert text.count("define internal void") == 1
    assert "tile_f32_8x2x8" in text
