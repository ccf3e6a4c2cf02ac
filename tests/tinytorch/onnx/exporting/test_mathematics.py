"""The functions that ONNX lacks, on arrays beside NumPy's, and the table of atoms."""

import numpy as np
import pytest

from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.errors import LawError
from compiler.ir.formula.atoms import ATOMS, of_every_atom
from tests.tinytorch.op_table import SPECIAL
from tinytorch.onnx.exporting import mathematics as m
from tinytorch.onnx.exporting.atoms import ATOMS as WRITTEN
from tinytorch.onnx.exporting.atoms import NO_FORM

EVERYWHERE = np.concatenate(
    [np.linspace(-30, 30, 4001), np.logspace(-300, 300, 601), -np.logspace(-300, 300, 601)]
)
WITHIN = np.linspace(-1, 1, 2001)

OF_ONE = {
    "log1p": (m.log1p, np.log1p), "expm1": (m.expm1, np.expm1), "tan": (m.tan, np.tan),
    "exp2": (m.exp2, np.exp2), "log2": (m.log2, np.log2), "log10": (m.log10, np.log10),
    "atan": (m.atan, np.arctan), "asin": (m.asin, np.arcsin), "acos": (m.acos, np.arccos),
    "sinh": (m.sinh, np.sinh), "cosh": (m.cosh, np.cosh), "asinh": (m.asinh, np.arcsinh),
    "acosh": (m.acosh, np.arccosh), "atanh": (m.atanh, np.arctanh), "cbrt": (m.cbrt, np.cbrt),
    "softplus": (m.softplus, ATOMS_IN_NUMPY["softplus"]), "erf": (m.erf, ATOMS_IN_NUMPY["erf"]),
    "erfc": (m.erfc, ATOMS_IN_NUMPY["erfc"]), "normcdf": (m.normcdf, ATOMS_IN_NUMPY["normcdf"]),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_ONE)
def test_a_function_of_one_is_that_of_numpy(name):
    mine, theirs = OF_ONE[name]
    x = np.concatenate([EVERYWHERE, WITHIN, SPECIAL])
    x = x[np.abs(x) < 1e4] if name == "tan" else x
    with np.errstate(all="ignore"):
        found, wanted = mine(x), theirs(x)
        close = np.isclose(found, wanted, rtol=2e-13, atol=1e-300, equal_nan=True)
    assert close.all(), (x[~close][:5], found[~close][:5], wanted[~close][:5])


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (m.atan2, np.arctan2),
        (m.hypot, np.hypot),
        (m.copysign, np.copysign),
        (m.floor_divide, np.floor_divide),
    ],
)
def test_a_function_of_two_is_that_of_numpy(mine, theirs):
    x, y = np.meshgrid(SPECIAL, SPECIAL)
    with np.errstate(all="ignore"):
        found, wanted = mine(x, y), theirs(x, y)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=0)
    signs = np.signbit(found) == np.signbit(wanted)
    assert (signs | np.isnan(wanted)).all() or mine is m.floor_divide


def test_an_atom_without_a_form_is_found():
    with pytest.raises(LawError, match="no row for erf"):
        of_every_atom({name: None for name in WRITTEN if name != "erf"}, "a table", but=NO_FORM)
    assert set(WRITTEN) | set(NO_FORM) == set(ATOMS)
    assert all(NO_FORM.values())
