"""The page about adding an atom: its list of places is whole, and a new atom is asked for in each of them."""

import ast
import re
import runpy
from collections.abc import Iterator

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.backends.numpy.atoms import EMITTERS
from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.errors import BackendError, LawError
from compiler.ir.build import apply
from compiler.ir.formula import atoms, opaque, precise
from compiler.ir.formula.interval_rules import RULES
from compiler.loops.mathematics.table import RULES as NATIVE_RULES
from tests.backends import ALL
from tests.documentation.pages import DOCS, ROOT
from tinytorch.onnx.exporting.atoms import ATOMS as WRITTEN
from tinytorch.tensor import Tensor

CUBE = atoms.Atom("cube", 1, atoms.Rule.FLOATING, atoms.Rounding.CLOSE, 2, "{x}^3", "x * x * x")
DECLARATION = "compiler/ir/formula/atoms.py"
NATIVE = "compiler/loops/mathematics/table.py"
TABLES = {
    "compiler/ir/formula/interval_rules.py": (RULES, lambda x: x),
    "compiler/ir/formula/precise.py": (precise.table(), lambda x: x**3),
    "compiler/backends/reference/atoms.py": (ATOMS_IN_NUMPY, lambda x: x * x * x),
    "compiler/backends/numpy/atoms.py": (EMITTERS, lambda site, x: site.call(np.power, x, "3")),
    "tinytorch/onnx/exporting/atoms.py": (WRITTEN, lambda x: x * x * x),
    NATIVE: (NATIVE_RULES, lambda m, x: m.mul(m.mul(x, x), x)),
}


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What sympy is told of atoms is told once; here there is one more, and afterwards there is not."""
    opaque._opaque.cache_clear()
    yield
    opaque._opaque.cache_clear()


def places() -> list[str]:
    """The files in the table of the page."""
    page = (DOCS / "how_to" / "atom.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([\w/.]+)` \|", page, re.MULTILINE)


def calls_of(name: str) -> Iterator[str]:
    """The files of the packages that call a function."""
    for package in ("compiler", "passes", "tinytorch"):
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if any(isinstance(node, ast.Call) and ast.unparse(node.func) == name for node in tree):
                yield str(path.relative_to(ROOT))


def test_the_page_lists_the_declaration_and_every_table():
    assert set(places()) == {DECLARATION, *TABLES}
    assert set(calls_of("of_every_atom")) == set(TABLES)


@pytest.mark.parametrize("place", TABLES)
def test_a_table_without_the_new_atom_is_not_loaded(place, monkeypatch):
    runpy.run_path(str(ROOT / place)).get("table", dict)()
    monkeypatch.setitem(atoms.ATOMS, "cube", CUBE)
    with pytest.raises(LawError, match="no row for cube"):
        runpy.run_path(str(ROOT / place)).get("table", dict)()


def cubed(backend):
    x = Tensor(tt.input("x", ("n",)).node)
    y = Tensor(apply("cube", x.node))
    return tt.compile([x], [y, tt.grad(y.sum(), x)], backend=backend)


@pytest.mark.skipif(not Llvm().is_available, reason="the llvm backend does not run here")
def test_the_native_backend_without_the_new_atom_compiles_nothing_of_it(monkeypatch, tmp_path):
    """Where its code lies neither in this process nor in a cache, as the test below may have left it."""
    from compiler.backends.llvm.jit.cache import ObjectCache
    from compiler.backends.llvm.steps import library

    monkeypatch.setattr(library, "_loaded", {})
    monkeypatch.setattr(library, "default_cache", lambda: ObjectCache(tmp_path))
    monkeypatch.setitem(atoms.ATOMS, "cube", CUBE)
    for place, (table, row) in TABLES.items():
        if place != NATIVE:
            monkeypatch.setitem(table, "cube", row)
    with pytest.raises(BackendError, match="'cube'"):
        cubed("llvm")


@pytest.mark.parametrize("backend", ALL)
def test_with_a_row_in_each_place_it_works_and_has_a_gradient(backend, monkeypatch):
    monkeypatch.setitem(atoms.ATOMS, "cube", CUBE)
    for table, row in TABLES.values():
        monkeypatch.setitem(table, "cube", row)
    numbers = np.linspace(-2, 2, 9, dtype=np.float32)
    value, slope = cubed(backend)(numbers)
    np.testing.assert_allclose(value, numbers**3, rtol=1e-6)
    np.testing.assert_allclose(slope, 3 * numbers**2, rtol=1e-6)


@pytest.mark.skipif(not Llvm().is_available, reason="the llvm backend does not run here")
def test_a_row_that_changes_is_new_code_in_this_process_and_in_the_next(monkeypatch, tmp_path):
    """A digest of our sources does not know the row: what it lowers to is part of the key."""
    from compiler.backends.llvm.jit.cache import ObjectCache
    from compiler.backends.llvm.steps import library

    cache = ObjectCache(tmp_path)
    monkeypatch.setattr(library, "default_cache", lambda: cache)
    monkeypatch.setitem(atoms.ATOMS, "cube", CUBE)
    for table, row in TABLES.values():
        monkeypatch.setitem(table, "cube", row)
    numbers = np.linspace(-2, 2, 9, dtype=np.float32)

    def value():
        return cubed("llvm")(numbers)[0]

    np.testing.assert_allclose(value(), numbers**3, rtol=1e-6)
    monkeypatch.setitem(NATIVE_RULES, "cube", lambda m, x: m.mul(x, x))
    np.testing.assert_allclose(value(), numbers**2, rtol=1e-6)
    monkeypatch.setattr(library, "_loaded", {})
    before = cache.hits
    np.testing.assert_allclose(value(), numbers**2, rtol=1e-6)
    assert cache.hits == before + 1
    monkeypatch.setattr(library, "_loaded", {})
    monkeypatch.setitem(NATIVE_RULES, "cube", lambda m, x: m.add(x, x))
    np.testing.assert_allclose(value(), numbers * 2, rtol=1e-6)
