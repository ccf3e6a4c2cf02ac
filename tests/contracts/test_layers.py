"""Each import contract in pyproject.toml breaks when it is violated, and only then."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

HOUSE = {
    "tinytorch/__init__.py": "import tinytorch.api",
    "tinytorch/api.py": "import rich, passes, compiler.driver, tinytorch.tensor",
    "tinytorch/tensor.py": "import compiler.ir.graph",
    "tinytorch/cli/__init__.py": "",
    "tinytorch/cli/main.py": "import click, tinytorch.api",
    "passes/__init__.py": "import passes.one, passes.two",
    "passes/one.py": "import compiler.rewrite",
    "passes/two.py": "import compiler.schedule",
    "compiler/__init__.py": "",
    "compiler/driver.py": "import compiler.program, compiler.backends.llvm.jit, compiler.render.dot",
    "compiler/restored.py": "import compiler.program",
    "compiler/program.py": "import compiler.signature, compiler.structure, compiler.entrance, compiler.why",
    "compiler/report/__init__.py": "",
    "compiler/lockstep/__init__.py": "",
    "compiler/signature.py": "",
    "compiler/structure.py": "",
    "compiler/entrance.py": "",
    "compiler/why/__init__.py": "",
    "compiler/lint/__init__.py": "",
    "compiler/profiling.py": "",
    "compiler/debugging.py": "",
    "compiler/difference/__init__.py": "",
    "compiler/plugins.py": "import compiler.errors",
    "compiler/backends/__init__.py": "",
    "compiler/backends/c/__init__.py": "",
    "compiler/backends/c/backend.py": "import compiler.backends.c.showing, compiler.backends.llvm.run",
    "compiler/backends/c/showing.py": "import compiler.backends.c.emit",
    "compiler/backends/c/compiling.py": "import compiler.backends.c.naming",
    "compiler/backends/c/emit.py": "import compiler.backends.c.memory, compiler.backends.c.products",
    "compiler/backends/c/memory.py": "import compiler.backends.c.values",
    "compiler/backends/c/products.py": "import compiler.backends.c.values",
    "compiler/backends/c/values.py": "import compiler.backends.c.registers",
    "compiler/backends/c/atoms.py": "import compiler.backends.c.registers",
    "compiler/backends/c/registers.py": "",
    "compiler/backends/c/naming.py": "",
    "compiler/backends/llvm/__init__.py": "",
    "compiler/backends/llvm/backend.py": "import compiler.backends.llvm.measure",
    "compiler/backends/llvm/measure/__init__.py": "import compiler.backends.llvm.run, compiler.speed",
    "compiler/backends/llvm/run/__init__.py": "import compiler.backends.llvm.entry",
    "compiler/backends/llvm/steps/__init__.py": "import compiler.backends.llvm.emit",
    "compiler/backends/llvm/emit/__init__.py": "import compiler.backends.llvm.jit",
    "compiler/backends/llvm/entry/__init__.py": "import compiler.backends.llvm.jit",
    "compiler/backends/llvm/threads/__init__.py": "",
    "compiler/backends/llvm/jit/__init__.py": "def door():\n    import llvmlite.ir",
    "compiler/render/__init__.py": "",
    "compiler/render/dot.py": "def door():\n    import graphviz, pygraphviz",
    "compiler/schedule/__init__.py": "import compiler.analysis",
    "compiler/pipeline/__init__.py": "",
    "compiler/loops/__init__.py": "import compiler.schedule",
    "compiler/speed/__init__.py": "import compiler.loops, compiler.schedule",
    "compiler/autodiff/__init__.py": "",
    "compiler/rewrite/__init__.py": "",
    "compiler/analysis/__init__.py": "import compiler.ir.graph",
    "compiler/ir/__init__.py": "",
    "compiler/ir/graph.py": "import compiler.ir.formula.derive\ndef door():\n    import networkx",
    "compiler/ir/node.py": "",
    "compiler/ir/formula/__init__.py": "",
    "compiler/ir/formula/derive.py": "def door():\n    import sympy, mpmath",
    "compiler/errors.py": "",
    "compiler/sources.py": "",
    "tests/__init__.py": "",
    "examples/__init__.py": "",
}

VIOLATIONS = [
    ("compiler/pipeline/__init__.py", "import passes", {"layers"}),
    ("passes/two.py", "import tinytorch.tensor", {"layers"}),
    ("compiler/errors.py", "import compiler.plugins", {"rooms", "cycles"}),
    ("compiler/rewrite/sweep.py", "import compiler.autodiff", {"rooms"}),
    ("compiler/render/svg.py", "import compiler.backends", {"rooms"}),
    ("compiler/backends/numpy.py", "import compiler.render", {"rooms"}),
    ("compiler/novel.py", "", {"rooms"}),
    ("compiler/loops/tiling.py", "import compiler.speed", {"rooms", "cycles"}),
    ("compiler/backends/llvm/run/program.py", "import compiler.backends.llvm.measure", {"native", "cycles"}),
    ("compiler/backends/llvm/threads/__init__.py", "import compiler.backends.llvm.entry", {"native"}),
    ("compiler/backends/llvm/jit/__init__.py", "import compiler.backends.llvm.threads", {"native"}),
    ("compiler/backends/c/atoms.py", "import compiler.backends.c.memory", {"c"}),
    ("compiler/backends/c/compiling.py", "import compiler.backends.llvm.jit", {"c_alone"}),
    ("passes/two.py", "def late():\n    import passes.one", {"passes"}),
    ("tinytorch/tensor.py", "def late():\n    import tinytorch.api", {"cycles"}),
    ("compiler/ir/formula/tape.py", "import compiler.ir.graph", {"cycles"}),
    ("tinytorch/tensor.py", "import tests", {"above"}),
    ("compiler/ir/node.py", "import examples", {"above"}),
    ("compiler/ir/node.py", "def late():\n    import sympy", {"sympy"}),
    ("compiler/autodiff/walk.py", "from mpmath import mp", {"sympy"}),
    ("compiler/ir/node.py", "import networkx", {"networkx"}),
    ("compiler/ir/node.py", "def late():\n    import ml_dtypes", {"ml_dtypes"}),
    ("tinytorch/tensor.py", "import safetensors.numpy", {"safetensors"}),
    ("tinytorch/tensor.py", "import onnx", {"onnx"}),
    ("tinytorch/tensor.py", "def late():\n    import distributed", {"dask"}),
    ("tinytorch/api.py", "import cloudpickle", {"dask"}),
    ("compiler/backends/numpy.py", "import graphviz", {"graphviz"}),
    ("passes/one.py", "import pygraphviz", {"graphviz"}),
    ("compiler/backends/numpy.py", "import llvmlite", {"llvmlite"}),
    ("tinytorch/tensor.py", "import torch", {"peers"}),
    ("compiler/analysis/cost.py", "import rich.console", {"quiet"}),
    ("tinytorch/tensor.py", "import click", {"click"}),
]


def contracts() -> dict[str, str]:
    """The identifier of each contract by its name."""
    settings = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]
    return {contract["name"]: contract["id"] for contract in settings["contracts"]}


def build(folder: Path, changes: dict[str, str]) -> Path:
    for name, text in (HOUSE | changes).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    (folder / "pyproject.toml").write_bytes(PYPROJECT.read_bytes())
    return folder


def broken(folder: Path) -> set[str]:
    """The identifiers of the contracts that import-linter finds broken in `folder`."""
    command = [sys.executable, "-c", LINT, "--no-cache"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    output = " ".join(run.stdout.split())  # import-linter wraps its lines to the terminal
    assert "Contracts:" in output, run.stdout + run.stderr
    verdicts = {
        key: re.search(re.escape(name) + " (KEPT|BROKEN)", output) for name, key in contracts().items()
    }
    assert all(verdicts.values()), output
    assert (run.returncode == 0) == (" 0 broken" in output)
    return {key for key, verdict in verdicts.items() if verdict and verdict[1] == "BROKEN"}


def test_a_house_in_order_keeps_every_contract(tmp_path):
    assert broken(build(tmp_path, {})) == set()


def test_every_contract_has_a_violation_here():
    assert set(contracts().values()) == set().union(*(caught for _, _, caught in VIOLATIONS))


@pytest.mark.parametrize(("path", "text", "caught"), VIOLATIONS, ids=[f"{p}: {t}" for p, t, _ in VIOLATIONS])
def test_a_violation_breaks_its_contract(tmp_path, path, text, caught):
    before = HOUSE.get(path, "")
    assert broken(build(tmp_path, {path: f"{before}\n{text}"})) == caught


def test_the_project_keeps_every_contract():
    assert broken(PYPROJECT.parent) == set()
