"""The oracle against NumPy written out by hand, and its own few promises."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.reference import Reference, over_loops, run
from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.ir.build import apply, contract, input_node, reduce
from compiler.ir.dims import symbol
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import Access, Index, MapReduce, Reducer, Size
from compiler.ir.types import FLOAT32, FLOAT64, INT64, TensorType

N = symbol("n")
A = np.arange(6.0).reshape(2, 3)
X = input_node("x", TensorType(FLOAT64, (N, 3)))


def value(node, **sizes: int) -> np.ndarray:
    return run(Graph.of([node]), {X: A}, sizes or {"n": 2})[node]


def test_a_map_with_indices_and_extents():
    formula = parse_formula("f(x, i, j, n) = where(i == j, x * n, 0.0)")
    op = MapReduce(formula, (Access((0, 1)), Index(0), Index(1), Size(N)), (N, 3), (0, 1), FLOAT64)
    np.testing.assert_array_equal(value(make_node(op, [X])), np.where(np.eye(2, 3), A * 2, 0))


def test_a_map_of_indices_alone():
    op = MapReduce(parse_formula("f(i, j) = i * 10 + j"), (Index(0), Index(1)), (N, 3), (0, 1), INT64)
    np.testing.assert_array_equal(value(make_node(op, [])), [[0, 1, 2], [10, 11, 12]])


def test_a_map_whose_operands_stand_in_another_order():
    op = MapReduce(
        parse_formula("f(x, y) = x - y"), (Access((1, 0)), Access((0, 1))), (3, 3), (0, None, 1), FLOAT64
    )
    square = input_node("s", TensorType(FLOAT64, (3, 3)))
    b = np.arange(9.0).reshape(3, 3)
    node = make_node(op, [square, square])
    np.testing.assert_array_equal(run(Graph.of([node]), {square: b}, {})[node], (b.T - b)[:, None])


@pytest.mark.parametrize("axes", [[0], [1], [0, 1], []])
@pytest.mark.parametrize(
    ("reducer", "function"), [(Reducer.SUM, np.sum), (Reducer.MAX, np.max), (Reducer.MIN, np.min)]
)
def test_reductions(reducer, function, axes):
    if axes:
        np.testing.assert_array_equal(value(reduce(reducer, X, axes)), function(A, axis=tuple(axes)))


def test_sums_of_nothing_are_zero_and_argmax_takes_the_first():
    empty = np.zeros((0, 3))
    assert run(Graph.of([node := reduce(Reducer.SUM, X, [0, 1])]), {X: empty}, {"n": 0})[node] == 0
    tied = np.array([[1.0, 3.0, 3.0], [np.nan, 5.0, np.nan]])
    found = run(Graph.of([node := reduce(Reducer.ARGMAX, X, [1])]), {X: tied}, {"n": 2})[node]
    np.testing.assert_array_equal(found, [1, 0])


def test_contractions_of_three():
    node = contract([X, X, X], [[0, 1], [2, 1], [2, 3]], [0, 3], [N, 3, N, 3])
    np.testing.assert_allclose(value(node), A @ A.T @ A)


def test_every_line_is_in_the_dtype_that_the_ir_states():
    formula = parse_formula("f(x) = (x + 1e-9) - x")
    found = apply(formula, input_node("x", TensorType(FLOAT32, ())))
    leaf = found.operands[0]
    assert run(Graph.of([found]), {leaf: np.float32(1)}, {})[found] == 0
    mixed = apply("mul", apply("lt", leaf, 2.0), 0.1)
    assert run(Graph.of([mixed]), {leaf: np.float32(1)}, {})[mixed].dtype == mixed.type.dtype.numpy


def test_over_loops_is_a_view():
    found = over_loops(A, (2, 0), 3)
    assert found.shape == (3, 1, 2)
    assert np.shares_memory(found, A)


def test_values_are_fresh_dense_arrays():
    x = tt.input("x", (2, 3), "float64")
    values = run(tt.graph_of([x.T, x[::-1], x.broadcast_to((4, 2, 3))]), {x.node: A}, {})
    for node, array in values.items():
        assert node is x.node or (array.flags.c_contiguous and not np.shares_memory(array, A))


STABLE = {
    "sigmoid": ([-1000.0, -800.0, 0.0, 1000.0], [0.0, 0.0, 0.5, 1.0]),
    "softplus": ([-1000.0, 1000.0, np.inf], [0.0, 1000.0, np.inf]),
    "sech2": ([1000.0, -1000.0, 0.0], [0.0, 0.0, 1.0]),
    "normpdf": ([1000.0, 0.0], [0.0, 0.3989422804014327]),
    "normcdf": ([-40.0, 0.0, 40.0], [0.0, 0.5, 1.0]),
    "erfc": ([10.0, -10.0], [2.088487583762545e-45, 2.0]),
    "expm1": ([1e-20, 1000.0], [1e-20, np.inf]),
}


@pytest.mark.parametrize("atom", STABLE)
def test_atoms_are_evaluated_in_their_stable_form(atom):
    arguments, expected = STABLE[atom]
    with np.errstate(all="ignore"):
        found = ATOMS_IN_NUMPY[atom](np.array(arguments))
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-300)


def test_zmul_is_zero_where_the_first_is():
    with np.errstate(all="ignore"):
        found = ATOMS_IN_NUMPY["zmul"](np.array([0.0, 0.0, 2.0]), np.array([np.inf, np.nan, 3.0]))
    np.testing.assert_array_equal(found, [0, 0, 6])


def test_the_oracle_promises_nothing_to_passes():
    target = Reference().target
    assert not target.fuses
    assert not target.writes_in_place
