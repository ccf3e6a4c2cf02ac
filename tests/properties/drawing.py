"""How a random graph grows by bits of integers, by random numbers, and by dtypes for storage."""

from dataclasses import replace
from typing import Any

from compiler.ir.build import apply, cast, constant_node
from compiler.ir.types import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, UINT8
from tests.properties.maker import LIMIT, Maker, Value, largest_size
from tinytorch.draws import draw, unit

MOST = 2.0**20
"""Integers whose bits are looked at stay below, so that both dtypes hold what comes of them."""


def bits(maker: Maker) -> Value | None:
    """Bits of whole numbers: masks, shifts, the other way round."""
    x = maker.pick(lambda value: value.dtype.is_integer and value.bound <= MOST)
    if x is None:
        return None
    y = maker.pick(lambda value: value.node.type == x.node.type and value.bound <= MOST)
    number, other = maker.choice([0, 1, 3, 7]), x if y is None else y
    top = 2.0 ** int(max(x.bound, other.bound, 7)).bit_length()
    forms: list[tuple[Any, float]] = [
        (lambda: apply(maker.choice(["and", "or", "xor"]), x.node, other.node), top),
        (lambda: apply(maker.choice(["and", "or", "xor"]), x.node, number), top),
        (lambda: apply("not", x.node), x.bound + 1),
        (lambda: apply("lshift", x.node, number), x.bound * 2.0**number),
        (lambda: apply("rshift", x.node, number), max(x.bound, 1.0)),
        (lambda: apply("rshift", x.node, apply("and", other.node, 3)), max(x.bound, 1.0)),
    ]
    make, bound = maker.choice(forms)
    return Value(make(), bound, 0, -bound)


def drawn(maker: Maker) -> Value | None:
    """Random numbers in the shape of a value: whole, between 0 and 1, or truths."""
    like = maker.pick(lambda value: len(value.shape) > 0 and largest_size(value.shape) <= 4096)
    if like is None:
        return None
    key = maker.pick(lambda value: value.dtype.is_integer and not value.shape and maker.chance(0.5))
    node = constant_node(maker.choice([0, 1, -(2**40)]), INT64) if key is None else key.node
    kind = maker.choice(["whole", "unit", "unit", "truth", "truth"])
    if kind == "whole":
        number = draw("random_int32", node, like.shape, INT32).node
        return Value(apply("and", number, 7), 7.0, 0, 0)
    u = unit(node, like.shape, FLOAT32).node
    return Value(u, 1.0, 23, 0) if kind == "unit" else Value(apply("lt", u, 0.5), 1.0, 0, 0)


def stored(maker: Maker) -> Value | None:
    """A float as a half, or a half as a float; what it cannot hold is rounded."""
    x = maker.pick(lambda value: value.dtype.is_float and value.bound <= LIMIT)
    if x is None:
        return None
    others = [dtype for dtype in (FLOAT16, BFLOAT16, FLOAT32, FLOAT64) if dtype is not x.dtype]
    return replace(x, node=cast(x.node, maker.choice(others)))


def narrowed(maker: Maker) -> Value | None:
    """Whole numbers modulo 2^8 or 2^16, and what small integers make of them."""
    x = maker.pick(lambda value: value.dtype.is_integer and value.bound <= MOST)
    if x is None:
        return None
    narrow = cast(x.node, maker.choice([UINT8, INT8, INT16]))
    number = maker.choice([1, 3, 7])
    forms: list[Any] = [
        lambda: narrow,
        lambda: apply(maker.choice(["add", "sub", "mul"]), narrow, narrow),
        lambda: apply(maker.choice(["add", "sub", "mul", "floordiv", "and", "rshift"]), narrow, number),
        lambda: apply(maker.choice(["neg", "not", "abs"]), narrow),
        lambda: apply("maximum", narrow, cast(narrow, maker.choice([UINT8, INT8]))),
    ]
    return Value(cast(maker.choice(forms)(), maker.choice([INT32, INT64])), 2.0**15, 0, -(2.0**15))
