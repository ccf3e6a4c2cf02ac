"""log-gamma, digamma and zeta as the native backend has them: accuracy, poles and edges."""

import functools

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.backends.reference import special
from compiler.ir.formula.precise import mpmath_context, table
from tests.compiler.loops.mathematics.test_atoms_of_formulas import DTYPES, WAYS, run, units

ATOMS = ("lgamma", "digamma")
ORDERS = (2, 3, 4, 7, 30)
COUNT = 150


@functools.cache
def above_zero(dtype):
    """Numbers of all exponents, and near the roots 1, 2 and 1.46 and where pieces meet."""
    rng = np.random.default_rng(7)
    low, high = (-149, 128) if dtype == "float32" else (-1074, 1024)
    near = [place + rng.uniform(-1e-3, 1e-3, 30) for place in (0.5, 1, 1.4616321449683623, 2, 3, 6, 8)]
    anywhere = np.ldexp(rng.uniform(0.5, 1, COUNT), rng.integers(low, high, COUNT))
    return np.concatenate([anywhere, rng.uniform(0, 12, COUNT), *near]).astype(dtype)


@functools.cache
def left_of_zero(dtype):
    return np.random.default_rng(8).uniform(-20, 0, COUNT).astype(dtype)


@functools.cache
def exact(atom, dtype, is_left, *first):
    context, x = mpmath_context(), left_of_zero(dtype) if is_left else above_zero(dtype)
    return [table()[atom](*map(context.mpf, first), context.mpf(float(v))) for v in x]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("atom", ATOMS)
def test_within_four_units_above_zero_also_beside_the_roots(atom, dtype, way):
    x = above_zero(dtype)
    off = [units(a, b, dtype) for a, b in zip(run(atom, x, way=way), exact(atom, dtype, False), strict=True)]
    assert max(off) <= 4.0, (x[np.argmax(off)], max(off))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ORDERS)
def test_zeta_stays_within_its_powers_units_above_zero(order, dtype, way):
    """A power of -s is off by up to s / 2 + 1 units where it is multiplied, and by 4 elsewhere."""
    x = above_zero(dtype)
    found = run("zeta", np.full_like(x, order), x, way=way)
    wanted = exact("zeta", dtype, False, order)
    least = float(np.finfo(dtype).tiny)
    off = [units(a, b, dtype) if b > least else 0.0 for a, b in zip(found, wanted, strict=True)]
    assert max(off) <= 6.0, (x[np.argmax(off)], max(off))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("atom", "first"), [*((a, ()) for a in ATOMS), ("zeta", (2,)), ("zeta", (3,))])
def test_to_the_left_of_zero_errors_are_those_of_the_largest_term(atom, first, dtype, way):
    x = left_of_zero(dtype)
    found = run(atom, *(np.full_like(x, item) for item in first), x, way=way).astype(np.float64)
    wanted = np.array([float(item) for item in exact(atom, dtype, True, *first)])
    eps = float(np.finfo(dtype).eps)
    change = np.abs(wanted) + 40  # log(gamma(21)), and the largest sums of cubes beside a half
    assert (np.abs(found - wanted) <= 4 * eps * change).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lanes", [0, 8])
def test_poles_and_edges(dtype, lanes):
    x = np.array([0.0, -0.0, -1, -2, -1000, -np.inf, np.inf, np.nan], dtype)
    inf, nan = np.inf, np.nan
    np.testing.assert_array_equal(run("lgamma", x, lanes=lanes), [inf] * 7 + [nan])
    np.testing.assert_array_equal(run("digamma", x, lanes=lanes), [-inf, inf, nan, nan, nan, nan, inf, nan])
    found = run("zeta", np.full_like(x, 2), x, lanes=lanes)
    np.testing.assert_array_equal(found, [inf, inf, inf, inf, inf, nan, 0, nan])
    s, q = np.array([1, 0.5, -2, 2.5, 2.5, nan], dtype), np.array([2, 2, 2, 2, -0.5, 2], dtype)
    found = run("zeta", s, q, lanes=lanes)
    assert found[0] == inf
    assert np.isnan(found[[1, 2, 4, 5]]).all()
    np.testing.assert_allclose(found[3], float(mpmath.zeta(2.5, 2)), rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("atom", ATOMS)
def test_the_oracle_is_as_near(atom):
    x = above_zero("float64")
    with np.errstate(all="ignore"):
        found = getattr(special, atom)(x)
    off = [units(a, b, "float64") for a, b in zip(found, exact(atom, "float64", False), strict=True)]
    assert max(off) <= 8.0, (x[np.argmax(off)], max(off))
