"""Every law of kernels refuses a kernel that breaks it, and says so with its sentence and the line."""

from dataclasses import replace

import pytest

from compiler.backends.llvm.jit import engine
from compiler.errors import LawError
from compiler.ir.dims import symbol
from compiler.ir.op import Reducer
from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT64
from compiler.loops.language import (
    Check,
    Count,
    Fold,
    For,
    If,
    Join,
    Kernel,
    Let,
    Literal,
    Load,
    Memory,
    Ref,
    Store,
    Value,
)  # fmt: skip
from compiler.loops.lowering import lower
from compiler.loops.verify import LAWS, MACHINE_LAWS, verify, verify_machine
from tests.compiler.loops.kernels import TEXTS, kernel
from tests.compiler.loops.reading import read_kernel

MACHINE = engine.host_target().machine


@pytest.mark.parametrize("name", TEXTS)
def test_kernels_keep_the_laws_before_and_after_they_are_lowered(name):
    verify(kernel(name))
    verify_machine(lower(kernel(name), MACHINE))


X, Y, N, CHUNK = Memory(FLOAT32, label="x"), Memory(FLOAT32, label="y"), Value(INT64, 0, "n"), Value(INT64)
ONE = Literal("1.0", FLOAT32)
FLAG, LANE, WHOLE = Value(BOOL, 8), Value(FLOAT32, 8), Value(INT64, 8)
FEW_FLAGS, FEW = Value(BOOL, 4), Value(INT64, 4)
GIVEN = tuple(
    Let(value, "splat", (Literal.of(1, value.dtype),)) for value in (FLAG, LANE, WHOLE, FEW_FLAGS, FEW)
)
"""Vectors that every kernel begins with."""


def of(*body, arguments=(N, X, Y), rooms=()):
    return Kernel(arguments, CHUNK, rooms, (*GIVEN, *body))


def scalar(dtype=FLOAT32):
    return Value(dtype, 0, "t")


def vector(dtype=FLOAT32, lanes=8):
    return Value(dtype, lanes, "v")


def at(memory, index=None, **more):
    return Ref(memory, () if index is None else ((index, 1),), **more)


def loop(make, **more):
    index = Value(INT64)
    return For(index, 0, more.pop("stop", 16), tuple(make(index)), **more)


def text(name, right, wrong):
    assert right in TEXTS[name]
    return read_kernel(TEXTS[name].replace(right, wrong, 1))


def written_twice():
    t = scalar()
    return of(Load(t, at(X)), Load(t, at(Y)), Store(at(Y), t))


def read_too_early():
    t = scalar()
    return of(Store(at(Y), t), Load(t, at(X)))


def read_behind_its_block():
    t = scalar()
    return of(loop(lambda i: [Load(t, at(X, i))]), Store(at(Y), t))


def read_ahead_of_its_loop():
    item = kernel("softmax")
    rows = item.body[-1]
    passes = list(rows.body)
    place = next(k for k, stmt in enumerate(passes) if isinstance(stmt, For) and stmt.ahead)
    early = (Let(Value(FLOAT32, 8), "splat", (passes[place].index,)),)
    passes[place] = replace(passes[place], ahead=early)
    return replace(item, body=(*item.body[:-1], replace(rows, body=tuple(passes))))


def unknown_memory():
    t = scalar()
    return of(Load(t, at(Memory(FLOAT32))), Store(at(Y), t))


def bound_of_floats():
    t = scalar()
    return of(Load(t, at(X)), loop(lambda i: [Store(at(Y, i), ONE)], stop=t))


def term_of_lanes():
    return of(Store(at(Y, WHOLE), ONE))


def condition_of_numbers():
    t = scalar()
    return of(Load(t, at(X)), If(t, (Store(at(Y), ONE),)))


def wide(stop=16, step=8, lanes=8, mask=None, memory=Y, load=X, load_mask=None, **more):
    v = vector(lanes=lanes)
    return of(
        loop(
            lambda i: [Load(v, at(load, i), load_mask), Store(at(memory, i), v, load_mask, **more)],
            stop=stop, step=step, lanes=lanes, mask=mask,
        )
    )  # fmt: skip


def in_pieces(first):
    v = vector()
    return of(loop(lambda i: [Load(v, at(X, i)), Store(at(Y, i), v, None, first)], step=8, lanes=8))


def atom(name, *operands, gives=FLOAT32, lanes=0):
    t = Value(gives, lanes)
    return of(Let(t, name, operands))


def moved(dtype):
    t = scalar(dtype)
    return of(Load(t, at(X)))


def stored(operand, mask=None):
    return of(loop(lambda i: [Store(at(Y), operand, mask)]))


def folded(reducer, dtypes, items, mask=None):
    following = tuple(Value(dtype) for dtype in dtypes)
    states = tuple(Literal.of(0, dtype) for dtype in dtypes)
    return of(Fold(following, reducer, states, tuple(Literal.of(0, x) for x in items), mask))


def joined(reducer, dtypes, gives, lanes=0):
    return of(Join(Value(gives, lanes), reducer, tuple(Literal.of(0, dtype) for dtype in dtypes)))


def folded_twice():
    a, b, c = (scalar(FLOAT64) for _ in range(3))
    x = Literal("1.0", FLOAT64)
    folds = [Fold((new,), Reducer.SUM, (a,), (x,)) for new in (b, c)]
    return of(Let(a, "cast", (ONE,)), *folds)


def checked_too_late():
    t, status = scalar(BOOL), Memory(INT64, label="status")
    return of(Let(t, "lt", (N, N)), Store(at(Y), ONE), Check(t, status), arguments=(N, X, Y, status))


def room_too_early():
    room, t = Memory(FLOAT32, 4), scalar()
    return of(Load(t, at(room)), Store(at(Y), t), Store(at(room), t), rooms=(room,))


def chunks_together():
    t = scalar(INT64)
    return of(Let(t, "mul", (CHUNK, N)), Store(at(Y), ONE))


def places(**more):
    v = vector()
    ref = Ref(X, (), **more)
    return of(Load(v, ref))


BROKEN = {
    "A value is written once, and memory is named once.": [
        written_twice,
        lambda: of(arguments=(N, X, X)),
        lambda: Kernel((CHUNK,), CHUNK, (), ()),
        lambda: of(loop(lambda i: [loop(lambda _: [], stop=4), For(i, 0, 4, ())])),
    ],
    "A value is read behind what writes it": [
        read_too_early, read_behind_its_block, read_ahead_of_its_loop, unknown_memory,
    ],
    "Arguments, bounds, strides, indices and the terms of places are scalars of int64.": [
        bound_of_floats, term_of_lanes, lambda: of(arguments=(Value(FLOAT32),)),
    ],
    "A condition is one truth value.": [condition_of_numbers],
    "A loop has no lanes or a power of two": [
        lambda: wide(12, 6, 6), lambda: wide(16, 4, 8), lambda: wide(16, 0, 8),
    ],
    "A loop of vectors is whole or has a mask.": [lambda: wide(17), lambda: wide(24, 16)],
    "The mask of a loop has a truth value": [
        lambda: wide(mask=Value(BOOL, 4)), lambda: wide(mask=Value(FLOAT32, 8)),
        lambda: wide(32, 16, mask=Value(BOOL, 8)),
    ],
    "In a loop with a mask": [lambda: wide(mask=Value(BOOL, 8))],
    "A store in pieces leaves a lane out": [lambda: in_pieces(8), lambda: in_pieces(-1)],
    "A carried value is of one type": [
        lambda: text("softmax", "sum0 : f64x8 = 0.0", "sum0 : f64x8 = 0.0:f32"),
        lambda: text("pieces", "next t0 = t0 * 2 + i", "next t0 = t0 < 2"),
        lambda: text("rare", "next t3 = t2 + t3", "next t3 = t0 > 1.0"),
    ],
    "A branch that carries values has one block.": [
        lambda: text("rare", " " * 12 + "%y", f"{' ' * 12}else:\n{' ' * 16}%y[j] = t0\n{' ' * 12}%y"),
    ],
    "An atom is known": [
        lambda: atom("frobnicate", ONE), lambda: atom("exp", N), lambda: atom("add", ONE),
        lambda: atom("lt", ONE, ONE),
        lambda: atom("where", ONE, ONE, ONE), lambda: atom("splat", ONE),
        lambda: atom("splat", LANE, lanes=8),
        lambda: atom("add", LANE, ONE), lambda: atom("cast", LANE, gives=FLOAT64, lanes=4),
        lambda: atom("and", ONE, ONE),
        lambda: atom("low", LANE, lanes=8), lambda: atom("any", FLAG, gives=BOOL, lanes=8),
        lambda: atom("bits", ONE, gives=INT64), lambda: atom("div", N, N, gives=FLOAT32),
        lambda: atom("place", N, N, gives=INT64), lambda: atom("fma", ONE, ONE, ONE, gives=FLOAT64),
    ],
    "What is loaded or stored has the dtype": [
        lambda: moved(FLOAT64), lambda: stored(Literal("1.0", FLOAT64)), lambda: stored(ONE, FLAG),
        lambda: stored(LANE, FEW_FLAGS),
    ],
    "Places in memory are int64": [lambda: places(at=LANE), lambda: places(at=FEW)],
    "A place has a step of lanes": [lambda: places(stride=2), lambda: places(at=WHOLE, step=2)],
    "The state of a reduction": [
        lambda: folded(Reducer.SUM, [FLOAT64, BOOL], [FLOAT64]),
        lambda: folded(Reducer.MAX, [FLOAT32], [FLOAT32]),
        lambda: folded(Reducer.SUM, [FLOAT64], [FLOAT32]),
        lambda: folded(Reducer.ARGMIN, [FLOAT32, INT64], [FLOAT32]),
        lambda: folded(Reducer.NONE, [FLOAT32], [FLOAT32]),
        lambda: folded(Reducer.SUM, [FLOAT64], [FLOAT64], FLAG),
    ],
    "A join gives the result": [
        lambda: joined(Reducer.MAX, [FLOAT32], FLOAT32), lambda: joined(Reducer.SUM, [FLOAT64], FLOAT32),
        lambda: joined(Reducer.ARGMAX, [FLOAT32, INT64], FLOAT32),
        lambda: joined(Reducer.SUM, [FLOAT64], FLOAT64, 4),
    ],
    "A room has an extent": [
        lambda: of(arguments=(Memory(FLOAT32, 4),)), lambda: of(rooms=(Memory(FLOAT32),)),
    ],
    "Two lanes are not stored in one place.": [lambda: of(Store(Ref(Y, (), step=0), LANE))],
    "A room is written before it is read.": [room_too_early],
    "A state of a reduction is folded or joined once.": [folded_twice],
    "What refuses the data comes before": [checked_too_late],
    "Where chunks differ": [
        chunks_together,
        lambda: text("product", "t0 .. t1:\n        for j in 0", "0 .. n:\n        for j in 0"),
    ],
    "Panels and tiles are whole vectors": [
        lambda: text("columns", "room[64]", "room[63]"),
        lambda: text("columns", "8 wide", "6 wide"), lambda: text("columns", "%x : f32", "%x : f64"),
        lambda: text("columns", "2 rows of", "0 rows of"),
    ],
    "A table is a scalar place of int64": [
        lambda: text("window", "%x_rows : i64", "%x_rows : i32"),
        lambda: text("window", "in strided", "in rows"),
        lambda: text("chosen", "%x_live : i64", "%x_live : i32"),
    ],
}  # fmt: skip

UNLOWERED = {
    "A kernel that is emitted has the atoms of machines alone": [
        lambda: kernel("softmax"), lambda: atom("sigmoid", ONE),
        lambda: joined(Reducer.SUM, [FLOAT64], FLOAT64),
    ],
    "In a kernel that is emitted counts are arguments.": [
        lambda: of(loop(lambda i: [Store(at(Y, i), ONE)], stop=Count(symbol("n")))),
        lambda: atom("add", Count(symbol("n")), N, gives=INT64),
    ],
}  # fmt: skip

CASES = [(verify, sentence, make) for sentence, makers in BROKEN.items() for make in makers]
CASES += [(verify_machine, sentence, make) for sentence, makers in UNLOWERED.items() for make in makers]


@pytest.mark.parametrize(("judge", "sentence", "make"), CASES)
def test_a_broken_law_is_an_error_with_its_sentence(judge, sentence, make):
    with pytest.raises(LawError) as caught:
        judge(make(), "a trick")
    assert str(caught.value).startswith(f"a trick broke a law: {sentence}")


def test_every_law_is_broken_by_something():
    sentences = [law.sentence for law in (*LAWS, *MACHINE_LAWS)]
    for sentence in sentences:
        assert any(sentence.startswith(start) for start in (*BROKEN, *UNLOWERED)), sentence
    assert len(sentences) == len(BROKEN) + len(UNLOWERED)


def test_the_line_is_quoted_with_the_labels_of_values():
    item = read_too_early()
    with pytest.raises(LawError) as caught:
        verify(replace(item, body=item.body[len(GIVEN) :]))
    assert str(caught.value).splitlines()[1:] == [
        "  it reads a value that is not written before it, or in a block that has ended",
        "  line 5: m1[0] = ?t",
    ]
