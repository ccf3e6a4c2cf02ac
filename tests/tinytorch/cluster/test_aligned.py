"""Arrays that are sent arrive aligned, and are sent on so."""

import pickle

import numpy as np
import pytest

from tinytorch.cluster.aligned import Aligned
from tinytorch.cluster.sweeping.data import held_apart, received, to_send


def test_every_worker_has_aligned_rows_whoever_sent_them(machines):
    rows = held_apart((np.zeros((999, 7), np.float32),) * 2, 0.2, None, 0)
    there = machines.connection.scatter(to_send(rows), None, broadcast=True)
    submit = machines.connection.client.submit
    for at in machines.workers:
        assert submit(are_aligned, there, workers=[at], pure=False).result() == [True] * 4


def are_aligned(rows):
    found = received(rows)
    return [array.flags.aligned for array in (*found["train"], *found["validation"])]


@pytest.mark.parametrize("offset", range(4))
def test_arrays_arrive_aligned_and_are_sent_on_so(offset):
    array = np.arange(100, dtype=np.float32).reshape(10, 10)
    sent = Aligned(array)
    for _ in range(2):
        buffers = []
        text = pickle.dumps(sent, protocol=5, buffer_callback=buffers.append)
        message = b"x" * offset + bytes(buffers[0])
        sent = pickle.loads(text, buffers=[memoryview(message)[offset:]])  # noqa: S301  # written above
        np.testing.assert_array_equal(sent.array, array)
        assert sent.array.flags.aligned
