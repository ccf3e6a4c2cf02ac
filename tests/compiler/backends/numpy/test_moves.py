"""Layout ops that move elements, in blocks and out of views."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.numpy import blocks
from compiler.backends.numpy.blocks import argmax_over, argmin_over
from compiler.backends.numpy.blocks import blocks as cut
from tests.compiler.backends.numpy.running import assert_right, compiled


@pytest.fixture(params=[1, 5, 8192], autouse=True)
def _size(request, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", request.param)
    monkeypatch.setattr(blocks.blocks, "__defaults__", (request.param,))


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("kind", ["int32", "int64"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_gather_and_scatter(kind, axis):
    x, k = tt.input("x", (3, 4, 5)), tt.input("k", ("m",), kind)
    y = x.transpose(2, 0, 1) * 1.0
    outputs = [tt.take(x, k, axis=axis), tt.take(y, k, axis=axis), tt.take(x.T, k, axis=axis)]
    outputs += [tt.grad((item**2.0).sum(), x) for item in outputs]
    for index in ([0, 2, 2, 1], [], [1]):
        assert_right([x, k], outputs, normal(3, 4, 5), np.array(index, kind))


@pytest.mark.parametrize("axis", [0, 1])
def test_gather_and_scatter_along(axis):
    x, k = tt.input("x", (4, 4)), tt.input("k", (4, 4), "int32")
    outputs = [tt.take_along_axis(x, k, axis=axis), tt.take_along_axis(x.T[::-1], k.T, axis=axis)]
    outputs += [tt.grad((item**2.0).sum(), x) for item in outputs]
    index = np.random.default_rng(1).integers(0, 4, (4, 4)).astype(np.int32)
    assert_right([x, k], outputs, normal(4, 4), index)


@pytest.mark.parametrize("wrong", [-1, 4])
@pytest.mark.parametrize("of", ["take", "along"])
def test_an_index_outside_is_named_before_anything_is_written(wrong, of):
    x, k = tt.input("x", (4, 4)), tt.input("k", (2, 4), "int64")
    y = tt.take(x, k, axis=0) if of == "take" else tt.take_along_axis(x, k, axis=0)
    index = np.ones((2, 4), np.int64)
    index[1, 2] = wrong
    out = [np.full([*index.shape, 4] if of == "take" else index.shape, 7, np.float32)]
    with pytest.raises(tt.IndexRangeError, match=rf"index {wrong} at \[1, 2\] is outside 0 \.\. 3"):
        compiled([x, k], [y])(normal(4, 4), index, out=out)
    assert (out[0] == 7).all()


def test_pads_concatenations_and_reshapes():
    x = tt.input("x", (4, 3))
    outputs = [
        tt.pad(x, ((1, 0), (0, 2)), value=2.0),
        tt.concatenate([x.T, x.T[:1]], axis=0),
        x.T.reshape([-1]),
    ]
    outputs += [tt.grad((x[::2] ** 2.0).sum(), x), tt.concatenate([x, x * 2.0, x], axis=1)]
    assert_right([x], outputs, normal(4, 3))


def test_blocks_cover_an_array_in_order():
    for shape in [(), (5,), (3, 4), (2, 3, 4), (1, 1, 7), (4, 0), (0,)]:
        array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        for limit in (1, 2, 3, 7, 100):
            parts = [array[block].reshape(-1) for block in cut(shape, limit)]
            assert all(0 < part.size <= limit for part in parts)
            np.testing.assert_array_equal(np.concatenate([[], *parts]), array.reshape(-1))


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (1, 0), (2, 0), (1, 2), (2, 1, 0), (0, 1, 2)])
def test_argmax_of_any_axes_in_any_order(axes):
    array = np.random.default_rng(0).integers(0, 3, (3, 4, 5)).astype(np.float64)
    for special in (None, np.nan, np.inf, -np.inf):
        if special is not None:
            array[1, 2, 3] = special
            array[2, 2, 1] = special
        out = np.full([1 if axis in axes else n for axis, n in enumerate(array.shape)], -1)
        argmax_over(axes, array, out)
        kept = [axis for axis in range(3) if axis not in axes]
        rows = array.transpose([*kept, *axes]).reshape([*(array.shape[axis] for axis in kept), -1])
        np.testing.assert_array_equal(out.reshape(rows.shape[:-1]), rows.argmax(-1))
        argmin_over(axes, array, out)
        np.testing.assert_array_equal(out.reshape(rows.shape[:-1]), rows.argmin(-1))
