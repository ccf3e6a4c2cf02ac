"""Loops, memory, reductions, branches and checks of the loop language as native code, against NumPy."""

import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.backends.llvm.emit.kernel import emit_kernel
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import i64, pointer, void
from compiler.backends.llvm.jit.modules import Module
from compiler.errors import BackendError
from compiler.ir.op import Reducer
from compiler.ir.types import FLOAT32, INT64, dtype_of
from compiler.loops.language import Count, Let, Literal, Load, Ref, Value
from compiler.loops.lowering import lower
from compiler.loops.reductions import empty
from tests.compiler.backends.llvm.writing import HOST, Writer, module_of, run

DTYPES = ("bool", "int32", "int64", "float32", "float64")
RNG = np.random.default_rng(7)
MACHINES = {
    "as it is": HOST,
    "masks in vectors": replace(HOST, has_mask_registers=False),
    "masks in registers": replace(HOST, has_mask_registers=True),
}


def random(dtype, *shape):
    if dtype == "bool":
        return RNG.integers(0, 2, shape).astype(bool)
    return (RNG.standard_normal(shape) * 9).astype(dtype)


# Vectors and masks


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 64, 67])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_masked_loop_touches_what_exists(dtype, length, machine):
    writer = Writer()
    x, out, n = writer.array(dtype), writer.array(dtype), writer.number()
    with writer.loop(n, lanes=8, masked=True) as loop:
        value = writer.load(x, (loop.index, 1), lanes=8, mask=loop.mask)
        writer.store(out, value, (loop.index, 1), mask=loop.mask)
    array, found = random(dtype, length), random(dtype, length + 8)
    behind = found[length:].copy()
    run(writer.kernel, array, found, length, machine=MACHINES[machine])
    np.testing.assert_array_equal(found[:length], array)
    np.testing.assert_array_equal(found[length:], behind)


def test_lanes_outside_a_mask_are_read_as_zero():
    writer = Writer()
    x, out, n = writer.array("float32"), writer.array("float32"), writer.number()
    mask = writer.let("first", n, dtype="bool", lanes=8)
    writer.store(out, writer.load(x, lanes=8, mask=mask))
    array, found = random("float32", 8), np.full(8, 5, "float32")
    run(writer.kernel, array, found, 3)
    np.testing.assert_array_equal(found, np.where(np.arange(8) < 3, array, 0))


@pytest.mark.parametrize("is_argument", [False, True])
@pytest.mark.parametrize("step", [1, 0, 2, -1, -3, 5])
def test_lanes_lie_a_step_apart(step, is_argument):
    writer = Writer()
    x, out, n = writer.array("float64"), writer.array("float64"), writer.number()
    along = writer.number() if is_argument else step
    with writer.loop(n, lanes=4, masked=True) as loop:
        value = writer.load(
            x, (loop.index, along), lanes=4, step=along, mask=loop.mask if step or is_argument else None
        )
        writer.store(out, value, (loop.index, 1), mask=loop.mask)
    array, found = random("float64", 91), np.zeros(18)
    start = array[45:]
    run(writer.kernel, start, found, 9, *([step] if is_argument else []))
    np.testing.assert_array_equal(found[:9], array[45 + step * np.arange(9)])
    assert not found[9:].any()


@pytest.mark.parametrize("step", [1, 3, -2])
@pytest.mark.parametrize("dtype", ["bool", "float32"])
def test_stores_lie_a_step_apart(dtype, step):
    writer = Writer()
    x, out, n = writer.array(dtype), writer.array(dtype), writer.number()
    with writer.loop(n, lanes=8, masked=True) as loop:
        value = writer.load(x, (loop.index, 1), lanes=8, mask=loop.mask)
        writer.store(out, value, (loop.index, step), step=step, mask=loop.mask)
    array, found = np.ones(11, dtype), np.zeros(80, dtype)
    run(writer.kernel, array, found[40:], 11)
    wanted = np.zeros(80, dtype)
    wanted[40 + step * np.arange(11)] = 1
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("lanes", [0, 4])
@pytest.mark.parametrize("stride", [1, 3])
def test_places_that_are_values(stride, lanes):
    """A gather of places, and the scatter that undoes it."""
    writer = Writer()
    x, places, out, back, n = (
        *(writer.array(d) for d in ("float32", "int64", "float32", "float32")),
        writer.number(),
    )
    with writer.loop(n, lanes=lanes, step=max(1, lanes), masked=bool(lanes)) as loop:
        at = writer.load(places, (loop.index, 1), lanes=lanes, mask=loop.mask)
        terms, place = ((), {"at": at, "stride": stride}) if lanes else (((at, stride),), {})
        value = writer.load(x, *terms, lanes=lanes, mask=loop.mask, **place)
        writer.store(out, value, (loop.index, 1), mask=loop.mask)
        writer.store(back, value, *terms, mask=loop.mask, **place)
    array, chosen = random("float32", 60), RNG.permutation(20)[:13]
    found, again = np.zeros(13, "float32"), np.zeros(60, "float32")
    run(writer.kernel, array, chosen, found, again, 13)
    np.testing.assert_array_equal(found, array[chosen * stride])
    wanted = np.zeros_like(again)
    wanted[chosen * stride] = found
    np.testing.assert_array_equal(again, wanted)


@pytest.mark.parametrize("count", range(1, 8))
def test_the_first_lanes_in_pieces(count):
    writer = Writer()
    x, out = writer.array("float32"), writer.array("float32")
    writer.store(out, writer.load(x, lanes=8), first=count)
    array, found = random("float32", 8), np.full(8, 7, "float32")
    run(writer.kernel, array, found)
    np.testing.assert_array_equal(found, np.where(np.arange(8) < count, array, 7))
    assert "masked.store" not in str(module_of(writer.kernel))


def test_rooms_hold_what_a_chunk_keeps():
    writer = Writer()
    x, out, room = writer.array("bool"), writer.array("bool"), writer.room("bool", 16)
    writer.store(room, writer.load(x, (writer.chunk, 16), lanes=16))
    writer.store(out, writer.let("not", writer.load(room, lanes=16)), (writer.chunk, 16))
    array, found = random("bool", 48), np.zeros(48, bool)
    run(writer.kernel, array, found, chunks=3)
    np.testing.assert_array_equal(found, ~array)


# Loops


@pytest.mark.parametrize("stop", [0, 1, 2, 9])
def test_carried_values(stop):
    """A Fibonacci number, and the first one where there is no iteration."""
    writer = Writer()
    n, out = writer.number(), writer.array("int64")
    with writer.loop(n, carried=[Literal.of(0, INT64), Literal.of(1, INT64)]) as loop:
        a, b = loop.inside
        loop.following += [b, writer.let("add", a, b)]
    writer.store(out, loop.after[0])
    found = np.zeros(1, "int64")
    run(writer.kernel, stop, found)
    assert found[0] == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34][stop]


@pytest.mark.parametrize("length", [0, 5])
def test_what_is_ahead_of_a_loop_runs_only_before_a_turn(length):
    """An operand without elements has no address to read."""
    writer = Writer()
    n, x, out = writer.number(), writer.array("float64"), writer.array("float64")
    factor = Value(dtype_of("float64"))
    with writer.loop(n, carried=[Literal.of(1.0, dtype_of("float64"))], ahead=[Load(factor, Ref(x))]) as loop:
        loop.following.append(writer.let("mul", loop.inside[0], factor))
    writer.store(out, loop.after[0])
    found = np.zeros(1)
    run(writer.kernel, length, np.array([2.0]) if length else 0, found)
    assert found[0] == 2.0**length


def test_loops_in_loops_at_every_stride():
    """A transposed copy of what is broadcast along one axis: strides that are arguments, 0 among them."""
    writer = Writer()
    a, b, c = (writer.number() for _ in range(3))
    x, out, strides = writer.array("int32"), writer.array("int32"), [writer.number() for _ in range(3)]
    with writer.loop(a) as i, writer.loop(b) as j, writer.loop(c) as k:
        value = writer.load(x, *zip((i.index, j.index, k.index), strides, strict=True))
        writer.store(out, value, (k.index, 12), (j.index, 4), (i.index, 1))
    array = np.arange(4 * 5).astype("int32").reshape(4, 5)
    found = np.zeros((5, 3, 4), "int32")
    run(writer.kernel, 4, 3, 5, array, found, 5, 0, 1)
    np.testing.assert_array_equal(found, np.broadcast_to(array.T[:, None, :], (5, 3, 4)))


def test_addresses_are_computed_before_the_innermost_loop():
    writer = Writer()
    n, m, x, out = writer.number(), writer.number(), writer.array("float32"), writer.array("float32")
    with writer.loop(n) as i, writer.loop(m, lanes=8) as j:
        value = writer.load(x, (i.index, m), (j.index, 1), lanes=8)
        writer.store(out, value, (i.index, m), (j.index, 1))
    *_, body = re.findall(r"^body.*?(?=^after)", str(module_of(writer.kernel)), re.MULTILINE | re.DOTALL)
    assert "mul" not in body
    assert body.count("getelementptr") == 2


# Reductions


def numpy_of(reducer, array):
    if reducer is Reducer.PROD:
        return np.prod(array, dtype=array.dtype)
    return getattr(np, reducer.value)(array)


def reduction(reducer, dtype, lanes):
    """Reduces x to one element."""
    writer = Writer()
    x, out, n = writer.array(dtype), writer.array("int64" if reducer.is_search else dtype), writer.number()
    state = [(literal, lanes) for literal in empty(reducer, dtype_of(dtype))]
    with writer.loop(n, lanes=lanes, step=max(1, lanes), masked=bool(lanes), carried=state) as loop:
        item = [writer.load(x, (loop.index, 1), lanes=lanes, mask=loop.mask)]
        if reducer.is_search:
            item.append(writer.let("lanes", loop.index, lanes=lanes) if lanes else loop.index)
        loop.following += writer.fold(reducer, loop.inside, item, loop.mask)
    writer.store(out, writer.join(reducer, loop.after))
    return writer.kernel


REDUCERS = [item for item in Reducer if item is not Reducer.NONE]
REDUCED = [
    (reducer, dtype)
    for reducer in REDUCERS
    for dtype in DTYPES
    if not (reducer.has_identity and dtype == "bool")
]


@pytest.mark.parametrize("lanes", [0, 4, 16])
@pytest.mark.parametrize(("reducer", "dtype"), REDUCED)
def test_reductions(reducer, dtype, lanes):
    kernel = reduction(reducer, dtype, lanes)
    for length in (1, 3, 16, 37):
        for array in (random(dtype, length), np.ones(length, dtype), np.zeros(length, dtype)):
            if reducer.has_identity:  # what no order of rounding tells apart
                array = np.rint(array)
            if reducer is Reducer.PROD and array.dtype.kind == "f":
                array = np.sign(array) * np.exp2(np.abs(array) % 3)
            found = np.zeros(1, "int64" if reducer.is_search else dtype)
            run(kernel, array.astype(dtype), found, length)
            np.testing.assert_array_equal(found[0], numpy_of(reducer, array.astype(dtype)))


@pytest.mark.parametrize("lanes", [0, 8])
@pytest.mark.parametrize("place", [0, 5, 18])
@pytest.mark.parametrize("reducer", REDUCERS)
def test_a_nan_wins_wherever_it_is(reducer, place, lanes):
    array = random("float32", 19)
    array[place:] = np.nan
    found = np.zeros(1, "int64" if reducer.is_search else "float32")
    run(reduction(reducer, "float32", lanes), array, found, 19)
    np.testing.assert_array_equal(found[0], numpy_of(reducer, array))


@pytest.mark.parametrize("reducer", REDUCERS)
def test_nothing_but_infinities(reducer):
    array = np.full(11, -np.inf if reducer.prefers_less else np.inf)
    found = np.zeros(1, "int64" if reducer.is_search else "float64")
    run(reduction(reducer, "float64", 8), array, found, 11)
    np.testing.assert_array_equal(found[0], numpy_of(reducer, array))
    run(reduction(reducer, "float64", 8), -array, found, 11)
    np.testing.assert_array_equal(found[0], numpy_of(reducer, -array))


def test_lanes_are_added_halves_first():
    """The order of a sum is part of its result."""
    array = random("float64", 21) * 10.0 ** RNG.integers(-9, 9, 21)
    found = np.zeros(1)
    run(reduction(Reducer.SUM, "float64", 4), array, found, 21)
    lanes = np.zeros(4)
    for start in range(0, 21, 4):
        part = array[start : start + 4]
        lanes[: len(part)] += part
    assert found[0] == (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])


@pytest.mark.parametrize("reducer", REDUCERS)
def test_a_result_in_each_lane(reducer):
    """Rows in lanes."""
    writer = Writer()
    x, out, n = (
        writer.array("float32"),
        writer.array("int64" if reducer.is_search else "float32"),
        writer.number(),
    )
    state = [(literal, 8) for literal in empty(reducer, FLOAT32)]
    with writer.loop(n, carried=state) as loop:
        item = [writer.load(x, (loop.index, 8), lanes=8)]
        if reducer.is_search:
            item.append(writer.let("splat", loop.index, lanes=8))
        loop.following += writer.fold(reducer, loop.inside, item)
    writer.store(out, writer.join(reducer, loop.after, lanes=8))
    array = np.rint(random("float32", 5, 8))
    array[2, 3] = np.nan
    found = np.zeros(8, "int64" if reducer.is_search else "float32")
    run(writer.kernel, array, found, 5)
    np.testing.assert_array_equal(found, [numpy_of(reducer, row) for row in array.T])


# Branches and checks


@pytest.mark.parametrize("has_otherwise", [False, True])
@pytest.mark.parametrize("number", [3, 4])
def test_a_branch(number, has_otherwise):
    writer = Writer()
    n, out = writer.number(), writer.array("int64")
    is_small = writer.let("lt", n, 4, dtype="bool")
    with writer.block() as then:
        writer.store(out, n)
    with writer.block() as otherwise:
        writer.store(out, writer.let("neg", n))
    writer.branch(is_small, then, otherwise if has_otherwise else ())
    found = np.array([7])
    run(writer.kernel, number, found)
    assert found[0] == {3: 3, 4: -4 if has_otherwise else 7}[number]


@pytest.mark.parametrize("place", [None, 0, 4, 9])
def test_a_check_ends_the_kernel(place):
    writer = Writer()
    status, n, x, out = writer.array("int64"), writer.number(), writer.array("int64"), writer.array("int64")
    with writer.loop(n) as loop:
        value = writer.load(x, (loop.index, 1))
        writer.check(writer.let("ult", value, 10, dtype="bool"), status)
        writer.store(out, value, (loop.index, 1))
    writer.store(out, Literal.of(-1, INT64), (n, 1))
    array, found, word = np.arange(10), np.zeros(11, "int64"), np.zeros(1, "int64")
    wanted = [*range(10), -1]
    if place is not None:
        array[place] = -3 if place else 10
        wanted[place:] = [0] * (11 - place)
    run(writer.kernel, word, 10, array, found)
    assert word[0] == (place is not None)
    np.testing.assert_array_equal(found, wanted)


# What is refused


def emitted(kernel):
    """The text of a kernel that is emitted as it is."""
    module = Module("kernel")
    function = module.function("f", void, [pointer, i64])
    builder = Builder(function)
    emit_kernel(builder, kernel, HOST, *function.args)
    return str(module)


def test_an_atom_that_nobody_knows():
    writer = Writer()
    writer.write(Let(Value(FLOAT32), "gamma", (Literal.of(1.0, FLOAT32),)))
    with pytest.raises(BackendError, match="'gamma' is an atom of neither formulas nor machines"):
        lower(writer.kernel, HOST)
    with pytest.raises(BackendError, match="'gamma' is no atom of machines"):
        emitted(writer.kernel)


def test_counts_become_arguments_first():
    writer = Writer()
    with writer.loop(Count(3)):
        pass
    with pytest.raises(BackendError, match="the count 3 is no argument of the kernel"):
        emitted(writer.kernel)
    writer = Writer()
    writer.let("add", writer.chunk, Count(3))
    with pytest.raises(BackendError, match="the count 3 is no argument of the kernel yet"):
        lower(writer.kernel, HOST)


def test_a_fold_is_lowered_first():
    writer = Writer()
    writer.fold(Reducer.SUM, [Literal.of(1, INT64)], [writer.chunk])
    with pytest.raises(BackendError, match="a Fold is lowered before a kernel is emitted"):
        emitted(writer.kernel)


@pytest.mark.parametrize("lanes", [0, 8])
def test_an_outermost_loop_has_one_way_in_behind_one_that_may_be_left_out(lanes):
    """Where there are two, LLVM leaves constants inside, and loads them in each iteration."""
    writer = Writer()
    out, n = writer.array("float32"), writer.number()
    for each in (8, lanes):
        with writer.loop(n, lanes=each) as loop:
            zero = writer.let("splat", Literal.of(0.0, FLOAT32), dtype="float32", lanes=8)
            writer.store(out, zero, (loop.index, 1))
    following = {}
    for block in re.split(r"^(?=[\w.]+:$)", str(module_of(writer.kernel, HOST)), flags=re.MULTILINE)[1:]:
        following[block.partition(":")[0]] = re.findall(r"label %([\w.]+)", block)
    ways = {label: [other for other in following if label in following[other]] for label in following}
    heads = [label for label in following if label in following[label]]
    assert len(heads) == 2
    for head in heads:
        (before,) = (label for label in ways[head] if label != head)
        assert len(ways[before]) == 1


def test_a_loop_that_is_known_to_have_an_iteration_is_not_left_out():
    writer = Writer()
    out = writer.array("float32")
    with writer.loop(16, lanes=8) as loop:
        zero = writer.let("splat", Literal.of(0.0, FLOAT32), dtype="float32", lanes=8)
        writer.store(out, zero, (loop.index, 1))
    found = np.ones(16, "float32")
    run(writer.kernel, found)
    assert not found.any()
    assert "ahead" not in str(module_of(writer.kernel, HOST))
