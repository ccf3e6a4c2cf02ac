"""Ctrl-C while locks are held waits until they are free; nothing is half done and nothing stays locked."""

import signal
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.buffer import Buffer, Locks
from compiler.ir.interrupts import forget, hold_back
from compiler.ir.node import make_node
from compiler.ir.op import Call


@pytest.fixture(autouse=True)
def pythons_own() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def buffer() -> Buffer:
    return Buffer(np.zeros(1))


def is_free(item: Buffer) -> bool:
    found: list[bool] = []

    def work() -> None:
        found.append(item.lock.acquire(blocking=False))
        if found[0]:
            item.lock.release()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]


def test_it_is_raised_when_the_locks_are_free() -> None:
    item, done = buffer(), list[bool]()

    def work() -> None:
        with Locks([item]):
            press()
            with Locks([item]):
                press()
            done.append(not is_free(item))

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [True]
    assert is_free(item)
    with Locks([item]):
        pass  # once is enough


def test_outside_it_is_raised_at_once() -> None:
    with Locks([buffer()]):
        pass
    with pytest.raises(KeyboardInterrupt):
        press()


def test_an_error_on_the_way_is_its_context() -> None:
    def work() -> None:
        with Locks([buffer()]):
            press()
            raise ValueError

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    assert isinstance(caught.value.__context__, ValueError)


def test_a_handler_of_the_users_is_the_users() -> None:
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    with Locks([buffer()]):
        press()
        assert pressed == [1]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_hold_nothing_back() -> None:
    found: list[object] = []

    def work() -> None:
        with Locks([buffer()]):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]


def test_the_child_of_a_fork_holds_nothing_back() -> None:
    hold_back()
    press()
    forget()
    with Locks([buffer()]):
        pass
    with pytest.raises(KeyboardInterrupt):
        press()


@pytest.mark.parametrize("backend", ["reference", "numpy"])
def test_an_update_is_whole_and_the_program_runs_again(backend: str) -> None:
    def pressing(array: np.ndarray) -> np.ndarray:
        press()
        return array + 1

    a, b = tt.parameter(np.zeros(2, np.float32), "a"), tt.parameter(np.zeros(2, np.float32), "b")
    call = tt.Tensor(make_node(Call("pressing", pressing, b.node.type), [b.node]))
    step = tt.compile([], (), updates={a: a + 1, b: call}, backend=backend)
    for count in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            step()
        for parameter in (a, b):
            np.testing.assert_array_equal(tt.value_of(parameter), [count, count])
