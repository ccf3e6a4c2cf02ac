"""Ops: values with traits and inferred types; what does not fit is said."""

import pickle

import numpy as np
import pytest

from compiler.errors import ShapeError
from compiler.ir.build import apply, constant_node, input_node, reduce
from compiler.ir.dims import symbol
from compiler.ir.node import make_node
from compiler.ir.op import (
    LAYOUTS,
    Access,
    Broadcast,
    Buffer,
    Call,
    Combine,
    Concatenate,
    Diagonal,
    Fold,
    Gather,
    Input,
    Insert,
    Locks,
    MapReduce,
    Pad,
    Parameter,
    Reducer,
    Reshape,
    Scatter,
    ScatterAdd,
    Slice,
    Trait,
    Transpose,
    Window,
    constant_of,
)
from compiler.ir.types import FLOAT32, FLOAT64, INT64, TensorType

N = symbol("n")
MATRIX = TensorType(FLOAT32, (N, 3))
INDEX = TensorType(INT64, (2,))
FLAT = TensorType(FLOAT32, (2,))


@pytest.mark.parametrize(
    ("op", "operands", "found"),
    [
        (Reshape((3 * N,)), [MATRIX], (3 * N,)),
        (Transpose((1, 0)), [MATRIX], (3, N)),
        (Broadcast((2, N, 3), (1, 2)), [MATRIX], (2, N, 3)),
        (Diagonal(0, 1), [TensorType(FLOAT32, (N, N, 2))], (2, N)),
        (Slice((1, 2), (N - 1, 2), (1, -1)), [MATRIX], (N - 1, 2)),
        (Slice((0, 3), (N, 0), (1, 1)), [MATRIX], (N, 0)),
        (Pad((1, 0), (2, 0), (1, 0)), [MATRIX], (2 * N + 2, 3)),
        (Concatenate(0), [MATRIX, MATRIX], (2 * N, 3)),
        (Gather(1), [MATRIX, INDEX], (N, 2)),
        (Gather(1, batched=True), [MATRIX, TensorType(INT64, (N, 5))], (N, 5)),
        (ScatterAdd(1, 7), [INDEX, TensorType(FLOAT32, (N, 2))], (N, 7)),
    ],
)
def test_a_layout_ops_shape_is_inferred(op, operands, found):
    assert op.infer(operands).shape == found
    assert op.has(Trait.LAYOUT)
    assert op.has(Trait.VIEW) == op.is_view


@pytest.mark.parametrize(
    ("op", "operands", "message"),
    [
        (Reshape((7,)), [MATRIX], r"cannot reshape f32\[n,3\] \(3\*n elements\) to \[7\] \(7 elements\)"),
        (Transpose((0, 0)), [MATRIX], r"\[0, 0\] is no order of the 2 axes"),
        (Broadcast((N, 3), (1, 0)), [MATRIX], "does not place the axes .* in ascending order"),
        (Broadcast((4, 3), (0, 1)), [MATRIX], r"f32\[n,3\] does not broadcast to \[4, 3\]"),
        (Broadcast((N,), (0, 1)), [MATRIX], "does not broadcast"),
        (Broadcast((2,), (-1, 0)), [TensorType(FLOAT32, (2, 2))], r"does not broadcast to \[2\]"),
        (Diagonal(0, 0), [MATRIX], "a diagonal needs two different axes"),
        (Diagonal(0, 1), [MATRIX], "axes 0 and 1 of .* differ in extent"),
        (Slice((0,), (1,), (1,)), [MATRIX], "a start, a size and a step that is not 0 for each axis"),
        (Slice((0, 0), (1, 1), (1, 0)), [MATRIX], "a step that is not 0"),
        (Slice((0, 2), (N, 2), (1, 1)), [MATRIX], r"slice\(2, size 2, step 1\) leaves axis 1"),
        (Slice((0, 0), (N, 2), (1, -1)), [MATRIX], "leaves axis 1"),
        (Pad((1,), (1,), (0,)), [MATRIX], "needs a low, a high and an interior count for each axis"),
        (Pad((-1, 0), (0, 0), (0, 0)), [MATRIX], "padding counts are not negative"),
        (Concatenate(0), [MATRIX, FLAT], "do not fit each other off axis 0"),
        (Concatenate(0), [FLAT, TensorType(FLAT.dtype, ())], "do not fit each other off axis 0"),
        (Concatenate(2), [MATRIX, MATRIX], "do not fit|has no axis 2"),
        (Gather(0), [MATRIX, MATRIX], r"the indices of gather are int32 or int64, not f32\[n,3\]"),
        (Gather(2), [MATRIX, INDEX], "has no axis 2"),
        (Gather(1, batched=True), [MATRIX, INDEX], "differ off axis 1"),
        (ScatterAdd(0, 3), [INDEX, MATRIX], "scatter_add of .* the shapes do not fit"),
        (Scatter(0, Combine.SET), [MATRIX, INDEX, INDEX], "scatter of .* is needed"),
        (Scatter(0, Combine.SET), [MATRIX, MATRIX, MATRIX], "the indices of scatter are"),
        (Insert((0, 0), (1, 0)), [MATRIX, MATRIX], "the steps of an insert are at least 1"),
        (Insert((0,), (1,)), [MATRIX, INDEX], "the dtype and the number of axes are the same"),
        (Insert((1, 0), (1, 1)), [MATRIX, MATRIX], "leaves axis 0"),
    ],
)
def test_operands_that_do_not_fit_are_an_error(op, operands, message):
    with pytest.raises(ShapeError, match=message):
        op.infer(operands)


def test_every_layout_op_is_a_value_that_hashes_and_pickles():
    ops = [Reshape((3,)), Transpose((0,)), Broadcast((3,), (0,)), Diagonal(0, 1), Slice((0,), (1,), (1,))]
    ops += [Pad((0,), (0,), (0,)), Concatenate(0), Gather(0), ScatterAdd(0, 3)]
    ops += [Window((0,), (2,), (3,), (1,), (1,)), Fold((0,), (4,), (1,), (1,))]
    ops += [Scatter(0, Combine.MAX), Insert((0,), (2,))]
    assert {type(op) for op in ops} == set(LAYOUTS)
    for op in ops:
        copy = pickle.loads(pickle.dumps(op))  # noqa: S301  # our own bytes
        assert copy == op
        assert hash(copy) == hash(op)


def test_paddings_are_equal_by_the_bits_of_their_value():
    def padding(value: float) -> Pad:
        return Pad((1,), (0,), (0,), value)

    assert padding(0.0) == padding(0.0) != padding(-0.0)
    assert padding(float("nan")) == padding(float("nan"))
    assert len({padding(float("nan")), padding(float("nan")), padding(0.0), padding(-0.0)}) == 3
    assert padding(0.0) != "padding"


def test_traits_say_what_a_map_reduce_is():
    x = input_node("x", MATRIX)
    assert apply("exp", x).op.traits == Trait.ELEMENTWISE
    assert reduce(Reducer.MAX, x, [0]).op.traits == Trait.REDUCTION
    assert input_node("x", MATRIX).op.traits == Trait.LEAF
    assert Call("f", abs, MATRIX).traits == Trait.OPAQUE


def test_a_map_reduce_states_its_loops():
    op = reduce(Reducer.SUM, input_node("x", TensorType(FLOAT32, (2, N, 3))), [1], keepdims=True).op
    assert isinstance(op, MapReduce)
    assert op.extents == (2, 3, N)
    assert op.accesses == (Access((0, 2, 1)),)
    assert (op.output, op.kept, op.reduced, op.shape) == ((0, None, 1), 2, (2,), (2, 1, 3))
    assert op.name == "sum"


def test_an_operand_of_another_shape_is_an_error():
    op = apply("neg", input_node("x", MATRIX)).op
    with pytest.raises(ShapeError, match=r"operand 0 of neg is f32\[3\] and \(.*\) is needed"):
        make_node(op, [input_node("y", TensorType(FLOAT32, (3,)))])


def test_two_parameters_are_never_equal_and_two_inputs_are():
    assert Input(MATRIX) == Input(MATRIX)
    assert Parameter(FLAT, Buffer(np.zeros(2))) != Parameter(FLAT, Buffer(np.zeros(2)))


def test_a_constant_is_read_only_and_dense():
    op = constant_of(np.ones((2, 2)).T, FLOAT64)
    assert not op.buffer.array.flags.writeable
    assert op.buffer.array.flags.c_contiguous
    assert constant_node([1, 2], INT64).type == TensorType(INT64, (2,))


def test_locks_are_taken_in_one_order_and_given_back():
    one, two = Buffer(np.zeros(1)), Buffer(np.zeros(1))
    taken: list[Buffer] = []

    class Noting:
        def __init__(self, buffer: Buffer) -> None:
            self.buffer = buffer

        def acquire(self) -> None:
            taken.append(self.buffer)

        def release(self) -> None:
            taken.remove(self.buffer)

    for buffer in (one, two):
        buffer.lock = Noting(buffer)  # type: ignore[assignment]
    with Locks([two, one, two]):
        assert taken == [one, two]
    assert taken == []
