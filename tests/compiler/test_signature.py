"""Arguments become arrays and sizes; names are told apart."""

import numpy as np
import pytest

from compiler.analysis.extents import bind_sizes, check_demands, demands
from compiler.errors import ArgumentError, NameClashError, ShapeError, UndeclaredInputError
from compiler.ir.build import apply, input_node, parameter_node
from compiler.ir.dims import Extent, parse_extent
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import Pad, Slice
from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT64, DType, TensorType
from compiler.signature import Signature, check_declared, is_ready


def leaf(name: str, *shape: str | int, dtype: DType = FLOAT32) -> Node:
    extents: list[Extent] = [parse_extent(item) if isinstance(item, str) else item for item in shape]
    return input_node(name, TensorType(dtype, tuple(extents)))


@pytest.mark.parametrize(
    ("shapes", "counts", "sizes"),
    [
        ([("n", "m")], [(2, 3)], {"n": 2, "m": 3}),
        ([("n",), ("n",)], [(0,), (0,)], {"n": 0}),
        ([("2*n+1",)], [(7,)], {"n": 3}),
        ([("n*m",), ("m",)], [(6,), (2,)], {"m": 2, "n": 3}),
        ([("a+b",), ("b+c",), ("c",)], [(5,), (4,), (1,)], {"c": 1, "b": 3, "a": 2}),
        ([("n^2",), ("n",)], [(9,), (3,)], {"n": 3}),
        ([()], [()], {}),
    ],
)
def test_shapes_determine_symbols(shapes, counts, sizes):
    nodes = [leaf(f"x{k}", *shape) for k, shape in enumerate(shapes)]
    assert bind_sizes(nodes, counts) == sizes


@pytest.mark.parametrize(
    ("shapes", "counts", "message"),
    [
        (
            [("n",), ("n",)],
            [(2,), (3,)],
            r"input 'x1' is f32\[n\]: axis 0 has 3 elements and needs 2 \(n, set by input 'x0'\)",
        ),
        ([("n", "n")], [(2, 3)], r"input 'x0' is f32\[n,n\]: axis 1 has 3 elements and needs 2$"),
        ([("2*n",)], [(3,)], r"axis 0 has 3 elements, which does not determine 2\*n"),
        ([("n+4",)], [(3,)], r"does not determine n\+4"),
        ([("n*m",)], [(6,)], r"does not determine m\*n"),
        ([("n^2",)], [(9,)], r"does not determine n\^2"),
        ([(4,)], [(3,)], "axis 0 has 3 elements and needs 4$"),
    ],
)
def test_shapes_that_do_not_are_an_error(shapes, counts, message):
    nodes = [leaf(f"x{k}", *shape) for k, shape in enumerate(shapes)]
    with pytest.raises(ShapeError, match=message):
        bind_sizes(nodes, counts)


def test_demands_are_what_could_go_wrong_and_no_more():
    x = leaf("x", "n")
    n = x.type.shape[0]
    safe = [make_node(Slice((0,), (n,), (1,)), [x]), apply("exp", x), make_node(Pad((n,), (1,), (0,)), [x])]
    assert demands(Graph.of(safe)) == ()
    graph = Graph.of([make_node(Slice((2,), (n - 2,), (1,)), [x])])
    found = demands(graph)
    assert [(str(item.extent), str(item.unless)) for item in found] == [
        ("n-2", "1"),
        ("n-1", "n-2"),
    ]
    check_demands(found, {"n": 2}, graph)
    with pytest.raises(
        ShapeError, match=r"with n = 1, axis 0 would have n-2 elements: %0, a result of slice"
    ):
        check_demands(found, {"n": 1}, graph)


def test_a_flip_of_nothing_demands_nothing():
    x = leaf("x", "n")
    n = x.type.shape[0]
    graph = Graph.of([make_node(Slice((n - 1,), (n,), (-1,)), [x])])
    check_demands(demands(graph), {"n": 0}, graph)
    check_demands(demands(graph), {"n": 3}, graph)


def test_a_signature_takes_arguments_by_position_and_by_name():
    signature = Signature([leaf("x", "n"), leaf("y", "n")])
    one, two = np.zeros(2, np.float32), np.ones(2, np.float32)
    for arrays, sizes in (
        signature.bind([one, two], {}),
        signature.bind([one], {"y": two}),
        signature.bind([], {"y": two, "x": one}),
    ):
        assert [array is given for array, given in zip(arrays, (one, two), strict=True)] == [True, True]
        assert sizes == {"n": 2}
    assert signature.copies == 0


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (3, FLOAT32, 3.0),
        (True, INT64, 1),
        (2, FLOAT64, 2.0),
        (np.int32(2), FLOAT64, 2.0),
        (True, BOOL, True),
        (np.uint8(7), INT64, 7),
    ],
)
def test_numbers_become_arrays(value, dtype, expected):
    (array,), _ = Signature([leaf("x", dtype=dtype)]).bind([value], {})
    assert (array.dtype, array.shape, array.tolist()) == (dtype.numpy, (), expected)


def test_an_empty_list_has_every_dtype():
    (array,), sizes = Signature([leaf("x", "n", dtype=INT64)]).bind([[]], {})
    assert (array.dtype, sizes) == (np.int64, {"n": 0})


def test_is_ready_asks_for_dtype_density_and_alignment():
    ready = np.zeros((2, 3), np.float32)
    assert is_ready(ready, ready.dtype)
    for other in (ready.T, ready.astype(">f4"), ready.astype(np.float64), ready[:, 1:], [1.0], 1.0):
        assert not is_ready(other, ready.dtype)


def test_names_of_inputs_are_told_apart():
    x = leaf("x")
    with pytest.raises(NameClashError, match="input 'x' is listed twice"):
        Signature([x, x])
    with pytest.raises(NameClashError, match="two inputs are named 'x'"):
        Signature([x, leaf("x")])
    with pytest.raises(ArgumentError, match="no input is named 'y', which is to be donated"):
        Signature([x], ["y"])
    with pytest.raises(ArgumentError, match=r"made by tt\.input: a result of neg"):
        Signature([apply("neg", x)])


def test_an_input_named_like_the_keyword_of_outputs_is_an_error():
    with pytest.raises(NameClashError, match="no input can be named 'out'"):
        Signature([leaf("out")])


def test_leaves_are_declared_and_told_apart():
    x, w = leaf("x", "n"), parameter_node(np.zeros(1, np.float32), "x")
    graph = Graph.of([apply("add", x, 1)])
    with pytest.raises(UndeclaredInputError, match="an output depends on input %x"):
        check_declared(graph, [])
    check_declared(graph, [x])
    with pytest.raises(NameClashError, match="an input and a parameter are named 'x'"):
        check_declared(Graph.of([apply("add", x, w)]), [x])
    for name in (None, "w"):
        check_declared(Graph.of([parameter_node(np.zeros(1), name) for _ in range(2)]), [])
