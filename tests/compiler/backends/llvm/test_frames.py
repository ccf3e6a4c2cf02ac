"""Programs of which NumPy computes some are entered natively, too, where nobody can tell."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.backends.llvm.run import frames
from compiler.errors import LinearAlgebraError
from compiler.ir.bfloat16 import bfloat16, is_bfloat16
from compiler.ir.node import make_node
from compiler.ir.op import Call
from compiler.ir.types import FLOAT32, TensorType
from tinytorch.tensor import Tensor

LONG = 20_000
"""A row that NumPy sorts."""


def counted(program: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls that came by Python's way in; the first of some sizes does."""
    calls: list[Any] = []
    run = program._executable.run

    def counting(*arguments: Any) -> None:
        calls.append(arguments)
        run(*arguments)

    monkeypatch.setattr(program._executable, "run", counting)
    return calls


def rows(count: int, seed: int, width: int = LONG) -> Any:
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def test_only_the_first_call_of_some_sizes_is_checked_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tt.input("x", ("batch", LONG))
    program = tt.compile([x], tt.exp(tt.sort(2 * x + 1)))
    calls = counted(program, monkeypatch)
    for seed, count in enumerate((3, 2, 3, 2, 3)):
        given = rows(count, seed)
        np.testing.assert_allclose(program(given), np.exp(np.sort(2 * given + 1)), rtol=1e-6)
    assert len(calls) == 2
    out = np.empty((3, LONG), np.float32)
    for _ in range(3):  # the first of a process loads what results that are given need
        assert program(given, out=out) is out
        np.testing.assert_allclose(out, np.exp(np.sort(2 * given + 1)), rtol=1e-6)
    assert len(calls) <= 3


def test_results_and_arguments_are_found_wherever_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = tt.input("x", (2, LONG)), tt.input("y", (LONG,))
    program = tt.compile([x, y], (tt.sort(x), tt.argsort(y), tt.sort(x)[:, ::-1] + 0))
    calls = counted(program, monkeypatch)
    kept: list[Any] = []
    for seed in range(6):
        given, other = rows(2, seed), rows(1, seed + 10)[0]
        kept.append((program(given, other), np.sort(given), np.argsort(other, kind="stable")))
    for (ordered, places, back), wanted, order in kept:
        np.testing.assert_array_equal(ordered, wanted)
        np.testing.assert_array_equal(places, order)
        np.testing.assert_array_equal(back, wanted[:, ::-1])
    assert len(calls) == 1


def test_rows_may_lie_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tt.input("x", (3, LONG))
    program = tt.compile([x], tt.argsort(x[::-1, ::-1]))
    calls = counted(program, monkeypatch)
    for seed in range(4):
        given = rows(3, seed)
        wanted = np.argsort(given[::-1, ::-1], axis=1, kind="stable")
        np.testing.assert_array_equal(program(given), wanted)
    assert len(calls) == 1


def test_what_fails_is_computed_again_and_says_why() -> None:
    a = tt.input("a", (900, 900), "float64")
    program = tt.compile([a], tt.linalg.inv(a))
    assert len(program._executable.python_steps) == 1
    regular = np.eye(900) * 2
    np.testing.assert_array_equal(program(regular), regular / 4)
    for _ in range(2):
        with pytest.raises(LinearAlgebraError, match="singular"):
            program(np.zeros((900, 900)))
    np.testing.assert_array_equal(program(regular), regular / 4)


def test_functions_of_users_are_called_once_with_arrays_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []

    def function(array: Any) -> Any:
        kept.append(array)
        if not array[0]:
            raise ValueError("no")
        return array + 1

    x = tt.input("x", (4,))
    called = Tensor(make_node(Call("own", function, TensorType(FLOAT32, (4,))), [x.node]))
    program = tt.compile([x], called * 2)
    calls = counted(program, monkeypatch)
    for number in range(1, 4):
        np.testing.assert_array_equal(program(np.full(4, number, "f")), np.full(4, 2 * number + 2, "f"))
    with pytest.raises(ValueError, match="no"):
        program(np.zeros(4, "f"))
    assert len(kept) == len(calls) == 4
    np.testing.assert_array_equal(kept[0], np.ones(4))


def test_updates_and_donated_arrays_keep_the_checked_way(monkeypatch: pytest.MonkeyPatch) -> None:
    w = tt.parameter(np.ones(LONG, "f"))
    x = tt.input("x", (LONG,))
    step = tt.compile([x], tt.sum(tt.sort(x * w)), updates={w: w + 1})
    calls = counted(step, monkeypatch)
    step(rows(1, 0)[0])
    step(rows(1, 0)[0])
    donating = tt.compile([x], tt.sort(x) + 1, donate=[x])
    others = counted(donating, monkeypatch)
    given = rows(1, 1)[0]
    np.testing.assert_array_equal(donating(given.copy()), np.sort(given) + 1)
    donating(given.copy())
    assert len(calls) == len(others) == 2


def test_threads_call_at_the_same_time() -> None:
    x = tt.input("x", ("rows", LONG))
    program = tt.compile([x], tt.sort(x * 2))
    given = [rows(1 + seed % 3, seed) for seed in range(24)]
    with ThreadPoolExecutor(4) as pool:
        for array, found in zip(given, pool.map(program, given), strict=True):
            np.testing.assert_array_equal(found, np.sort(array * 2))


def test_an_interrupt_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tt.input("x", (LONG,))
    program = tt.compile([x], tt.sort(x))
    given = rows(1, 0)[0]
    program(given)
    asked: list[int] = []

    def interrupted(*_: Any) -> None:
        if not asked:
            asked.append(1)
            raise KeyboardInterrupt

    monkeypatch.setattr(frames, "run_segments", interrupted)
    with pytest.raises(KeyboardInterrupt):
        program(given)
    monkeypatch.undo()
    np.testing.assert_array_equal(program(given), np.sort(given))


def test_bfloat16_is_told_from_others_of_its_size() -> None:
    pytest.importorskip("ml_dtypes")
    assert is_bfloat16(bfloat16())
    assert not any(is_bfloat16(np.dtype(name)) for name in ("float16", "int16", "V2", "float32"))
