"""Calls that sort rows, and rows that are hard to sort."""

import numpy as np

import tinytorch as tt
from compiler.ir.build import constant_node
from compiler.ir.known_calls import AtRanks, First, FirstValues, Order, Ranked, Sorted, call_of
from compiler.ir.node import make_node
from compiler.ir.types import INT64

SPECIAL = [np.nan, -np.nan, np.inf, -np.inf, -0.0, 0.0]
LIMITS = [np.iinfo(np.int64).min, np.iinfo(np.int64).max, np.iinfo(np.int32).min, np.iinfo(np.int32).max, 0]


def functions(width):
    few = min(3, width)
    yield from ((made(descends), None) for made in (Sorted, Order) for descends in (False, True))
    yield from ((made(few, largest), None) for made in (First, FirstValues) for largest in (False, True))
    ranks = np.array([width // 2, 0, width - 1])
    yield from ((made(or_nan), ranks) for made in (Ranked, AtRanks) for or_nan in (False, True))


def arrays(shape, dtype):
    """Rows of many equal elements, and with NaN, infinities, zeros of two signs, and ends of integers."""
    random = np.random.default_rng(7)
    few = np.round(random.standard_normal(shape) * 2)
    if dtype.kind == "f":
        signed = few * random.choice([-1.0, 1.0], shape)
        special = np.where(random.random(shape) < 0.3, random.choice(SPECIAL, shape), signed)
        return [random.standard_normal(shape).astype(dtype), signed.astype(dtype), special.astype(dtype)]
    limits = np.where(random.random(shape) < 0.3, random.choice(LIMITS, shape), few.astype(np.int64))
    return [few.astype(dtype), limits.astype(dtype)]


def compiled(function, ranks, shape, dtype, backend="llvm"):
    x = tt.input("x", shape, dtype=dtype)
    operands = [x.node] if ranks is None else [x.node, constant_node(ranks, INT64)]
    call = call_of(function, *(node.type for node in operands))
    return tt.compile([x], tt.Tensor(make_node(call, operands)), backend=backend)


def expected(function, ranks, x):
    return function(x) if ranks is None else function(x, ranks)


def assert_same(found, wanted, function):
    """The same bits but of NaN; which of two zeros stands at a rank is not said."""
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == wanted.dtype
    if found.dtype.kind == "f" and not isinstance(function, Ranked):
        known = ~np.isnan(wanted)
        np.testing.assert_array_equal(np.signbit(found[known]), np.signbit(wanted[known]))


def assert_threads_change_nothing(function, shape):
    """The same bits by one, two and three threads."""
    x = arrays(shape, np.dtype(np.float32))[2]
    before = tt.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            tt.set_num_threads(threads)
            found.append(compiled(function, None, ("n", shape[1]), "float32")(x).tobytes())
    finally:
        tt.set_num_threads(before)
    assert len(set(found)) == 1
