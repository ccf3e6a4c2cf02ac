"""What kernels move, and from which level: memory once, rows that are picked as whole lines, copies apart."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.loops.places import Places
from compiler.speed.traffic import traffic_of
from tests.compiler.speed.machines import MACHINE


def traffic(inputs, outputs, *, threads=1, updates=None, **sizes):
    """Of each kernel, and of the copies, as compiled for a backend that fuses as native code does."""
    program = tt.compile(inputs, outputs, updates=updates or {}, backend="numpy")
    return traffic_of(Places(program.plan), sizes, MACHINE.levels, threads)


def test_what_is_small_stays_in_the_first_cache_and_what_is_large_comes_from_memory():
    x = tt.input("x", ("n",))
    assert traffic([x], x + 1, n=100)[0].read == (400, 0, 0, 0)
    assert traffic([x], x + 1, n=200)[0].read == (0, 800, 0, 0)
    assert traffic([x], x + 1, n=200)[0].written == (0, 800, 0, 0)
    assert traffic([x], x + 1, threads=2, n=200)[0].read == (800, 0, 0, 0)
    assert traffic([x], x + 1, n=2000)[0].read == (0, 0, 8000, 0)
    assert traffic([x], x + 1, n=20_000)[0].written == (0, 0, 0, 80_000)


def test_overlapping_parts_of_one_memory_are_read_once():
    x = tt.input("x", (200,))
    (kernel, *_) = [item for item in traffic([x], x[1:] - x[:-1]) if any(item.written)]
    assert sum(kernel.read) == 800


def test_a_value_that_was_just_written_is_near():
    x = tt.input("x", (30, 30))
    found = traffic([x], (x + 1).max(axis=0).sum() + (x + 1).max(axis=1).sum())
    assert sum(sum(item.read) for item in found) >= 3600
    assert all(item.read[3] == 0 for item in found)


def test_rows_that_are_picked_move_whole_lines():
    table, index = tt.input("table", (100, 1)), tt.input("index", (10,), "int64")
    (kernel, *_) = [item for item in traffic([table, index], tt.take(table, index, axis=0)) if any(item.read)]
    assert sum(kernel.read) == pytest.approx(10 * 64 + 80, abs=1)
    wide = tt.input("wide", (100, 16))
    (kernel, *_) = [item for item in traffic([wide, index], tt.take(wide, index, axis=0)) if any(item.read)]
    assert sum(kernel.read) == pytest.approx(10 * 64 + 80, abs=1)


def test_copies_stand_last():
    x, w = tt.input("x", (50,)), tt.parameter(np.zeros(50, np.float32), "w")
    *kernels, copies = traffic([x], x.reshape((5, 10)), updates={w: x})
    assert sum(copies.read) >= 200
    assert sum(copies.written) >= 200
    assert not any(any(item.read) for item in kernels)
