"""Accuracy, edges and independence of width of the mathematics that the native backend emits."""

import functools
import math
import re
from dataclasses import replace

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.backends.reference.random_bits import random32, random64
from compiler.backends.reference.special import erfinv
from compiler.ir.formula.atoms import ATOMS
from compiler.ir.types import dtype_of
from compiler.loops.language import Literal
from compiler.loops.mathematics.coefficients import COEFFICIENTS
from compiler.loops.mathematics.table import RULES
from tests.compiler.backends.llvm.writing import HOST, Writer, module_of
from tests.compiler.backends.llvm.writing import run as run_kernel
from tests.compiler.loops.mathematics import fit_coefficients
from tests.compiler.loops.mathematics.remez import Fit, remez

WAYS = {
    "host": HOST,
    "without scaling": replace(HOST, scales=False),
    "without fma": replace(HOST, has_fma=False, scales=False),
}
LANES = {"float32": 16, "float64": 8, "int32": 16, "int64": 8, "bool": 16}
DTYPES = ("float32", "float64")
LOGICAL = ("and", "or", "xor", "not")
SHIFTS = ("lshift", "rshift")
RANDOM = {"random32": (random32, "int32"), "random64": (random64, "int64")}
GAMMAS = ("lgamma", "digamma", "zeta")
"""Tested in a file of their own."""
TRUTHS = ("lt", "le", "gt", "ge", "eq", "ne", "isnan")
CONSTANT_LIMIT = 30  # beyond it mpmath's erfc takes for ever, and every dtype has reached the limit

EXACT = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tanh": mpmath.tanh,
    "sech2": lambda x: mpmath.sech(x) ** 2,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)) if x < 0 else x + mpmath.log1p(mpmath.exp(-x)),
    "erf": lambda x: mpmath.erf(held(x)),
    "erfc": lambda x: mpmath.erfc(held(x)),
    "normcdf": lambda x: mpmath.erfc(held(-x / mpmath.sqrt(2))) / 2,
    "normpdf": lambda x: mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi),
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "tan": mpmath.tan,
    "logit": lambda x: real(mpmath.log(x / (1 - x))),
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "log10": lambda x: mpmath.log(x) / mpmath.log(10),
    "asin": lambda x: real(mpmath.asin(x)),
    "acos": lambda x: real(mpmath.acos(x)),
    "atan": mpmath.atan,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "asinh": mpmath.asinh,
    "acosh": lambda x: real(mpmath.acosh(x)),
    "atanh": lambda x: real(mpmath.atanh(x)),
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "erfinv": mpmath.erfinv,
}


def real(x):
    return x if mpmath.im(x) == 0 else mpmath.nan


# The largest |x| at which something other than a limit happens, (float32, float64).
REACH = {
    "exp": (104, 746), "expm1": (89, 710), "tanh": (10, 20), "sech2": (53, 374), "sigmoid": (104, 746),
    "softplus": (104, 746), "erf": (4.2, 6.2), "erfc": (10.3, 27.4), "normcdf": (14.6, 38.8),
    "normpdf": (14.6, 38.8), "sin": (100, 100), "cos": (100, 100), "log": (3, 3), "log1p": (3, 3),
    "exp2": (150, 1075), "tan": (100, 100), "logit": (1, 1), "log2": (3, 3), "log10": (3, 3), "asin": (1, 1),
    "acos": (1, 1), "atan": (9, 9), "sinh": (90, 711),
    "cosh": (90, 711), "asinh": (9, 9), "acosh": (9, 9), "atanh": (1, 1), "cbrt": (3, 3),
    "erfinv": (1, 1),
}  # fmt: skip

LOGARITHMS = ("log", "log2", "log10")
WITHIN_ONE = ("asin", "acos", "atanh", "erfinv")

# Values at -inf, -1000, -0, +0, 1000, +inf; everything is NaN at NaN. None: only accurate, not exact.
EDGES = {
    "exp": (0.0, 0.0, 1.0, 1.0, np.inf, np.inf),
    "expm1": (-1.0, -1.0, -0.0, 0.0, np.inf, np.inf),
    "log": (np.nan, np.nan, -np.inf, -np.inf, None, np.inf),
    "log1p": (np.nan, np.nan, -0.0, 0.0, None, np.inf),
    "tanh": (-1.0, -1.0, -0.0, 0.0, 1.0, 1.0),
    "sech2": (0.0, 0.0, 1.0, 1.0, 0.0, 0.0),
    "sigmoid": (0.0, 0.0, 0.5, 0.5, 1.0, 1.0),
    "softplus": (0.0, 0.0, None, None, 1000.0, np.inf),
    "erf": (-1.0, -1.0, -0.0, 0.0, 1.0, 1.0),
    "erfc": (2.0, 2.0, 1.0, 1.0, 0.0, 0.0),
    "normcdf": (0.0, 0.0, 0.5, 0.5, 1.0, 1.0),
    "normpdf": (0.0, 0.0, None, None, 0.0, 0.0),
    "sin": (np.nan, None, -0.0, 0.0, None, np.nan),
    "cos": (np.nan, None, 1.0, 1.0, None, np.nan),
    "exp2": (0.0, None, 1.0, 1.0, None, np.inf),
    "tan": (np.nan, None, -0.0, 0.0, None, np.nan),
    "logit": (np.nan, np.nan, -np.inf, -np.inf, np.nan, np.nan),
    "log2": (np.nan, np.nan, -np.inf, -np.inf, None, np.inf),
    "log10": (np.nan, np.nan, -np.inf, -np.inf, 3.0, np.inf),
    "asin": (np.nan, np.nan, -0.0, 0.0, np.nan, np.nan),
    "acos": (np.nan, np.nan, np.pi / 2, np.pi / 2, np.nan, np.nan),
    "atan": (-np.pi / 2, None, -0.0, 0.0, None, np.pi / 2),
    "sinh": (-np.inf, -np.inf, -0.0, 0.0, np.inf, np.inf),
    "cosh": (np.inf, np.inf, 1.0, 1.0, np.inf, np.inf),
    "asinh": (-np.inf, None, -0.0, 0.0, None, np.inf),
    "acosh": (np.nan, np.nan, np.nan, np.nan, None, np.inf),
    "atanh": (np.nan, np.nan, -0.0, 0.0, np.nan, np.nan),
    "cbrt": (-np.inf, -10.0, -0.0, 0.0, 10.0, np.inf),
    "erfinv": (np.nan, np.nan, -0.0, 0.0, np.nan, np.nan),
    "lgamma": (np.inf, np.inf, np.inf, np.inf, None, np.inf),
    "digamma": (np.nan, np.nan, np.inf, -np.inf, None, np.inf),
    "sqrt": (np.nan, np.nan, -0.0, 0.0, None, np.inf),
    "sign": (-1.0, -1.0, 0.0, 0.0, 1.0, 1.0),
    "floor": (-np.inf, -1000.0, -0.0, 0.0, 1000.0, np.inf),
    "abs": (np.inf, 1000.0, 0.0, 0.0, 1000.0, np.inf),
    "neg": (np.inf, 1000.0, 0.0, -0.0, -1000.0, -np.inf),
}


def held(x):
    return max(min(x, mpmath.mpf(CONSTANT_LIMIT)), mpmath.mpf(-CONSTANT_LIMIT))


def arity(atom):
    """How many operands an atom takes."""
    return ATOMS[atom].arity if atom in ATOMS else {"fma": 3, "fms": 3}.get(atom, 1)


def kernel(atom, dtype, lanes):
    """A kernel that applies the atom to arrays, `lanes` numbers at a time (0: a scalar)."""
    writer, count = Writer(), arity(atom)
    truths = 1 if atom == "where" else 0
    given = [writer.array("bool" if k < truths else dtype) for k in range(count)]
    gives_truth = atom in TRUTHS
    out, length = writer.array("bool" if gives_truth else dtype), writer.number()
    with writer.loop(length, lanes=lanes, step=max(1, lanes)) as loop:
        values = [writer.load(memory, (loop.index, 1), lanes=lanes) for memory in given]
        value = writer.let(atom, *values, dtype="bool" if gives_truth else None)
        writer.store(out, value, (loop.index, 1))
    return writer.kernel


known_kernel = functools.cache(kernel)


def run(atom, *arguments, way="host", lanes=None):
    """Apply the atom to arrays of one dtype and length."""
    dtype = arguments[-1].dtype.name
    lanes = LANES[dtype] if lanes is None else lanes
    length, step = len(arguments[0]), max(1, lanes)
    padded = [np.concatenate([a, np.ones(-length % step, a.dtype)]) for a in arguments]
    out = np.empty(len(padded[0]), "bool" if atom in TRUTHS else dtype)
    run_kernel(known_kernel(atom, dtype, lanes), *padded, out, len(out), machine=WAYS[way])
    return out[:length]


def sample(atom, dtype, count):
    """Return numbers of all exponents, numbers where the function bends, and numbers where it is small."""
    rng = np.random.default_rng(20)
    reach = REACH[atom][0 if dtype == "float32" else 1]
    low, high = (-149, 128) if dtype == "float32" else (-1074, 1024)
    signs = rng.choice([-1.0, 1.0], count)
    anywhere = np.ldexp(rng.uniform(0.5, 1.0, count), rng.integers(low, high, count))
    middling = rng.uniform(0.0, reach, count)
    small = np.exp(rng.uniform(-8.0, np.log(reach), count))
    x = np.concatenate([anywhere * signs, middling * signs, small * signs])
    if atom in LOGARITHMS:
        x = np.concatenate([np.abs(x), 1.0 + small[:99] * 1e-3, 1.0 - middling[:99] * 1e-3])
    if atom in WITHIN_ONE:
        x = np.concatenate([x[np.abs(x) <= 1.0], 1.0 - small[:99] * 1e-3])
    if atom == "logit":
        x = np.concatenate([x[(x > 0.0) & (x < 1.0)], 0.5 + (0.5 - middling[:50]) * 1e-3])
    if atom == "acosh":
        x = np.concatenate([1.0 + np.abs(x), 1.0 + small * 1e-3])
    if atom == "log1p":
        x = np.concatenate([x[x > -1.0], -1.0 + middling / 3.0])
    return x.astype(dtype)


def units(y, exact, dtype):
    """Return |y - exact| in units in the last place of `exact`."""
    digits, lowest, top = (24, -149, 128) if dtype == "float32" else (53, -1074, 1024)
    if np.isinf(y):
        return 0.0 if abs(exact) >= mpmath.mpf(2) ** top * (1 - mpmath.mpf(2) ** -(digits + 1)) else np.inf
    exponent = mpmath.frexp(exact)[1] if exact else lowest
    return float(abs(mpmath.mpf(float(y)) - exact) / mpmath.mpf(2) ** max(exponent - digits, lowest))


@functools.cache
def exact_values(atom, dtype):
    with mpmath.workprec(120):
        x = sample(atom, dtype, 60)
        return x, [EXACT[atom](mpmath.mpf(float(v))) for v in x]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("atom", EXACT)
def test_within_four_units_in_the_last_place(atom, dtype, way):
    x, exact = exact_values(atom, dtype)
    y = run(atom, x, way=way)
    with mpmath.workprec(120):
        worst = max((units(a, b, dtype), v) for a, b, v in zip(y, exact, x, strict=True))
    assert worst[0] <= 4.0, worst


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("atom", "side", "reach"), [("erfc", 1, 26.5), ("normcdf", -1, 37.5)])
def test_tails_in_float64_keep_their_digits_all_the_way(atom, side, reach, way):
    x = side * np.linspace(reach / 20, reach, 700)
    y = run(atom, x, way=way)
    with mpmath.workprec(120):
        worst = max(
            (units(b, EXACT[atom](mpmath.mpf(float(a))), "float64"), a) for a, b in zip(x, y, strict=True)
        )
    assert worst[0] <= 3.5, worst


def in_float64(atom, x):
    """The atom where float64 is exact enough to judge float32."""
    e, e2 = np.exp(-np.abs(x)), np.exp(-2 * np.abs(x))
    formulas = {
        "logit": lambda: np.where(x < 0.25, np.log(x / (1 - x)), np.log1p((2 * x - 1) / (1 - x))),
        "tanh": lambda: np.tanh(x),
        "sech2": lambda: 4 * e2 / (1 + e2) ** 2,
        "sigmoid": lambda: np.where(x < 0, e, 1) / (1 + e),
        "softplus": lambda: np.maximum(x, 0) + np.log1p(e),
        "erf": lambda: np.vectorize(math.erf)(x),
        "erfc": lambda: np.vectorize(math.erfc)(x),
        "normcdf": lambda: np.vectorize(math.erfc)(-x / np.sqrt(2)) / 2,
        "normpdf": lambda: np.exp(-x * x / 2) / np.sqrt(2 * np.pi),
        "erfinv": lambda: erfinv(x),
    }
    name = re.sub("^a(?!rc|bs)", "arc", atom)
    return formulas[atom]() if atom in formulas else getattr(np, name)(x)


@functools.cache
def float32_of_all_exponents():
    """Every 131,071st number by bit pattern, and even steps where the atoms bend."""
    bits = np.arange(0, 2**32, 131_071, dtype=np.uint64).astype(np.uint32).view(np.float32)
    steps = [np.linspace(-reach, reach, 5_001, dtype=np.float32) for reach in (2, 15, 110)]
    return np.concatenate([bits[np.isfinite(bits)], *steps])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("atom", EXACT)
def test_float32_stays_within_four_units_over_its_whole_range(atom, way):
    x = float32_of_all_exponents()
    y = run(atom, x, way=way).astype(np.float64)
    with np.errstate(all="ignore"):
        exact = in_float64(atom, x.astype(np.float64))
        spacing = np.ldexp(1.0, np.maximum(np.frexp(exact)[1] - 24, -149))
        off = np.abs(y - exact) / spacing
    beyond = np.abs(exact) >= float(np.finfo(np.float32).max) * (1 + 2.0**-25)
    agree = (np.isnan(exact) & np.isnan(y)) | (np.isinf(y) & beyond & (np.sign(y) == np.sign(exact)))
    off = np.where(agree, 0.0, np.where(np.isfinite(off), off, np.inf))
    assert off.max() <= 4.0, (x[off.argmax()], off.max())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("atom", EDGES)
def test_edges(atom, dtype, way):
    x = np.array([-np.inf, -1000.0, -0.0, 0.0, 1000.0, np.inf], dtype)
    y = run(atom, x, way=way)
    for argument, value, wanted in zip(x, y, EDGES[atom], strict=True):
        if wanted is not None:
            np.testing.assert_array_equal(value, dtype_value(wanted, dtype), err_msg=f"{atom}({argument})")
            assert np.isnan(wanted) or np.signbit(value) == np.signbit(wanted), (argument, value)
    assert np.isnan(run(atom, np.array([np.nan], dtype), way=way)[0])


def dtype_value(number, dtype):
    return np.dtype(dtype).type(number)


@pytest.mark.parametrize("atom", ["expm1", "log1p", "tanh", "asin", "atan", "sinh", "asinh", "atanh"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_smallest_numbers_come_back_unchanged(atom, dtype):
    smallest = np.nextafter(dtype_value(0, dtype), dtype_value(1, dtype))
    x = smallest * np.array([1, -1, 3, -5, 1001], dtype)
    for way in WAYS:
        np.testing.assert_array_equal(run(atom, x, way=way), x)


@pytest.mark.parametrize(
    "atom", [name for name in RULES if arity(name) == 1 and name not in ("not", "cast", "place")]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_depend_neither_on_lanes_nor_on_what_scales(atom, dtype):
    x = np.concatenate([sample("exp", dtype, 40), np.array([0.0, -0.0, np.inf, -np.inf], dtype)])
    wide = run(atom, x)
    for lanes, way in ((0, "host"), (4, "host"), (2 * LANES[dtype], "host"), (8, "without scaling")):
        other = run(atom, x, lanes=lanes, way=way)
        same = (other.view(f"u{other.itemsize}") == wide.view(f"u{wide.itemsize}")) | np.isnan(wide)
        assert same.all(), (x[~same], lanes, way)
        np.testing.assert_array_equal(np.isnan(other), np.isnan(wide))


@pytest.mark.parametrize("atom", ["tanh", "erf"])
def test_saturating_functions_stay_within_one_and_rise_to_it(atom):
    x = np.linspace(1.0, 12.0, 200_000, dtype="float32")
    y = run(atom, x)
    assert y.max() == 1.0
    assert y[-1] == 1.0


NUMPY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "maximum": np.maximum,
    "minimum": np.minimum, "pow": np.power, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal, "and": np.bitwise_and, "or": np.bitwise_or,
    "xor": np.bitwise_xor, "not": np.invert, "lshift": np.left_shift, "rshift": np.right_shift,
    "isnan": np.isnan, "floor": np.floor, "ceil": np.ceil,
    "round": np.rint, "sqrt": np.sqrt, "sign": np.sign, "abs": np.abs, "neg": np.negative,
    "where": np.where, "stop": np.positive, "atan2": np.arctan2, "hypot": np.hypot, "copysign": np.copysign,
    "fmod": np.fmod, "floordiv": np.floor_divide,
    "fma": lambda a, b, c: (a.astype("longdouble") * b + c).astype(a.dtype),
    "fms": lambda a, b, c: (a.astype("longdouble") * b - c).astype(a.dtype),
    "zmul": lambda a, b: np.where(a == 0, np.zeros_like(a), a * b),
}  # fmt: skip
SPECIAL = {
    "f": [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, -2.5, 3.75, np.inf, -np.inf, np.nan],
    "i": [0, 1, -1, 2, 5, -7, 46_341, 2**31 - 1, -(2**31)],
    "b": [False, True],
}
OF_INTEGERS = (
    "fmod", "floordiv",
    "add", "sub", "mul", "zmul", "neg", "abs", "sign", "floor", "ceil", "round", "maximum", "minimum", "lt",
    "le", "gt", "ge", "eq", "ne", "isnan", "where", "pow", "stop", *LOGICAL, *SHIFTS,
)  # fmt: skip
OF_BOOLS = ("lt", "le", "gt", "ge", "eq", "ne", "where", "maximum", "minimum", *LOGICAL)
CASES = [
    *[(name, dtype) for name in NUMPY if name not in (*LOGICAL, *SHIFTS) for dtype in DTYPES],
    *[(name, dtype) for name in OF_INTEGERS for dtype in ("int32", "int64")],
    *[(name, "bool") for name in OF_BOOLS],
]


def close(atom, dtype):
    """The C library's pow may differ from NumPy's own in the last places; everything else is exact."""
    return (
        4 * np.finfo(dtype).eps if atom in ("pow", "fma", "fms", "atan2", "hypot") and dtype in DTYPES else 0
    )


@pytest.mark.parametrize("lanes", [0, 16])
@pytest.mark.parametrize(("atom", "dtype"), CASES)
def test_the_meaning_is_numpys(atom, dtype, lanes):
    special = np.array(SPECIAL[np.dtype(dtype).kind]).astype(dtype)
    arguments = [g.ravel() for g in np.meshgrid(*[special] * arity(atom))]
    if atom == "where":
        arguments[0] = arguments[0] != 0
    if atom == "pow" and dtype not in DTYPES:
        arguments[1] = abs(arguments[1]) % 9
    if atom in SHIFTS:
        counts = np.array([-(2**31), -1, 0, 1, 5, 31, 32, 63, 64, 2**31 - 1]).astype(dtype)
        arguments = [g.ravel() for g in np.meshgrid(special, counts)]
    with np.errstate(all="ignore"):
        wanted = NUMPY[atom](*arguments).astype(bool if atom in TRUTHS else dtype)
    found = run(atom, *arguments, lanes=lanes)
    np.testing.assert_allclose(found, wanted, rtol=close(atom, dtype), atol=0)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("count", [-(2**31), -1, 0, 1, 5, 31, 32, 63, 64, 2**31 - 1])
@pytest.mark.parametrize("atom", SHIFTS)
def test_shifts_by_literals_are_numpys(atom, count, dtype):
    x = np.resize(np.array(SPECIAL["i"]).astype(dtype), 16)
    writer = Writer()
    memory, out = writer.array(dtype), writer.array(dtype)
    shifted = writer.let(atom, writer.load(memory, lanes=16), Literal.of(count, dtype_of(dtype)))
    writer.store(out, shifted)
    found = np.zeros(16, dtype)
    run_kernel(writer.kernel, x, found)
    np.testing.assert_array_equal(found, NUMPY[atom](x, np.full(16, count, dtype)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0, 4.0, 0.5, -1.0])
def test_small_literal_exponents_are_numpys(exponent, dtype):
    writer = Writer()
    memory, out = writer.array(dtype), writer.array(dtype)
    writer.store(out, writer.let("pow", writer.load(memory, lanes=8), Literal.of(exponent, dtype_of(dtype))))
    x, found = np.linspace(0.1, 7, 8).astype(dtype), np.zeros(8, dtype)
    run_kernel(writer.kernel, x, found)
    square = x * x
    wanted = {1.0: x, 2.0: square, 3.0: square * x, 4.0: square * square, 0.5: np.sqrt(x), -1.0: 1 / x}[
        exponent
    ]
    np.testing.assert_array_equal(found, wanted)
    assert "@pow" not in str(module_of(writer.kernel))


@pytest.mark.parametrize("lanes", [0, 4, 16])
@pytest.mark.parametrize("atom", RANDOM)
def test_random_bits_are_those_of_the_oracle(atom, lanes):
    wanted, dtype = RANDOM[atom]
    keys, counters = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, (2, 32))
    writer = Writer()
    given, out = [writer.array("int64"), writer.array("int64")], writer.array(dtype)
    with writer.loop(writer.number(), lanes=lanes, step=max(1, lanes)) as loop:
        values = [writer.load(memory, (loop.index, 1), lanes=lanes) for memory in given]
        writer.store(out, writer.let(atom, *values, dtype=dtype), (loop.index, 1))
    found = np.zeros(32, dtype)
    run_kernel(writer.kernel, keys, counters, found, 32)
    np.testing.assert_array_equal(found, wanted(keys, counters))


def test_every_atom_has_a_rule_and_a_test():
    assert set(ATOMS) | {"fma", "fms", "place", "cast"} == set(RULES)
    assert set(RULES) - {"place", "cast"} == {*EXACT, *NUMPY, *RANDOM, *GAMMAS}


def test_equal_arguments_of_maximum_give_the_first():
    zeros = np.array([0.0, -0.0], "float32")
    for atom in ("maximum", "minimum"):
        for lanes in (0, 16):
            assert list(np.signbit(run(atom, zeros, zeros[::-1].copy(), lanes=lanes))) == [False, True]


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_is_fused_or_reordered_but_what_is_written(dtype):
    for atom in sorted({*EXACT, *NUMPY} - {*LOGICAL, *SHIFTS}):
        text = str(module_of(known_kernel(atom, dtype, 8)))
        assert not {"fast", "contract", "reassoc", "nnan", "ninf", "nsz", "arcp"} & set(text.split()), atom
        assert "llvm.fma" not in str(module_of(known_kernel(atom, dtype, 8), WAYS["without fma"])), atom


def test_the_script_gives_the_coefficients_that_are_there():
    with mpmath.workdps(fit_coefficients.DIGITS):
        for dtype, choices in fit_coefficients.CHOICES.items():
            fitted, _, _ = remez(fit_coefficients.exp_fit(choices.exp, mpmath.exp))
            wanted = [1.0, 1.0, *(fit_coefficients.rounded(c, dtype) for c in fitted)]
            assert COEFFICIENTS[dtype]["exp"] == tuple(wanted)


def test_a_quotient_levels_its_error():
    with mpmath.workdps(30):
        top, bottom, error = remez(Fit(mpmath.exp, mpmath.mpf(0), mpmath.mpf(1), 2, 2))
        worst = max(
            abs(mpmath.polyval(top[::-1], x) / mpmath.polyval(bottom[::-1], x) / mpmath.exp(x) - 1)
            for x in mpmath.linspace(0, 1, 200)
        )
    assert error < 3e-6
    assert worst <= error * 1.01
