"""The order in which fused kernels walk memory."""

import re

import numpy as np
import pytest

import tinytorch as tt
from compiler.analysis.aliasing import regions_of
from compiler.backends.numpy import walking
from compiler.backends.numpy.program import make_frame
from compiler.backends.numpy.tiles import rows_of_a_tile
from compiler.ir.node import Node
from compiler.schedule.nest import Nest, nest_of
from tests.compiler.backends.numpy.running import assert_right, compiled
from tests.properties.trial import tiles_of


def descent(rows: int = 6):
    """The gradient of a bias and what follows it: a kernel that sums the rows and then uses the sums."""
    x, b = tt.input("x", (rows, 5)), tt.input("b", (5,))
    return [x, b], [b - 0.1 * (tt.tanh(x + b) * x).sum(0)]


def strides_of(program):
    """Strides of the two-dimensional arrays that the generated program names."""
    frame = make_frame(program.plan, {})
    bound = dict(zip(frame.run.__code__.co_freevars, frame.run.__closure__ or (), strict=True))
    arrays = [cell.cell_contents for name, cell in bound.items() if re.match(r"[sv]\d", name)]
    return [array.strides for array in arrays if array.ndim == 2 and 1 not in array.shape]


def test_sums_of_columns_that_are_used_at_once_are_walked_in_the_order_of_memory():
    inputs, outputs = descent()
    program = compiled(inputs, outputs)
    (kernel,) = program.schedule.kernels
    nest = nest_of(kernel.members)
    assert isinstance(nest, Nest)
    assert [int(str(extent)) for extent in nest.loops] == [5, 6]
    found = strides_of(program)
    assert found
    assert all(strides == (20, 4) for strides in found)


@pytest.mark.parametrize("tile", [1, 4, 29, 30, 1000])
def test_the_order_is_right_for_tiles_of_any_size(tile):
    rng = np.random.default_rng(0)
    inputs, outputs = descent()
    x, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((6, 5), (5,)))
    assert_right(inputs, outputs, x, b, tile=tile)


def test_a_kernel_over_rows_that_is_cut_keeps_its_rows_first():
    inputs, outputs = descent()
    program = compiled(inputs, outputs)
    (kernel,) = program.schedule.kernels
    nest = nest_of(kernel.members)
    assert isinstance(nest, Nest)
    stored = frozenset(program.schedule.outputs(kernel))
    regions = regions_of(program.graph)
    with tiles_of(29):
        assert walking.in_memory_order(nest, kernel, stored, regions, {}) is nest
    with tiles_of(30):
        assert walking.in_memory_order(nest, kernel, stored, regions, {}).loops == (6, 5)


def test_a_transposed_view_is_walked_as_its_memory_lies():
    x = tt.input("x", (7, 6, 5))
    v = tt.transpose(x, (2, 1, 0))
    program = compiled([x], [tt.tanh(v) * v + v, tt.exp(v)])
    (kernel,) = [item for item in program.schedule.kernels if len(item.members) > 1]
    nest = nest_of(kernel.members)
    assert isinstance(nest, Nest)
    stored = frozenset[Node]()
    walked = walking.in_memory_order(nest, kernel, stored, regions_of(program.graph), {})
    assert (nest.loops, walked.loops) == ((5, 6, 7), (7, 6, 5))


def test_rows_of_nothing_are_not_cut():
    x = tt.input("x", (3, 0, 3))
    y = tt.minimum(x.sum((0, 1), keepdims=True), x)
    program = assert_right([x], [y], np.zeros((3, 0, 3), np.float32), tile=2, passes=["fuse_elementwise"])
    assert len(program.schedule.kernels) == 1


def test_a_tile_has_a_few_rows_unless_they_are_too_long():
    with tiles_of(16384):
        found = {inner: rows_of_a_tile(inner) for inner in (1000, 5000, 10000, 16384, 20000, 50000)}
    assert found == {1000: 16, 5000: 4, 10000: 3, 16384: 2, 20000: 1, 50000: 1}


def test_scalars_have_any_order():
    x = tt.input("x", ())
    assert_right([x], [tt.tanh(x) * 2.0], np.float32(0.5))
