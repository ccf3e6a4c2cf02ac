"""Every way into a program does what the checked one does: the same result, or the same error.

Arguments that lie in every way, by position, by name, as `out` and donated; several times, because a way in
may be chosen by what was given before.
"""

import itertools
import sys
import threading
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.contract import Adaptable
from compiler.entrance import MOST
from compiler.errors import TinytorchError
from tests.backends import FAST as ALL
from tests.backends import NATIVE
from tinytorch.testing import PROGRAMS as TESTED

SHAPE = (6, 6)
CALLS = 4


def filled(shape, dtype="float32"):
    return (np.arange(np.prod(shape)) % 7 - 3).reshape(shape).astype(dtype)


def misaligned(shape):
    array = np.zeros(int(np.prod(shape)) * 4 + 1, np.uint8)[1:].view(np.float32).reshape(shape)
    array[...] = filled(shape)
    return array


def read_only(shape):
    array = filled(shape)
    array.flags.writeable = False
    return array


def overlapping(shape):
    return np.lib.stride_tricks.as_strided(filled((20,)), shape, (4, 4))


class Sub(np.ndarray):
    pass


LAYOUTS = {
    "contiguous": filled,
    "transposed": lambda shape: filled(shape[::-1]).T,
    "Fortran": lambda shape: np.asfortranarray(filled(shape)),
    "every other column": lambda shape: filled((shape[0], 2 * shape[1]))[:, ::2],
    "every other row": lambda shape: filled((2 * shape[0], shape[1]))[::2],
    "some columns": lambda shape: filled((shape[0], shape[1] + 3))[:, 2:-1],
    "reversed rows": lambda shape: filled(shape)[::-1],
    "reversed columns": lambda shape: filled(shape)[:, ::-1],
    "both reversed": lambda shape: filled(shape)[::-1, ::-1],
    "one row for all": lambda shape: np.broadcast_to(filled(shape[1:]), shape),
    "one column for all": lambda shape: np.broadcast_to(filled((shape[0], 1)), shape),
    "one number for all": lambda shape: np.broadcast_to(np.float32(2), shape),
    "overlapping": overlapping,
    "misaligned": misaligned,
    "misaligned, transposed": lambda shape: misaligned(shape[::-1]).T,
    "read-only": read_only,
    "no rows": lambda shape: filled((0, shape[1])),
    "no rows of others": lambda shape: filled((shape[0], shape[1] + 1))[:0, :-1],
    "float64": lambda shape: filled(shape, "float64"),
    "int32": lambda shape: filled(shape, "int32"),
    "int64": lambda shape: filled(shape, "int64"),
    "bool": lambda shape: filled(shape, "bool"),
    "complex": lambda shape: filled(shape, "complex64"),
    "other bytes": lambda shape: filled(shape, ">f4"),
    "subclass": lambda shape: filled(shape).view(Sub),
    "list": lambda shape: filled(shape).tolist(),
    "number": lambda shape: 2.0,
    "None": lambda shape: None,
    "another rank": lambda shape: filled((*shape, 1)),
    "another extent": lambda shape: filled((shape[0], shape[1] + 1)),
}


def outcome(call: Callable[[], object]):
    """What a call comes to: results as bytes, or the error."""
    try:
        found = call()
    except TinytorchError as error:
        return type(error), str(error)
    values = (
        found.values() if isinstance(found, dict) else found if isinstance(found, tuple | list) else [found]
    )
    return type(found), [(value.shape, value.dtype, value.tobytes()) for value in values]


def twice(program, arguments, named=None):
    """The outcomes of the same call by every way in, each several times, on fresh values."""
    found = []
    for _ in range(CALLS):
        for way in (program, program._checked):
            given, names = arguments(), {} if named is None else named()
            found.append(outcome(partial(way, *given, **names)))
    return found


def same(found):
    assert all(item == found[0] for item in found[1:]), found[:2]
    return found[0]


def graph(rows="n"):
    x, y = tt.input("x", (rows, 6)), tt.input("y", (rows, 6))
    return x, y


PROGRAMS = {
    "map": lambda x, y: tt.tanh(x) + y,
    "rows": lambda x, y: tt.softmax(x) * y,
    "product": lambda x, y: tt.transpose(x) @ y,
    "view": lambda x, y: [x[1:], tt.transpose(x) * 2.0, y.sum()],
    "itself": lambda x, y: {"x": x, "xy": x * y},
}


@pytest.fixture(scope="module")
def compiled():
    known = {}

    def of(name, backend, rows="n", donate=()):
        key = name, backend, rows, donate
        if key not in known:
            inputs = graph(rows)
            known[key] = tt.compile(inputs, PROGRAMS[name](*inputs), backend=backend, donate=donate)
        return known[key]

    return of


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_arguments_by_position_and_by_name(compiled, name, layout, backend):
    make = LAYOUTS[layout]
    program = compiled(name, backend)
    rows = make(SHAPE)
    other = filled((len(rows) if isinstance(rows, np.ndarray) else 6, 6))
    by_position = same(twice(program, lambda: (make(SHAPE), other)))
    assert by_position == same(twice(program, lambda: (), lambda: {"y": other, "x": make(SHAPE)}))
    assert by_position == same(twice(program, lambda: (make(SHAPE),), lambda: {"y": other, "out": None}))
    expected = outcome(lambda: program._checked(*(np.ascontiguousarray(make(SHAPE)), other)))
    if isinstance(rows, np.ndarray) and rows.dtype == np.float32 and type(rows) is np.ndarray:
        assert by_position == expected


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_arguments_of_a_fixed_shape(compiled, layout, backend):
    make = LAYOUTS[layout]
    program = compiled("map", backend, rows=6)
    same(twice(program, lambda: (make(SHAPE), filled(SHAPE))))
    same(twice(program, lambda: (filled(SHAPE), make(SHAPE))))
    same(twice(program, lambda: (make(SHAPE), make(SHAPE))))


@pytest.mark.parametrize("backend", ALL)
def test_names_that_are_wrong(compiled, backend):
    program, x = compiled("map", backend), filled(SHAPE)
    for given, named in [
        ((x,), {"x": x}), ((x, x), {"x": x}), ((x, x, x), {}), ((x,), {}), ((), {"x": x}), ((), {}),
        ((x,), {"z": x}), ((x, x), {"z": x}), ((x, x), {"out": 3}), ((x, x), {"out": (x,)}),
        ((x,), {"x": x, "out": filled(SHAPE)}),
    ]:  # fmt: skip
        kind, _ = same(twice(program, partial(tuple, given), partial(dict, named)))
        assert issubclass(kind, TinytorchError)


def test_a_name_that_is_an_equal_string_is_a_name(compiled):
    program, x = compiled("map", None), filled(SHAPE)
    named = {str(bytes([ord(letter)]), "ascii"): x for letter in "xy"}
    np.testing.assert_allclose(program(**named), np.tanh(x) + x, rtol=1e-6)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_out(compiled, layout, backend):
    make = LAYOUTS[layout]
    program = compiled("map", backend)
    x, y = filled(SHAPE), filled(SHAPE) + 1
    found = same(twice(program, lambda: (x, y), lambda: {"out": make(SHAPE)}))
    if layout == "contiguous":
        out = make(SHAPE)
        assert program(x, y, out=out) is out
        np.testing.assert_allclose(out, np.tanh(x) + y, rtol=1e-6)
    elif layout not in ("None", "subclass"):
        assert issubclass(found[0], TinytorchError)


def parts(memory):
    """Arrays of 6 by 6 in one block of memory, at its beginning, its end, and in the middle."""
    whole = memory.reshape(-1)
    return {
        "first": whole[:36].reshape(SHAPE), "last": whole[-36:].reshape(SHAPE),
        "middle": whole[18:54].reshape(SHAPE), "turned": whole[:36].reshape(SHAPE).T,
        "spread": whole.reshape(6, -1)[:, :6], "reversed": whole[:36].reshape(SHAPE)[::-1],
    }  # fmt: skip


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("out", ["first", "last", "middle"])
@pytest.mark.parametrize("x", ["first", "last", "middle", "turned", "spread", "reversed"])
def test_out_that_shares_memory_with_an_argument(compiled, x, out, backend):
    program, y = compiled("map", backend), filled(SHAPE)
    found = []
    for _ in range(CALLS):
        for way in (program, program._checked):
            memory = parts(filled((72,)))
            found.append(outcome(partial(way, memory[x], y, out=memory[out])))
    same(found)


@pytest.mark.parametrize("backend", ALL)
def test_outs_that_share_memory_with_each_other_or_with_a_parameter(backend):
    x = tt.input("x", (6, 6))
    values = filled(SHAPE)
    w = tt.parameter(values, "w")
    for outputs in ([x + w, x * w], (x + w, x * w), {"a": x + w, "b": x * w}):
        program = tt.compile([x], outputs, backend=backend)
        buffer = program._buffers[0].array
        memory = parts(filled((72,)))
        pairs = [
            (memory["first"], memory["last"]), (memory["first"], memory["middle"]),
            (memory["first"], memory["first"]), (buffer, memory["first"]), (memory["first"], buffer[::-1]),
            (memory["first"],), (memory["first"], memory["last"], filled(SHAPE)),
        ]  # fmt: skip
        for pair in pairs:
            ways = [
                tuple(pair),
                list(pair),
                dict(zip("abc", pair, strict=False)),
                dict(zip("bac", pair, strict=False)),
            ]
            for out in ways:
                same(twice(program, lambda: (filled(SHAPE),), lambda out=out: {"out": out}))
        np.testing.assert_array_equal(buffer, values)


@pytest.mark.parametrize("backend", ALL)
def test_an_out_that_overlaps_itself_is_refused(compiled, backend):
    program, x = compiled("map", backend), filled(SHAPE)
    memory = np.zeros(40, np.float32)
    for strides in ((4, 4), (0, 4), (24, 0), (20, 4)):
        out = np.lib.stride_tricks.as_strided(memory, SHAPE, strides)
        kind, _ = same(twice(program, lambda: (x, x), lambda out=out: {"out": out}))
        assert issubclass(kind, TinytorchError)
    assert not memory.any()


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["map", "rows", "view"])
def test_donated_arguments(compiled, name, layout, backend):
    make = LAYOUTS[layout]
    program = compiled(name, backend, donate=("x",))
    rows = make(SHAPE)
    other = filled((len(rows) if isinstance(rows, np.ndarray) else 6, 6))
    found = same(twice(program, lambda: (make(SHAPE), other)))
    assert found == same(twice(program, lambda: (), lambda: {"y": other, "x": make(SHAPE)}))
    if layout == "contiguous":
        plain = compiled(name, backend)
        assert found == outcome(lambda: plain(make(SHAPE), other))


@pytest.mark.parametrize("backend", ALL)
def test_a_donated_array_comes_back_as_the_output_that_was_computed_in_it(backend):
    x, y = tt.input("x", ("n", 6)), tt.input("y", ("n", 6))
    program = tt.compile([x, y], [tt.exp(x) + y, y.sum()], donate=["x"], backend=backend)
    other, expected = filled((5, 6)), np.exp(filled((5, 6))) + filled((5, 6))
    for call in range(CALLS):
        given = filled((5, 6))
        count = sys.getrefcount(given)
        found, total = program(y=other, x=given) if call % 2 else program(given, other)
        assert found is given
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert total == other.sum()
        del found
        assert sys.getrefcount(given) == count
        out = [np.empty((5, 6), np.float32), np.empty((), np.float32)]
        assert program(filled((5, 6)), other, out=out) is out
        np.testing.assert_allclose(out[0], expected, rtol=1e-6)
        turned = filled((6, 5)).T
        found, _ = program(given := filled((5, 6)), turned)
        assert found is given
        np.testing.assert_allclose(found, np.exp(filled((5, 6))) + turned, rtol=1e-6)


@pytest.mark.parametrize("backend", ALL)
def test_a_donated_array_that_holds_no_output_does_not_come_back(backend):
    x, n = tt.input("x", (6,)), tt.input("n")
    for outputs in ([x.sum()], [tt.flip(x, 0)], [x * 2 + x.sum(), x]):
        program = tt.compile([x], outputs, donate="x", backend=backend)
        given = filled((6,))
        assert all(each is not given for each in program(given))
    number = np.array(2.0, np.float32)
    assert tt.compile([n], n * 2, donate="n", backend=backend)(number) is not number


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("x", ["first", "last", "middle"])
@pytest.mark.parametrize("y", ["first", "last", "middle", "turned", "spread", "reversed"])
def test_donated_arguments_that_share_memory(compiled, x, y, backend):
    program = compiled("map", backend, donate=("x",))
    found = []
    for _ in range(CALLS):
        for way in (program, program._checked):
            memory = parts(filled((72,)))
            found.append(outcome(partial(way, memory[x], memory[y])))
    same(found)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_array_of_the_caller_changes(compiled, layout, backend):
    make = LAYOUTS[layout]
    for name in PROGRAMS:
        program = compiled(name, backend)
        x = make(SHAPE)
        if not isinstance(x, np.ndarray):
            continue
        y = filled((len(x), 6))
        before = x.tobytes(), y.tobytes()
        for _ in range(CALLS):
            outcome(partial(program, x, y))
            outcome(partial(program, y, x))
        assert (x.tobytes(), y.tobytes()) == before


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("donate", ["", "y"])
def test_native_ways_in_run_no_python(backend, donate, monkeypatch):
    x, y = graph()
    for outputs in (x + y, (x + y, x * y), [x + y], {"a": x + y, "b": x * y}):
        program = tt.compile([x, y], outputs, backend=backend, donate=[donate] * bool(donate))
        given = filled(SHAPE), filled(SHAPE)
        fresh = program(*given)  # binds the program to the sizes
        count = 1 if isinstance(fresh, np.ndarray) else len(fresh)
        out = program.structure.pack([filled(SHAPE) for _ in range(count)])
        program(*given, out=out)  # loads what is seldom needed
        monkeypatch.setattr(program.signature, "bind", None)
        assert type(program(*given)) is type(program(y=given[1], x=given[0], out=None)) is type(fresh)
        assert program(*given, out=out) is out
        if not isinstance(out, np.ndarray | dict):
            assert program(given[0], y=given[1], out=tuple(out))[0] is out[0]


@pytest.mark.parametrize("backend", NATIVE)
def test_calls_with_out_leave_nothing_behind(backend):
    x, y = graph()
    program = tt.compile([x, y], [x + y, x * y], backend=backend)
    given, out = (filled(SHAPE), filled(SHAPE)), [filled(SHAPE), filled(SHAPE)]
    watched = (*given, *out, out)
    program(*given, out=out)
    before = [sys.getrefcount(each) for each in watched]
    for _ in range(100):
        program(*given, out=out)
        outcome(partial(program, *given, out=[out[0], out[0]]))
        outcome(partial(program, *given, out=[out[0], given[0]]))
    assert [sys.getrefcount(each) for each in watched] == before


def spread(array):
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


LIES = {
    "Fortran": lambda x: np.asfortranarray(x),
    "spread": lambda x: spread(x) if x.ndim else x,
    "backwards": lambda x: np.flip(np.flip(x).copy()),
    "the first axis last": lambda x: np.moveaxis(np.moveaxis(x, 0, -1).copy(), -1, 0) if x.ndim else x,
}


@pytest.mark.parametrize("backend", NATIVE[:1])
@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("name", TESTED)
def test_programs_have_the_same_bits_however_their_arguments_lie(name, lie, backend):
    results = []
    for turn in (np.copy, LIES[lie]):
        made = TESTED[name]()
        program = tt.compile(made.inputs, made.outputs, updates=made.updates, backend=backend)
        given = [turn(array) for array in made.data]
        results.append([outcome(partial(program, *given)) for _ in range(CALLS)])
        updated = [node.op.buffer.array.tobytes() for node, _ in program.source_graph.updates]
        results[-1].append(updated)
        assert all(array.tobytes() == x.tobytes() for array, x in zip(given, made.data, strict=True))
    assert results[0] == results[1]


@pytest.mark.parametrize("backend", NATIVE)
def test_calls_from_several_threads_whose_arguments_lie_in_many_ways(backend):
    x, y = graph()
    program = tt.compile([x, y], tt.softmax(x) @ tt.transpose(y), backend=backend)
    layouts = [LAYOUTS[name] for name in LAYOUTS if make_float(LAYOUTS[name])]
    wanted = [
        program._checked(np.ascontiguousarray(make(SHAPE)), filled(SHAPE)).tobytes() for make in layouts
    ]
    wrong: list[int] = []

    def call(first):
        for turn in range(40):
            place = (first + turn // 4) % len(layouts)
            found = program(layouts[place](SHAPE), filled(SHAPE)).tobytes()
            wrong.extend([place] if found != wanted[place] else [])

    threads = [threading.Thread(target=call, args=(3 * first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def make_float(make):
    array = make(SHAPE)
    return isinstance(array, np.ndarray) and array.dtype == np.float32 and array.shape == SHAPE


def test_few_layouts_have_ways_in_of_their_own():
    x = tt.input("x", tuple("abcd"))
    program = tt.compile([x], x + 1)
    data = filled((2, 3, 4, 5))
    if not isinstance(program._executable, Adaptable):
        pytest.skip("there are none here")
    for axes in list(itertools.permutations(range(4)))[1:]:
        given = np.transpose(np.transpose(data, axes).copy(), np.argsort(axes))
        for _ in range(3):
            np.testing.assert_array_equal(program(given), data + 1)
    assert len(program._entrance._laid) == MOST


NUMBERS = [
    0.1, -0.0, 1e300, -1e300, 1e-46, 3.4028235677973366e38, float("nan"), float("inf"), 16777217.0, 3, -1,
    True, 2**70, np.float64(0.1), np.float32(0.1), np.int64(3), np.array(0.1), np.array(0.1, np.float32),
    np.array([0.1], np.float32), [0.1], "0.1", None, 1j,
]  # fmt: skip


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool"])
@pytest.mark.parametrize("donate", [(), ("rate",)])
def test_numbers_as_arguments(dtype, donate, backend):
    x, rate = tt.input("x", ("n",)), tt.input("rate", (), dtype)
    scaled = x * tt.where(rate == rate, 1.0, 2.0)
    program = tt.compile([x, rate], [rate, scaled], backend=backend, donate=donate)

    def outs():
        return {"out": [np.zeros((), dtype), filled((5,))]}

    for number in NUMBERS:
        given = {"x": filled((5,)), "rate": number}
        found = same(twice(program, lambda given=given: tuple(given.values())))
        assert found == same(twice(program, lambda: (), lambda given=given: given))
        assert found == same(twice(program, lambda given=given: tuple(given.values()), outs))


@pytest.mark.parametrize("backend", NATIVE)
def test_a_python_float_runs_no_python(backend, monkeypatch):
    x, rate = tt.input("x", ("n",)), tt.input("rate", ())
    program = tt.compile([x, rate], x * rate, backend=backend)
    program(filled((5,)), 0.5)
    monkeypatch.setattr(program.signature, "bind", None)
    np.testing.assert_array_equal(program(filled((5,)), 0.5), filled((5,)) * np.float32(0.5))


@pytest.mark.parametrize("backend", NATIVE)
def test_what_is_computed_in_an_argument_is_copied_to_out(backend, monkeypatch):
    x, y = tt.input("x", ("n", 3)), tt.input("y", ("n", 3))
    program = tt.compile([x, y], [tt.relu(x) + y, y.sum()], donate=["x"], backend=backend)
    assert program.plan.handed
    out = [np.empty((4, 3), np.float32), np.empty((), np.float32)]
    program(filled((4, 3)), filled((4, 3)), out=out)  # loads what is seldom needed
    monkeypatch.setattr(program.signature, "bind", None)
    given, other = -filled((4, 3)), filled((4, 3))
    expected = [np.maximum(given, 0) + other, other.sum()]
    program(given, other, out=out)
    for found, wanted in zip(out, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert not np.shares_memory(out[0], given)
