"""The speed of a machine: what holds wherever it is measured, that it is kept, and who measures it."""

import json
import math
import os

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.backends.numpy import measuring as by_numpy
from compiler.speed.machine import MeasuredMachine
from compiler.speed.processor import USUAL, cache_sizes, processor_name

native = pytest.mark.skipif(not Llvm().is_available, reason="needs the native backend")


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A cache of its own, and nothing known in the process."""
    from compiler.backends.llvm.jit.cache import ObjectCache
    from compiler.backends.llvm.measure import known

    monkeypatch.setattr(known, "default_cache", lambda: ObjectCache(tmp_path / "objects"))
    monkeypatch.setattr(known, "_found", {})
    return known


def rates(machine: MeasuredMachine) -> list[float]:
    """All numbers that are rates or seconds."""
    plain = [value for value in machine.to_dict().values() if isinstance(value, float)]
    return plain + [
        rate
        for level in machine.levels
        for rate in (level.read, level.write, level.read_by_all, level.write_by_all)
    ]


@native
def test_what_native_code_measures_is_positive_and_in_order():
    machine = tt.machine()
    assert machine.measured_by == "llvm"
    assert machine.threads == tt.get_num_threads()
    assert all(math.isfinite(rate) and rate >= 0 for rate in rates(machine))
    sizes = [level.size for level in machine.levels]
    assert sizes == sorted(sizes)
    assert machine.memory.name == "memory"
    assert math.isinf(machine.memory.size)
    assert machine.levels[0].read > machine.memory.read
    assert all(level.read_by_all >= level.read for level in machine.levels)
    assert machine.flops32 > machine.flops64 > machine.divisions64
    assert machine.vectors < 2 * machine.flops32
    assert 0 < machine.launch < 1e-4


def test_what_numpy_measures_is_positive_and_leaves_out_what_it_cannot_say():
    machine = by_numpy.known_machine()
    assert machine.measured_by == "numpy"
    assert all(rate > 0 for rate in rates(machine) if not math.isnan(rate))
    assert machine.to_dict()["latency"] is None
    assert "until a sum" not in str(machine)
    assert MeasuredMachine.from_dict(json.loads(machine.to_json())).to_json() == machine.to_json()


def test_without_llvmlite_numpy_measures(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert tt.machine().measured_by == "numpy"
    assert "measured by numpy" in str(tt.machine())


@native
def test_a_machine_is_json_and_back():
    machine = tt.machine()
    assert MeasuredMachine.from_dict(json.loads(machine.to_json())) == machine
    assert json.loads(machine.to_json())["levels"][-1]["size"] == "inf"


@native
def test_a_machine_prints_as_two_tables():
    memory, processor = str(tt.machine()).split("\n\n")
    assert "measured by llvm" in memory
    assert [line.split()[0] for line in memory.splitlines()[2:]] == [
        level.name for level in tt.machine().levels
    ]
    assert "Gflop/s" in processor


@native
def test_a_machine_is_measured_once_and_kept(fresh, monkeypatch):
    asked, measure = [], fresh.measure
    monkeypatch.setattr(fresh, "measure", lambda target: asked.append(target) or measure(target))
    machine = tt.machine()
    assert tt.machine() is machine
    fresh._found.clear()  # as in another process
    assert tt.machine() == machine
    assert len(asked) == 1
    assert tt.machine(again=True) is tt.machine()
    assert len(asked) == 2


@native
def test_another_number_of_threads_is_another_machine(fresh, monkeypatch):
    asked = []
    known = Llvm().measured()
    monkeypatch.setattr(fresh, "measure", lambda target: asked.append(target) or known)
    before = tt.get_num_threads()
    tt.set_num_threads(before + 1)
    try:
        tt.machine()
    finally:
        tt.set_num_threads(before)
    assert len(asked) == 1


@native
def test_neither_compiling_nor_a_call_measures(fresh, monkeypatch):
    def measure(target):
        raise AssertionError("measured")

    monkeypatch.setattr(fresh, "measure", measure)
    x = tt.input("x", ("n", 300))
    program = tt.compile([x], {"y": tt.softmax(x @ np.eye(300, dtype=np.float32)), "s": x.sum()})
    program(np.ones((400, 300), np.float32))
    assert all(map(str, (program.why(x), program.source(), program.cost)))
    with pytest.raises(AssertionError, match="measured"):
        tt.machine()


def test_caches_are_those_that_linux_lists(tmp_path):
    for place, (kind, size) in enumerate(
        [("Data", "48K"), ("Instruction", "32K"), ("Unified", "2048K"), ("Unified", "36M")]
    ):
        folder = tmp_path / f"index{place}"
        folder.mkdir()
        (folder / "type").write_text(kind + "\n")
        (folder / "size").write_text(size + "\n")
    assert cache_sizes(tmp_path) == (48 << 10, 2 << 20, 36 << 20)
    (tmp_path / "index0" / "size").write_text("some\n")
    assert cache_sizes(tmp_path) == USUAL
    assert cache_sizes(tmp_path / "none") == USUAL


def test_a_processor_has_a_name():
    assert processor_name()
    assert os.linesep not in processor_name()
