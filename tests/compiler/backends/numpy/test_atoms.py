"""Every atom has calls, in every dtype, into an array of its own and over an argument."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.numpy.atoms import EMITTERS, Site, is_literal, multiply_unless_zero
from compiler.backends.numpy.source import Source
from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.ir.build import apply
from compiler.ir.formula.atoms import ATOMS, OF_INTEGERS, Rule
from compiler.ir.types import BOOL, FLOAT32, FLOAT64
from tests.compiler.backends.numpy.running import assert_right

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 30.0, -30.0, 1e-30, np.inf, -np.inf, np.nan]
OF_BITS = [name for name, atom in ATOMS.items() if atom.rule in OF_INTEGERS]
BITWISE = [name for name, atom in ATOMS.items() if atom.rule is Rule.BITWISE]


def test_the_table_has_no_holes():
    assert set(EMITTERS) == set(ATOMS) == set(ATOMS_IN_NUMPY)


def inputs_of(atom: str, dtype: str) -> list[tt.Tensor]:
    count = ATOMS[atom].arity
    kinds = ["bool" if atom == "where" and k == 0 else dtype for k in range(count)]
    return [tt.input(f"x{k}", (12, 12), kind) for k, kind in enumerate(kinds)]


def arrays_of(inputs: list[tt.Tensor]) -> list[np.ndarray]:
    """Every special value against every other."""
    found = []
    for place, item in enumerate(inputs):
        values = np.array(
            SPECIAL if item.dtype.is_float else np.arange(12) % (2 if item.dtype is BOOL else 5)
        )
        grid = np.broadcast_to(values[:, None] if place == 0 else values, (12, 12))
        found.append(grid.astype(item.dtype.numpy))
    return found


ARITHMETIC = [name for name, atom in ATOMS.items() if atom.rule is Rule.ARITHMETIC]
NUMBERS_ONLY = (*ARITHMETIC, *(name for name in OF_BITS if name not in BITWISE))
CASES = [
    (atom, dtype)
    for atom in sorted(ATOMS)
    for dtype in ("float32", "float64", "int32", "bool")
    if dtype != "bool" or atom not in NUMBERS_ONLY
    if not dtype.startswith("float") or atom not in OF_BITS
]


@pytest.mark.parametrize(("atom", "dtype"), CASES)
def test_an_atom_equals_the_oracle(atom, dtype):
    inputs = inputs_of(atom, dtype)
    result = tt.Tensor(apply(atom, *(item.node for item in inputs)))
    with np.errstate(over="ignore"):
        assert_right(inputs, [result], *arrays_of(inputs), tile=36)


SPAN = {
    "asin": (-0.9, 0.9),
    "acos": (-0.9, 0.9),
    "atanh": (-0.9, 0.9),
    "acosh": (1.5, 3.0),
    "logit": (0.1, 0.9),
}


@pytest.mark.parametrize("name", [name for name in sorted(ATOMS) if name not in OF_BITS])
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
def test_an_atom_may_be_written_over_an_argument(name, dtype):
    count = ATOMS[name].arity
    first = 1 if name == "where" else 0
    for over in range(first, count):
        arrays = [
            np.random.default_rng(k).uniform(*SPAN.get(name, (0.5, 2.0)), 9).astype(dtype.numpy)
            for k in range(count)
        ]
        if name == "where":
            arrays[0] = arrays[0] > 1
        expected = np.asarray(ATOMS_IN_NUMPY[name](*arrays))
        if expected.dtype != dtype.numpy:
            return  # a result of another dtype is never written in place
        source = Source()
        names = [source.bind(array, "x") for array in arrays]
        site = Site(
            source, dtype, names[over], lambda wanted, source=source: source.bind(np.empty(9, wanted.numpy))
        )
        EMITTERS[name](site, *names)
        run, _ = source.finish([])
        run()
        np.testing.assert_allclose(arrays[over], expected, rtol=1e-5 if dtype is FLOAT32 else 1e-14)


def test_a_product_with_zero_is_zero_whatever_the_other_is():
    x, y = np.array([0.0, 0.0, -0.0, 2.0]), np.array([np.inf, np.nan, 3.0, 4.0])
    out = np.empty(4)
    with np.errstate(invalid="ignore"):
        multiply_unless_zero(x, y, out, np.empty(4, bool))
        multiply_unless_zero(x, y, x, np.empty(4, bool))
    np.testing.assert_array_equal(out, [0, 0, 0, 8])
    np.testing.assert_array_equal(x, [0, 0, 0, 8])


def test_a_broadcast_factor_is_zero_where_it_is_zero():
    y, out = np.array([[np.inf, 1.0], [np.nan, 2.0]]), np.empty((2, 2))
    for column, expected in (
        ([0.0, 2.0], [[0, 0], [np.nan, 4]]),
        ([np.nan, 0.0], [[np.nan, np.nan], [0, 0]]),
        ([2.0, 3.0], [[np.inf, 2], [np.nan, 6]]),
    ):
        with np.errstate(invalid="ignore"):
            multiply_unless_zero(np.array(column)[:, None], y, out, np.empty((2, 1), bool))
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(("x", "expected"), [(0.0, [0, 0]), (2.0, [np.inf, 2]), (np.inf, [np.inf, np.inf])])
def test_a_factor_may_be_a_number(x, expected):
    y, out = np.array([np.inf, 1.0]), np.empty(2)
    with np.errstate(invalid="ignore"):
        multiply_unless_zero(x, y, out, np.empty(2, bool))
    np.testing.assert_array_equal(out, expected)


def test_an_atom_computes_in_the_dtype_that_the_line_reads():
    x, k = tt.input("x", (3,), "bool"), tt.input("k", (3,), "int32")
    assert tt.sqrt(x).dtype is FLOAT32
    program = assert_right([x, k], [tt.sqrt(x), tt.exp(x), x / x, x * k, tt.erf(k), k / k, tt.pow(k, 2)],
                           np.array([True, False, True]), np.array([1, 2, 70000], np.int32))  # fmt: skip
    assert program([True, False, True], [1, 2, 3])[0].dtype == np.float32


def test_a_literal_is_told_from_a_name():
    assert [is_literal(text) for text in ("0.0", "-1", "1e-05", "x1", "t3[r]", "True")] == [True] * 3 + [
        False
    ] * 3


@pytest.mark.parametrize(
    "name", [atom.name for atom in ATOMS.values() if atom.rule is Rule.FLOATING and atom.arity == 1]
)
def test_an_atom_keeps_its_digits_over_the_whole_range_of_float32(name):
    """Tails included, which the tolerance of the contract does not see beside larger values."""
    spread = 10.0 ** np.linspace(-30, 30, 2001)
    x = np.concatenate([np.linspace(-20, 20, 4001), spread, -spread]).astype(np.float32)

    def values(backend: str, dtype: str) -> np.ndarray:
        argument = tt.input("x", x.shape, dtype)
        result = tt.Tensor(apply(name, argument.node))
        return tt.compile([argument], result, backend=backend)(x.astype(dtype)).astype(float)

    expected = values("reference", "float64")
    is_normal = (np.abs(expected) > 1.2e-38) & (np.abs(expected) < 3.4e38)
    np.testing.assert_allclose(values("numpy", "float32")[is_normal], expected[is_normal], rtol=4e-6)
