"""Powers: accurate by every kind of exponent, and what C99 says of zeros, infinities, NaN and signs."""

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.ir.types import dtype_of
from compiler.loops.language import Literal
from compiler.loops.mathematics.powers import instructions_of
from tests.compiler.backends.llvm.writing import Writer
from tests.compiler.backends.llvm.writing import run as run_kernel
from tests.compiler.loops.mathematics.float64_samples import in_units, units_off
from tests.compiler.loops.mathematics.test_atoms_of_formulas import DTYPES, LANES, WAYS, run, units

PLAIN = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -1.0, -2.0, -3.0)
HALVES = (1.5, 2.5, 3.5, -0.5, -1.5)
OTHERS = (7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 31.0, 64.0, 65.0, -4.0, -7.0, -64.0, 4.5, 0.75, -0.25, -2.5)
EXPONENTS = (*PLAIN, *HALVES, *OTHERS)
EDGES = [
    0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 1.5, -1.5, np.inf, -np.inf, np.nan, 1e300, -1e300,
    5e-324, -5e-324, 1e160, -1e160, 1e-45, 1e20, -1e38, 2.0**53 + 2, 2.0**24 + 1, -(2.0**24) + 1,
]  # fmt: skip


def by_literal(x, exponent, way="host", lanes=None):
    """x to a literal exponent."""
    dtype = x.dtype.name
    lanes = LANES[dtype] if lanes is None else lanes
    writer, step = Writer(), max(1, lanes)
    given, out, length = writer.array(dtype), writer.array(dtype), writer.number()
    with writer.loop(length, lanes=lanes, step=step) as loop:
        base = writer.load(given, (loop.index, 1), lanes=lanes)
        value = writer.let("pow", base, Literal.of(exponent, dtype_of(dtype)))
        writer.store(out, value, (loop.index, 1))
    padded = np.concatenate([x, np.ones(-len(x) % step, dtype)])
    found = np.empty(len(padded), dtype)
    run_kernel(writer.kernel, padded, found, len(found), machine=WAYS[way])
    return found[: len(x)]


def bases(dtype, exponent, count=200):
    """Numbers whose powers are of every exponent, and of two or four factors still in the range."""
    rng = np.random.default_rng(3)
    most = (130 if dtype == "float32" else 1030) / abs(exponent)
    x = np.exp2(rng.uniform(-min(most, 1020), min(most, 1020), count))
    if abs(exponent) > 4:
        x = np.concatenate([x, np.exp2(rng.uniform(most / 2, most * abs(exponent) / 1.9, count))])
    signs = rng.choice([-1.0, 1.0], len(x)) if exponent == int(exponent) else 1.0
    with np.errstate(over="ignore"):
        x = (x * signs).astype(dtype)
    return x[np.isfinite(x) & (x != 0)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", EXPONENTS)
def test_a_literal_exponent_is_within_four_units(exponent, dtype, way):
    x = bases(dtype, exponent)
    y = by_literal(x, exponent, way)
    with mpmath.workprec(200):
        exact = [mpmath.mpf(float(v)) ** mpmath.mpf(exponent) for v in x]
        if dtype == "float64":
            off = units_off(y, [in_units(value) for value in exact])
        else:
            off = np.array([units(a, b, dtype) for a, b in zip(y, exact, strict=True)])
    assert off.max() <= 3.7, (x[off.argmax()], off.max())


def agree(found, wanted):
    """Equal but for four units, NaN in the same places and zeros of the same signs."""
    limits = np.finfo(found.dtype)
    np.testing.assert_allclose(
        found, wanted, rtol=4 * float(limits.eps), atol=4 * float(limits.smallest_subnormal)
    )
    number = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found)[number], np.signbit(wanted)[number])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_all_pairs_of_edges_are_those_of_c99(dtype, way):
    with np.errstate(all="ignore"):
        x, y = (grid.ravel().copy() for grid in np.meshgrid(*[np.array(EDGES).astype(dtype)] * 2))
        wanted = np.power(x.astype("float64"), y.astype("float64")).astype(dtype)
    agree(run("pow", x, y, way=way), wanted)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", [*EXPONENTS, 0.0, np.inf, -np.inf, np.nan])
def test_literal_exponents_have_the_edges_too(exponent, dtype, way):
    with np.errstate(all="ignore"):
        x = np.array(EDGES).astype(dtype)
        wanted = np.power(x.astype("float64"), np.full(len(x), exponent)).astype(dtype)
    agree(by_literal(x, exponent, way), wanted)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_square_root_is_one_of_zeros_and_infinities_too(dtype):
    x = np.array([4.0, 0.0, -0.0, np.inf, -np.inf, -1.0], dtype)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(by_literal(x, 0.5), np.sqrt(x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_depend_neither_on_lanes_nor_on_what_scales(dtype):
    rng = np.random.default_rng(4)
    x = np.concatenate([np.exp(rng.uniform(-80, 80, 60)), EDGES]).astype("float64")
    y = np.concatenate([rng.uniform(-1, 1, 60), rng.permutation(EDGES)])
    with np.errstate(over="ignore"):
        x, y = x.astype(dtype), y.astype(dtype)
    wide = run("pow", x, y)
    for lanes, way in ((0, "host"), (4, "host"), (2 * LANES[dtype], "host"), (8, "without scaling")):
        np.testing.assert_array_equal(run("pow", x, y, lanes=lanes, way=way), wide)
    for exponent in (*EXPONENTS, -0.25):
        wide = by_literal(x, exponent)
        for lanes, way in ((0, "host"), (4, "host"), (8, "without scaling")):
            np.testing.assert_array_equal(by_literal(x, exponent, way, lanes), wide)


@pytest.mark.parametrize("exponent", [1, 2, 3, 7, 30, 63])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_are_multiplied_modulo_their_range(exponent, dtype):
    x = np.array([0, 1, -1, 2, -3, 5, 46_341, -7], dtype)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(by_literal(x, exponent, lanes=8), x ** np.array(exponent, dtype))


def test_a_power_costs_what_it_is_computed_by():
    assert instructions_of(2.0) == 1
    assert instructions_of(0.5) < instructions_of(2.5) < instructions_of(1.7)
    assert instructions_of(6.0) < instructions_of(13.0) < instructions_of(np.inf) == instructions_of(65.0)
    assert instructions_of(2.0) < instructions_of(-2.0)
