"""The text of kernels says everything about them, and reads back."""

from dataclasses import fields, is_dataclass, replace
from enum import Enum

import pytest

from compiler.backends.llvm.jit import engine
from compiler.ir.op import Reducer
from compiler.ir.types import FLOAT32, INT64, DType
from compiler.loops.language import (
    Carry,
    For,
    Kernel,
    Let,
    Literal,
    Load,
    Memory,
    Ref,
    Store,
    Value,
    lanes_of,
    refs,
    walk,
)  # fmt: skip
from compiler.loops.lowering import lower
from compiler.loops.printing import Lines, canonical
from compiler.loops.source import Naming, source
from tests.compiler.loops.kernels import TEXTS, kernel
from tests.compiler.loops.reading import NAMING, read_kernel

MACHINE = engine.host_target().machine


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_read_and_printed_again(name):
    assert source(kernel(name), NAMING) == TEXTS[name]


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_without_names_is_read_and_printed_again(name):
    for item in (kernel(name), lower(kernel(name), MACHINE)):
        text = canonical(item)
        assert canonical(read_kernel(text)) == text
        text = source(item, NAMING)
        assert source(read_kernel(text), NAMING) == text


def test_the_text_without_names_does_not_depend_on_names():
    named = TEXTS["softmax"]
    other = (
        named.replace("%top", "%t").replace("%x", "%y2").replace("n : i64", "m : i64").replace(", n)", ", m)")
    )
    assert source(read_kernel(other), NAMING) != named
    assert canonical(read_kernel(other)) == canonical(read_kernel(named))


def changes(item):
    """Other values of a field."""
    match item:
        case bool():
            yield not item
        case int():
            yield item + 1
        case Literal():
            yield Literal.of(item.value == 0, item.dtype)
            yield replace(item, dtype=INT64 if item.dtype is FLOAT32 else FLOAT32)
        case DType():
            yield INT64 if item is FLOAT32 else FLOAT32
        case Enum():
            yield from (other for other in type(item) if other is not item and other is not Reducer.NONE)
        case str():
            yield f"{item}_"
        case tuple() if item and not isinstance(item[0], Memory) and not is_statement(item[0]):
            for place, part in enumerate(item):
                yield from ((*item[:place], other, *item[place + 1 :]) for other in changes(part))
            if len(item) > 1:
                yield item[::-1]
        case Ref() | Carry():
            yield from altered(item)
        case Value() if item.label != "never":
            yield Value(item.dtype, item.lanes, "never")


def is_statement(item):
    return is_dataclass(item) and not isinstance(item, Value | Literal | Carry)


def altered(item):
    """The same with one field changed, for every field but blocks."""
    for one in fields(item):
        for other in changes(getattr(item, one.name)):
            yield replace(item, **{one.name: other})


class Lenient(Lines):
    """The text of a kernel that may read what nothing writes."""

    class Names(dict):
        def __missing__(self, value):
            return "never"

    def __init__(self):
        super().__init__()
        self.names = self.Names()


def lenient(item):
    text = Lenient()
    text.kernel(item)
    return text.lines


def means_nothing(stmt):
    """Whether a place has what it does not use, which a law forbids."""
    for ref in refs(stmt):
        is_vector = isinstance(stmt, Load | Store) and lanes_of(stmt) > 0
        if ref.step != 1 and (not is_vector or ref.at is not None):
            return True
        if ref.stride != 1 and ref.at is None:
            return True
    return False


def rewritten(body, old, new):
    found = []
    for stmt in body:
        if stmt is old:
            stmt = new
        elif isinstance(stmt, For):
            stmt = replace(stmt, body=rewritten(stmt.body, old, new), ahead=rewritten(stmt.ahead, old, new))
        elif hasattr(stmt, "then"):
            then, otherwise = (rewritten(part, old, new) for part in (stmt.then, stmt.otherwise))
            stmt = replace(stmt, then=then, otherwise=otherwise)
        found.append(stmt)
    return tuple(found)


@pytest.mark.parametrize("name", TEXTS)
def test_every_field_of_every_statement_is_in_the_text(name):
    """Two kernels that differ in anything have two texts, or the cache would take one for the other."""
    item = kernel(name)
    text, count = lenient(item), 0
    for stmt in walk(item.body):
        for other in altered(stmt):
            if means_nothing(other):
                continue
            changed = replace(item, body=rewritten(item.body, stmt, other))
            assert lenient(changed) != text, (stmt, other)
            count += 1
    assert count > 20


def one(*body, arguments=(), rooms=()):
    return Kernel(tuple(arguments), Value(INT64), tuple(rooms), tuple(body))


def lines(item, naming=None):
    return source(item, naming).splitlines()


def memory(name):
    return Memory(FLOAT32, label=name)


def test_what_is_read_behind_a_store_is_not_moved_behind_it():
    x, t = memory("x"), Value(FLOAT32)
    written = one(Load(t, Ref(x)), Store(Ref(x), Literal("1.0", FLOAT32)), Store(Ref(x), t), arguments=[x])
    assert lines(written)[2:] == ["    t0 : f32 = x[0]", "    x[0] = 1.0", "    x[0] = t0"]


def test_what_is_used_twice_or_has_a_name_is_a_line():
    x, t, double, named = memory("x"), Value(FLOAT32), Value(FLOAT32), Value(FLOAT32, 0, "h")
    written = one(
        Load(t, Ref(x)),
        Let(double, "add", (t, t)),
        Let(named, "exp", (double,)),
        Store(Ref(x), named),
        arguments=[x],
    )
    assert lines(written)[2:] == ["    t0 : f32 = x[0]", "    h : f32 = exp(t0 + t0)", "    x[0] = h"]


def test_a_name_that_is_taken_gets_a_stroke_and_is_free_again_behind_its_block():
    x, n = memory("x"), Value(INT64, 0, "n")
    first, second, inside = (Value(FLOAT32, 0, "h") for _ in range(3))
    loop = For(Value(INT64), 0, n, (Load(inside, Ref(x)), Store(Ref(x), inside)))
    written = one(
        loop, Load(first, Ref(x)), Let(second, "exp", (first,)), Store(Ref(x), second), arguments=[n, x]
    )
    shown = [line.strip() for line in lines(written)[3:]]
    assert shown == [
        "for i in 0 .. n:",
        "h : f32 = x[0]",
        "x[0] = h",
        "h : f32 = x[0]",
        "h' : f32 = exp(h)",
        "x[0] = h'",
    ]


def test_operators_have_the_parentheses_that_they_need():
    x, values = memory("x"), [Value(FLOAT32) for _ in range(4)]
    a, b, c, d = values
    two = Literal("-2.0", FLOAT32)
    written = one(
        Load(a, Ref(x)),
        Let(b, "sub", (two, a)),
        Let(c, "mul", (b, two)),
        Let(d, "neg", (c,)),
        Store(Ref(x), d),
        arguments=[x],
    )
    assert lines(written)[-1] == "    x[0] = -((-2.0 - x[0]) * -2.0)"
    assert source(read_kernel(source(written)), NAMING) == source(written)


def test_no_line_is_much_too_long():
    x, last = memory("x"), Value(FLOAT32)
    body = [Load(last, Ref(x))]
    for _ in range(60):
        following, body = Value(FLOAT32), body
        body.append(Let(following, "fma", (last, Literal("0.123456789", FLOAT32), Literal("1.0", FLOAT32))))
        last = following
    text = source(one(*body, Store(Ref(x), last), arguments=[x]))
    assert max(map(len, text.splitlines())) < 110
    assert source(read_kernel(text), NAMING) == text


def test_two_carried_values_that_change_places_are_one_assignment():
    x, (a, b, after, other) = memory("x"), (Value(FLOAT32) for _ in range(4))
    one_, two = Literal("1.0", FLOAT32), Literal("2.0", FLOAT32)
    loop = For(Value(INT64), 0, 3, (), carried=(Carry(a, one_, b, after), Carry(b, two, a, other)))
    written = one(loop, Store(Ref(x), after), Store(Ref(x), other), arguments=[x])
    assert [line.strip() for line in lines(written)[2:7]] == [
        "t0 : f32 = 1.0", "t1 : f32 = 2.0", "for i in 0 .. 3:", "next t0 = t1", "next t1 = t0",
    ]  # fmt: skip
    assert source(read_kernel(source(written)), NAMING) == source(written)


def test_labels_are_called_what_a_naming_calls_them():
    x, value = Memory(FLOAT32, label=7), Value(FLOAT32, 0, 8)
    naming = Naming(lambda label: f"%{label}", lambda label: (f"%{label}", f"input {label}"))
    written = one(Load(value, Ref(x)), Store(Ref(x), value), arguments=[x])
    assert lines(written, naming) == [
        "%7 : f32 at input 7", "for chunk in chunks:", "    %8 : f32 = %7[0]", "    %7[0] = %8",
    ]  # fmt: skip
