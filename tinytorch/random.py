"""Random numbers: maps of a key and of the place of each element, with JAX's names and order of arguments.

    key = tt.random.key(0)
    first, second = tt.random.split(key)
    mask = tt.random.bernoulli(first, 0.9, x.shape)
    noise = tt.random.normal(second, x.shape)

A key is an integer tensor of no axes: a constant, an input, a parameter, or made from another key. Equal
keys and shapes give equal numbers: in every program, on every backend, for any number of threads, forward and
backward. So every draw has a key of its own, by `split` or `fold_in`. Nothing is kept between draws, and none
takes memory where what reads it is a map.

Bits are Threefry's (J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), and those of
`jax.random`; so are `uniform`, `bernoulli` and, but for rounding, `normal`, `exponential` and `gumbel`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from compiler.errors import ArgumentError, DTypeError, ShapeError
from compiler.ir.build import apply
from compiler.ir.dims import Dim, Extent, Shape
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.threefry import signed
from compiler.ir.node import Node, describe
from compiler.ir.numbers import number, whole_number
from compiler.ir.types import FLOAT32, INT32, INT64
from tinytorch import distributions
from tinytorch.api import constant
from tinytorch.axes import normalised_axis
from tinytorch.draws import draw, drawn_dtype, drawn_shape, key_node, one_key, unit
from tinytorch.guards import guard, missing_from
from tinytorch.ops.elementwise import erf
from tinytorch.ops.layout import take, take_along_axis
from tinytorch.ops.reduce import argmax
from tinytorch.tensor import Tensor, as_tensor

__all__ = [
    "bernoulli", "bits", "categorical", "exponential", "fold_in", "gumbel", "key", "normal", "permutation",
    "randint", "shuffle", "split", "truncated_normal", "uniform",
]  # fmt: skip


def key(seed: Any) -> Tensor:
    """The key of a seed: a constant int64 of no axes. An integer tensor is a key already.

    Seeds are read modulo 2^64. Raises ArgumentError for what is no integer.
    """
    if isinstance(seed, Tensor):
        return Tensor(one_key(seed, "key")).astype(INT64)
    whole = whole_number(seed)
    if whole is None:
        raise ArgumentError(f"a seed is an int, not {seed!r}")
    return constant(signed(whole % 2**64, 64), dtype="int64")


def split(key: Any, num: Extent | str = 2) -> Tensor:
    """So many new keys, int64[num], whose draws have nothing to do with each other or with those of `key`.

    Take them apart, `first, second = split(key)`, or one at a time, `keys[3]`.
    """
    shape = drawn_shape((num,), "split")
    return draw("random_int64", one_key(key, "split"), shape, INT64)


def fold_in(key: Any, data: Any) -> Tensor:
    """A new key made from a key and an integer, such as the number of a step or a layer.

    Keys and integers may be tensors, which broadcast. `split(key, n)[i]` is `fold_in(key, i)`.
    """
    node = key_node(key, "fold_in")
    given = as_tensor(data)
    if not given.dtype.is_integer:
        raise DTypeError(f"fold_in takes an integer, not {describe(given.node)}")
    return Tensor(apply(_FOLD_IN, node, given.node))


def bits(key: Any, shape: Sequence[Extent | str] = (), dtype: Any = "int32") -> Tensor:
    """Random integers of all bits, int32 or int64: every pattern is as likely as another."""
    found = drawn_dtype(dtype, "bits", integers=True)
    return draw(f"random_{found}", one_key(key, "bits"), drawn_shape(shape, "bits"), found)


def uniform(
    key: Any,
    shape: Sequence[Extent | str] = (),
    dtype: Any = "float32",
    minval: Any = 0.0,
    maxval: Any = 1.0,
) -> Tensor:
    """Numbers in [minval, maxval), all as likely: `minval + u * (maxval - minval)` of u in [0, 1).

    u is a multiple of 2^-23, in float64 of 2^-52. Where bounds have few digits left, the result may round to
    `maxval`. Bounds may be tensors that broadcast to the shape, and have gradients.
    """
    found = drawn_dtype(dtype, "uniform")
    u = unit(one_key(key, "uniform"), drawn_shape(shape, "uniform"), found)
    low, high = (_setting(name, item) for name, item in (("minval", minval), ("maxval", maxval)))
    if _is(low, 0) and _is(high, 1):
        return u
    scaled = u * (high - low)
    return _fits(scaled if _is(low, 0) else scaled + low, u, "uniform")


def normal(key: Any, shape: Sequence[Extent | str] = (), dtype: Any = "float32") -> Tensor:
    """Standard normal numbers. `mean + deviation * normal(key, shape)` has gradients by both."""
    found = drawn_dtype(dtype, "normal")
    u = unit(one_key(key, "normal"), drawn_shape(shape, "normal"), found)
    return distributions.normal(found)(u)


def truncated_normal(
    key: Any,
    lower: Any,
    upper: Any,
    shape: Sequence[Extent | str] | None = None,
    dtype: Any = "float32",
) -> Tensor:
    """Standard normal numbers of which only those in [lower, upper] are taken.

    Bounds are numbers or tensors; without a `shape` theirs is drawn.
    """
    found = drawn_dtype(dtype, "truncated_normal")
    bounds = [as_tensor(_setting(name, x)).astype(found) for name, x in (("lower", lower), ("upper", upper))]
    low, high = bounds
    wanted = (low + high).shape if shape is None else drawn_shape(shape, "truncated_normal")
    u = unit(one_key(key, "truncated_normal"), wanted, found)
    first, last = (erf(x / math.sqrt(2)) for x in bounds)
    return _fits(distributions.truncated_normal(found)(u, low, high, first, last), u, "truncated_normal")


def bernoulli(key: Any, p: Any = 0.5, shape: Sequence[Extent | str] | None = None) -> Tensor:
    """Bools, true with the probability `p`, a number or a tensor; without a `shape` that of `p` is drawn."""
    chance = _setting("p", p)
    given = chance.shape if isinstance(chance, Tensor) else ()
    wanted = given if shape is None else drawn_shape(shape, "bernoulli")
    u = unit(one_key(key, "bernoulli"), wanted, FLOAT32)
    return _fits(u < chance, u, "bernoulli")


def exponential(key: Any, shape: Sequence[Extent | str] = (), dtype: Any = "float32") -> Tensor:
    """Exponential numbers of mean 1: -log(1 - u)."""
    found = drawn_dtype(dtype, "exponential")
    u = unit(one_key(key, "exponential"), drawn_shape(shape, "exponential"), found)
    return distributions.exponential()(u)


def gumbel(key: Any, shape: Sequence[Extent | str] = (), dtype: Any = "float32") -> Tensor:
    """Standard Gumbel numbers, -log(-log(u)): the largest of many samples, in the limit."""
    found = drawn_dtype(dtype, "gumbel")
    u = unit(one_key(key, "gumbel"), drawn_shape(shape, "gumbel"), found)
    return distributions.gumbel()(u)


def categorical(key: Any, logits: Any, axis: int = -1, shape: Sequence[Extent | str] | None = None) -> Tensor:
    """Classes, int64, each as likely as softmax(logits) along `axis`: the argmax of them and Gumbel noise.

    `shape` is what is drawn, and ends with the other axes of the logits; by default it is these alone.
    """
    given = as_tensor(logits)
    if not given.dtype.is_float:
        raise DTypeError(f"categorical takes floating logits, not {describe(given.node)}")
    place = normalised_axis(axis, given.ndim, given.node)
    others = (*given.shape[:place], *given.shape[place + 1 :])
    wanted = others if shape is None else drawn_shape(shape, "categorical")
    many = len(wanted) - len(others)
    if many < 0 or wanted[many:] != others:
        raise ShapeError(
            f"categorical: the shape {wanted} does not end with {others}, the other axes of "
            f"{describe(given.node)}\n  fix: shape=(number, *others)"
        )
    noise = gumbel(key, (*wanted[:many], *given.shape), given.dtype)
    return argmax(noise + given, many + place)


def randint(
    key: Any, shape: Sequence[Extent | str], minval: Any, maxval: Any, dtype: Any = "int64"
) -> Tensor:
    """Integers in [minval, maxval), all as likely to within 2^-32; bounds are ints or integer tensors.

    Where a tensor's bounds leave no number, `minval`. Of 64 random bits the upper word of their product with
    the number of choices is taken (D. Lemire, "Fast random integer generation in an interval", 2019).
    """
    found = drawn_dtype(dtype, "randint", integers=True)
    low, high = (_whole(name, item) for name, item in (("minval", minval), ("maxval", maxval)))
    wanted = drawn_shape(shape, "randint")
    drawn = draw("random_int64", one_key(key, "randint"), wanted, INT64)
    if isinstance(low, int) and isinstance(high, int):
        _check_choices(low, high, found is INT32)
        if high - low <= _FEW:
            return distributions.below()(drawn, low, high - low).astype(found)
    return _fits(distributions.below_any()(drawn, low, high), drawn, "randint").astype(found)


def permutation(key: Any, x: Any, axis: int = 0, independent: bool = False) -> Tensor:
    """The elements of `x` along an axis in random order; for an extent the numbers below it, int64.

    Rows keep together, unless `independent` orders each column by itself. Every order is as likely: it is
    that of 64 random bits an element, which a call sorts, in a native program between its kernels.
    """
    node = one_key(key, "permutation")
    count = x if isinstance(x, Dim) else None if number(x) is None else whole_number(x)
    if count is not None:
        return _order(node, drawn_shape((count,), "permutation"))
    given = as_tensor(x)
    place = normalised_axis(axis, given.ndim, given.node)
    if not independent:
        return take(given, _order(node, (given.shape[place],)), axis=place)
    order = _order(node, (*given.shape[:place], *given.shape[place + 1 :], given.shape[place]))
    axes = [*range(place), given.ndim - 1, *range(place, given.ndim - 1)]
    return take_along_axis(given, order.transpose(axes), place)


def shuffle(key: Any, x: Any, axis: int = 0) -> Tensor:
    """`x` with its elements along an axis in random order: `permutation`, under NumPy's name."""
    return permutation(key, x, axis)


def _order(key: Node, shape: Shape) -> Tensor:
    """Places along the last axis in a random order."""
    return draw("random_int64", key, shape, INT64).argsort()


_FOLD_IN: Final = parse_formula("fold_in(key, data) = random64(key, data)")
_FEW: Final = 2**31
"""Choices up to which a product of them and half of the bits has no sign."""


def _setting(name: str, value: Any) -> Any:
    """A number, or what may stand for a tensor."""
    plain = number(value)
    return as_tensor(value) if plain is None else plain


def _whole(name: str, value: Any) -> Any:
    """An int, or an integer tensor of int64. Raises DTypeError."""
    if number(value) is not None:
        whole = whole_number(value)
        if whole is None:
            raise DTypeError(f"randint: {name} is an int or an integer tensor, not {value!r}")
        return whole
    tensor = as_tensor(value)
    if not tensor.dtype.is_integer:
        raise DTypeError(f"randint: {name} is an int or an integer tensor, not {describe(tensor.node)}")
    return tensor.astype(INT64)


def _check_choices(low: int, high: int, is_narrow: bool) -> None:
    """Raises ArgumentError for bounds between which there is nothing, or more than the dtype holds."""
    if low >= high:
        raise ArgumentError(f"randint: no integer is at least {low} and below {high}")
    limit = 2**31 if is_narrow else 2**63
    if low < -limit or high > limit or high - low >= 2**63:
        raise ArgumentError(f"randint: {low} to {high} are too many for {'int32' if is_narrow else 'int64'}")


def _is(value: Any, wanted: int) -> bool:
    return not isinstance(value, Tensor) and value == wanted


def _fits(result: Tensor, drawn: Tensor, what: str) -> Tensor:
    """What was drawn, and not broadcast beyond. Raises ShapeError."""
    if result.shape != drawn.shape:
        raise ShapeError(
            f"{what}: its parameters broadcast {_text(drawn.shape)} to {_text(result.shape)}, so that draws "
            f"would repeat\n  fix: draw shape={_text(result.shape)}"
        )
    return result.astype(drawn.dtype) if result.dtype.is_float else result


def _text(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


guard(__name__)
__getattr__ = missing_from(__name__)
