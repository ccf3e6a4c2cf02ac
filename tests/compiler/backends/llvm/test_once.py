"""Code that a process has once is made once, whichever threads ask first."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("llvmlite")

from compiler.backends.llvm.jit.once import once

FIRST = """
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import tinytorch as tt

sys.setswitchinterval(1e-5)

def is_right(seed):
    x = tt.input("x", ("n", 8))
    program = tt.compile([x], tt.tanh(x @ np.eye(8, dtype=np.float32)), backend="llvm")
    given = np.random.default_rng(seed).standard_normal((5, 8)).astype(np.float32)
    return all(np.allclose(program(given), np.tanh(given), rtol=1e-5) for _ in range(30))

with ThreadPoolExecutor(4) as pool:
    assert all(pool.map(is_right, range(8)))
"""


def test_all_threads_get_what_one_of_them_made() -> None:
    made: list[int] = []

    @once
    def make(number: int) -> object:
        made.append(number)
        time.sleep(0.01)
        return object()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(make, [1, 2] * 8))
    assert sorted(made) == [1, 2]
    assert len(set(map(id, found))) == 2


def test_what_fails_is_made_again() -> None:
    calls: list[None] = []

    @once
    def make() -> int:
        calls.append(None)
        if len(calls) == 1:
            raise OSError("no room")
        return 7

    with pytest.raises(OSError, match="no room"):
        make()
    assert make() == make() == 7
    assert len(calls) == 2


def test_the_first_programs_of_a_process_may_be_of_several_threads() -> None:
    found = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
