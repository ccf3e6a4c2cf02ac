"""atan2, hypot and copysign as the native backend has them: accuracy over the whole range, and edges."""

import functools
import itertools

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite")

from tests.compiler.loops.mathematics.test_atoms_of_formulas import DTYPES, WAYS, run, units

EXACT = {"atan2": mpmath.atan2, "hypot": mpmath.hypot}
COUNT = 1200


@functools.cache
def pairs(dtype):
    """Pairs of all exponents and signs, most of them of about one size, and the special ones."""
    rng = np.random.default_rng(3)
    low, high = (-149, 128) if dtype == "float32" else (-1074, 1024)

    def numbers(exponents):
        signs = rng.choice([-1.0, 1.0], len(exponents))
        return signs * np.ldexp(rng.uniform(0.5, 1.0, len(exponents)), exponents)

    exponents = rng.integers(low, high, COUNT)
    near = np.clip(exponents + rng.integers(-30, 31, COUNT), low, high)
    return numbers(exponents).astype(dtype), numbers(near).astype(dtype)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("atom", EXACT)
def test_within_two_units_everywhere(atom, dtype, way):
    x, y = pairs(dtype)
    found = run(atom, x, y, way=way)
    with mpmath.workprec(120):
        exact = [EXACT[atom](mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x, y, strict=True)]
        off = [units(value, wanted, dtype) for value, wanted in zip(found, exact, strict=True)]
    assert max(off) <= 2.0, (x[np.argmax(off)], y[np.argmax(off)], max(off))


SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.5, 1e-40, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("lanes", [0, 8])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("atom", ["atan2", "hypot", "copysign"])
def test_signs_of_zeros_and_directions_of_infinities_are_numpys(atom, dtype, lanes):
    x, y = (np.array(column, dtype) for column in zip(*itertools.product(SPECIAL, SPECIAL), strict=True))
    wanted = {"atan2": np.arctan2, "hypot": np.hypot, "copysign": np.copysign}[atom](x, y)
    found = run(atom, x, y, lanes=lanes)
    np.testing.assert_allclose(found, wanted, rtol=2 * np.finfo(dtype).eps)
    is_number = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found[is_number]), np.signbit(wanted[is_number]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_of_two_and_ten_have_whole_logarithms(dtype):
    k = np.arange(-126, 128).astype(dtype)
    np.testing.assert_array_equal(run("log2", np.ldexp(np.ones_like(k), k.astype(int))), k)
    tens = np.arange(0, 11 if dtype == "float32" else 23).astype(dtype)
    np.testing.assert_array_equal(run("log10", np.array([10.0 ** int(n) for n in tens], dtype)), tens)
