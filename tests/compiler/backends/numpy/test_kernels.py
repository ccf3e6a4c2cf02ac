"""Fused kernels, tile by tile."""

import re

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.numpy import tiles
from compiler.backends.numpy.choosing import keep_chosen, take_chosen
from compiler.ir.types import FLOAT32
from tests.compiler.backends.numpy.running import assert_right, compiled, oracle, source
from tests.properties.trial import tiles_of


def ragged(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("tile", [1, 5, 7, 12, 30, 1000])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_any_number_of_rows_in_tiles_of_any_size(tile, count):
    x, b = tt.input("x", ("n", 5)), tt.input("b", (5,))
    y = tt.tanh(x + b) * 2.0
    outputs = [y, y.sum(0), y.max(1), y.sum(), tt.softmax(x), tt.layer_norm(x), x.argmax(1), y.T * 2.0]
    if count:
        outputs += [y.min(0), x.argmax(0)]
    assert_right([x, b], outputs, ragged(count, 5), ragged(5), tile=tile)


@pytest.mark.parametrize("tile", [2, 1000])
def test_row_kernels_with_gradients(tile):
    x, t = tt.input("x", ("n", 7)), tt.input("t", ("n",), "int64")
    loss = tt.losses.cross_entropy(x, t)
    slope = tt.grad((tt.layer_norm(x) ** 3.0).sum(), x)
    assert_right([x, t], [loss, tt.grad(loss, x), slope], ragged(5, 7), np.arange(5) % 7, tile=tile)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("tile", [2, 200, 16384])
def test_one_element_of_a_long_row_is_kept_without_comparing_all(tile, dtype):
    x, t = tt.input("x", ("n", 70)), tt.input("t", ("n",), dtype)
    loss = tt.losses.cross_entropy(x, t)
    labels = (np.arange(5) * 17 % 70).astype(dtype)
    program = assert_right([x, t], [loss, tt.grad(loss, x)], ragged(5, 70), labels, tile=tile)
    assert source(program, n=5).count("keep_chosen") == source(program, n=5).count("take_chosen") == 1
    out = np.full((4, 3), 7.0)
    keep_chosen(np.array([[0], [2], [-1], [3]]), out, out)
    np.testing.assert_array_equal(out, [[7, 0, 0], [0, 0, 7], [0, 0, 0], [0, 0, 0]])
    sums = np.full((3, 1), 9.0)
    take_chosen(np.array([[1], [-1], [3]]), np.array([[5.0], [6.0], [7.0]]), 3, sums)
    np.testing.assert_array_equal(sums, [[5], [0], [0]])


def test_the_last_tile_is_ragged():
    x = tt.input("x", ("n", 4))
    program = compiled([x], [tt.tanh(x + 1.0) * 2.0])
    with tiles_of(12):
        argument = ragged(7, 4)
        np.testing.assert_allclose(program(argument)[0], np.tanh(argument + 1) * 2, rtol=1e-6)
        ((frame,),) = program._executable._frames.values()
    assert "for r, " in frame.text


def test_dense_maps_are_one_loop():
    x, y = tt.input("x", (6, 5, 4)), tt.input("y", (6, 5, 4))
    text = source(compiled([x, y], [tt.tanh(x * y) + 1.0]))
    assert "reshape((120,))" in text
    column = source(compiled([x, y], [tt.tanh(x * y[:, :1]) + 1.0]))
    assert "reshape((120,))" not in column


def test_a_small_kernel_has_no_loop():
    x = tt.input("x", ("n", 4))
    program = compiled([x], [tt.tanh(x + 1.0) * 2.0])
    assert "for " not in source(program, n=4)
    assert "for " in source(program, n=tiles.TILE)


def test_what_stays_in_a_kernel_has_a_tile_of_memory():
    x = tt.input("x", (1000, 1000))
    y = tt.tanh(x + 1.0)
    program = compiled([x], [y * tt.exp(y)])
    assert program.plan.peak_bytes == 0
    assert len(program.schedule.kernels) == 1


def test_integers_bools_and_mixed_dtypes():
    k, x, b = (
        tt.input("k", ("n", 3), "int32"),
        tt.input("x", ("n", 3), "float64"),
        tt.input("b", ("n", 3), "bool"),
    )
    outputs = [
        k + x,
        k * b,
        x * b,
        b.sum(0),
        b.sum(),
        k.sum(1),
        tt.any(k > x, 1),
        tt.all(b),
        k.max(0),
        k.argmax(1),
    ]
    outputs += [tt.where(b, k, x), (k / 2), k.astype("float32").mean(), x.astype("int32") + k, b.max(), ~b]
    data = [np.arange(12, dtype=np.int32).reshape(4, 3), ragged(4, 3).astype(float), ragged(4, 3, seed=1) > 0]
    assert_right([k, x, b], outputs, *data, tile=3)
    assert_right([k, x, b], outputs, *data, passes=())


def test_indices_and_extents_in_formulas():
    x = tt.input("x", ("n", 4))
    outputs = [
        tt.tril(x),
        tt.triu(x, 1),
        tt.one_hot(x.argmax(1), 4),
        x.mean(0),
        tt.tril(x).sum(1) * tt.tril(x).max(1),
    ]
    assert_right([x], outputs, ragged(6, 4), tile=4)


def test_argmax_is_the_first_of_equals_and_of_nans():
    x = tt.input("x", (4, 3))
    argument = np.array([[1, 1, 0], [0, np.nan, np.nan], [2, 3, 3], [-1, -1, -1]], np.float32)
    program = compiled([x], [x.argmax(1), x.argmax(0), (x * 2.0).T.reshape([12]).argmax(0)])
    rows, columns, whole = program(argument)
    np.testing.assert_array_equal(rows, [0, 1, 1, 0])
    np.testing.assert_array_equal(columns, [2, 1, 1])
    assert whole == argument.T.argmax()


def test_a_reduction_of_nothing_gives_its_identity():
    x = tt.input("x", (0, 3))
    found = compiled([x], [x.sum(0), x.sum(), x.sum(1)])(np.empty((0, 3), np.float32))
    np.testing.assert_array_equal(found[0], [0, 0, 0])
    assert found[1] == 0
    assert found[2].shape == (0,)


def test_a_literal_beyond_the_finite_is_no_text():
    x = tt.input("x", (3,))
    assert_right([x], [tt.minimum(x, np.inf), tt.where(x > 0, x, -np.inf), x + np.nan], ragged(3))


def test_a_literals_dtype_is_weak():
    x = tt.input("x", (3,))
    program = compiled([x], [x * 0.1 + 2])
    assert program(ragged(3))[0].dtype == FLOAT32.numpy


def test_the_text_is_straight_line_and_names_nothing_of_a_users():
    x = tt.input("x__import__", ("n", 3))
    program = compiled([x], [tt.softmax(x) @ tt.constant(np.ones((3, 2), np.float32)), x.T])
    text = source(program, n=2)
    assert "import" not in text
    assert not re.search(r"\b(if|while|def|lambda|getattr|\.\w+\[)\b", text.split("\n", 1)[1])
    assert text == source(program, n=2)
    found = compiled([x], [tt.softmax(x) @ tt.constant(np.ones((3, 2), np.float32)), x.T])
    assert source(found, n=2) == text


def test_equal_objects_have_one_name():
    x = tt.input("x", (8,))
    text = source(compiled([x], [tt.tanh(x), tt.tanh(x * 2.0)], passes=()))
    assert len(set(re.findall(r"tanh_\d+", text))) == 1


def test_kernels_of_five_loops():
    x = tt.input("x", (2, 3, 1, 2, 2))
    argument = ragged(2, 3, 1, 2, 2)
    assert_right([x], [x.sum((1, 3)), x.transpose(4, 2, 0, 1, 3) * 2.0, x.max((0, 4))], argument, tile=4)
    assert len(oracle([x], [x], argument)) == 1


def test_a_number_repeated_along_one_axis_beside_one_along_the_other():
    """Both lie at no distance, as if the two loops were one; their arrays do not."""
    x, y = tt.input("x", ()), tt.input("y", ())
    column, row = x.broadcast_to((2, 1)), y.broadcast_to((3,))
    found = tt.compile([x, y], column + row, passes=(), backend="numpy")(np.float32(1), np.float32(2))
    np.testing.assert_array_equal(found, np.full((2, 3), 3))
