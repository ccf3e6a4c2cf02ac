"""How a random graph grows: functions that add one op, or a few that belong together, to a Maker's values.

Each returns the new value, or None where it finds no operands for which the result would be well-conditioned.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import ShapeError
from compiler.ir.build import apply, broadcast_shape, cast, constant_node, contract, reduce
from compiler.ir.dims import Shape
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.known_calls import AtRanks, First, Order, Sorted, call_of
from compiler.ir.node import Node, make_node
from compiler.ir.op import (
    Access,
    ArrayFunction,
    Call,
    Fold,
    Gather,
    Index,
    MapReduce,
    Prefix,
    Reducer,
    Scan,
    Size,
)
from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, DType
from tests.properties.drawing import bits, drawn, narrowed, stored
from tests.properties.maker import LIMIT, Maker, Value, largest_size
from tests.properties.moving import MOVES
from tests.properties.solving import solved

Growth = Callable[[Maker], Value | None]


def is_number(value: Value) -> bool:
    return value.dtype is not BOOL


def is_float(value: Value) -> bool:
    return value.dtype.is_float


def is_exact(value: Value) -> bool:
    return value.is_exact


def is_bool(value: Value) -> bool:
    return value.dtype is BOOL


# One operand


def sign_change(maker: Maker) -> Value | None:
    x = maker.pick(is_number)
    return (
        None
        if x is None
        else replace(x, node=apply(maker.choice(["neg", "abs", "stop"]), x.node), low=-x.bound)
    )


def step(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: is_number(value) and is_exact(value))
    if x is None:
        return None
    node = apply(maker.choice(["sign", "floor", "ceil", "round"]), x.node)
    return Value(node, x.bound + 1, 0, -x.bound - 1, x.special)


BOUNDED = ("tanh", "sigmoid", "erf", "erfc", "normcdf", "normpdf", "sech2", "sin", "cos", "atan")
SLOW = ("asinh", "cbrt")
"""Atoms that grow more slowly than their argument, from an argument of 1 on."""


def smooth(maker: Maker) -> Value | None:
    """A function without a singularity, of anything moderate."""
    x = maker.pick(lambda value: is_number(value) and value.bound <= LIMIT)
    if x is None:
        return None
    if maker.chance(0.3):
        return Value(apply("softplus", x.node), x.bound + 1, None, special=x.special)
    if maker.chance(0.3) and x.bound <= 4:
        growing = maker.choice(["exp", "expm1", "sinh", "cosh"])
        return Value(apply(growing, x.node), math.exp(x.bound), None, special=x.special)
    if maker.chance(0.2):
        is_exact_root = is_exact(x)  # the slope of a cube root is steep near 0
        found = maker.choice(SLOW if is_exact_root else SLOW[:1])
        return Value(apply(found, x.node), x.bound + 1, None, special=x.special)
    return Value(apply(maker.choice(BOUNDED), x.node), 2.0, None, special=x.special)


def singular(maker: Maker) -> Value | None:
    """A function with a singularity, of something exact."""
    x = maker.pick(lambda value: is_number(value) and is_exact(value) and value.bound <= 1000)
    if x is None:
        return None
    found = maker.choice(["log", "log1p", "log2", "log10", "sqrt", "asin", "acos", "acosh", "atanh", "logit"])
    return Value(apply(found, x.node), 40.0, None, special=True)


def guarded(maker: Maker) -> Value | None:
    """A function with a singularity, kept away from it."""
    x = maker.pick(lambda value: is_float(value) and value.bound <= LIMIT)
    if x is None:
        return None
    above = apply("add", apply("abs", x.node), 1.0)
    make = maker.choice([
        lambda: apply("log", above), lambda: apply("sqrt", above), lambda: apply("div", x.node, above),
        lambda: apply("div", 1.0, above), lambda: apply("pow", above, -1), lambda: apply("pow", above, 0.5),
    ])  # fmt: skip
    return Value(make(), x.bound + 1, None, special=x.special)


def cast_to(maker: Maker) -> Value | None:
    x = maker.pick()
    if x is None:
        return None
    is_whole = x.grain == 0 and not x.special and is_exact(x)
    wanted: DType = maker.choice([FLOAT32, FLOAT64, INT32, INT64] if is_whole else [FLOAT32, FLOAT64])
    return replace(x, node=cast(x.node, wanted), bound=max(x.bound, 1.0))


# Two and three operands


def partner(maker: Maker, x: Value, accept: Callable[[Value], bool] = is_number) -> Value | None:
    """A value that broadcasts with another."""

    def fits(value: Value) -> bool:
        if not accept(value):
            return False
        try:
            shape = broadcast_shape("", [x.node, value.node])
        except ShapeError:
            return False
        return largest_size(shape) <= 4096

    return maker.pick(fits)


def common_grain(x: Value, y: Value) -> int | None:
    return None if x.grain is None or y.grain is None else max(x.grain, y.grain)


def arithmetic(maker: Maker) -> Value | None:
    x = maker.pick(is_number)
    if x is None:
        return None
    if maker.chance(0.3):
        number = maker.number(x.dtype)
        pair: list[Any] = [x.node, number]
        y = Value(x.node, float(max(abs(number), 1)), 3 if x.dtype.is_float else 0)
    else:
        found = partner(maker, x)
        if found is None:
            return None
        y, pair = found, [x.node, found.node]
    if maker.chance(0.5):
        pair.reverse()
    if maker.chance(0.1):
        atom = maker.choice(["hypot", "copysign"] if is_exact(x) and is_exact(y) else ["hypot"])
        return Value(apply(atom, *pair), x.bound + y.bound, None, special=x.special or y.special)
    return combined(maker.choice(["add", "sub", "mul", "mul", "zmul", "maximum", "minimum"]), pair, x, y)


def combined(atom: str, pair: Sequence[Any], x: Value, y: Value) -> Value | None:
    special = x.special or y.special
    if atom in ("add", "sub"):
        return Value(apply(atom, *pair), x.bound + y.bound, common_grain(x, y), -x.bound - y.bound, special)
    if atom in ("maximum", "minimum"):
        return Value(
            apply(atom, *pair), max(x.bound, y.bound), common_grain(x, y), -max(x.bound, y.bound), special
        )
    if special and not (is_exact(x) and is_exact(y)):
        return None
    grain = None if x.grain is None or y.grain is None else x.grain + y.grain
    return Value(apply(atom, *pair), x.bound * y.bound, grain, -x.bound * y.bound, special)


def rest(maker: Maker) -> Value | None:
    """A remainder, or a quotient rounded down, of what is exact: both jump."""
    x = maker.pick(lambda value: is_number(value) and is_exact(value) and value.bound <= 1000)
    y = None if x is None else partner(maker, x, lambda value: is_number(value) and is_exact(value))
    if x is None or y is None or y.grain is None or x.bound * 2.0**y.grain > LIMIT:
        return None
    special = x.special or y.special or is_float(x) or is_float(y)
    if maker.chance(0.5):
        bound = min(x.bound, y.bound)
        return Value(apply("fmod", x.node, y.node), bound, common_grain(x, y), -bound, special)
    bound = (x.bound + 1) * 2.0**y.grain
    return Value(apply("floordiv", x.node, y.node), bound, 0, -bound, special)


def quotient(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: is_number(value) and is_exact(value) and value.bound <= 16)
    y = None if x is None else partner(maker, x, lambda value: is_number(value) and is_exact(value))
    if x is None or y is None or y.grain is None or x.bound * 2.0**y.grain > LIMIT:
        return None
    return Value(apply("div", x.node, y.node), x.bound * 2.0**y.grain, None, special=True)


def comparison(maker: Maker) -> Value | None:
    x = maker.pick(is_exact)
    y = None if x is None else partner(maker, x, is_exact)
    if x is None or y is None:
        return None
    other = maker.number(x.dtype) if maker.chance(0.3) and x.dtype is not BOOL else y.node
    return Value(apply(maker.choice(["lt", "le", "gt", "ge", "eq", "ne"]), x.node, other), 1.0, 0, 0)


def logic(maker: Maker) -> Value | None:
    x = maker.pick(is_bool)
    y = None if x is None else partner(maker, x, is_bool)
    if x is None or y is None:
        found = maker.pick(lambda value: is_float(value) and (is_exact(value) or not value.special))
        return None if found is None else Value(apply("isnan", found.node), 1.0, 0, 0)
    if maker.chance(0.3):
        return Value(apply("not", x.node), 1.0, 0, 0)
    other = maker.chance(0.5) if maker.chance(0.3) else y.node
    return Value(apply(maker.choice(["and", "or", "xor"]), x.node, other), 1.0, 0, 0)


def choice(maker: Maker) -> Value | None:
    condition = maker.pick(is_bool)
    x = None if condition is None else partner(maker, condition)
    if condition is None or x is None:
        return None
    y = partner(maker, Value(apply("where", condition.node, x.node, x.node), x.bound))
    if y is None:
        return None
    bound, low = max(x.bound, y.bound), min(x.low, y.low)
    node = apply("where", condition.node, x.node, y.node)
    return Value(node, bound, common_grain(x, y), low, x.special or y.special)


def power(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: is_number(value) and value.bound <= 8)
    if x is None:
        return None
    exponent = maker.choice([0, 1, 2, 2, 3] if x.special is False or is_exact(x) else [1, 2])
    grain = None if x.grain is None else x.grain * exponent
    bound = max(1.0, x.bound) ** exponent
    return Value(apply("pow", x.node, exponent), bound, grain, -bound, x.special)


# Formulas with loop indices and extents


CAUSAL = parse_formula("causal(x, i, j) = where(i >= j, x, 0.0)")
RAMP = parse_formula("ramp(x, i, n) = x + (i - n) * 0.5")
ONE_HOT = parse_formula("one_hot(y, j) = where(y == j, 1.0, 0.0)")
RELU = parse_formula("relu(x) = where(x <= 0, 0.0, x)")
SILU = parse_formula("silu(x) = x * sigmoid(x)")
TURNED = parse_formula("turned(x, y) = x + 2 * y")
FIRST = parse_formula("first(x, y) = x * 2")
FLAT = parse_formula("flat() = 1.5")


def with_index(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: is_float(value) and len(value.shape) == 2)
    if x is None:
        return None
    loops, reads = (0, 1), Access((0, 1))
    if maker.chance(0.5):
        op = MapReduce(CAUSAL, (reads, Index(0), Index(1)), x.shape, loops, x.dtype)
        return replace(x, node=make_node(op, [x.node]))
    op = MapReduce(RAMP, (reads, Index(1), Size(x.shape[0])), x.shape, loops, FLOAT64)
    return Value(
        make_node(op, [x.node]), x.bound + 8, common_grain(x, replace(x, grain=1)), special=x.special
    )


def one_hot(maker: Maker) -> Value | None:
    y = maker.pick(lambda value: value.dtype.is_integer and len(value.shape) == 1)
    if y is None:
        return None
    op = MapReduce(ONE_HOT, (Access((0,)), Index(1)), (*y.shape, 4), (0, 1), maker.choice([FLOAT32, FLOAT64]))
    return Value(make_node(op, [y.node]), 1.0, 0)


def own_formula(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: is_float(value) and is_exact(value))
    if x is None:
        return None
    kind = maker.choice(["relu", "silu", "first", "flat"])
    if kind == "relu":
        return replace(x, node=apply(RELU, x.node), low=0)
    if kind == "silu" and not x.special:
        return Value(apply(SILU, x.node), x.bound, None)
    if kind == "first":
        other = partner(maker, x) or x
        return replace(x, node=apply(FIRST, x.node, other.node, dtype=x.dtype), bound=2 * x.bound)
    op = MapReduce(FLAT, (), x.shape, tuple(range(len(x.shape))), x.dtype)
    return Value(make_node(op, []), 1.5, 1)


def turned(maker: Maker) -> Value | None:
    """A map that reads one operand straight and one with its axes exchanged."""
    x = maker.pick(lambda value: is_float(value) and len(value.shape) == 2)
    if x is None:
        return None
    back = (x.shape[1], x.shape[0])
    y = maker.pick(lambda value: value.dtype is x.dtype and value.shape == back)
    if y is None:
        return None
    op = MapReduce(TURNED, (Access((0, 1)), Access((1, 0))), x.shape, (0, 1), x.dtype)
    return Value(
        make_node(op, [x.node, y.node]),
        x.bound + 2 * y.bound,
        common_grain(x, y),
        special=x.special or y.special,
    )


# Reductions


def most(shape: Shape, axes: Sequence[int]) -> int:
    return largest_size(tuple(shape[axis] for axis in axes))


def total(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: len(value.shape) > 0)
    if x is None:
        return None
    axes = some_axes(maker, x)
    node = reduce(Reducer.SUM, x.node, axes, keepdims=maker.chance(0.4))
    bound = x.bound * max(1, most(x.shape, axes))
    return Value(node, bound, x.grain, -bound, x.special)


def some_axes(maker: Maker, x: Value) -> list[int]:
    count = int(maker.random.integers(1, len(x.shape) + 1))
    return [int(axis) for axis in maker.random.choice(len(x.shape), count, replace=False)]


def extremum(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: len(value.shape) > 0)
    if x is None:
        return None
    axes = some_axes(maker, x)
    if any(x.shape[axis] == 0 for axis in axes):
        return None
    maker.need_elements([x.shape[axis] for axis in axes])
    keepdims = maker.chance(0.4)
    if maker.chance(0.3) and is_exact(x):
        node = reduce(maker.choice([Reducer.ARGMAX, Reducer.ARGMIN]), x.node, axes, keepdims)
        return Value(node, float(most(x.shape, axes)), 0, 0)
    return replace(x, node=reduce(maker.choice([Reducer.MAX, Reducer.MIN]), x.node, axes, keepdims))


def product_of_elements(maker: Maker) -> Value | None:
    """A product of few moderate numbers: how many factors are rounded is the order's to say."""
    x = maker.pick(lambda value: len(value.shape) > 0 and value.bound <= 8 and not value.special)
    if x is None:
        return None
    axes = some_axes(maker, x)
    factors, each = max(1, most(x.shape, axes)), max(x.bound, 1.0)
    if factors * math.log2(each) > 15:  # float16 holds no more
        return None
    bound = each**factors
    grain = None if x.grain is None or x.grain * factors > 16 else x.grain * factors
    return Value(reduce(Reducer.PROD, x.node, axes, keepdims=maker.chance(0.4)), bound, grain, -bound)


def prefix(maker: Maker) -> Value | None:
    """A prefix reduction. Products are of few moderate numbers; the running ones are of any."""
    x = maker.pick(lambda value: len(value.shape) > 0)
    if x is None:
        return None
    axis, reverse = int(maker.random.integers(len(x.shape))), maker.chance(0.5)
    most_terms = max(1, most(x.shape, [axis]))
    scan = maker.choice([Scan.SUM, Scan.SUM, Scan.MAX, Scan.MIN, Scan.PRODUCT, Scan.RECURRENCE])
    if scan.picks:
        return replace(x, node=make_node(Prefix(scan, axis, reverse), [x.node]))
    if scan is Scan.SUM:
        node = make_node(Prefix(scan, axis, reverse), [x.node])
        return Value(node, x.bound * most_terms, x.grain, -x.bound * most_terms, x.special)
    y = maker.pick(lambda value: value.node.type == x.node.type) if scan is Scan.RECURRENCE else x
    if y is None or (scan is Scan.RECURRENCE and not is_float(x)) or x.bound > 8 or y.bound > 8:
        return None
    if x.special or y.special:
        return None
    bound = max(x.bound, 1.0) ** most_terms * max(y.bound, 1.0) * most_terms
    exact = x.grain is not None and x.grain * most_terms <= 16 and scan is Scan.PRODUCT
    operands = [x.node] if scan is Scan.PRODUCT else [x.node, y.node]
    grain = x.grain * most_terms if exact and x.grain is not None else None
    return Value(make_node(Prefix(scan, axis, reverse), operands), bound, grain, -bound)


def ordered(maker: Maker) -> Value | None:
    """What a known call finds in the order of elements; of exact ones, so that it is the same everywhere."""
    x = maker.pick(lambda value: len(value.shape) > 0 and is_exact(value))
    if x is None:
        return None
    last = x.shape[-1]
    kind, descending = maker.choice(["values", "values", "order", "first", "rank"]), maker.chance(0.5)
    if kind == "values":
        return replace(x, node=_called(Sorted(descending), x.node))
    if kind == "order":
        node = _called(Order(descending), x.node)
        return Value(node, float(max(1, most(x.shape, [len(x.shape) - 1]))), 0, 0)
    if not isinstance(last, int) or last == 0:
        return None
    if kind == "first":
        places = _called(First(maker.choice([1, last]), descending), x.node)
    else:
        ranks = constant_node(np.array([last // 2, 0]), INT64)
        places = _called(AtRanks(descending), x.node, ranks)
    return replace(x, node=make_node(Gather(len(x.shape) - 1, batched=True), [x.node, places]))


def _called(function: ArrayFunction, *operands: Node) -> Node:
    return make_node(call_of(function, *(operand.type for operand in operands)), operands)


def contraction(maker: Maker) -> Value | None:
    """A sum of a product of two or three operands, whose axes of one extent may follow one loop."""
    count = maker.choice([2, 2, 2, 3])
    found = [maker.pick(is_float) for _ in range(count)]
    values = [value for value in found if value is not None and len(value.shape) <= 3]
    if len(values) < 2:
        return None
    # Whether a sum has infinities of both signs may depend on which factors are multiplied, or summed, first.
    is_special = any(value.special for value in values)
    is_mixed = is_special and (len(values) > 2 or not all(map(is_exact, values)))
    if is_mixed or math.prod(value.bound for value in values) > 2.0**20:
        return None
    extents: list[Any] = []
    axes = [loops_for(maker, value.shape, extents) for value in values]
    used = sorted({loop for item in axes for loop in item if loop is not None})
    output = [int(loop) for loop in maker.random.permutation(used) if maker.chance(0.5)]
    if len(output) == len(used) or largest_size(tuple(extents[loop] for loop in used)) > 20_000:
        return None
    summed = [loop for loop in used if loop not in output]
    if is_special and not all(loop in item for item in axes for loop in summed):
        return None
    node = contract([value.node for value in values], axes, output, extents)
    grains = [value.grain for value in values]
    bound = math.prod(value.bound for value in values)
    bound *= max(1, largest_size(tuple(extents[loop] for loop in used if loop not in output)))
    grain = None if None in grains else sum(grain for grain in grains if grain is not None)
    return Value(node, bound, grain, special=any(value.special for value in values))


def folded_product(maker: Maker) -> Value | None:
    """The fold of a product of positions and taps, as the gradient of a convolution by its input is."""

    def is_plain(value: Value) -> bool:
        return is_float(value) and not value.special and 0 < len(value.shape) <= 2

    x, y = maker.pick(is_plain), maker.pick(is_plain)
    if x is None or y is None or x.bound * y.bound > 2.0**12 or largest_size(x.shape + y.shape) > 500:
        return None
    position, tap = (int(maker.random.integers(len(item.shape))) for item in (x, y))
    step, dilation = maker.choice([1, 2, 2, 3]), maker.choice([1, 1, 2, 3])
    extent = (x.shape[position] - 1) * step + (y.shape[tap] - 1) * dilation + 1 + maker.choice([0, 0, 1])
    if 0 in (x.shape[position], y.shape[tap]) or not isinstance(y.shape[tap], int):
        return None
    extents: list[Any] = [*x.shape, *y.shape]
    of_x, of_y = list(range(len(x.shape))), list(range(len(x.shape), len(extents)))
    others = [loop for loop in of_y if loop != len(x.shape) + tap]
    summed = [loop for loop in [*of_x, *others] if loop != position and maker.chance(0.3)]
    output = [loop for loop in [*of_x, *others] if loop not in summed] + [len(x.shape) + tap]
    product = contract([x.node, y.node], [of_x, of_y], output, extents)
    op = Fold((output.index(position),), (extent,), (step,), (dilation,))
    terms = most(tuple(extents), summed) * y.shape[tap]
    return Value(make_node(op, [product]), x.bound * y.bound * max(1, terms), None)


def loops_for(maker: Maker, shape: Shape, extents: list[Any]) -> list[int | None]:
    """Loops for the axes of an operand: one that is there already and fits, or a new one."""
    found: list[int | None] = []
    for extent in shape:
        fitting = [k for k, known in enumerate(extents) if known == extent and k not in found]
        if extent == 1 and maker.chance(0.5):
            found.append(None)
        elif fitting and maker.chance(0.8):
            found.append(maker.choice(fitting))
        else:
            extents.append(extent)
            found.append(len(extents) - 1)
    return found


# Calls


def reversed_rows(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return array[::-1]


def call(maker: Maker) -> Value | None:
    x = maker.pick(lambda value: len(value.shape) > 0)
    if x is None:
        return None
    return replace(x, node=make_node(Call("reversed_rows", reversed_rows, x.node.type), [x.node]))


# What a rule has something to say about


def nothing_done(maker: Maker) -> Value | None:
    """Something that leaves a number as it is, or nearly."""
    x = maker.pick(lambda value: is_number(value) and (is_exact(value) or not value.special))
    if x is None:
        return None
    one = constant_node(np.ones(()), x.dtype)
    forms: list[Callable[[], Any]] = [
        lambda: apply("neg", apply("neg", x.node)),
        lambda: apply("mul", x.node, 1),
        lambda: apply("mul", one, x.node),
        lambda: apply("sub", x.node, 0),
        lambda: apply("add", x.node, 0),
        lambda: apply("add", x.node, -0.0) if is_float(x) else x.node.named(None),
        lambda: apply("maximum", x.node, x.node),
        lambda: apply("where", True, x.node, apply("abs", x.node)),
        lambda: apply("zmul", 1, x.node),
        lambda: apply("pow", x.node, 1),
        lambda: apply("abs", apply("neg", x.node)),
        lambda: apply("sub", apply("neg", x.node), apply("neg", x.node)),
        lambda: apply("mul", apply("neg", x.node), apply("neg", one)),
        lambda: apply("neg", apply("mul", x.node, 2)),
        lambda: apply("mul", x.node, 0),
    ]
    node = maker.choice(forms)()
    return replace(x, node=node, bound=2 * x.bound, low=-2 * x.bound) if node.op is not x.node.op else None


def halves(maker: Maker) -> Value | None:
    x = maker.pick(is_float)
    if x is None:
        return None
    grain = None if x.grain is None else x.grain + 3
    return replace(x, node=apply("div", x.node, maker.choice([8, -2.0, 1, -1, Size(4)])), grain=grain)


def of_ones(maker: Maker) -> Value | None:
    """A contraction with a matrix of ones."""
    x = maker.pick(lambda value: is_float(value) and len(value.shape) == 2)
    if x is None or not isinstance(x.shape[1], int):
        return None
    ones = constant_node(np.ones((x.shape[1], 2)), x.dtype)
    output = maker.choice([(0,), (0, 2)])
    node = contract([x.node, ones], [(0, 1), (1, 2)], output, [*x.shape, 2])
    bound = x.bound * max(1, x.shape[1]) * 2
    return Value(node, bound, x.grain, special=x.special)


def overflowing(maker: Maker) -> Value | None:
    """A formula that overflows or cancels, for which a stabler one is known."""
    x = maker.pick(lambda value: is_float(value) and not value.special and value.bound <= 8)
    if x is None:
        return None
    raised = apply("exp", apply("mul", x.node, maker.choice([1, 1, 1000])))
    forms: list[Callable[[], Any]] = [
        lambda: apply("log", apply("add", 1, raised)),
        lambda: apply("div", 1, apply("add", 1, raised)),
        lambda: apply("div", raised, apply("add", raised, 1)),
        lambda: apply("sub", raised, 1),
        lambda: apply("sub", 1, apply("sigmoid", x.node)),
        lambda: apply("log", apply("sigmoid", x.node)),
        lambda: apply("sub", 1, apply("erf", x.node)),
    ]
    if x.shape:
        summed = reduce(Reducer.SUM, raised, [len(x.shape) - 1], keepdims=True)
        softmax = apply("div", raised, summed)
        forms += [lambda: softmax, lambda: apply("log", softmax), lambda: apply("log", summed)]
    return Value(maker.choice(forms)(), LIMIT, None, special=True)


GROWTHS: tuple[Growth, ...] = (
    sign_change, step, smooth, smooth, singular, guarded, guarded, cast_to,
    arithmetic, arithmetic, arithmetic, arithmetic, quotient, rest, comparison, logic, choice, power,
    with_index, one_hot, own_formula, turned, total, total, product_of_elements, prefix, prefix, ordered,
    extremum, contraction, contraction, contraction, folded_product, folded_product, call,
    nothing_done, nothing_done, halves, of_ones, bits, drawn, drawn, stored, narrowed, solved, *MOVES,
)  # fmt: skip
UNSTABLE: tuple[Growth, ...] = (overflowing,) * 4
