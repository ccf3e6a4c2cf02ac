"""How a random graph grows by bits of integers and by random numbers."""

from typing import Any

from compiler.ir.build import apply, constant_node
from compiler.ir.types import FLOAT32, INT32, INT64
from tests.properties.maker import Maker, Value, largest_size
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
