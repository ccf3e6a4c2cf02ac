"""Programs that random graphs have found to be wrong, each by name."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.autodiff.backward import gradient
from compiler.ir.build import reduce
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import Diagonal, Pad, Reducer, Slice
from tests.properties.growing import GROWTHS, product_of_elements
from tests.properties.trial import backends, make_trial, run_trial, tiles_of

EARLIER = [growth for growth in GROWTHS if growth is not product_of_elements]
"""What graphs grew by when the seeds below were found."""


@pytest.fixture(params=sorted(backends()))
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


def argmax(x: tt.Tensor, axes: list[int]) -> tt.Tensor:
    return tt.Tensor(reduce(Reducer.ARGMAX, x.node, axes, False))


def whole(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-4, 5, shape).astype(np.float32)


@pytest.mark.parametrize("name", ["erf", "erfc", "tanh", "sigmoid", "exp", "log1p", "sqrt"])
@pytest.mark.parametrize("dtype", ["int32", "int64", "bool"])
def test_a_function_of_integers_computes_in_the_dtype_of_its_result(backend, name, dtype):
    x = tt.input("x", (4,), dtype)
    argument = np.array([0, 1, 1, 0]).astype(dtype)
    y = getattr(tt, name)(x)
    found = tt.compile([x], y, passes=(), backend=backend)(argument)
    expected = tt.compile([x], y, passes=(), backend="reference")(argument)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6 if found.dtype == np.float32 else 1e-13)


def test_argmax_over_axes_in_another_order_than_the_kernels_loops(backend):
    x = tt.input("x", (5, 3))
    y = tt.maximum(x, 1.0)
    argument = whole(5, 3)
    program = tt.compile([x], [y * y, argmax(y.T, [0, 1])], backend=backend)
    assert program(argument)[1] == np.maximum(argument, 1).T.argmax()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0, 2)])
def test_argmax_with_nothing_kept(backend, shape):
    x = tt.input("x", shape)
    last = len(shape) - 1
    found = tt.compile([x], argmax(x, [last]), backend=backend)(np.zeros(shape, np.float32))
    assert found.shape == shape[:-1]
    assert found.dtype == np.int64


def test_the_gradient_of_a_slice_of_nothing_by_a_negative_step():
    x = tt.input("x", (3, 2), "float64")
    part = make_node(Slice((0, 1), (0, 2), (-1, -1)), [x.node])
    total = reduce(Reducer.SUM, part, [0, 1], False)
    (found,) = gradient(total, [x.node])
    program = tt.compile([x], tt.Tensor(found), backend="reference")
    np.testing.assert_array_equal(program(np.ones((3, 2))), np.zeros((3, 2)))
    assert any(isinstance(node.op, Pad) for node in Graph.of([found]).nodes)


def test_debug_mode_leaves_what_outputs_are_copied_from():
    x = tt.input("x", (3,), "float64")
    y = x + 1.0
    program = tt.compile([x], [y.reshape([3, 1]), y[::-1]], passes=(), backend="numpy", debug=True)
    first, second = program(np.arange(3.0))
    np.testing.assert_array_equal(first, [[1], [2], [3]])
    np.testing.assert_array_equal(second, [3, 2, 1])


def test_a_result_written_over_a_donated_input(backend):
    x = tt.input("x", (4,))
    y = tt.exp(tt.exp(x) * 2.0).sum()
    given = np.zeros(4, np.float32)
    found = tt.compile([x], y, donate=[x], backend=backend)(given)
    np.testing.assert_allclose(found, 4 * np.exp(2), rtol=1e-6)


def test_sums_over_tiles_of_one_row(backend):
    x = tt.input("x", ("n", 5))
    argument = whole(7, 5)
    with tiles_of(1):
        found = tt.compile([x], [x.sum(axis=0), (x * 2).max(axis=0)], backend=backend)(argument)
    np.testing.assert_array_equal(found[0], argument.sum(axis=0))
    np.testing.assert_array_equal(found[1], 2 * argument.max(axis=0))


def test_a_sum_of_no_products_with_infinity_is_zero(backend):
    x, y = tt.input("x", (2, "n")), tt.constant(np.full(2, np.inf, np.float32))
    z = tt.einsum("ij,i,i->", x, y, y)
    program = tt.compile([x], [tt.einsum("ij,i->", x, y), z], passes=(), backend=backend)
    assert [float(array) for array in program(np.empty((2, 0), np.float32))] == [0.0, 0.0]


def test_nothing_is_read_where_a_view_has_no_elements(backend):
    """The view has stride 0, which a native kernel reads once before its loop: at no address, here."""
    x = tt.input("x", (0, 2))
    part = make_node(Slice((0, 0), (0, 0), (1, -2)), [(x + 1.0).node])
    output = tt.Tensor(make_node(Diagonal(0, 1), [part]))
    found = tt.compile([x], output, passes=(), backend=backend)(np.zeros((0, 2), np.float32))
    assert found.shape == (0,)


@pytest.mark.parametrize("tile", [1, 4, 10, 30])
def test_isnan_into_an_array_with_strides(backend, tile):
    """np.isnan itself is wrong there, a tile at a time."""
    x = tt.input("x", (3, 4, 5))
    argument = whole(3, 4, 5)
    argument[argument % 7 == 0] = np.nan
    with tiles_of(tile):
        found = tt.compile([x], tt.isnan(tt.transpose(x, (1, 2, 0))), backend=backend)(argument)
    np.testing.assert_array_equal(found, argument.transpose(1, 2, 0) != argument.transpose(1, 2, 0))


def test_formulas_that_differ_in_what_is_a_literal(backend):
    """`x - 0` beside `0 - x`: the first value of a formula has the number 0."""
    x = tt.input("x", (5,))
    differences = [tt.elementwise("less", lambda x: x - 0), tt.elementwise("negative", lambda x: 0 - x)]
    argument = np.arange(1, 6, dtype=np.float32)
    for order in (differences, differences[::-1]):
        outputs = [difference(x) for difference in order]
        found = tt.compile([x], outputs, passes=(), backend=backend)(argument)
        expected = tt.compile([x], outputs, passes=(), backend="reference")(argument)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "seed", [20002195, 20004698, 20005087, 20005665, 20005894, 20006893, 20006913, 20008091, 20010844]
)
def test_gradients_of_what_a_literal_condition_chooses(backend, seed):
    run_trial(make_trial(seed, EARLIER), [backend])


@pytest.mark.parametrize("seed", [20043323, 20065432, 20070333])
def test_tails_beside_larger_values(backend, seed):
    """sech2 and normcdf times 1000, where differences from 1 have lost their digits."""
    run_trial(make_trial(seed, EARLIER), [backend])


def test_a_symbol_that_no_input_determines_has_an_input_of_its_own(backend):
    run_trial(make_trial(20064830, EARLIER), [backend])


def test_a_scatter_of_rows_without_elements_that_the_indices_place(backend):
    x, rows = tt.input("x", (3,), "int32"), tt.constant(np.zeros((3, 0)))
    found = tt.compile([x], tt.index_add(tt.zeros((3, 0), dtype="float64"), 0, x, rows), backend=backend)
    assert found(np.array([0, 2, 1], np.int32)).shape == (3, 0)
