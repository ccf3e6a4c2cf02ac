"""What is measured is the same computation in every system of ours, and loads no slow library."""

import io
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

from compiler.backends.llvm.backend import Llvm
from tests.benchmarks.growth import BASE, GROWN, read
from tests.benchmarks.plans import plans_table
from tests.benchmarks.systems import numpy_backend, numpy_by_hand, numpy_unfused, ours, ours_unfused
from tests.benchmarks.tricks import TRICKS, measured, steps_of, without
from tests.benchmarks.workloads import sized

SLOW_LIBRARIES = """
import sys
from tests.benchmarks.systems import {module}
for name in ("W1", "W1g", "W2", "W3", "W4", "W5"):
    {module}.prepare(name)()
print(*{{"sympy", "mpmath", "networkx", "graphviz", "matplotlib"}} & set(sys.modules))
"""


def first(result):
    return np.mean(result[0] if isinstance(result, tuple | list) else result)


@pytest.mark.parametrize("workload", ["W3", "net-3-5-2"])
def test_systems_compute_the_same_steps(workload):
    systems = (ours, ours_unfused, numpy_backend, numpy_unfused, numpy_by_hand)
    steps = [system.prepare(workload) for system in systems]
    for _ in range(3):
        values = [first(step()) for step in steps]
        np.testing.assert_allclose(values, values[0], rtol=1e-5)


def test_a_step_computes_the_same_without_any_one_trick():
    steps = steps_of("net-5-7-2", Llvm())
    assert list(steps) == ["", *TRICKS]
    values = [first(step()) for step in steps.values()]
    np.testing.assert_allclose(values, values[0], rtol=1e-5)
    assert set(measured(steps, 1, 0.0)) == set(steps)


@pytest.mark.parametrize("name", ["tile", "vectorise"])
def test_without_a_trick_its_kernels_are_others(name):
    def text():
        return ours.build("net-5-40-1", backend=Llvm())[0].source()

    with without(name):
        alone = text()
    assert ("tile" in alone) == (name != "tile")
    assert alone != text()


def test_a_sized_network_has_its_sizes():
    network = sized("net-3-5-2")
    assert network is not None
    assert network.x.shape == network.target.shape == (3, 5)
    assert [(w.shape, b.shape) for w, b in network.layers] == [((5, 5), (5,))] * 2
    assert sized("W3") is None


def test_every_size_grows_through_the_base():
    assert all(BASE[size] in values or size == "batch" for size, values in GROWN.items())
    assert list(BASE) == list(GROWN)


def test_figures_read_back_with_numbers_for_sizes():
    assert read('{"batch": {"ours": {"16": 0.5}}}') == {"batch": {"ours": {16: 0.5}}}


@pytest.mark.parametrize("module", ["ours", "numpy_backend"])
def test_no_workload_loads_a_slow_library(module):
    code = SLOW_LIBRARIES.format(module=module)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert run.stdout.split() == []


def test_the_table_of_plans_has_fewer_kernels_with_passes_and_fits_a_terminal():
    table = plans_table(["W3"])
    fused, unfused = (int(cell) for cell in table.columns[1]._cells)
    assert fused < unfused
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table)
    assert "…" not in console.export_text()
