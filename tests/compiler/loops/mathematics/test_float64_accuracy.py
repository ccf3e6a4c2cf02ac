"""Every native float64 atom against mpmath: thousands of points, chosen where an atom may go wrong."""

import functools

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite")

from tests.compiler.loops.mathematics.float64_samples import (
    BREAKS,
    DOMAIN,
    WITHIN_ONE,
    held,
    in_units,
    points,
    units_off,
)
from tests.compiler.loops.mathematics.test_atoms_of_formulas import EXACT, WAYS, run

COUNT = 6_000
FUNCTIONS = {
    **EXACT,
    "erfc": mpmath.erfc,
    "normcdf": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "softplus": lambda x: max(x, 0) + mpmath.log1p(mpmath.exp(-min(abs(x), 2000))),
    "sqrt": mpmath.sqrt,
    "lgamma": mpmath.loggamma,
    "digamma": mpmath.digamma,
}
"""The exact functions, of arguments that are held already."""
MOST = {"lgamma": 5.0, "digamma": 5.0}
"""Units where they are more than 4: quotients of polynomials, times their roots or beside logarithms."""


def exact_at(atom, x):
    with mpmath.workdps(60):
        return [in_units(FUNCTIONS[atom](held(atom, float(v)))) for v in x]


@functools.cache
def sample(atom):
    x = points(atom, COUNT)
    return x, exact_at(atom, x)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("atom", BREAKS)
def test_within_four_units_everywhere(atom, way):
    x, exact = sample(atom)
    off = units_off(run(atom, x, way=way), exact)
    assert off.max() <= MOST.get(atom, 4.0), (x[off.argmax()], off.max())


@pytest.mark.parametrize("way", WAYS)
def test_a_power_is_within_four_units(way):
    rng = np.random.default_rng(0)
    x = np.ldexp(rng.uniform(0.5, 1.0, 2_000), rng.integers(-1074, 1025, 2_000))
    y = rng.uniform(-1.0, 1.0, 2_000) * 760.0 / np.maximum(np.abs(np.log(x)), 1e-3)
    with mpmath.workdps(60):
        exact = [in_units(mpmath.mpf(float(a)) ** mpmath.mpf(float(b))) for a, b in zip(x, y, strict=True)]
    off = units_off(run("pow", x, y, way=way), exact)
    assert off.max() <= 4.0, (x[off.argmax()], y[off.argmax()], off.max())


def test_all_atoms_that_round_are_sampled():
    assert set(BREAKS) == set(FUNCTIONS)


def test_a_unit_is_that_of_the_exact_value_subnormal_numbers_and_overflow_included():
    with mpmath.workdps(60):
        smallest, largest = mpmath.mpf(2) ** -1074, mpmath.mpf(np.finfo(np.float64).max)
        numbers = [mpmath.mpf(1), smallest * 2.5, largest, 2 * largest, smallest / 4, mpmath.mpf(0), -largest]
        exact = [in_units(number) for number in numbers]
    y = np.array([1 - 2.0**-52, 1e-323, np.inf, np.inf, 5e-324, -0.0, np.inf])
    np.testing.assert_array_equal(units_off(y, exact), [1.0, 0.5, np.inf, 0.0, 0.75, 0.0, np.inf])
    assert np.isinf(units_off(np.array([np.nan]), exact[:1]))


@pytest.mark.parametrize("atom", BREAKS)
def test_a_sample_has_thousands_of_points_of_every_kind(atom):
    x, _ = sample(atom)
    magnitude, tiny = np.abs(x), np.finfo(np.float64).tiny
    assert len(x) > (0.7 if DOMAIN.get(atom, 0.0) < 1.0 else 0.5) * COUNT
    assert atom == "acosh" or np.count_nonzero((magnitude > 0) & (magnitude < tiny)) > 20
    assert atom in WITHIN_ONE or np.count_nonzero(magnitude > 1e100) > 100
    assert np.count_nonzero((magnitude > 1e-3) & (magnitude < 1e3)) > 500
