"""Memory that is lent: never to two at once, and only as long as somebody holds it."""

import gc
import threading

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.lent import LARGE, Lender
from tests.backends import ALL

FLOATS = LARGE // 4
SINGLE = np.dtype(np.float32)


def address(array: np.ndarray) -> int:
    return array.ctypes.data


def test_memory_that_nobody_holds_is_lent_again() -> None:
    lender = Lender(1)
    first = lender.empty((2, FLOATS // 2), SINGLE)
    assert (first.shape, first.dtype, first.nbytes) == ((2, FLOATS // 2), SINGLE, LARGE)
    assert first.flags.c_contiguous
    assert first.flags.writeable
    place = address(first)
    assert place % 64 == 0
    del first
    assert lender.kept_bytes == LARGE
    assert address(lender.empty((FLOATS,), SINGLE)) == place


@pytest.mark.parametrize(
    "hold",
    [
        lambda array: array,
        lambda array: array[3:],
        lambda array: array.reshape(2, -1).T[::2],
        lambda array: memoryview(array),
        lambda array: np.frombuffer(array, np.uint8),
        lambda array: np.broadcast_to(array[:1], (3, 1)),
        lambda array: [array.view(np.int32)],
    ],
)
def test_memory_that_somebody_holds_is_not(hold) -> None:
    lender = Lender(2)
    array = lender.empty((FLOATS,), SINGLE)
    place, held = address(array), hold(array)
    del array
    gc.collect()
    assert lender.kept_bytes == 0
    other = lender.empty((FLOATS,), SINGLE)
    assert not place <= address(other) < place + LARGE
    del held, other
    gc.collect()
    assert lender.kept_bytes == 2 * LARGE


def test_no_more_is_kept_than_was_said_and_other_sizes_wait() -> None:
    lender = Lender(2)
    arrays = [lender.empty((FLOATS + extra,), SINGLE) for extra in (0, 16, 32)]
    places = [address(array) for array in arrays]
    while arrays:
        arrays.pop(0)
    assert lender.kept_bytes == 2 * LARGE + 4 * 48  # the two that came back last
    assert address(lender.empty((FLOATS + 16,), SINGLE)) == places[1]


def test_small_arrays_are_their_own() -> None:
    lender = Lender(1)
    assert lender.empty((FLOATS - 1,), SINGLE).base is None
    assert lender.kept_bytes == 0


def test_threads_never_share_an_array() -> None:
    lender = Lender(4)
    wrong: list[int] = []

    def work(number: int) -> None:
        for turn in range(200):
            array = lender.empty((FLOATS,), SINGLE)
            array[:: FLOATS // 8] = number + turn
            if not np.all(array[:: FLOATS // 8] == number + turn):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(1000 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert lender.kept_bytes <= 4 * LARGE


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("rows", [1024, "n"])
def test_a_program_returns_what_later_calls_do_not_change(backend: str, rows: object) -> None:
    pytest.importorskip("llvmlite")
    x = tt.input("x", (rows, FLOATS // 1024))
    program = tt.compile([x], [x * 2.0, x.sum()], backend=backend)
    argument = np.ones((1024, FLOATS // 1024), np.float32)
    first, _ = program(argument)
    second, _ = program(3 * argument)
    row = first[-1]
    place = address(first)
    del first
    third, _ = program(5 * argument)
    assert (row[0], second[0, 0], third[-1, -1]) == (2, 6, 10)
    assert row.min() == row.max() == 2
    del row
    gc.collect()
    fourth, _ = program(7 * argument)
    if backend != "reference":
        assert address(fourth) == place
    assert (second[0, 0], third[-1, -1], fourth[-1, -1]) == (6, 10, 14)
